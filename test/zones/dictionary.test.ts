import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Dictionary } from '../../src/zones/dictionary.js';
import { ExpiryHeap } from '../../src/zones/expiry-heap.js';

const SIZE = 32 << 10;
const NEVER = { own: 0, fallback: 0 };

test('add, replace and set differ in the keys that they change', () => {
  const dictionary = new Dictionary(SIZE);
  assert.equal(dictionary.store('replace', 'a', 'x', 0, false, 0), 'unchanged');
  assert.equal(dictionary.store('add', 'a', 'x', 0, false, 0), 'done');
  assert.equal(dictionary.store('add', 'a', 'y', 0, false, 0), 'unchanged');
  assert.equal(dictionary.get('a', 0), 'x');
  assert.equal(dictionary.store('replace', 'a', 'z', 0, false, 0), 'done');
  assert.equal(dictionary.take('a', 0), 'z');
  assert.equal(dictionary.take('a', 0), undefined);
  assert.equal(dictionary.store('set', 'a', '', 0, false, 0), 'done');
  assert.equal(dictionary.get('a', 0), '');
});

test('a key expires, and an addition keeps the timeout unless it has its own', () => {
  const dictionary = new Dictionary(SIZE);
  dictionary.store('set', 'a', 1, 100, false, 0);
  assert.equal(dictionary.add({ key: 'a', by: 2, initial: 9 }, { own: 0, fallback: 1000 }, false, 50), 3);
  assert.equal(dictionary.timeLeft('a', 50), 50);
  assert.equal(dictionary.add({ key: 'a', by: 1, initial: 9 }, { own: 70, fallback: 1000 }, false, 60), 4);
  assert.equal(dictionary.get('a', 129), 4);
  assert.equal(dictionary.get('a', 130), undefined);
  assert.equal(dictionary.store('add', 'a', 5, 0, false, 130), 'done');
  assert.equal(dictionary.add({ key: 'b', by: 1, initial: 9 }, { own: 0, fallback: 1000 }, false, 0), 10);
  assert.equal(dictionary.timeLeft('b', 0), 1000);
  assert.equal(dictionary.count(2000), 1);
});

test('a full dictionary refuses entries, and keeps the one that did not fit', () => {
  const dictionary = new Dictionary(SIZE);
  let stored = 0;
  while (dictionary.store('set', `key${stored}`, 'x'.repeat(1024), 0, false, 0) === 'done') stored++;
  assert.ok(stored > 5 && stored < 32, String(stored));
  assert.equal(dictionary.store('set', 'key0', 'y'.repeat(20_000), 0, false, 0), 'memory');
  assert.equal(dictionary.get('key0', 0), 'x'.repeat(1024));
  assert.equal(dictionary.add({ key: 'n', by: 1, initial: 0 }, NEVER, false, 0), 1);
  dictionary.clear();
  assert.equal(dictionary.store('set', 'large', 'y'.repeat(20_000), 0, false, 0), 'done');
});

test('with evict, entries that expire first make room, but not the one that is changed', () => {
  const dictionary = new Dictionary(SIZE);
  for (let i = 0; i < 64; i++) {
    assert.equal(dictionary.store('set', `key${i}`, 'x'.repeat(1024), 1000 + i, true, 0), 'done');
  }
  assert.equal(dictionary.get('key0', 0), undefined);
  assert.notEqual(dictionary.get('key63', 0), undefined);
  dictionary.clear();
  dictionary.store('set', 'target', 'x'.repeat(9000), 1, true, 0);
  for (let i = 0; i < 3; i++) dictionary.store('set', `other${i}`, 'x'.repeat(3000), 1000, true, 0);
  assert.equal(dictionary.store('set', 'target', 'y'.repeat(9000), 1000, true, 0), 'done');
  assert.equal(dictionary.get('target', 0), 'y'.repeat(9000));
});

test('entries are transferred with their remaining time', () => {
  const dictionary = new Dictionary(SIZE);
  dictionary.store('set', 'a', 1, 100, false, 0);
  dictionary.store('set', 'b', 'x', 0, false, 0);
  dictionary.store('set', 'c', 'x', 10, false, 0);
  const snapshot = dictionary.snapshot(40);
  assert.deepEqual(snapshot, [
    { key: 'a', value: 1, left: 60 },
    { key: 'b', value: 'x', left: null },
  ]);
  const other = new Dictionary(SIZE);
  other.load(snapshot, 1000);
  other.load([{ key: 'd', value: 'x', left: null }], 1000);
  assert.deepEqual(other.snapshot(1000), snapshot);
});

test('after any sequence of changes, memory is in use exactly for the entries that exist', () => {
  const change = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    size: fc.integer({ min: 0, max: 12_000 }),
    timeout: fc.integer({ min: 0, max: 20 }),
    evict: fc.boolean(),
    remove: fc.boolean(),
    passes: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const dictionary = new Dictionary(SIZE);
      const empty = JSON.stringify(dictionary.slab.usage());
      let now = 0;
      for (const { key, size, timeout, evict, remove, passes } of changes) {
        now += passes;
        if (remove) dictionary.take(key, now);
        else dictionary.store('set', key, 'x'.repeat(size), timeout, evict, now);
      }
      now += 100;
      for (const key of ['a', 'b', 'c', 'd']) dictionary.take(key, now);
      assert.equal(dictionary.count(now), 0);
      assert.equal(JSON.stringify(dictionary.slab.usage()), empty);
    }),
    { numRuns: 200 },
  );
});

test('the heap returns entries in the order of their expiry, without removed ones', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 300 }), (times) => {
      const heap = new ExpiryHeap<{ expires: number; removed: boolean }>();
      const entries = times.map(([expires]) => ({ expires, removed: false }));
      for (const entry of entries) heap.add(entry);
      times.forEach(([, removed], i) => {
        const entry = entries[i];
        if (removed && entry !== undefined) heap.remove(entry);
      });
      const expected = entries.filter(({ removed }) => !removed).map(({ expires }) => expires);
      const found: number[] = [];
      for (let { first } = heap; first !== undefined; { first } = heap) {
        found.push(first.expires);
        heap.remove(first);
      }
      assert.deepEqual(
        found,
        expected.sort((a, b) => a - b),
      );
    }),
    { numRuns: 100 },
  );
});
