import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ATTACKS } from '../../bench/attacks/attacks.js';
import { Scene } from '../../bench/attacks/scene.js';

const MIB = 1 << 20;
/** Seconds of each attack; `bench/attacks.ts` takes its time and measures latency as well. */
const SECONDS = 1;
/** ms within which memory is back on a machine that is busy with other things, and for which a well-behaved client may wait. */
const RECOVERY = 30_000;
const LONGEST = 10_000;
/** Bytes that remain of twelve attacks: code that was compiled for them, and what the allocator cannot return. */
const REMAINDER = 28 * MIB;

const skip = process.platform === 'linux' ? false : 'memory is read from /proc';

test('a worker under attack serves its other clients in bounded memory, and returns that', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-attacks-'));
  const scene = await Scene.start({ peer: 'tsproxy', directory: join(directory, 'proxy'), rate: 50 });
  t.after(async () => {
    await scene.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  await pause(3000);
  await scene.sample();
  const quiet = scene.resident;
  // Attacks that need another configuration have tests of their own.
  for (const [name, { main }] of Object.entries(ATTACKS)) {
    if (main !== undefined) continue;
    const { peak } = await scene.attack(name, SECONDS);
    const { latencies, failed } = await scene.sample();
    t.diagnostic(`${name}: ${Math.round(peak / MIB)} MiB, longest ${Math.round(latencies.at(-1) ?? 0)} ms`);
    assert.ok(peak < quiet + 64 * MIB, `${name}: ${peak} bytes resident, ${quiet} before`);
    assert.equal(failed, 0, `${name}: requests of a well-behaved client failed`);
    assert.ok((latencies.at(-1) ?? 0) < LONGEST, `${name}: a well-behaved client waited ${latencies.at(-1)} ms`);
  }
  for (const deadline = Date.now() + RECOVERY; scene.resident >= quiet + REMAINDER; await pause(200)) {
    assert.ok(Date.now() < deadline, `${scene.resident} bytes resident, ${quiet} before the attacks`);
  }
  assert.equal(scene.proxy.log.match(/\[(alert|crit|emerg)\](?!.*pcre).*/g)?.[0], undefined);
});
