import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestResults } from '../../src/console/request-totals.js';
import { REQUEST_DURATION, REQUESTS } from '../../src/metrics/families.js';
import type { MetricTotal } from '../../src/zones/metric-totals.js';

const NOW = 1_800_000_000_000;

function requests(code: string, count: number, location = '/'): MetricTotal {
  return { family: REQUESTS.name, labels: ['example.com', location, code], values: [count] };
}

/** Durations: counts by the upper bound of their bucket. */
function durations(counts: Readonly<Record<number, number>>): MetricTotal {
  const values = [...REQUEST_DURATION.bounds, Number.POSITIVE_INFINITY].map((bound) => counts[bound] ?? 0);
  return { family: REQUEST_DURATION.name, labels: ['example.com', '/'], values: [...values, 123] };
}

test('requests are counted by class over all locations', () => {
  const { statuses, latency } = new RequestResults().totals(
    [requests('200', 5), requests('204', 1, '/b'), requests('101', 2), requests('502', 3), requests('other', 9)],
    NOW,
  );
  assert.deepEqual(statuses, { '1xx': 2, '2xx': 6, '3xx': 0, '4xx': 0, '5xx': 3 });
  assert.equal(latency, null);
});

test('quantiles are interpolated within buckets', () => {
  const { latency } = new RequestResults().totals([durations({ 10: 90, 100: 10 })], NOW);
  // Buckets from 5 to 10 ms and from 50 to 100 ms.
  assert.deepEqual(latency, { p50: 7.8, p90: 10, p99: 95 });
  const slow = new RequestResults().totals([durations({ [Number.POSITIVE_INFINITY]: 1 })], NOW);
  assert.equal(slow.latency?.p50, REQUEST_DURATION.bounds.at(-1));
});

test('quantiles refer to the requests of the last minute', () => {
  const results = new RequestResults();
  const p50 = (second: number, counts: Readonly<Record<number, number>>) =>
    results.totals([durations(counts)], NOW + second * 1000).latency?.p50;
  assert.equal(p50(0, { 10: 1000 }), 7.5);
  assert.equal(p50(30, { 10: 1000, 100: 10 }), 75);
  assert.equal(p50(59, { 10: 1000, 100: 10 }), 75);
  assert.equal(p50(95, { 10: 1000, 100: 10, 2: 10 }), 1.5);
  assert.equal(p50(200, { 10: 1000, 100: 10, 2: 10 }), undefined);
});
