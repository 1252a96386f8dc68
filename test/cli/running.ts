/** The command `bin/tsproxy` as a child process with a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../kit/index.js';

export const BINARY = fileURLToPath(new URL('../../../bin/tsproxy', import.meta.url));

/** A directory with a configuration `nginx.conf`; it goes when the test ends. */
export class Prefix {
  readonly path: string;

  constructor(t: { after(fn: () => void): void }, configuration: string) {
    this.path = mkdtempSync(join(tmpdir(), 'tsproxy-cli-'));
    // Workers of root run as nobody, and open its logs anew.
    chmodSync(this.path, 0o755);
    mkdirSync(join(this.path, 'logs'));
    this.write('nginx.conf', configuration);
    t.after(async () => {
      // Remaining processes were started in the background by a failed test.
      const pid = Number(this.read('nginx.pid'));
      if (pid > 1 && existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
      // Workers that have just lost their master may still write. The retries of `rmSync` do not remove what is new.
      for (let left = 100; ; left--) {
        try {
          rmSync(this.path, { recursive: true, force: true });
          break;
        } catch (error) {
          if (left === 0) throw error;
          await pause(50);
        }
      }
    });
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text.replaceAll('%%DIR%%', this.path));
  }

  read(name: string): string {
    const path = join(this.path, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** The error log. */
  get log(): string {
    return this.read('error.log');
  }

  /** Words that make this directory the prefix. */
  get words(): string[] {
    return ['-p', `${this.path}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  }
}

/** Output of a command, and its exit code. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. */
export function command(
  words: readonly string[],
  options: { cwd?: string; stdin?: string } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [BINARY, ...words], { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd });
  // The command may end without reading it.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** A proxy that serves as a process. */
export class Running {
  /** Settles with the exit code. */
  readonly exited: Promise<number | null>;

  constructor(
    readonly child: ChildProcess,
    readonly prefix: Prefix,
  ) {
    this.exited = new Promise((resolve) => child.on('exit', resolve));
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Waits for a line in the error log. */
  logged(pattern: RegExp): Promise<void> {
    return until(`the log has ${pattern}`, () => pattern.test(this.prefix.log));
  }
}

export interface ServeOptions {
  /** `closed`: the process has no descriptor 2. */
  readonly stderr?: 'ignore' | 'closed';
  /** Added to the environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** The Node.js that runs it. */
  readonly node?: string;
}

/** Starts, and waits for nothing. */
export function launch(t: { after(fn: () => void): void }, prefix: Prefix, options: ServeOptions = {}): Running {
  const words = [options.node ?? process.execPath, BINARY, ...prefix.words];
  const env = { ...process.env, ...options.env };
  const child =
    options.stderr === 'closed'
      ? spawn('/bin/sh', ['-c', 'exec "$@" 2>&-', 'sh', ...words], { stdio: 'ignore', env })
      : spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore', env });
  t.after(() => void child.kill('SIGKILL'));
  return new Running(child, prefix);
}

/** Starts and waits for the pid file. */
export async function serve(
  t: { after(fn: () => void): void },
  configuration: string,
  options: ServeOptions = {},
): Promise<Running> {
  const prefix = new Prefix(t, configuration);
  const running = launch(t, prefix, options);
  const { child } = running;
  await until('the pid file is there', () => prefix.read('nginx.pid') !== '' || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`not started:\n${prefix.log}`);
  return running;
}

/** A port that is free now: for configurations that another process must find again after a reload. */
export { closedPort as freePort } from '../kit/index.js';
