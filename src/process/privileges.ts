/** `user`, `worker_priority`: the rights and the rank with which a worker serves. */
import os from 'node:os';
import { errnoText } from '../diagnostics/errno.js';
import type { MainSettings } from './main-settings.js';

/** Sets them for this process; throws nginx's sentence where that fails. Does nothing about the user where it is not root. */
export function takeRights({ user, priority }: MainSettings): void {
  if (priority !== 0) {
    attempt(`setpriority(${priority})`, () => os.setPriority(priority));
  }
  if (user === null || process.geteuid?.() !== 0) return;
  const { name, group } = user;
  attempt(`setgid(${group})`, () => process.setgid?.(group), `getgrnam("${group}") failed`);
  attempt(`initgroups(${name}, ${group})`, () => initgroups.call(process, name, group), `getpwnam("${name}") failed`);
  attempt(`setuid(${name})`, () => process.setuid?.(name), `getpwnam("${name}") failed`);
}

/** Node's types forget it. */
const { initgroups } = process as unknown as { initgroups(user: string, group: string): void };

/** `unknown` is said of a name that the system does not have. */
function attempt(what: string, act: () => void, unknown = what): void {
  try {
    act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ERR_UNKNOWN_CREDENTIAL' ? unknown : `${what} failed (${errnoText(error)})`);
  }
}
