import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from '../../src/passwords/fair-queue.js';

function all<T>(queue: FairQueue<T>): T[] {
  const entries: T[] = [];
  for (let entry = queue.shift(); entry !== null; entry = queue.shift()) entries.push(entry);
  return entries;
}

test('clients are served in turn, each in the order of its entries', () => {
  const queue = new FairQueue<string>(10, 10);
  for (const entry of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) assert.ok(queue.push(entry.charAt(0), entry));
  assert.deepEqual([queue.shift(), queue.shift()], ['a1', 'b1']);
  queue.push('d', 'd1');
  assert.deepEqual(all(queue), ['c1', 'a2', 'b2', 'd1', 'a3']);
  assert.equal(queue.length, 0);
});

test('the entries of one client and of all are limited', () => {
  const queue = new FairQueue<number>(3, 2);
  assert.deepEqual(
    ['a', 'a', 'a', 'b', 'c'].map((client) => queue.push(client, 1)),
    [true, true, false, true, false],
  );
  queue.shift();
  assert.ok(queue.push('c', 1));
});

test('removed entries leave space', () => {
  const queue = new FairQueue<number>(4, 2);
  for (const [client, entry] of [
    ['a', 1],
    ['a', 2],
    ['b', 3],
    ['c', 4],
  ] as const)
    queue.push(client, entry);
  assert.deepEqual(
    queue.removeWhere((entry) => entry % 2 === 1),
    [1, 3],
  );
  assert.equal(queue.length, 2);
  assert.ok(queue.push('b', 5));
  assert.deepEqual(all(queue), [2, 4, 5]);
});
