/** Bodies for tests of content codings. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Answer } from '../kit/index.js';

/** Deterministic text that compresses to about a quarter, of `length` bytes. */
export function text(length: number, seed = 1): string {
  let state = seed;
  const next = (most: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % most;
  };
  const parts: string[] = [];
  for (let size = 0; size < length; ) {
    const part = `{"id":${next(100000)},"name":"item ${next(50)}","value":${next(1e6) / 100},"tags":["t${next(20)}"]},\n`;
    parts.push(part);
    size += part.length;
  }
  return parts.join('').slice(0, length);
}

/** Two letters in random order: with gzip at level 9 this takes 200 times as long as other texts. */
export function slowText(length: number): string {
  let state = 1;
  let letters = '';
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    letters += ((state >> 16) & 1) === 0 ? 'A' : 'B';
  }
  return letters;
}

/** The longest turn of the event loop until `work` is done, ms: other requests wait so long. */
export async function longestTurn(work: Promise<unknown>): Promise<number> {
  let done = false;
  void work.finally(() => (done = true));
  let longest = 0;
  while (!done) {
    const started = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, performance.now() - started);
  }
  return longest;
}

/** The body of an answer without its content coding. */
export function decoded(answer: Answer): string {
  const body = Buffer.from(answer.body, 'latin1');
  switch (answer.field('content-encoding')) {
    case 'gzip':
      return gunzipSync(body).toString('latin1');
    case 'br':
      return brotliDecompressSync(body).toString('latin1');
    default:
      return answer.body;
  }
}
