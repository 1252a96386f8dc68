import { show } from '../requests/write.js';
import type { ResponseGroup } from '../response-outcome.js';
import { head, ok, SMUGGLED, stays } from './write.js';

const CHUNKED = ['Transfer-Encoding: chunked'];

/** Chunked bodies that some recipients take for `hello`. */
const BODIES: readonly string[] = [
  ...['5\rXhello\r\n0\r\n\r\n', '5\r\nhello\rX0\r\n\r\n', '5\r\nhello\r\n0\rX\r\n', '5\r\nhello\r\n0\r\n\rX'],
  ...[
    '5\r\nhello\r\n0\r\n\r\n',
    '05\r\nhello\r\n00\r\n\r\n',
    '5;a=b\r\nhello\r\n0;c\r\n\r\n',
    '5 \r\nhello\r\n0 \r\n\r\n',
    '5;a="\n"\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    ' 5\r\nhello\r\n0\r\n\r\n',
    '+5\r\nhello\r\n0\r\n\r\n',
    '-5\r\nhello\r\n0\r\n\r\n',
    '0x5\r\nhello\r\n0\r\n\r\n',
    '5x\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '\r\nhello\r\n0\r\n\r\n',
    '5\nhello\n0\n\n',
    '5\rhello\r0\r\r',
    '5\r\nhello0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhelloXX0\r\n\r\n',
  ],
  ...[
    '4\r\nhello\r\n0\r\n\r\n',
    '6\r\nhello\r\n0\r\n\r\n',
    '10000000000000005\r\nhello\r\n0\r\n\r\n',
    'ffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5\r\nhello\r\n',
    '5\r\nhel',
    '5\r\nhello\r\n0\r\n',
    '5\r\nhello\r\n0',
    '5\r\nhello\r\n0\n\r\n',
    '5\r\nhello\r\n0\r\n\n',
    '5\r\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5;\0\r\nhello\r\n0\r\n\r\n',
    `5;${'a'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`,
    `${'0'.repeat(100)}5\r\nhello\r\n0\r\n\r\n`,
    '5;\rhello\r\n0\r\n\r\n',
  ],
];

export const answerChunks: ResponseGroup = {
  name: 'chunks of answers',
  cases: [
    ...BODIES.map((body) => ok(`"${show(body)}"`, CHUNKED, body)),
    stays('a chunked answer', `${head('HTTP/1.1 200 OK', ...CHUNKED)}5\r\nhello\r\n0\r\n\r\n`),
    stays(
      'a chunk that holds an answer',
      `${head('HTTP/1.1 200 OK', ...CHUNKED)}${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ),
  ],
};

const TRAILERS: readonly string[] = [
  ...[
    'A: b\r\n',
    'A : b\r\n',
    ' A: b\r\n',
    'A\r\n',
    'A: b\n',
    'A: b\0\r\n',
    'A: b\rC: d\r\n',
    'A: b\r\n c\r\n',
    'Content-Length: 99\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Set-Cookie: a=b\r\n',
    'Connection: close\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n',
  ],
];

export const answerTrailers: ResponseGroup = {
  name: 'trailers of answers',
  cases: TRAILERS.map((lines) => ok(`"${show(lines)}"`, CHUNKED, `5\r\nhello\r\n0\r\n${lines}\r\n`)),
};
