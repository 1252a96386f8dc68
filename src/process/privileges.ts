/** `user`, `worker_priority`: privileges and scheduling priority of a worker. */
import os from 'node:os';
import { errnoText } from '../diagnostics/errno.js';
import type { Owner } from './ownership.js';

/** Missing from Node's types. */
const { initgroups } = process as unknown as { initgroups(user: string, group: number): void };

/**
 * Applies them to this worker in nginx's order; throws nginx's message on failure. A `worker_priority` of 0 is the master's
 * priority: the worker has it already, unless it was started with a raised one (`WorkerHandle.hurry`).
 */
export function applyPrivileges(owner: Owner | null, workerPriority: number): void {
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
