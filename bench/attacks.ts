/**
 * Attacks on tsproxy and nginx in turn, each with the same configuration, back ends, and attacker:
 *
 *   node dist/bench/attacks.js [--only slow-heads,resets] [--peers tsproxy,nginx] [--seconds 6] [--rate 200] [--json]
 *
 * For each attack a proxy is started afresh; a client with a fixed rate of requests measures latency before, during and 10 s
 * after, and resident memory of the worker is read from /proc. Limits: p99 during the attack at most twice the quiet value
 * plus 10 ms; resident memory at most quiet plus 64 MiB; both as before within 10 s. Other processes on the same machine
 * are measured as well: nginx's column shows how much, and `nice -n -15` as root keeps most of it out. The exit code is 1 where tsproxy exceeds a limit.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { closedPort } from '../test/kit/index.js';
import { residentBytes } from './accounting.js';
import { ATTACKS, type AttackKind } from './attacks/attacks.js';
import { configuration } from './attacks/configuration.js';
import { judge, type Measurement, table } from './attacks/report.js';
import type { Sample } from './attacks/well-behaved.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string', default: 'tsproxy,nginx' },
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});

/** ms: a start settles, a period without an attack, how long recovery may take, and the last part of it that counts. */
const SETTLING = 2000;
const QUIET = 3000;
const RECOVERY = 10_000;
const RECOVERED = 2000;
const SAMPLING = 100;

function script(name: string, ...words: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(`attacks/${name}.js`, import.meta.url));
  return fork(path, words.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [first] = (await once(child, 'message')) as [T];
  return first;
}

/** The latencies since the last mark. */
function mark(client: ChildProcess): Promise<Sample> {
  const sample = message<Sample>(client);
  client.send('mark');
  return sample;
}

async function measure(peer: ProxyName, name: string, kind: AttackKind, directory: string): Promise<Measurement> {
  const ports = { listen: await closedPort(), backEnd: await closedPort(), attacked: await closedPort() };
  const backEnds = [script('back-end', ports.backEnd), script('back-end', ports.attacked)];
  await Promise.all(backEnds.map((child) => message(child)));
  mkdirSync(directory, { mode: 0o777 });
  const proxy = await ProxyProcess.start(configuration(ports, directory, kind.main ?? ''), directory, peer);
  const children = [...backEnds];
  try {
    const worker = (): number[] => proxy.pids.slice(1);
    const client = script('well-behaved', ports.listen, values.rate, kind.keptOnly === true ? 'kept' : 'any');
    children.push(client);
    await pause(SETTLING);
    await mark(client);
    await pause(QUIET);
    const quiet = await mark(client);
    const before = residentBytes(worker());
    let peak = before;
    const sampling = setInterval(() => (peak = Math.max(peak, residentBytes(worker()))), SAMPLING);
    const attacker = script('attacker', ports.listen, name, values.seconds);
    children.push(attacker);
    const attack = await message<Measurement['attack']>(attacker);
    const during = await mark(client);
    clearInterval(sampling);
    attacker.kill('SIGKILL');
    await pause(RECOVERY - RECOVERED);
    await mark(client);
    await pause(RECOVERED);
    const after = await mark(client);
    const memory = { quiet: before, peak, after: residentBytes(worker()) };
    return judge({ peer, name, latency: { quiet, during, after }, memory, attack });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await proxy.stop();
  }
}

const chosen = Object.entries(ATTACKS).filter(
  ([name]) => values.only === undefined || values.only.split(',').includes(name),
);
const peers = values.peers.split(',').filter((name): name is ProxyName => name === 'tsproxy' || name === 'nginx');
const root = mkdtempSync(join(tmpdir(), 'tsproxy-attacks-'));
const measured: Measurement[] = [];
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
  rmSync(root, { recursive: true, force: true });
}
if (values.json) process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
process.exit(measured.some(({ peer, exceeded }) => peer === 'tsproxy' && exceeded.length > 0) ? 1 : 0);
