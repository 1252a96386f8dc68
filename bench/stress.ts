/**
 * The stress tests at full size, against `bin/tsproxy` as a process of its own; the bounded versions run with the tests.
 *
 *   node dist/bench/stress.js messages [clients] [clients that send 16 MiB]
 *   node dist/bench/stress.js resets [connections] [seed]
 *   node dist/bench/stress.js reloads [count]        (requires wrk)
 *   node dist/bench/stress.js faults [seconds] [seed]
 *   node dist/bench/stress.js extremes
 *
 * Prints figures and failures; the exit code is 1 after a failure. Descriptors and memory are read from /proc.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort, complete, get, until } from '../test/kit/index.js';
import { deafPort } from '../test/stress/deaf.js';
import { EXTREMES, judgeExtreme } from '../test/stress/extremes.js';
import { exchangeMessages, FILE_OF_2014, SIZES } from '../test/stress/messages.js';
import { NumberedSockets } from '../test/stress/numbered.js';
import { injectFaults } from '../test/stress/process-faults.js';
import { RELOADED } from '../test/stress/reloads.js';
import { FaultyBackend, RESET_CONFIGURATION, resetAtRandom } from '../test/stress/resets.js';
import { echoProcess } from './echo.js';
import { wrk } from './peers.js';
import { ProxyProcess } from './proxy-process.js';

const [what = '', ...numbers] = process.argv.slice(2);
const [first = 0, second = 0] = numbers.map(Number);
const failures: string[] = [];
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function messages(directory: string): Promise<void> {
  const [clients, largest] = [first || 500, second || first || 500];
  const server = await echoProcess();
  const port = await closedPort();
  const proxy = await ProxyProcess.start(complete(FILE_OF_2014, { BACKEND: server.port, LISTEN: port }), directory);
  const idle = proxy.memory.now;
  let done = false;
  const started = performance.now();
  const exchanged = exchangeMessages(port, clients, SIZES, largest).finally(() => {
    done = true;
  });
  let plain = 0;
  while (!done) {
    const answer = await get(port, `/${plain}`);
    if (answer.body !== 'plain') failures.push(`plain request ${plain}: ${answer.statusLine}`);
    plain++;
    await pause(5);
  }
  const moved = await exchanged;
  const seconds = (performance.now() - started) / 1000;
  printLine(
    `${clients} clients, ${moved.messages} messages of 1 byte to 16 MiB (${largest} of those), ${plain} plain requests`,
  );
  printLine(`${(moved.bytes / 2 ** 30).toFixed(2)} GiB each way in ${seconds.toFixed(1)} s; all intact and in order`);
  printLine(`memory of the proxy: ${idle} MiB at first, ${proxy.memory.most} MiB at most`);
  await proxy.stop();
  failures.push(...proxy.failures);
  server.stop();
}

async function resets(directory: string): Promise<void> {
  const [total, seed] = [first || 5000, second || 1];
  const backend = await FaultyBackend.start(seed);
  const deaf = await deafPort();
  const port = await closedPort();
  writeFileSync(join(directory, 'file'), Buffer.alloc(3 << 20, 0x66));
  const places = { BACKEND: backend.port, DEAF: deaf.port, CLOSED: await closedPort(), DIR: directory };
  const text = complete(RESET_CONFIGURATION, { ...places, LISTEN: `127.0.0.1:${port} backlog=4096` });
  const proxy = await ProxyProcess.start(text, directory);
  await get(port, '/chunked');
  const before = proxy.descriptors;
  const outcome = await resetAtRandom(port, total, 100, seed);
  // Up to 16 idle connections to each of two upstreams remain; all others are closed.
  const idle = (): number => backend.sockets.size;
  await until('all but idle connections are closed', () => proxy.descriptors - before <= idle()).catch((error: Error) =>
    failures.push(`${error.message}: ${proxy.descriptors} descriptors, ${before} before, ${idle()} idle`),
  );
  printLine(
    `${outcome.connections} connections, ${outcome.answered} saw an answer; ${backend.accepted} to the back end`,
  );
  printLine(`descriptors: ${before} before, ${proxy.descriptors} after, ${idle()} of them idle connections`);
  printLine(`memory: ${proxy.memory.now} MiB, ${proxy.memory.most} MiB at most`);
  await get(port, '/chunked');
  // Idle connections are closed when their back end stops.
  await backend.close();
  await until('the rest is closed', () => proxy.descriptors < before).catch((error: Error) =>
    failures.push(error.message),
  );
  printLine(`descriptors when the back end is gone: ${proxy.descriptors}`);
  deaf.close();
  await proxy.stop();
  failures.push(...proxy.failures);
}

async function reloads(directory: string): Promise<void> {
  const count = first || 1000;
  const program = wrk();
  if (program === null) throw new Error('wrk is not installed (Debian: apt-get install wrk)');
  const server = await echoProcess();
  const port = await closedPort();
  const text = RELOADED.replace('pid nginx.pid;', '')
    .replaceAll('%%BACKEND%%', String(server.port))
    .replaceAll('%%LISTEN%%', `127.0.0.1:${port}`);
  const proxy = await ProxyProcess.start(text, directory);
  const sockets = await NumberedSockets.open(port, 200);
  sockets.start(100);
  const load = async (seconds: number): Promise<string> => {
    const child = spawn(program, ['-t1', '-c32', `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}/plain`]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    return output;
  };
  const generations = async (from: number, to: number): Promise<void> => {
    for (let generation = from; generation <= to; generation++) {
      writeFileSync(join(directory, 'nginx.conf'), `${text}# ${generation}\n`);
      proxy.signal('SIGHUP');
      await until(`generation ${generation}`, () => proxy.log.includes(`generation ${generation} started`));
      if (generation % 100 !== 0) continue;
      const broken = generation / 100;
      writeFileSync(join(directory, 'nginx.conf'), text.replace('proxy_http_version', 'proxy_http_versoin'));
      proxy.signal('SIGHUP');
      const printed = (): number => proxy.log.split('[emerg]').length - 1;
      await until('the log says why', () => printed() === broken);
    }
  };
  // Baseline of a warm process: load, and some reloads.
  const warm = load(5);
  await generations(2, 51);
  await warm;
  await pause(6000);
  const before = { ...proxy.memory, descriptors: proxy.descriptors };
  const started = performance.now();
  let busy = true;
  const outputs: string[] = [];
  const loading = (async () => {
    while (busy) outputs.push(await load(5));
  })();
  await generations(52, 51 + count);
  const seconds = (performance.now() - started) / 1000;
  busy = false;
  await loading;
  await sockets.settle();
  failures.push(...sockets.failures);
  const opened = sockets.open;
  if (opened !== 200) failures.push(`${200 - opened} tunnels were closed`);
  for (const output of outputs) {
    if (/Socket errors|Non-2xx/.test(output))
      failures.push(output.match(/.*(Socket errors|Non-2xx).*/g)?.join('; ') ?? '');
  }
  const requests = outputs.reduce((sum, output) => sum + Number(/(\d+) requests in/.exec(output)?.[1]), 0);
  const slowest = outputs.map((output) => /Latency +\S+ +\S+ +(\S+)/.exec(output)?.[1]).join(' ');
  await pause(6000);
  const after = { ...proxy.memory, descriptors: proxy.descriptors };
  printLine(`${count} reloads in ${seconds.toFixed(1)} s under load: ${requests} requests, slowest ${slowest}`);
  printLine(`${opened} of 200 tunnels open, ${sockets.received} messages, none lost`);
  printLine(`broken files: ${proxy.log.split('[emerg]').length - 1} refused`);
  printLine(`memory: ${before.now} MiB before, ${after.now} MiB after (${after.most} at most)`);
  printLine(`descriptors: ${before.descriptors} before, ${after.descriptors} after`);
  sockets.close();
  await until('the first generation has ended', () => proxy.log.includes('generation 1 exited'));
  await proxy.stop();
  failures.push(...proxy.failures);
  server.stop();
}

/** Stops and kills workers and the master, and makes forks fail. */
async function faults(): Promise<void> {
  const [seconds, seed] = [first || 120, second || 1];
  const cleanups: (() => void)[] = [];
  try {
    const outcome = await injectFaults({ after: (fn) => cleanups.push(fn) }, seconds, seed);
    printLine(
      Object.entries(outcome.faults)
        .map(([fault, times]) => `${fault}: ${times}`)
        .join(', '),
    );
    printLine(`${outcome.answered} requests answered, ${outcome.cut} cut with the worker that had them`);
    printLine(`longest time without an answer: ${Math.round(outcome.longestGap)} ms`);
    printLine(`all workers served ${Math.round(outcome.recovery)} ms after the last fault`);
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** `-t` of texts of ten megabytes and a million lines. */
async function extremes(directory: string): Promise<void> {
  for (const extreme of EXTREMES) {
    const started = performance.now();
    try {
      await judgeExtreme(extreme, 1, directory);
      printLine(`${extreme.name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } catch (error) {
      failures.push(`${extreme.name}: ${String(error)}`);
    }
  }
}

const work = { messages, resets, reloads, faults, extremes }[what];
if (work === undefined) {
  process.stderr.write('usage: node dist/bench/stress.js messages|resets|reloads|faults|extremes [numbers]\n');
  process.exitCode = 2;
} else {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-stress-'));
  await work(directory).catch((error: Error) => failures.push(String(error.stack)));
  rmSync(directory, { recursive: true, force: true });
  for (const failure of failures) printLine(`FAILED: ${failure}`);
  process.exit(failures.length === 0 ? 0 : 1);
}
