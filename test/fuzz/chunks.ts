/** Chunked bodies and their trailers, beside a strict reader that was written apart. */
import assert from 'node:assert/strict';
import { ChunkedDecoder } from '../../src/http1/chunked.js';
import { cutAt } from '../http1/splits.js';
import { readMessage } from '../oracle/framing/message.js';
import { CLIENTS, WORDS } from './heads.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

interface Decoded {
  readonly data: string;
  readonly state: 'done' | 'broken' | 'more';
  /** Bytes that belong to the body. */
  readonly length: number;
  readonly trailers: string;
}

export function decode(pieces: readonly string[]): Decoded {
  const decoder = new ChunkedDecoder();
  let data = '';
  let length = 0;
  const sink = {
    chunkData(bytes: Buffer, start: number, end: number): void {
      assert.ok(end > start);
      data += bytes.latin1Slice(start, end);
    },
  };
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    length += decoder.decode(bytes, 0, bytes.length, sink);
    if (decoder.done || decoder.broken) break;
  }
  const state = decoder.done ? 'done' : decoder.broken ? 'broken' : 'more';
  return { data, state, length, trailers: decoder.done ? decoder.trailers : '' };
}

const HEAD = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';

export function checkChunks(text: string, cuts: readonly number[]): void {
  const whole = decode([text]);
  const pieces = cutAt(text, cuts);
  const cut = decode(pieces);
  // How far a reader came before it broke off is no part of what it says.
  assert.deepEqual(whole.state === 'broken' ? { ...cut, length: whole.length } : cut, whole);
  assert.ok(whole.data.length <= whole.length && whole.length <= text.length);
  const strict = readMessage(HEAD + text, 0, { method: null, ended: true });
  if (strict?.message.complete) {
    assert.deepEqual([whole.state, whole.data, whole.length], ['done', strict.message.body, strict.end - HEAD.length]);
  }
  if (whole.state !== 'done') return;
  assert.doesNotMatch(whole.trailers, /\r(?!\n)|(?<!\r)\n|\0/);
  const chunks = cutAt(whole.data, cuts).map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  const written = `${chunks.join('')}0\r\n${whole.trailers}\r\n`;
  assert.deepEqual(decode([written]), { ...whole, length: written.length });
}

const BODIES: readonly string[] = CLIENTS.filter((text) => /transfer-encoding: *chunked\r\n/i.test(text)).map((text) =>
  text.slice(text.indexOf('\r\n\r\n') + 4),
);

export const chunkedBodies: FuzzTarget = {
  name: 'chunked-bodies',
  make: (random) => mutatedBytes(BODIES, WORDS, random),
  check: (text, random) => checkChunks(text, places(random)),
};
