import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectFaults } from './process-faults.js';

const seconds = Number(process.env.STRESS_SECONDS ?? 8);
const seed = Number(process.env.STRESS_SEED ?? 1);

test(`service continues through ${seconds} seconds of faults of its processes, and is whole afterwards`, async (t) => {
  const outcome = await injectFaults(t, seconds, seed);
  t.diagnostic(JSON.stringify(outcome));
  assert.ok(outcome.answered > outcome.cut, JSON.stringify(outcome));
});
