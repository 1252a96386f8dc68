/**
 * The quick starts do what they show, followed in an empty directory. A block with a file name is a file. In a block `console`,
 * lines after `$ ` are run by a shell, and the others are their output. In a block `console serves`, the command keeps running,
 * and prints the lines.
 *
 * Packages are linked from the checkout. With TSPROXY_PACKAGE=FILE.tgz, the file of `npm pack`, they are installed as the pages say;
 * then each page prints how long it took.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { closedPort, until, untilAccepting } from './kit/index.js';
import { ROOT } from './structure/sources.js';

const DIRECTORY = join(ROOT, 'docs/quick-start');
const PAGES = readdirSync(DIRECTORY).filter((name) => name !== 'README.md');
const PACKAGE = process.env.TSPROXY_PACKAGE;
/** Ports of the pages, which get free ones. */
const PORTS = ['3000', '4000', '8080', '8443'];

const missing = ['/usr/bin/curl'].find((path) => !existsSync(path));
const skip = missing === undefined ? false : `${missing} is not installed`;

interface Block {
  readonly language: string;
  /** Name of a file, or `serves`; empty for neither. */
  readonly word: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(DIRECTORY, page), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language = '', word = '', content = '']) => {
    return { language, word, text: content };
  });
}

/** A user who follows a page. */
class Reader {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsproxy-quick-start-'));
  readonly processes: ChildProcess[] = [];
  /** Number of lines that commands printed as shown. */
  checked = 0;

  private constructor(private readonly ports: ReadonlyMap<string, string>) {}

  static async begin(): Promise<Reader> {
    const ports = new Map<string, string>();
    for (const port of PORTS) ports.set(port, String(await closedPort()));
    const reader = new Reader(ports);
    // Workers of root run as nobody.
    chmodSync(reader.directory, 0o755);
    return reader;
  }

  async follow({ language, word, text }: Block): Promise<void> {
    if (language === 'console') {
      for (const step of text.split(/^\$ /m).slice(1)) {
        const [command = '', ...shown] = step.split('\n');
        if (command.startsWith('npm install ')) await this.install(command.split(' ').slice(2));
        else if (word === 'serves') await this.start(this.real(command), shown.filter(Boolean));
        else await this.run(command, shown.join('\n'));
      }
    } else if (word !== '') {
      const path = join(this.directory, word);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, this.real(text));
    }
  }

  private async install(words: readonly string[]): Promise<void> {
    const { directory: cwd } = this;
    if (PACKAGE !== undefined) {
      const packages = words.map((word) => (word.endsWith('.tgz') ? PACKAGE : word));
      await promisify(execFile)('npm', ['install', ...packages], { cwd });
      return;
    }
    const modules = join(this.directory, 'node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    for (const word of words) {
      const name = word.endsWith('.tgz') ? 'tsproxy' : word;
      const from = name === 'tsproxy' ? ROOT : join(ROOT, 'node_modules', name);
      symlinkSync(from, join(modules, name));
      const { bin = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
        readonly bin?: Readonly<Record<string, string>>;
      };
      for (const [command, path] of Object.entries(bin)) symlinkSync(join(from, path), join(modules, '.bin', command));
    }
  }

  private get env(): NodeJS.ProcessEnv {
    const { directory } = this;
    // A test runner that is started by another one reports to it.
    const { NODE_TEST_CONTEXT: _, ...outer } = process.env;
    return { ...outer, XDG_DATA_HOME: join(directory, '.data'), NO_COLOR: '1', npm_config_offline: 'true' };
  }

  private async run(command: string, shown: string): Promise<void> {
    const { directory: cwd, env } = this;
    const options = { cwd, env, timeout: 60_000 };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `exec 2>&1; ${this.real(command)}`], options);
    assert.equal(this.asShown(stdout).replaceAll('\r', ''), shown, command);
    this.checked += shown === '' ? 0 : 1;
  }

  /** Starts a command that serves, and waits for the lines that it prints, or for its port. */
  private async start(command: string, shown: readonly string[]): Promise<void> {
    const { directory: cwd, env } = this;
    const child = spawn('/bin/sh', ['-c', command], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.processes.push(child);
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
    }
    const ended = (): boolean => child.exitCode !== null;
    const lines = shown.map((line) => line.trim());
    await until(
      `"${command}" prints ${lines}`,
      () => ended() || lines.every((line) => this.asShown(printed).includes(line)),
    );
    const file = /^node (\S+)$/.exec(command)?.[1];
    const source = file === undefined ? '' : readFileSync(join(cwd, file), 'utf8');
    const [, port] = /(?:listen\(|port: )(\d+)/.exec(source) ?? [];
    if (port !== undefined) await untilAccepting(Number(port), ended);
    assert.ok(!ended(), `"${command}" ended:\n${printed}`);
  }

  private real(text: string): string {
    return text.replace(/\b\d{4}\b/g, (port) => this.ports.get(port) ?? port);
  }

  private asShown(text: string): string {
    let shown = text;
    for (const [port, real] of this.ports) shown = shown.replaceAll(real, port);
    return shown.replaceAll(`${this.directory}/`, '');
  }

  /** Ends what serves, as Ctrl-C in its terminal does. */
  async end(): Promise<void> {
    for (const child of this.processes) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      process.kill(-child.pid, 'SIGINT');
      await until('it has ended', () => child.exitCode !== null || child.signalCode !== null);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe('a quick start', { concurrency: 2, skip }, () => {
  for (const page of PAGES) {
    test(`${page}, followed in an empty directory, does what it shows`, async (t) => {
      const began = performance.now();
      const reader = await Reader.begin();
      try {
        for (const block of blocksOf(page)) await reader.follow(block);
        assert.ok(reader.checked > 0);
        if (PACKAGE !== undefined) t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s`);
      } finally {
        await reader.end();
      }
    });
  }
});

test('the list of quick starts is complete, and each fits on a screen', () => {
  const list = readFileSync(join(DIRECTORY, 'README.md'), 'utf8');
  for (const page of PAGES) {
    assert.ok(list.includes(`](${page})`), page);
    const lines = readFileSync(join(DIRECTORY, page), 'utf8').split('\n').length;
    assert.ok(lines <= 90, `${basename(page)} has ${lines} lines`);
  }
});
