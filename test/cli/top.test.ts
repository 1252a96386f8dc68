/** `tsproxy top`: the page, and the terminal in which it is shown. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rendered } from '../../src/cli/console/line-parts.js';
import { overviewLines } from '../../src/cli/console/overview-page.js';
import { PLAIN } from '../../src/diagnostics/style.js';
import { answeringBackend, closedPort, get, reply, startProxy, type TestProxy, until } from '../kit/index.js';
import { ask } from '../modules/console-client.js';
import { BINARY, command } from './running.js';

const withoutScript = spawnSync('script', ['--version']).error === undefined ? false : 'needs script (util-linux)';

async function scene(t: TestContext): Promise<TestProxy> {
  const server = await answeringBackend(() => reply('ok'));
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%PORT%%; server 127.0.0.1:1 max_fails=1 fail_timeout=1h; }
    server { listen 127.0.0.1:0; location /console/ { console; } location / { proxy_pass http://app; } }`,
    { PORT: server.port },
  );
  t.after(() => Promise.all([proxy.close(), server.close()]));
  for (let i = 0; i < 4; i++) await get(proxy.port, '/');
  return proxy;
}

/** The command in a pseudo-terminal, with what it has written. */
class Terminal {
  out = '';
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private readonly names: string;

  constructor(t: TestContext, directory: string, words: readonly string[], size = 'cols 100 rows 30') {
    this.names = join(directory, 'terminal');
    const script = join(directory, 'run.sh');
    const quoted = [process.execPath, BINARY, 'top', ...words].map((word) => `'${word}'`).join(' ');
    // The settings of the terminal are compared before and after.
    writeFileSync(
      script,
      `stty ${size}; tty > ${this.names}; stty -g > ${this.names}.before
sh -c 'echo $$ > ${this.names}.pid; exec "$@"' sh ${quoted}; echo "code $?" > ${this.names}.code
stty -g > ${this.names}.after; echo restored; sleep 0.1\n`,
    );
    this.child = spawn('script', ['-q', '-e', '-c', `sh ${script}`, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => void this.child.kill('SIGKILL'));
    this.child.stdout?.setEncoding('utf8').on('data', (part: string) => (this.out += part));
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  resize(columns: number, rows: number): void {
    const name = readFileSync(this.names, 'utf8').trim();
    spawnSync('stty', ['-F', name, 'cols', String(columns), 'rows', String(rows)]);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(Number(readFileSync(`${this.names}.pid`, 'utf8')), signal);
  }

  /** Lines of the last screen that has arrived whole. */
  get screen(): string[] {
    const whole = this.out.slice(0, Math.max(this.out.lastIndexOf('\x1b[J'), 0));
    const last = whole.split('\x1b[H').at(-1) ?? '';
    return last
      .replace(/\x1b\[[?\d;]*[A-Za-z]/g, '')
      .split('\r\n')
      .map((line) => line.trimEnd());
  }

  async shows(what: string, pattern: RegExp): Promise<void> {
    await until(`${what}: ${this.screen.join('\n')}`, () => this.screen.some((line) => pattern.test(line)));
  }

  /** Whether the terminal is as before: its screen, cursor and modes. */
  async assertRestored(code: number): Promise<void> {
    await this.ended;
    const [before, after] = ['before', 'after'].map((name) => readFileSync(`${this.names}.${name}`, 'utf8'));
    assert.equal(after, before);
    assert.equal(readFileSync(`${this.names}.code`, 'utf8'), `code ${code}\n`);
    const begin = this.out.indexOf('\x1b[?1049h');
    const end = this.out.lastIndexOf('\x1b[?1049l');
    assert.ok(begin >= 0 && end > begin, 'the screen is restored');
    assert.ok(this.out.lastIndexOf('\x1b[?25h') > this.out.lastIndexOf('\x1b[?25l'), 'the cursor is visible');
    assert.ok(this.out.lastIndexOf('\x1b[?7h') > this.out.lastIndexOf('\x1b[?7l'), 'lines are wrapped');
    assert.match(this.out.slice(end), /restored/);
  }
}

test('the state is refreshed, sorted, and resized, until the user quits', { skip: withoutScript }, async (t) => {
  const proxy = await scene(t);
  const terminal = new Terminal(t, proxy.directory, [`http://127.0.0.1:${proxy.port}/console/`]);
  await terminal.shows('the state', /^warning {2}1 of 2 servers of "app" is down/);
  assert.equal(terminal.screen.length, 30);
  const servers = () => terminal.screen.flatMap((line) => /^app +(\S+) +(up|unavail)\b/.exec(line)?.[1] ?? []);
  const configured = servers();
  assert.equal(configured[1], '127.0.0.1:1');
  terminal.type('ssss');
  await terminal.shows('the order', /sort: state/);
  assert.deepEqual(servers(), [...configured].reverse());
  terminal.type('r');
  await until('the reversed order', () => servers()[0] === configured[0]);
  terminal.resize(50, 12);
  await until('a smaller screen', () => terminal.screen.length === 12);
  assert.ok(terminal.screen.every((line) => [...line].length <= 50));
  terminal.type('\x1b[B\x1b[B\x1b[B');
  await until('scrolled lines', () => /arrows/.test(terminal.screen.at(-1) ?? '') || servers().length > 0);
  const screens = terminal.out.split('\x1b[H').length;
  await until('another screen', () => terminal.out.split('\x1b[H').length > screens);
  terminal.type('q');
  await terminal.assertRestored(0);
});

for (const [how, end, code] of [
  ['Ctrl-C', (terminal: Terminal) => terminal.type('\x03'), 0],
  ['SIGTERM', (terminal: Terminal) => terminal.signal('SIGTERM'), 143],
] as const) {
  test(`the terminal is restored after ${how}`, { skip: withoutScript }, async (t) => {
    const proxy = await scene(t);
    const terminal = new Terminal(t, proxy.directory, [`http://127.0.0.1:${proxy.port}/console/`]);
    await terminal.shows('the state', /^Requests /);
    end(terminal);
    await terminal.assertRestored(code);
  });
}

test('a lost connection is shown, and opened again', { skip: withoutScript }, async (t) => {
  const proxy = await scene(t);
  const terminal = new Terminal(t, proxy.directory, [`http://127.0.0.1:${proxy.port}/console/`]);
  await terminal.shows('the state', /^Requests /);
  await proxy.proxy.close();
  await terminal.shows('the loss', /^no connection: /);
  terminal.type('q');
  await terminal.assertRestored(0);
});

test('without a terminal, or on request, the state is printed once, as text or JSON', async (t) => {
  const proxy = await scene(t);
  const url = `http://127.0.0.1:${proxy.port}/console/`;
  const text = await command(['top', url, '--sort', 'fails']);
  assert.deepEqual([text.code, text.stderr], [0, '']);
  assert.match(text.stdout, /^tsproxy \S+ {2}generation 1 since /);
  assert.match(text.stdout, /^app +127\.0\.0\.1:1 +unavail .*\napp +127\.0\.0\.1:\d+ +up /m);
  assert.doesNotMatch(text.stdout, /\x1b/);
  const json = await command(['top', '--console', url, '--json']);
  const state = JSON.parse(json.stdout);
  assert.equal(state.generation, 1);
  assert.equal(state.upstreams[0].name, 'app');
  const nowhere = `127.0.0.1:${await closedPort()}`;
  const failed = await command(['top', `http://${nowhere}/`]);
  assert.deepEqual([failed.code, failed.stderr], [1, `tsproxy top: ${nowhere}: connect ECONNREFUSED ${nowhere}\n`]);
});

test('lines are cut at the width of the terminal, and names of the configuration do not control it', async (t) => {
  const proxy = await scene(t);
  const { body } = await ask(proxy.port, 'state');
  body.upstreams[0].name = 'a\x1b[2J';
  body.problems.push({ severity: 'error', id: 'x', text: 'x'.repeat(200), since: body.time });
  const lines = overviewLines(body, { order: 'name', reverse: false }).map((line) => rendered(line, 60, PLAIN));
  assert.ok(lines.every((line) => [...line].length <= 60));
  assert.ok(lines.some((line) => line.endsWith('\u2026')));
  assert.ok(lines.every((line) => !line.includes('\x1b')));
});
