import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentStreams } from '../../src/http2/recent-streams.js';

test('the last 64 streams are known as ended or reset', () => {
  const recent = new RecentStreams();
  assert.deepEqual([recent.hasEnded(1), recent.hasReset(1)], [false, false]);
  for (let number = 1; number < 401; number += 2) {
    if (number % 8 === 1) recent.addReset(number);
    recent.addEnded(number);
    for (const known of [number, number - 2 * 63]) {
      if (known < 1) continue;
      assert.equal(recent.hasReset(known), known % 8 === 1);
      assert.equal(recent.hasEnded(known), known % 8 !== 1);
    }
    const forgotten = number - 2 * 64;
    if (forgotten > 0) assert.deepEqual([recent.hasEnded(forgotten), recent.hasReset(forgotten)], [false, false]);
  }
});

test('a stream that is reset twice counts once, and is forgotten like others', () => {
  const recent = new RecentStreams();
  recent.addReset(1);
  recent.addReset(1);
  for (let number = 3; number < 3 + 2 * 63; number += 2) recent.addEnded(number);
  assert.equal(recent.hasReset(1), true);
  recent.addEnded(3 + 2 * 63);
  assert.equal(recent.hasReset(1), false);
  recent.addReset(201);
  assert.equal(recent.hasReset(201), true);
});
