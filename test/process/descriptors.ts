/**
 * Takes a process its free descriptors, by its real limit. Root may lack the right to do that to processes of other users:
 * workers under test run as whoever runs the test.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { Running } from '../cli/running.js';

/** Skips where the system has no such tool or no /proc. */
export const NO_LIMITS =
  process.platform === 'linux' && spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0
    ? false
    : 'needs prlimit of util-linux';

/** The process id of the first process that serves. */
export async function workerOf(proxy: Running): Promise<number> {
  await proxy.logged(/#0: generation 1 started/);
  return Number(/(\d+)#0: generation 1 started/.exec(proxy.prefix.log)?.[1]);
}

/** The number that the next descriptor of a process will have. */
export function firstFree(pid: number): number {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let first = 0;
  while (used.has(first)) first++;
  return first;
}

/** Sets the limit of open files, and leaves the hard one as it is. */
export function limitFiles(pid: number, files: number): void {
  execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${files}:`]);
}

/**
 * From here on the process opens nothing; gives what lets it again. The limit is below all descriptors but the standard
 * ones: a limit at the first free number would leave one as soon as the process closes any other, such as a connection
 * whose FIN has been received already.
 */
export function exhaust(pid: number): () => void {
  limitFiles(pid, 3);
  return () => limitFiles(pid, 1024);
}
