/** State of a worker that does not respond, from the kernel's tables. */
import { readFile } from 'node:fs/promises';

/** States of proc_pid_stat(5). */
const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for a device',
  T: 'stopped by a signal',
  t: 'stopped by a debugger',
};

/** ` (running)`, ` (stopped by a signal)`, …; empty where it is not known. */
export async function processState(pid: number): Promise<string> {
  try {
    // The name of the command, in parentheses, may hold anything.
    const state = STATES[/\) (.)[^)]*$/.exec(await readFile(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''];
    return state === undefined ? '' : ` (${state})`;
  } catch {
    // It has ended, or this is not Linux.
    return '';
  }
}
