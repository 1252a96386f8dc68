/**
 * Fails if a small request has become more expensive: `node dist/bench/guard.js [--rounds 12]`. The CPU time per request of tsproxy is
 * divided by those of http-proxy and of the minimal proxy on Node's sockets, which run in turn with it on the same core: a busy or
 * slower machine changes all three. Rounds are added, for at most 25 s, until the medians are below the limits. Exit code 1: they are
 * not.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { untilAccepting } from '../test/kit/index.js';
import { cpuMicroseconds, tree } from './accounting.js';
import { ownDirectory, PEERS, start, twoCores } from './peers.js';
import { freePort, printed } from './scenarios.js';

/** Medians with the version that was measured last, on Node.js 20; see docs/performance.md. */
const EXPECTED = { 'http-proxy': 0.23, 'minimal-node': 1.22 } as const;
type Reference = keyof typeof EXPECTED;

/** Increase at which the guard fails: a regression of 15 % must, and noise must not. */
const TOLERANCE = 1.1;

/** The Node.js release of the expected medians. */
const RELEASE = '20';
/** Share of the machine's CPU time that other processes may use: they evict the caches, which costs tsproxy most. */
const MAX_FOREIGN = 0.1;

/** Time after which no further round begins, ms. */
const MAX_TIME = 23_000;
const MIN_ROUNDS = 4;
const CONNECTIONS = 32;

/** Requests before the measurement, for the compiler, and in each round. */
const LOADS: Readonly<Record<string, readonly [warmUp: number, round: number]>> = {
  tsproxy: [20_000, 4000],
  'minimal-node': [8000, 4000],
  'http-proxy': [8000, 1500],
};

/** The process that sends requests. */
interface Load {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string, undefined>;
}

/** Microseconds of the unit of /proc/stat. */
const CLOCK_TICK = 10_000;

const { values } = parseArgs({ options: { rounds: { type: 'string' } } });
const began = Date.now();
const cores = twoCores();
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-guard-'));
const children: ChildProcess[] = [];

// Whatever hangs: the processes end, and with them this one.
const watchdog = setTimeout(() => {
  console.log('not measured: the machine is too busy');
  end();
  process.exit(0);
}, MAX_TIME + 2000);

try {
  const backEndPort = await freePort();
  const backEnd = started([process.execPath, sibling('back-end.js'), `${backEndPort}`], 'rest');
  await printed(backEnd, /ready\n/);
  const child = started([process.execPath, sibling('request-load.js'), `${CONNECTIONS}`], 'rest');
  if (child.stdout === null) throw new Error('no output');
  const load: Load = { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  const measured = PEERS.filter(({ name }) => Object.hasOwn(LOADS, name));
  const targets = await Promise.all(
    measured.map(async ({ name, command }) => {
      const port = await freePort();
      const child = started(command(port, backEndPort, ownDirectory(directory, name)), 'proxy');
      child.stdout?.resume();
      await untilAccepting(port, () => child.exitCode !== null);
      return { name, port, pid: child.pid ?? 0, costs: [] as number[] };
    }),
  );
  for (const { name, port } of targets) await requests(load, port, LOADS[name]?.[0] ?? 0);
  const cpuBefore = cpuOfMachine();
  const ownBefore = cpuMicroseconds(tree(process.pid));
  const measuredFrom = performance.now();
  for (let round = 1; ; round++) {
    for (const target of targets) {
      const count = LOADS[target.name]?.[1] ?? 0;
      const before = cpuMicroseconds(tree(target.pid));
      await requests(load, target.port, count);
      target.costs.push((cpuMicroseconds(tree(target.pid)) - before) / count);
    }
    const costs = (name: string): readonly number[] => targets.find((target) => target.name === name)?.costs ?? [];
    const verdicts = (Object.keys(EXPECTED) as Reference[]).map((name) => verdict(name, costs('tsproxy'), costs(name)));
    const isOver = values.rounds !== undefined ? round >= Number(values.rounds) : Date.now() - began > MAX_TIME;
    // A machine on which one of them costs more than elsewhere changes one ratio, a slower tsproxy both.
    const passes = verdicts.some(({ ratio, limit }) => ratio <= limit);
    if (!isOver && (values.rounds !== undefined || !passes || round < MIN_ROUNDS)) continue;
    if (round < MIN_ROUNDS) {
      console.log('not measured: the machine is too busy');
      break;
    }
    for (const { name, costs: all } of targets) console.log(`${name}: ${median(all).toFixed(1)} µs of CPU per request`);
    for (const { name, ratio, limit } of verdicts)
      console.log(`tsproxy / ${name}: ${ratio.toFixed(3)} (limit ${limit.toFixed(3)})`);
    const foreign = cpuOfMachine() - cpuBefore - (cpuMicroseconds(tree(process.pid)) - ownBefore);
    const share = foreign / ((performance.now() - measuredFrom) * 1000 * availableParallelism());
    const isComparable = share <= MAX_FOREIGN && process.versions.node.startsWith(`${RELEASE}.`);
    console.log(`other processes: ${(share * 100).toFixed(0)} % of the CPU time; Node.js ${process.versions.node}`);
    const failure = isComparable
      ? 'FAILED: small requests have become more expensive'
      : `not judged: this needs Node.js ${RELEASE}, and a machine without other load`;
    console.log(`${passes ? 'passed' : failure} after ${round} rounds`);
    process.exitCode = passes || !isComparable ? 0 : 1;
    break;
  }
} finally {
  clearTimeout(watchdog);
  end();
}

function end(): void {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function started(command: readonly string[], core: 'proxy' | 'rest'): ChildProcess {
  const child = start(command, core, cores);
  children.push(child);
  return child;
}

/** Sends requests, and waits for their responses. */
async function requests(load: Load, port: number, count: number): Promise<void> {
  load.child.stdin?.write(`${port} ${count}\n`);
  const { value } = await load.lines.next();
  if (value !== 'done') throw new Error(value ?? 'the load has ended');
}

function verdict(name: Reference, own: readonly number[], others: readonly number[]) {
  const ratio = median(own.map((cost, i) => cost / (others[i] ?? Number.NaN)));
  return { name, ratio, limit: EXPECTED[name] * TOLERANCE };
}

/** CPU time that the processes of the machine have used, and that other machines have taken, in microseconds. */
function cpuOfMachine(): number {
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = readFileSync('/proc/stat', 'latin1')
    .split(/\s+/, 9)
    .map(Number);
  return (user + nice + system + steal) * CLOCK_TICK;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function sibling(file: string): string {
  return fileURLToPath(new URL(`./${file}`, import.meta.url));
}
