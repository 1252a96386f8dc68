import { show } from '../requests/write.js';
import type { ResponseGroup } from '../response-outcome.js';
import { ends, head, ok, stays } from './write.js';

const BODY = ['Content-Length: 5'];

/** Lines that some recipients take for a status line. */
const STATUS_LINES: readonly string[] = [
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 200  OK',
    'HTTP/1.1\t200 OK',
  ],
  ...[
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 20x OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 000 OK',
    'HTTP/1.1 999 OK',
  ],
  ...[
    'HTTP/1.1 600 OK',
    'HTTP/1.1 -200 OK',
    'HTTP/1.1 +200 OK',
    'HTTP/1.1 200.1 OK',
    'HTTP/1.1',
    'HTTP/1.1 OK',
    'HTTP/2.0 200 OK',
    'HTTP/2 200 OK',
  ],
  ...[
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/01.1 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'xHTTP/1.1 200 OK',
  ],
  ...[
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\x01K',
    'HTTP/1.1 200 \xff',
    'ICY 200 OK',
    'garbage',
    '',
    '<html>',
    '\0',
  ],
  ...[
    'GET /probe HTTP/1.1',
    `HTTP/1.1 200 ${'x'.repeat(3000)}`,
    'HTTP/1.1 100',
    'HTTP/1.1 404 Not\tFound',
    'HTTP/1.1 200 HTTP/1.1 404',
  ],
];

export const statusLines: ResponseGroup = {
  name: 'status lines',
  cases: [
    ...STATUS_LINES.map((line) => ends(`"${show(line)}"`, `${head(line, ...BODY)}hello`)),
    ends('no byte', ''),
    ends('a blank line in front', `\r\n${head('HTTP/1.1 200 OK', ...BODY)}hello`),
    ends('a body alone', 'hello'),
    ends('a status line alone', 'HTTP/1.1 200 OK\r\n'),
    ends('a head that is cut short', 'HTTP/1.1 200 OK\r\nContent-Le'),
  ],
};

const LINES: readonly string[] = [
  ...[
    'X : y',
    'X\t: y',
    ' X: y',
    '\tX: y',
    'X:y',
    'X:',
    'X',
    ': y',
    'X: a\r\n b',
    'X: a\r\n\tb',
    'X: a\nY: b',
    'X: a\rY: b',
    'X: a\r\r\nY: b',
  ],
  ...[
    'X: a\0b',
    'X\0: a',
    'X: a\x01b',
    'X: a\x7fb',
    'X: \xff',
    'X(: a',
    'X Y: a',
    'X_Y: a',
    'X\xff: a',
    'X: a\r',
    '\rX: a',
    'X: a\x0bb',
  ],
  ...[
    'Set-Cookie: a=b\r\nX: y',
    'Set-Cookie: a=b\nX: y',
    'Set-Cookie: a=b\rX: y',
    'HTTP/1.1 200 OK',
    'Connection: close',
    'Connection: X',
    'X: y ',
  ],
  ...[
    'Connection: Content-Length',
    'Keep-Alive: timeout=5',
    'Upgrade: websocket',
    'Trailer: X',
    'TE: trailers',
    'Via: 1.1 x',
    `X: ${'y'.repeat(3000)}`,
  ],
];

export const answerLines: ResponseGroup = {
  name: 'field lines of answers',
  cases: [
    ...LINES.map((line) => ok(`"${show(line)}"`, [line, 'Content-Length: 5'], 'hello')),
    ends('LF at the end of all lines', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'),
    ends('LF for the empty line', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello'),
    ends('CR at the end of all lines', 'HTTP/1.1 200 OK\rContent-Length: 5\r\rhello'),
    ends('a space on the empty line', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n \r\n\r\nhello'),
    ends('a head that is too large', head('HTTP/1.1 200 OK', `X: ${'y'.repeat(5000)}`, 'Content-Length: 5')),
    stays('a plain answer', `${head('HTTP/1.1 200 OK', 'X: y', ...BODY)}hello`),
    stays('Connection: close, and it stays', `${head('HTTP/1.1 200 OK', 'Connection: close', ...BODY)}hello`),
    stays('Connection: keep-alive in HTTP/1.0', `${head('HTTP/1.0 200 OK', 'Connection: keep-alive', ...BODY)}hello`),
    stays('HTTP/1.0, and it stays', `${head('HTTP/1.0 200 OK', ...BODY)}hello`),
    stays(
      'close and keep-alive',
      `${head('HTTP/1.1 200 OK', 'Connection: close', 'Connection: keep-alive', ...BODY)}hello`,
    ),
    stays('keep-alive and close', `${head('HTTP/1.1 200 OK', 'Connection: keep-alive, close', ...BODY)}hello`),
  ],
};
