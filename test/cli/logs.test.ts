/** `tsproxy logs`: formats, filters, growing and rotated files, and bounded memory. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { get, startProxy, until, websocket, websocketEcho } from '../kit/index.js';
import { BINARY, Prefix } from './running.js';

const ENVIRONMENT = { ...process.env, TZ: 'UTC' };

interface Printed {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function logs(prefix: Prefix, words: readonly string[], input = ''): Printed {
  return spawnSync(BINARY, ['logs', ...words], { cwd: prefix.path, encoding: 'utf8', input, env: ENVIRONMENT });
}

const request = (path: string, status: number, more: object = {}): string =>
  JSON.stringify({
    time: '2026-11-30T12:00:00.123Z',
    remote_addr: '127.0.0.1',
    method: 'GET',
    host: 'a.test',
    path,
    request: `GET ${path}?b=c HTTP/1.1`,
    status,
    bytes: 1536,
    duration: 0.25,
    completed: true,
    upstream: null,
    upstream_status: null,
    ...more,
  });

test('the formats json, websocket_json and combined are printed in columns, and other lines as they are', (t) => {
  const prefix = new Prefix(t, '');
  const tries = { upstream: '127.0.0.1:1, 127.0.0.1:2', upstream_status: '502, 200' };
  const closed = {
    time: '2026-11-30T12:00:01+00:00',
    event: 'close',
    remote_addr: '::1',
    host: 'a.test',
    request: 'GET /ws HTTP/1.1',
    upstream: '127.0.0.1:3',
    code: 1006,
    closed_by: 'client',
    reason: 'bye',
    messages_received: 1,
    messages_sent: 2,
    bytes_received: 10,
    bytes_sent: 20,
    duration: 7200,
  };
  prefix.write(
    'a.log',
    [
      request('/a', 200, tries),
      request('/b', 500, { completed: false, duration: 12.5 }),
      JSON.stringify({ ...closed, event: 'open', code: null }),
      JSON.stringify(closed),
      '127.0.0.1 - joe [30/Nov/2026:13:00:00 +0100] "GET /c?d HTTP/1.1" 404 153 "-" "curl/8"',
      '127.0.0.1 - - [30/Nov/2026:12:00:00 +0000] "\\x16\\x03" 400 0 "-" "-"',
      '{"other": "object"}',
      'no \x1b[31mformat\x9b',
      'the last line',
    ].join('\n'),
  );
  const { stdout, status } = logs(prefix, ['a.log']);
  assert.deepEqual(stdout.split('\n'), [
    '2026-11-30 12:00:00.123 200   GET   250ms   1.5K 127.0.0.1       a.test/a?b=c  -> 127.0.0.1:1 (502), 127.0.0.1:2 (200)',
    '2026-11-30 12:00:00.123 500   GET   12.5s   1.5K 127.0.0.1       a.test/b?b=c  incomplete',
    '2026-11-30 12:00:01     open  WS        -      - ::1             a.test/ws  -> 127.0.0.1:3',
    '2026-11-30 12:00:01     1006  WS       2h    30B ::1             a.test/ws  -> 127.0.0.1:3  closed by client: bye, 1/2 messages',
    '2026-11-30 12:00:00     404   GET       -   153B 127.0.0.1       /c?d',
    '2026-11-30 12:00:00     400   -         -     0B 127.0.0.1       \\x16\\x03',
    '{"other": "object"}',
    'no \\x1B[31mformat\\x9B',
    'the last line',
    '',
  ]);
  assert.equal(status, 0);
});

test('control characters in texts of clients do not reach the terminal', (t) => {
  const prefix = new Prefix(t, '');
  const evil = '\x1b]0;title\x07\u202e\x9b31m\r\n';
  prefix.write(
    'a.log',
    `${request(`/${evil}`, 200, { upstream: evil, method: evil, remote_addr: evil, host: evil })}\n`,
  );
  const { stdout } = logs(prefix, ['a.log']);
  assert.match(stdout, /^[\x20-\x7e]+\n$/);
});

test('lines are filtered by status, path, upstream and time, and printed as they are with --raw', (t) => {
  const prefix = new Prefix(t, '');
  const lines = [
    request('/one', 200, { upstream: '10.0.0.1:80' }),
    request('/one/two', 301, { duration: 2 }),
    request('/two', 404),
    request('/three/x/y', 503, { upstream: '10.0.0.2:80, 10.0.0.1:80', duration: 0.5 }),
    'something else',
  ];
  prefix.write('a.log', lines.map((line) => `${line}\n`).join(''));
  const found = (...words: string[]): number[] => {
    const { stdout } = logs(prefix, ['--raw', ...words, 'a.log']);
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => lines.indexOf(line));
  };
  assert.deepEqual(found(), [0, 1, 2, 3, 4]);
  assert.deepEqual(found('--status', '404,5xx'), [2, 3]);
  assert.deepEqual(found('--status', '300-404'), [1, 2]);
  assert.deepEqual(found('--path', '/one'), [0, 1]);
  assert.deepEqual(found('--path', '/*/x'), [3]);
  assert.deepEqual(found('--path', '/t.o'), []);
  assert.deepEqual(found('--upstream', '10.0.0.1'), [0, 3]);
  assert.deepEqual(found('--slower', '500ms'), [1, 3]);
  assert.deepEqual(found('--slower', '1s', '--status', '2xx'), []);
  assert.deepEqual(found('-n', '2'), [3, 4]);
  assert.deepEqual(found('-n', '99'), [0, 1, 2, 3, 4]);
  assert.deepEqual(found('-n', '0'), []);
});

test('invalid options and files that cannot be read are errors', (t) => {
  const prefix = new Prefix(t, '');
  for (const [words, message] of [
    [['--status', '7xx'], /^tsproxy: invalid status "7xx"; write 404, 5xx or 400-499\n/],
    [['--slower', 'soon'], /^tsproxy: invalid time "soon"/],
    [['-n', 'x'], /^tsproxy: invalid number "x"/],
    [['missing.log'], /^tsproxy logs: open\(\) "missing.log" failed \(2: No such file or directory\)\n$/],
    [[], /^tsproxy logs: open\(\) ".*\/logs\/access\.log" failed/],
  ] as const) {
    const { status, stdout, stderr } = logs(prefix, words);
    assert.deepEqual([status, stdout], [/open/.test(stderr) ? 1 : 2, '']);
    assert.match(stderr, message);
  }
});

test('standard input is read to its end', (t) => {
  const prefix = new Prefix(t, '');
  const { stdout } = logs(prefix, ['-', '--status', '404'], `${request('/a', 200)}\n${request('/b', 404)}`);
  assert.match(stdout, /^\S+ \S+ 404 .* a\.test\/b\?b=c\n$/);
});

/** The command with --follow, and what it has printed. */
class Follower {
  private output = '';
  private readonly child: ChildProcess;

  constructor(t: { after(fn: () => unknown): void }, prefix: Prefix, words: readonly string[]) {
    this.child = spawn(process.execPath, [BINARY, 'logs', '-f', ...words], {
      cwd: prefix.path,
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout?.on('data', (part: Buffer) => {
      this.output += part.toString('utf8');
    });
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    t.after(() => {
      this.child.kill();
      return ended;
    });
  }

  /** The paths printed, once there are as many. */
  async paths(count: number): Promise<string[]> {
    const found = (): string[] => [...this.output.matchAll(/a\.test(\S+)\?b=c\n/g)].map(([, path = '']) => path);
    await until(`${count} lines`, () => found().length >= count);
    return found();
  }
}

test('a log is followed when it grows, is rotated and is truncated', async (t) => {
  const prefix = new Prefix(t, '');
  const name = `${prefix.path}/a.log`;
  const line = (path: string): string => `${request(path, 200)}\n`;
  writeFileSync(name, [1, 2, 3].map((i) => line(`/${i}`)).join(''));
  const follower = new Follower(t, prefix, ['-n', '2', 'a.log']);
  assert.deepEqual(await follower.paths(2), ['/2', '/3']);
  const [first, second] = [line('/4').slice(0, 30), line('/4').slice(30)];
  appendFileSync(name, first);
  appendFileSync(name, second);
  assert.deepEqual((await follower.paths(3)).at(-1), '/4');
  // The writer continues with the old file until it opens the new one.
  const old = openSync(name, 'a');
  renameSync(name, `${name}.1`);
  writeFileSync(old, line('/5'));
  writeFileSync(name, `${'x'.repeat(2000)}\n${line('/6')}`);
  closeSync(old);
  assert.deepEqual((await follower.paths(5)).slice(3), ['/5', '/6']);
  truncateSync(name);
  appendFileSync(name, line('/7'));
  assert.deepEqual((await follower.paths(6)).at(-1), '/7');
});

test('the log of a running proxy is followed', async (t) => {
  const echo = await websocketEcho();
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location / { access_log logs/access.log json; return 404; }
      location /ws { access_log off; websocket_log logs/access.log websocket_json; proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
    }`,
    { ECHO: echo.port },
  );
  const prefix = new Prefix(t, '');
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  await get(proxy.port, '/first?b=c', { fields: ['Host: a.test'] });
  const follower = new Follower(t, prefix, [`${proxy.directory}/logs/access.log`]);
  assert.deepEqual(await follower.paths(1), ['/first']);
  const client = await websocket(proxy.port, '/ws?b=c', { host: 'a.test' });
  await get(proxy.port, '/second?b=c', { fields: ['Host: a.test'] });
  await client.close();
  const paths = await follower.paths(2);
  assert.deepEqual(paths.slice(0, 2), ['/first', '/second']);
});

test('a file of any size takes little memory, and reading ends with its reader', (t) => {
  const prefix = new Prefix(t, '');
  // One line without an end, and then many lines.
  writeFileSync(`${prefix.path}/long.log`, '');
  truncateSync(`${prefix.path}/long.log`, 200 << 20);
  const report = 'process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))';
  const { stderr, stdout } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(report)}`, BINARY, 'logs', 'long.log'],
    { cwd: prefix.path, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  // Each zero byte is shown as four characters.
  assert.equal(stdout.length, 4 * 65_536 + 1);
  const peak = Number(/peak (\d+)/.exec(stderr)?.[1]);
  assert.ok(peak > 0 && peak < 160 << 10, `${peak} KiB`);

  writeFileSync(`${prefix.path}/many.log`, `${request('/a', 200)}\n`.repeat(100_000));
  const first = spawnSync('/bin/sh', ['-c', `"$0" "$1" logs many.log | head -n 1`, process.execPath, BINARY], {
    cwd: prefix.path,
    encoding: 'utf8',
    env: ENVIRONMENT,
  });
  assert.match(first.stdout, /a\.test\/a\?b=c\n$/);
});
