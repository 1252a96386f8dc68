import type { RequestGroup } from '../request-outcome.js';
import { head, post, raw, SMUGGLED, show } from './write.js';

/** Values of Content-Length that some recipients take for a number. The body is five bytes, or a smuggled request. */
const VALUES: readonly string[] = [
  '\xe0\xa5\xab',
  ...['5', '05', '0000000000000000000000000000005', '0', '4', '+5', '-5', '-0', '5.0', '5.', '5e0', '0x5', '0b101'],
  ...['5 ', '5\t', '\t5', '5\x0b', '5\x0c', '5\xa0', '\xa05', '5\x85', '5;', '5,', ',5', '5,5', '5, 5', '5 5', '5;5'],
  ...['"5"', '5_', '5_0', "5'0", '5\0', '\x005', '5\r', '5k', '5 bytes', 'five', '', '\xb2', '5#', '0,5', '5, 0'],
  ...['2147483648', '4294967296', '4294967301', '9007199254740991', '9007199254740992', '9223372036854775807'],
  ...['9223372036854775808', '18446744073709551616', '18446744073709551621', '-18446744073709551611'],
  ...['100000000000000000000000000000000000005', '-1', 'NaN', 'Infinity', 'undefined', 'null', 'chunked'],
];

export const lengths: RequestGroup = {
  name: 'one Content-Length',
  cases: [
    ...VALUES.map((value) => post(`value "${show(value)}"`, [`Content-Length: ${value}`], 'hello')),
    post('length that covers a request', [`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    post('length that ends within a request', [`Content-Length: ${SMUGGLED.length - 10}`], SMUGGLED),
    post('length of zero in front of a request', ['Content-Length: 0'], SMUGGLED),
    post('no length in front of a request', [], SMUGGLED),
    raw('GET with a body', `${head('GET /case HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`),
    raw('HEAD with a body', `${head('HEAD /case HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`),
    raw('DELETE with a body', `${head('DELETE /case HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`),
    raw('OPTIONS with a body', `${head('OPTIONS /case HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`),
    raw('HTTP/1.0 with a body', `${head('POST /case HTTP/1.0', 'Host: first', 'Content-Length: 5')}hello`),
    raw(
      'HTTP/1.0 that is kept, with a body',
      `${head('POST /case HTTP/1.0', 'Connection: keep-alive', 'Content-Length: 5')}hello`,
    ),
    post('name in other case', ['cOnTeNt-LeNgTh: 5'], 'hello'),
    post('no space behind the colon', ['Content-Length:5'], 'hello'),
    post('body to an HTTP/1.0 back end', ['Content-Length: 5'], 'hello'),
    raw('length to an HTTP/1.0 back end', `${head('POST /old HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`),
    raw(
      'chunks to an HTTP/1.0 back end',
      `${head('POST /old HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    ),
  ],
};

/** Names that some recipients take for Content-Length. */
const NAMES: readonly string[] = [
  ...['Content_Length', 'Content.Length', 'Content-Length\t', 'Content-Length ', ' Content-Length', '\tContent-Length'],
  ...['Content-Length\0', '\0Content-Length', 'Content-Length\x0b', 'Content-Length\x01', 'Content\xadLength'],
  ...[
    'X: y\nContent-Length',
    'X: y\rContent-Length',
    'X: y\r\r\nContent-Length',
    'Content-Length\r\n',
    'Content Length',
  ],
  ...[
    'Content-Lengt\u0068'.replace('h', '\xe8'),
    'Content-Length:',
    '"Content-Length"',
    'Content--Length',
    'ContentLength',
  ],
];

export const lengthNames: RequestGroup = {
  name: 'names like Content-Length',
  cases: NAMES.map((name) => post(`name "${show(name)}"`, [`${name}: ${SMUGGLED.length}`], SMUGGLED)),
};

/** Two fields, one of which is to be believed by somebody. */
const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ['5', '5'],
  ['5', '6'],
  ['0', '5'],
  ['5', '0'],
  ['5', '05'],
  ['5', ''],
  ['', '5'],
  ['5', 'x'],
  ['x', '5'],
  ['5', '-5'],
  ['5', '5, 5'],
];

export const twoLengths: RequestGroup = {
  name: 'two Content-Length fields',
  cases: [
    ...PAIRS.map(([first, second]) =>
      post(`"${first}" and "${second}"`, [`Content-Length: ${first}`, `Content-Length: ${second}`], 'hello'),
    ),
    post('apart from each other', ['Content-Length: 5', 'X: y', 'content-length: 5'], 'hello'),
    post('one of them with a dropped name', ['Content-Length: 0', `Content_Length: ${SMUGGLED.length}`], SMUGGLED),
    post('one of them behind a bare LF', [`X: y\nContent-Length: 0`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    post('the second folded onto the first', ['Content-Length: 0', ` Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    post('a folded value', ['Content-Length: 0', ` ${SMUGGLED.length}`], SMUGGLED),
    post('a value on the next line', ['Content-Length:', ` ${SMUGGLED.length}`], SMUGGLED),
    raw(
      'many of them',
      `${head('POST /case HTTP/1.1', 'Host: first', ...Array.from({ length: 50 }, () => 'Content-Length: 5'))}hello`,
    ),
  ],
};
