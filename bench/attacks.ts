/**
 * Attacks on tsproxy and nginx in turn, each with the same configuration, back ends, and attacker:
 *
 *   node dist/bench/attacks.js [--only slow-heads,resets] [--peers tsproxy,nginx] [--seconds 6] [--warm-up 6] [--rate 200] [--json]
 *
 * For each attack a proxy is started afresh; a client with a fixed rate of requests measures latency before, during and 10 s
 * after, and resident memory of the worker is read from /proc. Limits: p99 during the attack at most twice the quiet value
 * plus 10 ms; resident memory at most quiet plus 64 MiB; both as before within 10 s.
 *
 * The quiet values are those of a process that has served for some time: the same attack has run before, for `--warm-up`
 * seconds (by default as long as the attack; 0: not at all), so that its code is loaded and compiled and glibc's heap, whose
 * inner part is never returned, has its size. Memory before that is the column `cold`;
 * `quiet` and `after` are means over some seconds.
 *
 * Other processes on the same machine
 * are measured as well, which nginx's column shows; as root the session of the benchmark gets the highest priority, and
 * `setsid` gives it one of its own. The exit code is 1 where tsproxy exceeds a limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ATTACKS, type AttackKind } from './attacks/attacks.js';
import { judge, type Measurement, table } from './attacks/report.js';
import { Scene } from './attacks/scene.js';
import { raiseSession } from './attacks/session-priority.js';
import type { ProxyName } from './proxy-process.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string', default: 'tsproxy,nginx' },
    seconds: { type: 'string', default: '6' },
    'warm-up': { type: 'string' },
    rate: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});

/** ms: a start settles, a period without an attack, how long recovery may take, and the last part of it that counts. */
const SETTLING = 3000;
const QUIET = 3000;
const RECOVERY = 10_000;
const RECOVERED = 3000;

async function measure(peer: ProxyName, name: string, kind: AttackKind, directory: string): Promise<Measurement> {
  const scene = await Scene.start({ peer, directory, rate: Number(values.rate), ...kind });
  try {
    await pause(SETTLING);
    const cold = scene.resident;
    if (warmUp > 0) {
      await scene.attack(name, warmUp);
      await pause(RECOVERY - QUIET);
    }
    await scene.sample();
    const before = await scene.meanResident(QUIET);
    const quiet = await scene.sample();
    const { peak, summary } = await scene.attack(name, Number(values.seconds));
    const during = await scene.sample();
    await pause(RECOVERY - RECOVERED);
    await scene.sample();
    const recovered = await scene.meanResident(RECOVERED);
    const after = await scene.sample();
    const memory = { cold, quiet: before, peak, after: recovered };
    return judge({ peer, name, latency: { quiet, during, after }, memory, attack: summary });
  } finally {
    await scene.stop();
  }
}

const warmUp = Number(values['warm-up'] ?? values.seconds);
const chosen = Object.entries(ATTACKS).filter(
  ([name]) => values.only === undefined || values.only.split(',').includes(name),
);
const peers = values.peers.split(',').filter((name): name is ProxyName => name === 'tsproxy' || name === 'nginx');
const root = mkdtempSync(join(tmpdir(), 'tsproxy-attacks-'));
const measured: Measurement[] = [];
const lowerSession = raiseSession();
try {
  for (const [name, kind] of chosen) {
    for (const peer of peers) {
      const measurement = await measure(peer, name, kind, join(root, `${name}-${peer}`));
      measured.push(measurement);
      if (!values.json) process.stdout.write(table([measurement], measured.length === 1));
    }
    if (!values.json) process.stdout.write(`  ${kind.about}\n`);
  }
} finally {
  lowerSession();
  rmSync(root, { recursive: true, force: true });
}
if (values.json) process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
process.exit(measured.some(({ peer, exceeded }) => peer === 'tsproxy' && exceeded.length > 0) ? 1 : 0);
