import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collectWhileServing, PeakWatch } from '../../src/process/garbage.js';

const MIB = 1 << 20;

/** Looks once a second at a process with so many MiB; the seconds at which a collection was due. */
function dueAt(resident: readonly number[], { busy = 0.1 } = {}): number[] {
  const watch = new PeakWatch();
  return resident.flatMap((mib, second) => (watch.due(mib * MIB, busy, second * 1000) ? [second] : []));
}

test('memory of a peak is collected once it grows no more', () => {
  assert.deepEqual(dueAt([60, 60, 80, 100, 110, 110, 110, 110, 62, 62, 62]), [7]);
});

test('nothing is collected for little, or from a busy process', () => {
  const peak = [60, 60, 64, 64, 64, 64, 64];
  assert.deepEqual(dueAt(peak), []);
  assert.deepEqual(dueAt([60, 100, 100, 100, 100, 100], { busy: 0.9 }), []);
});

test('memory that grows back is collected at growing intervals, and a large peak at once', () => {
  // Ten MiB more, three seconds after each collection.
  const watch = new PeakWatch();
  const collected: number[] = [];
  let since = 0;
  for (let second = 0; second < 300; second++, since++) {
    if (watch.due((since < 3 ? 60 : 70) * MIB, 0.1, second * 1000)) {
      collected.push(second);
      since = -1;
    }
  }
  const gaps = collected.slice(1).map((second, i) => second - (collected[i] ?? 0));
  assert.ok(gaps.length <= 6, `${collected}`);
  assert.deepEqual(
    gaps.toSorted((a, b) => a - b),
    gaps,
  );
  assert.deepEqual(dueAt([60, 75, 75, 75, 75, 60, 120, 120, 120, 120, 120]), [4, 9]);
});

test('garbage of a large heap is freed, and Node prints nothing about it', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const before = getHeapStatistics().used_heap_size;
  // Objects that survive the young generation: 60 MiB and more.
  let objects: object[] = Array.from({ length: 600_000 }, (_, n) => ({ n, text: `${n}`, inner: { n } }));
  assert.ok(getHeapStatistics().used_heap_size > before + 40 * MIB, `${objects.length} objects`);
  objects = [];
  await collectWhileServing();
  assert.ok(getHeapStatistics().used_heap_size < before + 20 * MIB);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
});
