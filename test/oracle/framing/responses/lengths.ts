import { show } from '../requests/write.js';
import type { ResponseGroup } from '../response-outcome.js';
import { ends, head, ok, SMUGGLED, stays } from './write.js';

const VALUES: readonly string[] = [
  ...[
    '5',
    '05',
    '0',
    '4',
    '6',
    '+5',
    '-5',
    '5.0',
    '0x5',
    '5 ',
    '5\t',
    '\t5',
    '5,5',
    '5, 5',
    '5 5',
    '5;',
    '',
    'x',
    '5\0',
    '5\r',
    '5\xa0',
    '"5"',
  ],
  ...[
    '9007199254740992',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551621',
    '-1',
    '4294967301',
    '5e0',
    '5_0',
  ],
];

const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';

/** Lines that frame the body, with bodies that end in different places by each. */
const FRAMINGS: readonly (readonly string[])[] = [
  ['Content-Length: 5', 'Content-Length: 5'],
  ['Content-Length: 5', 'Content-Length: 6'],
  ['Content-Length: 0', 'Content-Length: 5'],
  ['Content-Length: 5', 'Content-Length: x'],
  ['Content-Length: 5', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 5'],
  ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
  ['Transfer-Encoding: identity', 'Content-Length: 5'],
  ['Transfer-Encoding: cow'],
  ['Transfer-Encoding: gzip, chunked'],
  ['Transfer-Encoding: chunked, chunked'],
  ['Transfer-Encoding: chunked '],
  ['Transfer-Encoding:\tchunked'],
  ['Transfer-Encoding: CHUNKED'],
  ['Transfer-Encoding: xchunked'],
  ['Transfer-Encoding: "chunked"'],
  ['Transfer-Encoding:'],
  ['Transfer-Encoding : chunked'],
  ['Transfer_Encoding: chunked'],
  [' Transfer-Encoding: chunked'],
  ['X: y\nTransfer-Encoding: chunked'],
  ['X: y\rTransfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked\0'],
  ['Content_Length: 5'],
  ['Content-Length : 5'],
  ['X: y\nContent-Length: 5'],
  ['Connection: Content-Length', 'Content-Length: 5'],
  ['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'],
];

export const answerLengths: ResponseGroup = {
  name: 'lengths of answers',
  cases: [
    ...VALUES.map((value) => ok(`value "${show(value)}"`, [`Content-Length: ${value}`], 'hello')),
    ...FRAMINGS.map((fields) => ok(fields.map((field) => `"${show(field)}"`).join(' and '), fields, CHUNKS)),
    ok('none', [], 'hello'),
    ok('none, and what looks like an answer', [], `hello${SMUGGLED}`),
    ok('none to a client of HTTP/1.0', [], 'hello', { version: '1.0' }),
    ok('chunks to a client of HTTP/1.0', ['Transfer-Encoding: chunked'], CHUNKS, { version: '1.0' }),
    ends('chunks from HTTP/1.0', `${head('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')}${CHUNKS}`),
    ok('chunked, and no chunks', ['Transfer-Encoding: chunked'], 'hello'),
    ok('chunked, and nothing', ['Transfer-Encoding: chunked'], ''),
    ok('a body that is cut short', ['Content-Length: 50'], 'hello'),
    ok('a body that is missing', ['Content-Length: 5'], ''),
  ],
};

/** Answers that have no body by their status or method, with fields that say otherwise. */
export const bodiless: ResponseGroup = {
  name: 'answers without a body',
  cases: [
    ...['204 No Content', '304 Not Modified', '205 Reset Content'].flatMap((status) => [
      stays(
        `${status.slice(0, 3)} alone`,
        head(`HTTP/1.1 ${status}`, ...(status.startsWith('205') ? ['Content-Length: 0'] : [])),
      ),
      stays(`${status.slice(0, 3)} with a length of zero`, head(`HTTP/1.1 ${status}`, 'Content-Length: 0')),
      ends(`${status.slice(0, 3)} with a body`, `${head(`HTTP/1.1 ${status}`, 'Content-Length: 5')}hello`),
      ends(`${status.slice(0, 3)} with chunks`, `${head(`HTTP/1.1 ${status}`, 'Transfer-Encoding: chunked')}${CHUNKS}`),
      ends(`${status.slice(0, 3)} and an answer behind it`, head(`HTTP/1.1 ${status}`) + SMUGGLED),
    ]),
    stays('HEAD with a length', head('HTTP/1.1 200 OK', 'Content-Length: 5'), { method: 'HEAD' }),
    stays('HEAD with a coding', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), { method: 'HEAD' }),
    stays('HEAD with neither', head('HTTP/1.1 200 OK', 'X: y'), { method: 'HEAD' }),
    ends('HEAD with a body', `${head('HTTP/1.1 200 OK', 'Content-Length: 5')}hello`, { method: 'HEAD' }),
    ends('HEAD with chunks', `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}${CHUNKS}`, { method: 'HEAD' }),
    ends('HEAD and an answer behind it', head('HTTP/1.1 200 OK', 'Content-Length: 5') + SMUGGLED, { method: 'HEAD' }),
    ends('HEAD with two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6'), {
      method: 'HEAD',
    }),
    ends('HEAD with both', head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked'), {
      method: 'HEAD',
    }),
  ],
};
