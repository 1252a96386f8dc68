import type { RequestGroup } from '../request-outcome.js';
import { chunked, get, head, post, raw, SMUGGLED, show } from './write.js';

const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';

/** Values of Transfer-Encoding that some recipients take for `chunked`, and some not. */
const VALUES: readonly string[] = [
  ...['chunked', 'Chunked', 'CHUNKED', 'cHuNkEd', ' chunked', 'chunked ', '\tchunked', 'chunked\t', 'chunked\x0b'],
  ...['\x0bchunked', '\x0cchunked', '\xa0chunked', 'chunked\0', '\0chunked', 'chun\0ked', 'chunked\r', '\rchunked'],
  ...['chunked,', ',chunked', ', chunked', 'chunked;', 'chunked;q=1', 'chunked; a=b', '"chunked"', "'chunked'"],
  ...['xchunked', 'chunkedx', 'x chunked', 'chunked x', 'chunked-', 'chunk', 'chunke', 'ch\xfcnked', 'chun\u212aed'],
  ...['identity', 'identity, chunked', 'chunked, identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked'],
  ...['cow', 'gzip', 'deflate', 'compress', 'x-gzip', 'trailers', '', ' ', 'null', '*', 'chunked\x01', 'chunked\x7f'],
].map((value) => value.replace('\u212a', '\xe2\x84\xaa'));

export const codings: RequestGroup = {
  name: 'one Transfer-Encoding',
  cases: [
    ...VALUES.map((value) => post(`value "${show(value)}"`, [`Transfer-Encoding: ${value}`], CHUNKS)),
    post('name in other case', ['tRANSFER-eNCODING: chunked'], CHUNKS),
    post('no space behind the colon', ['Transfer-Encoding:chunked'], CHUNKS),
    raw('HTTP/1.0', head('POST /case HTTP/1.0', 'Host: first', 'Transfer-Encoding: chunked') + CHUNKS),
    raw('HTTP/1.2', head('POST /case HTTP/1.2', 'Host: first', 'Transfer-Encoding: chunked') + CHUNKS),
    raw('HTTP/0.9', `GET /case\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`),
    raw('GET', head('GET /case HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked') + CHUNKS),
    raw('HEAD', head('HEAD /case HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked') + CHUNKS),
    raw('OPTIONS', head('OPTIONS /case HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked') + CHUNKS),
    get('no chunks behind the head', 'Transfer-Encoding: chunked'),
    get('TE instead', 'TE: chunked'),
    get('TE: trailers', 'TE: trailers', 'Connection: TE'),
    get('Trailer without chunks', 'Trailer: Content-Length'),
  ],
};

/** Lines that some recipients take for `Transfer-Encoding: chunked`. */
const LINES: readonly string[] = [
  ...['Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', ' Transfer-Encoding: chunked'],
  ...['\tTransfer-Encoding: chunked', 'Transfer_Encoding: chunked', 'Transfer Encoding: chunked'],
  ...['Transfer.Encoding: chunked', 'TransferEncoding: chunked', 'Transfer-Encoding\0: chunked'],
  ...['\0Transfer-Encoding: chunked', 'Transfer-Encoding\x0b: chunked', '\x0bTransfer-Encoding: chunked'],
  ...['Transfer-Encoding\xa0: chunked', '\xefTransfer-Encoding: chunked', 'Transfer\xadEncoding: chunked'],
  ...['Transfer-Encoding:\r\n chunked', 'Transfer-Encoding:\n chunked', 'Transfer-Encoding:\nchunked'],
  ...['X: y\nTransfer-Encoding: chunked', 'X: y\rTransfer-Encoding: chunked', 'X: y\r\r\nTransfer-Encoding: chunked'],
  ...['X: y\0Transfer-Encoding: chunked', 'X\nTransfer-Encoding: chunked', 'X:\nTransfer-Encoding: chunked'],
  ...['Transfer-Encoding=chunked', 'Transfer-Encoding chunked', 'Transfer-Encoding', 'Transfer-Encoding;: chunked'],
  ...[': Transfer-Encoding: chunked', 'X-Transfer-Encoding: chunked', 'Content-Transfer-Encoding: chunked'],
  ...[
    'Transfer-Encoding: identity\r\n chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    'Transfer-Encoding\r\n: chunked',
  ],
];

export const codingLines: RequestGroup = {
  name: 'lines like Transfer-Encoding',
  cases: [
    ...LINES.map((line) => post(`"${show(line)}" alone`, [line], CHUNKS)),
    ...LINES.map((line) => post(`"${show(line)}" and a length`, ['Content-Length: 5', line], `0\r\n\r\n${SMUGGLED}`)),
  ],
};

const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ['chunked', 'chunked'],
  ['chunked', 'identity'],
  ['identity', 'chunked'],
  ['chunked', 'cow'],
  ['cow', 'chunked'],
  ['gzip', 'chunked'],
  ['', 'chunked'],
  ['chunked', ''],
];

export const twoCodings: RequestGroup = {
  name: 'two Transfer-Encoding fields',
  cases: [
    ...PAIRS.map(([first, second]) =>
      post(`"${first}" and "${second}"`, [`Transfer-Encoding: ${first}`, `Transfer-Encoding: ${second}`], CHUNKS),
    ),
    post('one with a dropped name', ['Transfer_Encoding: chunked', 'Transfer-Encoding: identity'], CHUNKS),
    post('one behind a bare LF', ['X: y\nTransfer-Encoding: identity', 'Transfer-Encoding: chunked'], CHUNKS),
    post('one with a space in front of the colon', ['Transfer-Encoding: chunked', 'Transfer-Encoding : x'], CHUNKS),
  ],
};

/** Both kinds of length in one request, with bodies that end in different places by each. */
const BOTH: readonly (readonly [name: string, length: string, coding: string])[] = [
  ['both', '5', 'chunked'],
  ['a length of zero', '0', 'chunked'],
  ['an invalid length', 'x', 'chunked'],
  ['an empty length', '', 'chunked'],
  ['identity', '5', 'identity'],
  ['an empty coding', '5', ''],
  ['an unknown coding', '5', 'cow'],
  ['a list of codings', '5', 'gzip, chunked'],
  ['chunked twice', '5', 'chunked, chunked'],
  ['a coding in other case', '5', 'CHUNKED'],
];

export const bothLengths: RequestGroup = {
  name: 'Content-Length and Transfer-Encoding',
  cases: [
    ...BOTH.flatMap(([name, length, coding]) => [
      post(`CL.TE: ${name}`, [`Content-Length: ${length}`, `Transfer-Encoding: ${coding}`], `0\r\n\r\n${SMUGGLED}`),
      post(`TE.CL: ${name}`, [`Transfer-Encoding: ${coding}`, `Content-Length: ${length}`], `0\r\n\r\n${SMUGGLED}`),
    ]),
    post(
      'length of the chunks as they are',
      [`Content-Length: ${CHUNKS.length}`, 'Transfer-Encoding: chunked'],
      CHUNKS,
    ),
    post(
      'the request in a chunk',
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ),
    raw(
      'both in HTTP/1.0',
      head('POST /case HTTP/1.0', 'Host: first', 'Content-Length: 5', 'Transfer-Encoding: chunked') + CHUNKS,
    ),
    raw(
      'both, and the connection kept in HTTP/1.0',
      head('POST /case HTTP/1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked', 'Content-Length: 5') +
        `0\r\n\r\n${SMUGGLED}`,
    ),
    post(
      'the length announced as a trailer',
      ['Transfer-Encoding: chunked', 'Trailer: Content-Length'],
      `5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n`,
    ),
    post('with Connection that names the length', ['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
    post(
      'with Connection that names the coding',
      ['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'],
      CHUNKS,
    ),
    chunked('a chunk that holds a request', `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    chunked('a request behind the last chunk', `0\r\n\r\n${SMUGGLED}`),
  ],
};
