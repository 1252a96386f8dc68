/** Heads of requests and answers: the same however they are split, and the same when they are written again. */
import assert from 'node:assert/strict';
import { COMPLETE, type HeadLimits, MORE, RequestReader } from '../../src/http1/request-reader.js';
import { ResponseReader } from '../../src/http1/response-reader.js';
import { REQUEST_HEADS } from '../http1/request-heads.js';
import { cutAt, DEFAULT_LIMITS, readRequest, readResponse } from '../http1/splits.js';
import { requestGroups } from '../oracle/framing/requests/index.js';
import { responseGroups } from '../oracle/framing/responses/index.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

/** Pieces of messages. */
export const WORDS: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ':',
    ';',
    ',',
    '\r\n\r\n',
    '\n\n',
    '\r\n ',
    '\x0b',
    '\x80',
    '\xff',
    '%',
    '/',
    '..',
    '?',
    '#',
  ],
  ...[
    'Host: a\r\n',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'Connection: upgrade\r\n',
  ],
  ...[
    'Upgrade: x\r\n',
    'Expect: 100-continue\r\n',
    'X: y\r\n',
    'X_Y: z\r\n',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    '0',
    '5',
    'chunked',
    'HTTP/1.1',
  ],
  ...[
    'HTTP/1.0',
    'HTTP/0.9',
    'GET',
    'POST',
    'HEAD',
    'CONNECT',
    'http://a',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    '99999999999999999999',
  ],
];

/** Bytes of clients. */
export const CLIENTS: readonly string[] = [
  ...REQUEST_HEADS.map(({ wire }) => wire),
  ...requestGroups.flatMap(({ cases }) => cases.map(({ send }) => send)),
].filter((text) => text.length < 2000);

const SERVERS: readonly string[] = responseGroups
  .flatMap(({ cases }) => cases.map(({ send }) => send))
  .filter((text) => text.length < 2000);

const LIMITS: readonly HeadLimits[] = [
  DEFAULT_LIMITS,
  { ...DEFAULT_LIMITS, dropInvalid: false },
  { ...DEFAULT_LIMITS, underscores: true },
  { ...DEFAULT_LIMITS, first: 30, number: 1, size: 40 },
  { ...DEFAULT_LIMITS, fields: 2 },
];
const ROOMY: HeadLimits = { ...DEFAULT_LIMITS, first: 1 << 20, size: 1 << 20 };

/** A head in which lines end with CRLF only. */
function assertClean(head: string): void {
  assert.doesNotMatch(head, /\r(?!\n)|(?<!\r)\n|\0/);
}

/** A head that is accepted is read alike when it is written as it is passed on. */
export function checkRequestHead(text: string, cuts: readonly number[], limits: HeadLimits): void {
  const whole = readRequest([text], limits);
  assert.equal(readRequest(cutAt(text, cuts), limits), whole);
  const reader = new RequestReader();
  const result = reader.feed(text, limits);
  if (result === MORE) {
    assert.ok(
      text.replace(/^[\r\n]+/, '').length <= limits.first + limits.number * limits.size,
      'no more is kept than a head may have',
    );
    return;
  }
  // HTTP/0.9 has no fields, and CONNECT no path.
  if (result !== COMPLETE || reader.version === 9 || reader.method === 'CONNECT') return;
  const lines = reader.headers.lines(null);
  const written = `${reader.method} ${reader.target} HTTP/1.${reader.version - 10}\r\n${lines}\r\n`;
  assertClean(written);
  const again = new RequestReader();
  assert.equal(
    again.feed(written, { ...ROOMY, dropInvalid: limits.dropInvalid, underscores: limits.underscores }),
    COMPLETE,
  );
  assert.deepEqual(
    [again.method, again.target, again.version, again.headers.lines(null), again.length],
    [reader.method, reader.target, reader.version, lines, written.length],
  );
}

export function checkResponseHead(text: string, cuts: readonly number[], limit: number): void {
  const whole = readResponse([text], limit);
  assert.equal(readResponse(cutAt(text, cuts), limit), whole);
  const reader = new ResponseReader();
  const result = reader.feed(text, limit);
  if (result === MORE) assert.ok(text.length <= limit, 'no more is kept than a head may have');
  if (result !== COMPLETE) return;
  const lines = reader.headers.lines(null);
  const written = `HTTP/1.1 ${String(reader.status).padStart(3, '0')} ${reader.reason}\r\n${lines}\r\n`;
  assertClean(written.replaceAll('\0', reader.reason.includes('\0') ? '' : '\0'));
  const again = new ResponseReader();
  assert.equal(again.feed(written, 1 << 20), COMPLETE);
  assert.deepEqual(
    [again.status, again.reason, again.headers.lines(null), again.length],
    [reader.status, reader.reason, lines, written.length],
  );
}

export const requestHeads: FuzzTarget = {
  name: 'request-heads',
  make: (random) => mutatedBytes(CLIENTS, WORDS, random),
  check: (text, random) => checkRequestHead(text, places(random), random.of(LIMITS)),
};

export const responseHeads: FuzzTarget = {
  name: 'response-heads',
  make: (random) => mutatedBytes(SERVERS, WORDS, random),
  check: (text, random) => checkResponseHead(text, places(random), random.of([4096, 4096, 40])),
};
