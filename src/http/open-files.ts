/** The limit of open files (RLIMIT_NOFILE), and how many connections there are descriptors for. */
import { readdirSync, readFileSync } from 'node:fs';

/** ms after which is looked again: the limit can be changed from outside, as `worker_rlimit_nofile` does. */
const LOOK_INTERVAL = 1000;
/** With more connections than this, other descriptors are not counted anew, which takes a microsecond for each that is open. */
const COUNTED_MAX = 4096;
const MIN_RESERVE = 8;
const MAX_RESERVE = 1024;

let limit = Number.POSITIVE_INFINITY;
/** Descriptors that are no connections: logs, listening sockets, files, those of Node itself. */
let others = 0;
let lookedAt = Number.NEGATIVE_INFINITY;

/** How many files this process may have open; infinite where the system does not say. */
export function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch (error) {
    // Without a free descriptor the limit is the one known before. Other systems have no such file.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? Number.POSITIVE_INFINITY : limit;
  }
}

/** Descriptors that are left to what requests under way need (connections to upstreams, files) and to logs. */
function reserve(): number {
  return Math.max(MIN_RESERVE, Math.min(MAX_RESERVE, limit >> 3));
}

/** For how many connections there are descriptors, beside the reserve; `open`: how many there are. */
export function connectionDescriptors(open: number): number {
  const now = performance.now();
  if (now - lookedAt >= LOOK_INTERVAL) {
    lookedAt = now;
    limit = openFileLimit();
    if (limit !== Number.POSITIVE_INFINITY && open <= COUNTED_MAX) others = Math.max(0, countOpen() - open);
  }
  return limit === Number.POSITIVE_INFINITY ? limit : Math.max(0, limit - reserve() - others);
}

function countOpen(): number {
  try {
    // One of them is that of the directory itself.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return limit;
  }
}

/** A new descriptor has this number, the lowest that was free: more than half of the reserve is taken. */
export function nearlyExhausted(descriptor: number): boolean {
  return descriptor >= limit - reserve() / 2;
}
