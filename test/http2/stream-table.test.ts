import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamTable } from '../../src/http2/stream-table.js';
import { Random } from '../stress/random.js';

class Entry {
  nextInTable: Entry | null = null;
  constructor(readonly number: number) {}
}

test('a table of streams finds what was added and not removed, whatever the order', () => {
  const table = new StreamTable<Entry>();
  const known = new Map<number, Entry>();
  const random = new Random(2);
  let last = -1;
  for (let step = 0; step < 20_000; step++) {
    const numbers = [...known.keys()];
    // It grows to some hundred streams, and shrinks again.
    if (random.below(1000) < (step % 4000 < 2000 ? 600 : 400) || numbers.length === 0) {
      last += 2 * (1 + random.below(3));
      const entry = new Entry(last);
      known.set(last, entry);
      table.add(entry);
    } else {
      const entry = known.get(numbers[random.below(numbers.length)] as number) as Entry; // one of them
      known.delete(entry.number);
      assert.equal(table.delete(entry), true);
      assert.equal(entry.nextInTable, null);
      assert.equal(table.delete(entry), false);
    }
    assert.equal(table.size, known.size);
    const number = 1 + 2 * random.below(last);
    assert.equal(table.get(number), known.get(number));
  }
  assert.deepEqual(table.all(), [...known.values()]);
  assert.ok(known.size > 0);
  table.clear();
  assert.deepEqual([table.size, table.all()], [0, []]);
  assert.equal(table.get(last), undefined);
});

test('a stream that has left the table refers to no other stream', () => {
  const table = new StreamTable<Entry>();
  const entries = Array.from({ length: 40 }, (_, i) => new Entry(i * 32 + 1));
  for (const entry of entries) table.add(entry);
  for (const entry of entries) table.delete(entry);
  assert.ok(entries.every(({ nextInTable }) => nextInTable === null));
});
