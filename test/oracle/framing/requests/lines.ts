import type { RequestGroup } from '../request-outcome.js';
import { get, head, post, raw, SMUGGLED, show } from './write.js';

/** Field lines that are cut, ended or coloured in unusual ways. */
const LINES: readonly string[] = [
  ...['X : y', 'X\t: y', ' X: y', '\tX: y', 'X:y', 'X:', 'X', ':', ': y', 'X: y ', 'X:  y', 'X:\ty', 'X: y\t', 'X: :'],
  ...['X: a\r\n b', 'X: a\r\n\tb', 'X: a\r\n \r\n', 'X: a\n b', 'X:\r\n b', 'X\r\n : b', 'X: a\r\n  Host: second'],
  ...[
    'X: a\nY: b',
    'X: a\n\rY: b',
    'X: a\rY: b',
    'X: a\r\rY: b',
    'X: a\r\r\nY: b',
    'X: a\r\r\r\r\nY: b',
    '\rX: a',
    'X: a\r ',
  ],
  ...[
    'X: a\0b',
    'X\0: a',
    '\0X: a',
    'X: \0',
    'X: a\x01b',
    'X: a\x07b',
    'X: a\x08b',
    'X: a\x0bb',
    'X: a\x0cb',
    'X: a\x1bb',
  ],
  ...[
    'X: a\x7fb',
    'X: a\x80b',
    'X: a\xffb',
    'X: \xc3\xbc',
    'X\x01: a',
    'X\x7f: a',
    'X\xff: a',
    'X\xc3\xbc: a',
    'X: a\x85b',
  ],
  ...[
    'X(: a',
    'X): a',
    'X<: a',
    'X@: a',
    'X,: a',
    'X;: a',
    'X\\: a',
    'X": a',
    'X/: a',
    'X[: a',
    'X]: a',
    'X?: a',
    'X=: a',
  ],
  ...[
    'X{: a',
    'X}: a',
    'X!: a',
    'X#: a',
    'X$: a',
    'X%: a',
    'X&: a',
    "X': a",
    'X*: a',
    'X+: a',
    'X.: a',
    'X^: a',
    'X`: a',
  ],
  ...[
    'X|: a',
    'X~: a',
    'X_Y: a',
    '_X: a',
    '-X: a',
    'X-: a',
    '1: a',
    'X Y: a',
    'X\u2028: a'.replace('\u2028', '\xe2\x80\xa8'),
  ],
];

export const lines: RequestGroup = {
  name: 'field lines',
  cases: [
    ...LINES.map((line) => get(`"${show(line)}"`, line, 'Z: z')),
    raw('LF at the end of all lines', 'GET /case HTTP/1.1\nHost: first\nX: y\n\n'),
    raw('LF for the empty line', 'GET /case HTTP/1.1\r\nHost: first\r\nX: y\r\n\n'),
    raw('LF behind the last field', 'GET /case HTTP/1.1\r\nHost: first\r\nX: y\n\r\n'),
    raw('LF behind the request line', 'GET /case HTTP/1.1\nHost: first\r\n\r\n'),
    raw('CR at the end of all lines', 'GET /case HTTP/1.1\rHost: first\r\r'),
    raw('CR CR LF for the empty line', 'GET /case HTTP/1.1\r\nHost: first\r\n\r\r\n'),
    raw('LF CR at the end of all lines', 'GET /case HTTP/1.1\n\rHost: first\n\r\n\r'),
    raw('a space on the empty line', 'GET /case HTTP/1.1\r\nHost: first\r\n \r\n\r\n'),
    raw('a folded line behind the request line', 'GET /case HTTP/1.1\r\n Host: first\r\n\r\n'),
    raw('a tab in front of the first field', 'GET /case HTTP/1.1\r\n\tX: y\r\nHost: first\r\n\r\n'),
    raw('no field', 'GET /case HTTP/1.1\r\n\r\n'),
    raw('no field in HTTP/1.0', 'GET /case HTTP/1.0\r\n\r\n'),
    raw('a bare LF in the head and a body behind it', `GET /case HTTP/1.1\r\nHost: first\r\nX: y\n\n${SMUGGLED}`),
    post('a bare LF in the head of a POST', ['X: y\nContent-Length: 5'], 'hello'),
    raw('a line of 5000 bytes', head('GET /case HTTP/1.1', 'Host: first', `X: ${'y'.repeat(5000)}`)),
    raw('a line of 8189 bytes', head('GET /case HTTP/1.1', 'Host: first', `X: ${'y'.repeat(8186)}`)),
    raw('a line that is too long', head('GET /case HTTP/1.1', 'Host: first', `X: ${'y'.repeat(9000)}`)),
    raw('a name of 300 bytes', head('GET /case HTTP/1.1', 'Host: first', `${'X'.repeat(300)}: y`)),
    raw(
      'three hundred fields',
      head('GET /case HTTP/1.1', 'Host: first', ...Array.from({ length: 300 }, (_, i) => `X${i}: y`)),
    ),
    raw(
      'a head that is too large',
      head('GET /case HTTP/1.1', 'Host: first', ...Array.from({ length: 8 }, () => `X: ${'y'.repeat(7000)}`)),
    ),
  ],
};

/** Fields that a back end could take for something that the proxy set or would have checked. */
const NAMES: readonly string[] = [
  ...['X_Server: evil', 'X-Server: evil', 'x-server: evil', 'X.Server: evil', 'X-Server : evil', 'X-Server\0: evil'],
  ...['Host_: second', 'X-Host: second', 'X-Forwarded-Host: second', 'X_Forwarded_For: 1.1.1.1', 'Content-Type_: a'],
  ...['Proxy: http://evil', 'Proxy-Connection: keep-alive', 'Keep-Alive: timeout=5', 'Proxy-Authorization: Basic x'],
  ...['Max-Forwards: 0', 'Via: 1.1 x', 'X-HTTP-Method-Override: DELETE', 'X-Original-URL: /x', 'X-Rewrite-URL: /x'],
];

export const names: RequestGroup = {
  name: 'names that are taken for others',
  cases: NAMES.map((line) => get(`"${show(line)}"`, line)),
};
