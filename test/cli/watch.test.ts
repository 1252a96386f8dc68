/** `tsproxy watch` against running proxies. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RowFilter } from '../../src/cli/console/row-filter.js';
import { rowLine } from '../../src/cli/console/row-lines.js';
import { payloadText, visibleText } from '../../src/cli/terminal-text.js';
import type { FeedRow, RequestRow, ResponseRow } from '../../src/console/feed-format.js';
import { PLAIN } from '../../src/diagnostics/style.js';
import { closedPort, get, startProxy, type TestProxy, until, websocket, websocketEcho } from '../kit/index.js';
import { BINARY, command } from './running.js';

/** The command while it runs. */
class Watching {
  out = '';
  err = '';
  readonly code: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(t: TestContext, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [BINARY, 'watch', ...words], { env: { ...process.env, ...env } });
    t.after(() => void this.child.kill('SIGKILL'));
    this.child.stdout?.setEncoding('utf8').on('data', (part: string) => (this.out += part));
    this.child.stderr?.setEncoding('utf8').on('data', (part: string) => (this.err += part));
    this.code = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** Closes the read end of the output. */
  closeOutput(): void {
    this.child.stdout?.destroy();
  }

  interrupt(): void {
    this.child.kill('SIGINT');
  }

  /** Lines so far. */
  get lines(): string[] {
    return this.out.split('\n').slice(0, -1);
  }
}

const SERVER = `server { listen 127.0.0.1:0; listen unix:%%DIR%%/console.sock; server_name localhost;
  location /console/ { console; console_payload on; %%ACCESS%% }
  location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }
  location /broken { return 503 broken; } location / { return 200 ok; } }`;

async function scene(t: TestContext, access = '', files: Readonly<Record<string, string>> = {}): Promise<TestProxy> {
  const echo = await websocketEcho();
  const proxy = await startProxy(SERVER, { PORT: echo.port, ACCESS: access }, { files });
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  return proxy;
}

/** Repeats a request until its row is printed: the subscription takes effect after a delay. */
async function seen(watching: Watching, proxy: TestProxy, path: string): Promise<void> {
  let done = false;
  const pattern = new RegExp(`${path}\\b`);
  void (async () => {
    while (!done) {
      await get(proxy.port, path).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  try {
    await until(`a row about ${path}: ${watching.err}`, () => pattern.test(watching.out) || watching.err !== '');
  } finally {
    done = true;
  }
}

test('requests and WebSockets are printed as they pass, with filters, until the number of rows is reached', async (t) => {
  const proxy = await scene(t);
  const url = `http://127.0.0.1:${proxy.port}/console`;
  const all = new Watching(t, [url, '--payload']);
  await seen(all, proxy, '/first');
  const client = await websocket(proxy.port, '/ws?room=1');
  await client.ask('{"hello":"\x1b[31mworld"}');
  await client.close(1000);
  await get(proxy.port, '/broken');
  for (const row of [/GET +503 +localhost\/broken/, /WS +close +127\.0\.0\.1\/ws/]) {
    await until(`${row}`, () => row.test(all.out));
  }
  assert.match(all.out, /^[\d:.]+ {2}GET {4}200 {3}localhost\/first {2}\S+ ms {2}2 B {2}#\d+-\d+$/m);
  assert.match(all.out, /WS +open +127\.0\.0\.1\/ws\?room=1 {2}127\.0\.0\.1:\d+ /);
  // Text of clients must not control the terminal.
  assert.match(all.out, /WS +-> +text 22 B {2}mask [0-9a-f]{8} {2}\{"hello":"\\u\{1b\}\[31mworld"\} /);
  assert.match(all.out, /WS +<- +text 22 B {2}\{"hello"/);
  assert.match(all.out, /WS +<- +close 2 B {2}1000 {2}#/m);
  assert.match(all.out, /WS +close 127\.0\.0\.1\/ws\?room=1 {2}1000 by client .*1 messages received, 1 sent/);
  assert.doesNotMatch(all.out, /\x1b/);
  all.interrupt();
  assert.equal(await all.code, 0);

  const failing = new Watching(t, [url, '--status', '5xx', '--json', '--count', '2']);
  await seen(failing, proxy, '/broken');
  await get(proxy.port, '/fine');
  await get(proxy.port, '/broken');
  assert.equal(await failing.code, 0);
  const rows = failing.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    rows.map(({ type, status }) => [type, status]),
    [
      ['response', 503],
      ['response', 503],
    ],
  );
});

test('an HTTP archive contains the watched requests and frames', async (t) => {
  const proxy = await scene(t);
  const path = join(proxy.directory, 'traffic.har');
  const watching = new Watching(t, [`http://127.0.0.1:${proxy.port}/console/`, '--har', path, '--payload', '100']);
  await seen(watching, proxy, '/first');
  const client = await websocket(proxy.port, '/ws');
  await client.ask('kept');
  await client.close();
  await until('the close', () => /WS +close/.test(watching.out));
  watching.interrupt();
  assert.equal(await watching.code, 0, watching.err);
  const { log } = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(log.version, '1.2');
  const socket = log.entries.find((entry: { _resourceType: string }) => entry._resourceType === 'websocket');
  assert.deepEqual(
    socket._webSocketMessages.map(({ type, data }: { type: string; data: string }) => [type, data]),
    [
      ['send', 'kept'],
      ['receive', 'kept'],
    ],
  );
  assert.match(watching.err, /"[^"]+traffic\.har" has \d+ rows/);
});

test('the console is found by the environment, a unix domain socket and credentials', async (t) => {
  const proxy = await scene(t, 'auth_basic console; auth_basic_user_file users;', {
    users: 'ann:{PLAIN}s3cret\n',
  });
  const url = `http://ann:s3cret@127.0.0.1:${proxy.port}/console/`;
  const byEnvironment = new Watching(t, ['--count', '1'], { TSPROXY_CONSOLE: url });
  await seen(byEnvironment, proxy, '/by-environment');
  assert.equal(await byEnvironment.code, 0);
  const bySocket = new Watching(t, [
    ...['--console', 'http://ann:s3cret@localhost/console/', '--unix', `${proxy.directory}/console.sock`],
    ...['--count', '1'],
  ]);
  await seen(bySocket, proxy, '/by-socket');
  assert.equal(await bySocket.code, 0);

  const place = `127.0.0.1:${proxy.port}`;
  const nowhere = `127.0.0.1:${await closedPort()}`;
  for (const [words, expected] of [
    [
      [`http://${place}/console/`],
      `${place}: a user name and password are required: http://user:password@host/console/`,
    ],
    [[`http://ann:s3cret@${place}/other/`], `${place}: there is no console at "/other/" (status 200)`],
    [[`http://${nowhere}/console/`], `${nowhere}: connect ECONNREFUSED ${nowhere}`],
  ] as const) {
    const { code, stdout, stderr } = await command(['watch', ...words]);
    assert.deepEqual([code, stdout, stderr], [1, '', `tsproxy watch: ${expected}\n`]);
  }
  for (const [url, expected] of [
    ['ftp://x/', '"ftp://x/" is not an HTTP URL'],
    ['nonsense', 'invalid URL "nonsense"'],
  ] as const) {
    const { code, stderr } = await command(['watch', url]);
    assert.equal(code, 2);
    assert.ok(stderr.startsWith(`tsproxy: ${expected}\nRun "tsproxy watch --help"`), stderr);
  }
});

test('the end of the proxy ends the command, with the reason', async (t) => {
  const proxy = await scene(t);
  const watching = new Watching(t, [`http://127.0.0.1:${proxy.port}/console/`]);
  await seen(watching, proxy, '/first');
  await proxy.proxy.close();
  assert.equal(await watching.code, 1);
  assert.match(watching.err, /^tsproxy watch: (the feed was closed with 1001|the connection was lost)/);
});

test('a reader that closes the output ends the command', async (t) => {
  const proxy = await scene(t);
  const watching = new Watching(t, [`http://127.0.0.1:${proxy.port}/console/`]);
  await seen(watching, proxy, '/first');
  watching.closeOutput();
  let code: number | null | undefined;
  void watching.code.then((value) => (code = value));
  await until('the end of the command', () => {
    if (code === undefined) void get(proxy.port, '/more').catch(() => {});
    return code !== undefined;
  });
  assert.deepEqual([code, watching.err], [0, '']);
});

const REQUEST: RequestRow = {
  ...{ type: 'request', id: '1-1', time: 0, secure: false, client: 'c', host: 'example.com', method: 'GET' },
  ...{ target: '/api/users?x=1', generation: 1 },
};
const RESPONSE: ResponseRow = {
  ...{ type: 'response', id: '1-1', time: 0, status: 404, completed: true, server: '', location: '/' },
  ...{ received: 1, sent: 1, duration: 1, tries: [] },
};

test('rows are selected by path, status and id', () => {
  const accepted = (options: Partial<ConstructorParameters<typeof RowFilter>[0]>, row: FeedRow): boolean => {
    const filter = new RowFilter({ path: '', statuses: [], ids: [], ...options });
    filter.accepts(REQUEST);
    return filter.accepts(row);
  };
  assert.ok(accepted({}, RESPONSE));
  assert.ok(accepted({ path: '/api' }, RESPONSE));
  assert.ok(accepted({ path: 'example.com/api/*' }, RESPONSE));
  assert.ok(accepted({ path: '*users?x=1' }, RESPONSE));
  assert.ok(!accepted({ path: '/api/*' }, RESPONSE));
  assert.ok(!accepted({ path: '/other' }, RESPONSE));
  assert.ok(accepted({ statuses: ['500', '4xx'] }, RESPONSE));
  assert.ok(!accepted({ statuses: ['5xx'] }, RESPONSE));
  assert.ok(!accepted({ statuses: ['4xx'] }, REQUEST));
  assert.ok(accepted({ ids: ['1-1'] }, RESPONSE));
  assert.ok(!accepted({ ids: ['1-2'] }, RESPONSE));
  assert.ok(accepted({ ids: ['1-2'] }, { type: 'dropped', time: 0, count: 3 }));
});

test('rows that were dropped are a line, and binary payloads are hexadecimal', () => {
  assert.match(rowLine({ type: 'dropped', time: 0, count: 3 }, '', '', PLAIN) ?? '', /3 rows were dropped$/);
  assert.equal(payloadText(Buffer.from([0, 255, 16])), '00 ff 10');
  assert.equal(payloadText(Buffer.from('né').subarray(0, 2)), 'n');
  assert.equal(visibleText('a\x1b]0;title\x07\u202eb\nc'), 'a\\u{1b}]0;title\\u{7}\\u{202e}b\\nc');
  assert.equal(visibleText('\u200fa\u061c'), '\\u{200f}a\\u{61c}');
});
