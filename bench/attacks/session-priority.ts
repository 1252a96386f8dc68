/** Scheduling of a benchmark next to other processes of the machine. */
import { readFileSync, writeFileSync } from 'node:fs';

const AUTOGROUP = '/proc/self/autogroup';

/**
 * Linux divides processors among sessions first, and by `nice` only within one (autogroups, sched(7)). Raises this session
 * to the highest priority; returns a function that restores its own. Without root privileges, or without autogroups, it does
 * nothing.
 */
export function raiseSession(): () => void {
  try {
    const before = /nice (-?\d+)/.exec(readFileSync(AUTOGROUP, 'utf8'))?.[1] ?? '0';
    writeFileSync(AUTOGROUP, '-20');
    return () => writeFileSync(AUTOGROUP, before);
  } catch {
    return () => {};
  }
}
