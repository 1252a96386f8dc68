import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BLOCK, ByteQueue, giveBlock, releaseBlocks, takeBlock } from '../../src/net/byte-queue.js';
import { patternBytes } from '../kit/flood.js';

const step = fc.record({ push: fc.integer({ min: 0, max: 70_000 }), drop: fc.integer({ min: 0, max: 90_000 }) });

test('bytes leave a queue in the order in which they came, whatever their pieces', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new ByteQueue();
      let came = 0;
      let left = 0;
      for (const { push, drop } of steps) {
        // Behind and before other bytes, which do not belong to it.
        queue.push(patternBytes(Math.max(0, came - 5), came + push + 5), Math.min(5, came), Math.min(5, came) + push);
        came += push;
        const pieces = Buffer.concat(queue.front(drop));
        const count = Math.min(drop, came - left);
        assert.equal(pieces.length, count);
        assert.ok(pieces.equals(patternBytes(left, left + count)));
        queue.drop(count);
        left += count;
        assert.equal(queue.length, came - left);
      }
    }),
    { numRuns: 100 },
  );
});

test('bytes in front stay as they are while others come behind them', () => {
  const queue = new ByteQueue();
  queue.push(patternBytes(0, 20_000), 0, 20_000);
  const pieces = queue.front(20_000);
  queue.push(patternBytes(20_000, 90_000), 0, 70_000);
  assert.ok(Buffer.concat(pieces).equals(patternBytes(0, 20_000)));
  queue.drop(20_000);
  assert.ok(Buffer.concat(queue.front(70_000)).equals(patternBytes(20_000, 90_000)));
});

test('a queue that was cleared is empty, and does not hand out what somebody may still read', () => {
  const queue = new ByteQueue();
  queue.push(Buffer.alloc(100, 'a'), 0, 100);
  const pieces = queue.front(100);
  queue.clear();
  assert.equal(queue.length, 0);
  assert.deepEqual(queue.front(10), []);
  const other = new ByteQueue();
  other.push(Buffer.alloc(100, 'b'), 0, 100);
  assert.equal(Buffer.concat(pieces).toString(), 'a'.repeat(100));
});

test('blocks are used again; after a peak most of the free ones are released', () => {
  const blocks = Array.from({ length: 300 }, () => takeBlock());
  for (const block of blocks) giveBlock(block);
  const again = Array.from({ length: 256 }, () => takeBlock());
  assert.ok(again.every((block) => blocks.includes(block)));
  for (const block of again) giveBlock(block);
  releaseBlocks();
  const left = Array.from({ length: 65 }, () => takeBlock());
  assert.equal(left.filter((block) => blocks.includes(block)).length, 64);
  releaseBlocks();
  assert.equal(takeBlock().length, BLOCK);
});
