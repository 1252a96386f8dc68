/** Resource usage of a process and its children, from /proc: exact accounting of the kernel, without sampling. */
import { readdirSync, readFileSync } from 'node:fs';

/** A process and all its descendants. */
export function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    // The name in parentheses may contain any character; numbered fields follow the last parenthesis.
    const parent = Number(read(`/proc/${pid}/stat`).replace(/^.*\)/s, '').trim().split(' ')[1]);
    if (Number.isNaN(parent)) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const found = [root];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i] ?? 0) ?? []));
  return found;
}

/** CPU time of the processes with all their threads, in microseconds. */
export function cpuMicroseconds(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      // CPU time in ns; far finer than the clock ticks of /proc/PID/stat.
      nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
    }
  }
  return nanoseconds / 1000;
}

/** Proportional memory of the processes in bytes: shared pages count by their share. */
export function memoryBytes(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return kilobytes * 1024;
}

/** Resident memory of the processes in bytes: shared pages count for each. */
export function residentBytes(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  return kilobytes * 1024;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Text of a file; empty if the process has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
