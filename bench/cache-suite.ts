/**
 * The public suite of cache tests (https://github.com/http-tests/cache-tests) through proxies with `proxy_cache`.
 *
 *   node dist/bench/cache-suite.js DIRECTORY [--nginx] [--nginx-path PATH] [--rfc9111] [--directives TEXT] [--id ID]... [--compare] [--minimum N]
 *
 * `DIRECTORY`: a copy of the suite, after `npm install` in it. `--nginx`: nginx is tested instead of tsproxy;
 * `--compare`: both, and prints the tests of which only one passes. `--rfc9111`: with `proxy_cache_rfc9111 on`.
 * `--directives`: further directives of the location. `--id`: only these tests, with their messages. Exits with 1 if tsproxy
 * passes fewer than `--minimum` tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { closedPort, until } from '../test/kit/index.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

interface SuiteTest {
  readonly id: string;
  readonly kind?: string;
  readonly browser_only?: boolean;
}
interface Suite {
  readonly tests: readonly SuiteTest[];
}
interface Runner {
  runTests(suites: readonly Suite[], browser: boolean, base: string, parallel: number): Promise<void>;
  getResults(): Record<string, true | readonly [string, string]>;
}
/** Outcome of a test of the suite: `failure` is null if it has passed. */
interface Outcome {
  readonly id: string;
  readonly kind: string;
  readonly failure: string | null;
}
interface Task {
  readonly directory: string;
  readonly base: string;
  readonly ids: readonly string[];
}

/** Tests at the same time. Most of them wait for 3 to 6 seconds. */
const PARALLEL = 75;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs the client of the suite. Its modules keep state and change the tests: each run takes a thread of its own. */
async function runClient({ directory, base, ids }: Task): Promise<Outcome[]> {
  const load = (path: string): Promise<unknown> => import(pathToFileURL(join(directory, path)).href);
  const all = ((await load('tests/index.mjs')) as { default: readonly Suite[] }).default;
  const runner = (await load('test-engine/client/runner.mjs')) as Runner;
  const suites = all.map((suite) => ({
    ...suite,
    tests: suite.tests.filter((test) => test.browser_only !== true && (ids.length === 0 || ids.includes(test.id))),
  }));
  await runner.runTests(suites, false, base, PARALLEL);
  const results = runner.getResults();
  return suites.flatMap((suite) =>
    suite.tests.map(({ id, kind = 'required' }) => {
      const result = results[id] ?? ['Setup', 'not run'];
      return { id, kind, failure: result === true ? null : `${result[0]}: ${result[1]}` };
    }),
  );
}

function inThread(task: Task): Promise<Outcome[]> {
  const thread = new Worker(new URL(import.meta.url), { workerData: task });
  return new Promise((done, failed) => {
    thread.once('message', done);
    thread.once('error', failed);
  });
}

/** The suite's origin server, which listens when the promise is fulfilled. */
async function startOrigin(directory: string, port: number, pidFile: string): Promise<ChildProcess> {
  const env = {
    ...process.env,
    npm_config_protocol: 'http',
    npm_config_port: String(port),
    npm_config_pidfile: pidFile,
  };
  const child = spawn(process.execPath, ['test-engine/server/server.mjs'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < 1000) output += text;
  });
  await until('the origin server listens', () => output.includes('Listening') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the server of the suite ended:\n${output}`);
  return child;
}

async function measure(
  name: ProxyName,
  task: Omit<Task, 'base'>,
  directives: string,
  nginx?: string,
): Promise<Outcome[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-cache-suite-'));
  // Workers may run as another user.
  chmodSync(directory, 0o755);
  const [port, originPort] = [await closedPort(), await closedPort()];
  const text = `worker_processes 1; events { worker_connections 4096; } http {
    proxy_cache_path cache levels=1:2 keys_zone=suite:8m max_size=1000m inactive=600m;
    server { listen 127.0.0.1:${port}; access_log off; client_max_body_size 10m;
      location / { proxy_pass http://127.0.0.1:${originPort}; proxy_http_version 1.1; proxy_cache suite;
        proxy_cache_revalidate on; ${directives} } } }`;
  const origin = await startOrigin(task.directory, originPort, join(directory, 'origin.pid'));
  try {
    const proxy = await ProxyProcess.start(text, directory, name, nginx);
    try {
      return await inThread({ ...task, base: `http://127.0.0.1:${port}` });
    } finally {
      await proxy.stop();
      for (const failure of proxy.failures) print(failure);
    }
  } finally {
    origin.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

const passed = (outcomes: readonly Outcome[]): number => outcomes.filter((outcome) => outcome.failure === null).length;

function report(name: ProxyName, outcomes: readonly Outcome[], withMessages: boolean): void {
  print(`${name}: ${passed(outcomes)} of ${outcomes.length} passed`);
  for (const kind of ['required', 'optimal', 'check']) {
    const failed = outcomes.filter((outcome) => outcome.kind === kind && outcome.failure !== null);
    const of = outcomes.filter((outcome) => outcome.kind === kind).length;
    print(`  ${kind}: ${of - failed.length} of ${of}`);
    for (const { id, failure } of failed) print(withMessages ? `    ${id}: ${failure}` : `    ${id}`);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      nginx: { type: 'boolean', default: false },
      'nginx-path': { type: 'string' },
      compare: { type: 'boolean', default: false },
      rfc9111: { type: 'boolean', default: false },
      directives: { type: 'string', default: '' },
      id: { type: 'string', multiple: true, default: [] },
      messages: { type: 'boolean', default: false },
      minimum: { type: 'string', default: '0' },
    },
  });
  if (positionals[0] === undefined) throw new Error('name the directory of the suite');
  const task = { directory: resolve(positionals[0]), ids: values.id };
  const withMessages = values.messages || values.id.length > 0;
  const results = new Map<ProxyName, Outcome[]>();
  if (values.nginx || values.compare) {
    results.set('nginx', await measure('nginx', task, '', values['nginx-path']));
  }
  if (!values.nginx || values.compare) {
    const directives = `${values.rfc9111 ? 'proxy_cache_rfc9111 on;' : ''} ${values.directives}`;
    results.set('tsproxy', await measure('tsproxy', task, directives));
  }
  for (const [name, outcomes] of results) report(name, outcomes, withMessages);
  const [nginx, own] = [results.get('nginx'), results.get('tsproxy')];
  if (nginx !== undefined && own !== undefined) {
    const other = new Map(nginx.map((outcome) => [outcome.id, outcome.failure]));
    for (const { id, failure } of own) {
      if ((failure === null) !== (other.get(id) === null)) {
        print(`only ${failure === null ? 'tsproxy' : 'nginx'} passes ${id}${failure === null ? '' : ` (${failure})`}`);
      }
    }
  }
  if (own !== undefined && passed(own) < Number(values.minimum)) process.exitCode = 1;
}

if (isMainThread) await main();
else parentPort?.postMessage(await runClient(workerData as Task));
