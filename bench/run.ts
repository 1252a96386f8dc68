/**
 * The benchmark: `npm run bench -- [--seconds 3] [--rounds 3] [--peers nginx,tsproxy] [--only get-32,ws-64] [--json]`.
 * Every peer gets the same back end and the same load, in turn; medians over the rounds are printed, each with its ratio
 * to nginx. The proxy has one core for itself, load and back end share another.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installNodePeers, ownDirectory, PEERS, type Peer, start, twoCores, wrk } from './peers.js';
import { print, type Results } from './report.js';
import { type Figure, freePort, printed, SCENARIOS, type Scenario } from './scenarios.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const printProgress = (text: string): void => void process.stderr.write(`${text}\n`);

const cores = twoCores();
if (cores === null)
  printProgress('taskset or a second core is missing: the proxy shares its core with the load, expect noise');
const peers = await takingPart();
const scenarios = chosen(SCENARIOS, values.only, ({ id }) => id).filter((each) => each.websockets || wrk() !== null);
if (wrk() === null) printProgress('wrk is not installed (Debian: apt-get install wrk): requests are left out');

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-bench-'));
const results: Results = new Map();
const backEndPort = await freePort();
const backEnd = start([process.execPath, sibling('back-end.js'), `${backEndPort}`], 'rest', cores);
try {
  await printed(backEnd, /ready\n/);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const peer of peers)
      await measure(peer, round).catch((error: Error) => printProgress(`${peer.name}: ${error.message}`));
  }
} finally {
  backEnd.kill();
  rmSync(directory, { recursive: true, force: true });
}
print({ peers: peers.map(({ name }) => name), scenarios, results, json: values.json, cores: cores !== null });

/** Runs all scenarios against one peer, which is started before and stopped afterwards. */
async function measure(peer: Peer, round: number): Promise<void> {
  const port = await freePort();
  const own = ownDirectory(directory, `${peer.name}-${round}`);
  const child = start(peer.command(port, backEndPort, own), 'proxy', cores);
  child.stdout?.resume();
  try {
    await accepting(port);
    // Memory first: free memory that a load leaves in a process would hide the memory of connections.
    const ordered = [...scenarios].sort((a, b) => Number(b.unit === 'KiB') - Number(a.unit === 'KiB'));
    for (const scenario of ordered) {
      if (scenario.websockets && !peer.websockets) continue;
      try {
        const target = { pid: child.pid ?? 0, port, seconds: Number(values.seconds), cores };
        keep(scenario, peer, await scenario.measure(target));
        printProgress(`round ${round}: ${peer.name}, ${scenario.title}`);
      } catch (error) {
        printProgress(
          `round ${round}: ${peer.name}, ${scenario.title}: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  } finally {
    await new Promise((resolve) => {
      if (child.exitCode !== null) return resolve(null);
      child.once('close', resolve);
      child.kill('SIGTERM');
    });
  }
}

function keep(scenario: Scenario, peer: Peer, figure: Figure): void {
  const key = `${scenario.id} ${peer.name}`;
  results.set(key, [...(results.get(key) ?? []), figure]);
}

async function takingPart(): Promise<Peer[]> {
  const wanted = chosen(PEERS, values.peers, ({ name }) => name);
  if (wanted.some(({ missing }) => missing() !== null)) installNodePeers();
  return wanted.filter((peer) => {
    const reason = peer.missing();
    if (reason !== null) printProgress(`${peer.name}: ${reason}; left out`);
    return reason === null;
  });
}

/** Items whose names are in the list, ignoring case; all without a list. */
function chosen<T>(all: readonly T[], list: string | undefined, name: (each: T) => string): T[] {
  const names = list?.toLowerCase().split(',');
  return all.filter((each) => names === undefined || names.includes(name(each).toLowerCase()));
}

function sibling(file: string): string {
  return fileURLToPath(new URL(`./${file}`, import.meta.url));
}

/** Waits until the port accepts connections. */
async function accepting(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const ready = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (ready) return;
    if (Date.now() > deadline) throw new Error('the proxy does not accept connections');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
