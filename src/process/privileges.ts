/** `user`, `worker_priority`: the rights and the rank with which a worker serves. */
import os from 'node:os';
import { errnoText } from '../diagnostics/errno.js';
import type { Owner } from './ownership.js';

/** Node's types forget it. */
const { initgroups } = process as unknown as { initgroups(user: string, group: number): void };

/**
 * Sets them for this worker, in the order in which nginx does; throws nginx's sentence where that fails. A `worker_priority` of
 * 0 is the master's priority: the worker has that already, unless it was started ahead of others (`WorkerHandle.hurry`).
 */
export function takeRights(owner: Owner | null, workerPriority: number): void {
  const priority = workerPriority === 0 ? os.getPriority(process.ppid) : workerPriority;
  if (priority !== os.getPriority()) attempt(`setpriority(${priority})`, () => os.setPriority(priority));
  if (owner === null) return;
  const { name, uid, gid } = owner;
  attempt(`setgid(${gid})`, () => process.setgid?.(gid));
  attempt(`initgroups(${name}, ${gid})`, () => initgroups.call(process, name, gid));
  attempt(`setuid(${uid})`, () => process.setuid?.(uid));
}

function attempt(what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new Error(`${what} failed (${errnoText(error)})`);
  }
}
