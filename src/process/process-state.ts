/** State of a worker that does not respond, from the kernel's tables. */
import { readFileSync } from 'node:fs';

/** States of proc_pid_stat(5). */
const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for a device',
  T: 'stopped by a signal',
  t: 'stopped by a debugger',
};

export interface ProcessState {
  /** ` (running)`, ` (stopped by a signal)`, …; empty where it is not known. */
  readonly text: string;
  /** The process is stopped and does nothing until it is continued. */
  readonly isStopped: boolean;
}

export function processState(pid: number): ProcessState {
  let letter = '';
  try {
    // The command name, in parentheses, may contain any character.
    letter = /\) (.)[^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? '';
  } catch {
    // The process has ended, or this is not Linux.
  }
  const state = STATES[letter];
  return { text: state === undefined ? '' : ` (${state})`, isStopped: letter === 'T' || letter === 't' };
}

/**
 * Number of system calls with which the process has read and written so far (proc_pid_io(5)); null if not known. It does not grow
 * in an endless loop of a script, but does in a process that has too little CPU time for its work.
 */
export function ioCalls(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'latin1');
    return [...text.matchAll(/^sysc[rw]: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  } catch {
    // The process has ended, this is not Linux, or the kernel does not permit it.
    return null;
  }
}
