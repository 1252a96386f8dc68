/** Programs that change trust stores. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Machine } from './trust-store.js';

/** Time for one run in ms: macOS asks the user for a password. */
const RUN_TIMEOUT = 120_000;

/** Absolute path of an executable in `PATH`, or null. */
export function programIn({ environment }: Machine, name: string): string | null {
  for (const directory of (environment.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Exit code and output of a program, which gets no input; the code is null if it could not be run or was killed. */
export function runProgram(
  { environment }: Machine,
  program: string,
  words: readonly string[],
): { readonly code: number | null; readonly stdout: string; readonly message: string } {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_TIMEOUT,
    maxBuffer: 16 * 1024 * 1024,
  });
  const [message = ''] = (stderr ?? '').trim().split('\n').slice(-1);
  return { code: status, stdout: stdout ?? '', message: error?.message ?? message };
}
