/** `tsproxy dev` in a terminal: a pseudo-terminal of the program `script` of util-linux. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { closedPort, get, until } from '../../kit/index.js';
import { BINARY } from '../running.js';
import { directory, writeFiles } from './dev-process.js';

const hasScript = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');
const skip = hasScript ? false : 'the program "script" of util-linux is not installed: there is no pseudo-terminal';

interface Terminal {
  readonly child: ChildProcess;
  readonly text: string;
  /** The exit code of the command. */
  exited(): Promise<number | null>;
  press(keys: string): void;
  shows(pattern: RegExp): Promise<void>;
}

/** Runs a shell command in a terminal. */
function terminal(t: { after(fn: () => void): void }, cwd: string, line: string, env: NodeJS.ProcessEnv): Terminal {
  const child = spawn('script', ['-qfec', line, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm', XDG_DATA_HOME: join(cwd, '.data'), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
  return {
    child,
    get text() {
      return text;
    },
    async exited() {
      await until('the command has ended', () => child.exitCode !== null);
      return child.exitCode;
    },
    press: (keys) => void child.stdin?.write(keys),
    shows: (pattern) => until(`the terminal shows ${pattern}`, () => pattern.test(text)),
  };
}

const DEV = `"${process.execPath}" "${BINARY}" dev`;

async function site(t: { after(fn: () => void): void }): Promise<{ cwd: string; port: number }> {
  const cwd = directory(t);
  const port = await closedPort();
  writeFiles(cwd, {
    'nginx.conf': `events {} http { server { listen 127.0.0.1:${port}; location / { return 404; } } }`,
  });
  return { cwd, port };
}

test('keys reload, clear the screen, open the console, show the keys, and quit', { skip }, async (t) => {
  const { cwd, port } = await site(t);
  // The program that opens URLs.
  writeFiles(cwd, { 'bin/xdg-open': `#!/bin/sh\necho "$1" > "${cwd}/opened"\n` });
  chmodSync(join(cwd, 'bin/xdg-open'), 0o755);
  const shown = terminal(t, cwd, DEV, { NO_COLOR: '', PATH: `${join(cwd, 'bin')}:${process.env.PATH}` });
  await shown.shows(/r reload, c clear, o open the console, q quit, h help/);
  await get(port, '/missing');
  await shown.shows(/\/missing {2}\x1b\[33m404\x1b\[0m/);
  shown.press('r');
  await shown.shows(/reloaded \(r\)/);
  shown.press('c');
  await shown.shows(/\x1b\[2J/);
  shown.press('h');
  await shown.shows(/\x1b\[2J[\s\S]*q quit, h help/);
  shown.press('o');
  await until(
    'the console was opened',
    () => existsSync(join(cwd, 'opened')) && readFileSync(join(cwd, 'opened'), 'utf8') !== '',
  );
  assert.match(readFileSync(join(cwd, 'opened'), 'utf8'), /^http:\/\/localhost:\d+\/\n$/);
  // An arrow key is an escape sequence, and none of its characters a key.
  shown.press('\x1b[C');
  shown.press('q');
  assert.equal(await shown.exited(), 0);
});

test('Ctrl-C ends it and leaves the terminal as it was', { skip }, async (t) => {
  const { cwd } = await site(t);
  const shown = terminal(t, cwd, `${DEV}; echo "code $?"; stty -a`, { NO_COLOR: '1' });
  await shown.shows(/q quit, h help/);
  assert.doesNotMatch(shown.text, /\x1b\[\d*m/, 'NO_COLOR');
  shown.press('\x03');
  await shown.shows(/code 0[\s\S]* icanon [\s\S]* echo /);
  await shown.exited();
});

test('it ends when its terminal is closed, by the signal and without a crash of Node.js', { skip }, async (t) => {
  const { cwd } = await site(t);
  const ended = join(cwd, 'ended');
  const shown = terminal(t, cwd, `trap : HUP; ${DEV}; echo "code $?" > ended`, { NO_COLOR: '1' });
  await shown.shows(/q quit, h help/);
  shown.child.kill('SIGKILL');
  const text = (): string => (existsSync(ended) ? readFileSync(ended, 'utf8') : '');
  await until('the command has ended', () => text().endsWith('\n'));
  assert.equal(text(), 'code 129\n');
});
