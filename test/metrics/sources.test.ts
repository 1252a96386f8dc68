/** Counts that other objects keep, over changes of the configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUEUE_OVERFLOWS } from '../../src/metrics/families.js';
import { Metrics } from '../../src/metrics/metrics.js';

test('an object that no later configuration names is released with its own, and its count is kept', () => {
  const metrics = new Metrics();
  const increases = () => metrics.takeIncreases().map(({ labels, values }) => [...labels, ...values]);
  const removed = { count: 3, reads: 0 };
  const kept = { count: 1 };
  const nameKept = () => metrics.sample(QUEUE_OVERFLOWS, ['kept'], kept, () => kept.count);
  const first = metrics.beginTable();
  metrics.sample(QUEUE_OVERFLOWS, ['removed'], removed, () => {
    removed.reads++;
    return removed.count;
  });
  nameKept();
  assert.deepEqual(increases(), [
    ['removed', 3],
    ['kept', 1],
  ]);
  const second = metrics.beginTable();
  nameKept();
  // Requests of the earlier configuration continue.
  removed.count = 4;
  assert.deepEqual(increases(), [['removed', 1]]);
  removed.count = 6;
  metrics.endTable(first);
  const { reads } = removed;
  kept.count = 2;
  assert.deepEqual(increases(), [
    ['removed', 2],
    ['kept', 1],
  ]);
  assert.equal(removed.reads, reads);
  metrics.endTable(second);
  kept.count = 9;
  assert.deepEqual(increases(), []);
});
