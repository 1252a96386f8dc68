/** `worker_cpu_affinity`, `worker_rlimit_nofile`: applied with the system's tools, as Node has no function for them. */

import { execFile } from 'node:child_process';
import { toBytes } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from '../logging/error-log.js';
import { openFileLimit } from '../net/open-files.js';
import type { MainSettings } from './main-settings.js';
import type { Owner } from './ownership.js';
import type { WorkersJob } from './workers.js';

/** ms that a tool may take. */
const TIMEOUT = 10_000;

/**
 * Sets the CPU affinity and the limit of open files of the `n`-th worker (from 0). Failures are logged and do not stop the
 * worker.
 */
export function setResources(
  pid: number,
  n: number,
  { settings, owner }: Pick<WorkersJob, 'settings' | 'owner'>,
  log: ErrorLog,
): void {
  const run = (what: string, command: string, words: readonly string[]): void => {
    attempt(command, words, owner, (reason) => log.write('alert', `${what} failed (${reason})`));
  };
  const processors = processorsOf(settings.affinity, n);
  if (processors !== null) run('sched_setaffinity()', 'taskset', ['--pid', `0x${processors.toString(16)}`, `${pid}`]);
  const { openFiles } = settings;
  if (openFiles !== null) {
    const limit = `--nofile=${openFiles}:${openFiles}`;
    run(`setrlimit(RLIMIT_NOFILE, ${openFiles})`, 'prlimit', ['--pid', `${pid}`, limit]);
  }
}

/** nginx's warning if `worker_connections` exceeds the limit of open files; null otherwise. */
export function connectionsWarning(connections: number | null, { openFiles }: MainSettings): string | null {
  const limit = openFiles ?? openFileLimit();
  if (connections === null || connections <= Math.max(limit, openFileLimit())) return null;
  return `${connections} worker_connections exceed open file resource limit: ${limit}`;
}

/** CPU mask of a worker; null if there is nothing to set. */
export function processorsOf(affinity: MainSettings['affinity'], n: number): bigint | null {
  if (affinity === null) return null;
  const { auto, masks } = affinity;
  if (!auto) return masks[n] ?? masks.at(-1) ?? null;
  // Workers take the processors of the mask in turn.
  const allowed = [...(masks[0] ?? 0n).toString(2)].reverse().flatMap((bit, i) => (bit === '1' ? [i] : []));
  const processor = allowed[n % allowed.length];
  return processor === undefined ? null : 1n << BigInt(processor);
}

/**
 * Runs a tool as this user, and if that fails as the worker's user: in a container root often lacks the capabilities to
 * change processes of other users (CAP_SYS_RESOURCE, CAP_SYS_NICE).
 */
function attempt(
  command: string,
  words: readonly string[],
  owner: Owner | null,
  failed: (reason: string) => void,
): void {
  const run = (as: { uid?: number; gid?: number }, otherwise: (reason: string) => void): void => {
    try {
      execFile(command, words, { timeout: TIMEOUT, ...as }, (error, _stdout, stderr) => {
        if (error !== null) otherwise(stderr.trim().split('\n')[0] || errnoText(error));
      });
    } catch (error) {
      // Node throws on ENOMEM.
      otherwise(errnoText(error));
    }
  };
  run({}, (reason) => {
    const complain = (): void => failed(toBytes(reason));
    if (owner === null) complain();
    else run({ uid: owner.uid, gid: owner.gid }, complain);
  });
}
