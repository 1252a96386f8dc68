/** The command `tsproxy dev` as a child process with a directory of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '../../kit/index.js';
import { BINARY } from '../running.js';

type Scope = { after(fn: () => void): void };

/** A directory that is removed when the test ends. */
export function directory(t: Scope): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-dev-'));
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return path;
}

/** Writes files below a directory. */
export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

export interface DevProcess {
  readonly child: ChildProcess;
  /** The directory in which it runs. */
  readonly cwd: string;
  /** Its output so far. */
  readonly text: string;
  readonly exited: Promise<number | null>;
  /** Waits until the output matches. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts `tsproxy dev` in a directory; resolves when it has printed its banner, or has ended. */
export async function startDev(
  t: Scope,
  cwd: string,
  words: readonly string[],
  options: SpawnOptions = {},
): Promise<DevProcess> {
  const temporary = mkdtempSync(join(tmpdir(), 'tsproxy-run-'));
  // It may run as another user.
  chmodSync(temporary, 0o1777);
  const env = { ...process.env, XDG_DATA_HOME: join(cwd, '.data'), TMPDIR: temporary, ...options.env };
  const child = spawn(process.execPath, [BINARY, 'dev', ...words], {
    ...options,
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  // However it ends, its files, such as passwords, are removed.
  t.after(async () => {
    child.kill('SIGTERM');
    await exited;
    const left = readdirSync(temporary).filter((name) => name.startsWith('tsproxy-dev-'));
    rmSync(temporary, { recursive: true, force: true });
    assert.deepEqual(left, []);
  });
  const shows = async (pattern: RegExp): Promise<RegExpExecArray> => {
    await until(`the output has ${pattern}`, () => pattern.test(text) || child.exitCode !== null);
    const match = pattern.exec(text);
    if (match === null) throw new Error(`the output has no ${pattern}:\n${text}`);
    return match;
  };
  await until('the banner is there', () => text.includes('saved changes are applied') || child.exitCode !== null);
  return {
    child,
    cwd,
    get text() {
      return text;
    },
    exited,
    shows,
  };
}
