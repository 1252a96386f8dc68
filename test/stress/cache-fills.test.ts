import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillConcurrently } from './cache-fills.js';

test('three workers request each missing entry once, and stream it to all; reloads and deaths change no response', async (t) => {
  const outcome = await fillConcurrently(t, { keys: 12, clients: 48, reloads: 3, kills: 1 });
  t.diagnostic(JSON.stringify(outcome));
  assert.deepEqual([...new Set(outcome.coldRequests)], [1]);
  assert.equal(outcome.coldRequests.length, 12);
  assert.equal(outcome.earlyClients, 48);
  assert.deepEqual(outcome.statuses, { MISS: 12, HIT: 36 });
  // One for each filler that was killed.
  assert.ok(outcome.mostRequests <= 2, JSON.stringify(outcome));
  assert.ok(outcome.answered > 0);
});
