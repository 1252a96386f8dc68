/** Heads that come in many pieces, or are long, take time and memory in proportion to their length. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, type HeadLimits, MORE, RequestReader } from '../../src/http1/request-reader.js';
import { ResponseReader } from '../../src/http1/response-reader.js';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import { collectGarbage } from '../kit/garbage.js';
import { DEFAULT_LIMITS } from './splits.js';

const LARGE: HeadLimits = { ...DEFAULT_LIMITS, first: 1 << 26, size: 1 << 26, fields: 1 << 26 };

interface Feeding {
  feed(text: string, limits: HeadLimits): number;
}

class Response implements Feeding {
  private readonly reader = new ResponseReader();
  feed(text: string): number {
    return this.reader.feed(text, LARGE.size);
  }
}

/** ms of the processor that a head takes in pieces of `size` bytes; the best of several times. */
function cost(make: () => Feeding, head: string, size: number): number {
  const pieces: string[] = [];
  for (let at = 0; at < head.length; at += size) pieces.push(head.slice(at, at + size));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const reader = make();
    const before = process.cpuUsage();
    for (const [n, piece] of pieces.entries()) {
      assert.equal(reader.feed(piece, LARGE), n === pieces.length - 1 ? COMPLETE : MORE);
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const request = (): Feeding => new RequestReader();
const response = (): Feeding => new Response();

const HEADS: readonly (readonly [string, () => Feeding, (length: number) => string])[] = [
  ['a URI', request, (length) => `GET /${'a'.repeat(length)} HTTP/1.1\r\n\r\n`],
  ['a method', request, (length) => `${'A'.repeat(length)} / HTTP/1.1\r\n\r\n`],
  ['a host', request, (length) => `GET http://${'a'.repeat(length)}/ HTTP/1.1\r\n\r\n`],
  ['spaces', request, (length) => `GET${' '.repeat(length)}/ HTTP/1.1\r\n\r\n`],
  ['a field', request, (length) => `GET / HTTP/1.1\r\nA: ${'a'.repeat(length)}\r\n\r\n`],
  ['fields', request, (length) => `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(length / 6)}\r\n`],
  ['a field of a response', response, (length) => `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(length)}\r\n\r\n`],
  ['fields of a response', response, (length) => `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(length / 6)}\r\n`],
];

for (const [what, make, head] of HEADS) {
  for (const size of [1, 4096]) {
    test(`${what} in pieces of ${size}: four times the length takes about four times as long`, () => {
      const length = size === 1 ? 32_768 : 1 << 19;
      const short = cost(make, head(length), size);
      const long = cost(make, head(4 * length), size);
      // Quadratic work would take 16 times as long. What takes next to no time cannot be measured.
      assert.ok(long < 9 * short + 10, `${short} ms, then ${long} ms`);
    });
  }
}

test('an incomplete head takes about as much memory as it has bytes', () => {
  const readers = Array.from({ length: 100 }, () => new RequestReader());
  collectGarbage();
  const before = process.memoryUsage();
  for (const reader of readers) {
    for (const byte of `GET / HTTP/1.1\r\n${`A: ${'a'.repeat(995)}\r\n`.repeat(20)}`)
      assert.equal(reader.feed(byte, DEFAULT_LIMITS), MORE);
  }
  collectGarbage();
  const after = process.memoryUsage();
  const used = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  assert.ok(used < 100 * 40_000, `${used / 100} bytes each`);
  assert.ok(bufferedMemory() > 100 * 20_000);
  for (const reader of readers) reader.reset();
  assert.equal(bufferedMemory(), 0);
});

for (const [what, fields] of [
  ['a long field', `A: ${'a'.repeat(8000)}\r\n`],
  ['many fields', 'A: b\r\n'.repeat(900)],
] as const) {
  test(`a reader that waits for the next head keeps nothing of one with ${what}`, () => {
    const head = (path: number): string => `GET /${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
    const readers = Array.from({ length: 1000 }, () => new RequestReader());
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (const [i, reader] of readers.entries()) {
      assert.equal(reader.feed(Buffer.from(head(i)).latin1Slice(), DEFAULT_LIMITS), COMPLETE);
      reader.reset();
    }
    collectGarbage();
    const used = (process.memoryUsage().heapUsed - before) / readers.length;
    assert.ok(used < 4000, `${used} bytes each`);
  });
}
