/** Limit of open files (RLIMIT_NOFILE), and the number of connections that it allows. */
import { readdirSync, readFileSync } from 'node:fs';

/** Interval of reading the limit, ms: it can be changed from outside, as `worker_rlimit_nofile` does. */
const CHECK_INTERVAL = 1000;
/**
 * Number of connections above which other descriptors are not recounted; counting takes a microsecond per descriptor.
 */
const MAX_COUNTED = 4096;
const MIN_RESERVE = 8;
const MAX_RESERVE = 1024;

let limit = Number.POSITIVE_INFINITY;
/** Descriptors other than connections: logs, listening sockets, files, Node's own. */
let others = 0;
let checkedAt = Number.NEGATIVE_INFINITY;

/** Maximum number of open files of this process; infinite if the system does not report it. */
export function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch (error) {
    // Without a free descriptor the last known limit applies. Other systems do not have this file.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? Number.POSITIVE_INFINITY : limit;
  }
}

/** Descriptors reserved for active requests (upstream connections, files) and logs. */
function reserve(): number {
  return Math.max(MIN_RESERVE, Math.min(MAX_RESERVE, limit >> 3));
}

/** Number of connections that descriptors allow, without the reserve; `open`: current connections. */
export function connectionDescriptors(open: number): number {
  const now = performance.now();
  if (now - checkedAt >= CHECK_INTERVAL) {
    checkedAt = now;
    limit = openFileLimit();
    if (limit !== Number.POSITIVE_INFINITY && open <= MAX_COUNTED) others = Math.max(0, countOpen() - open);
  }
  return limit === Number.POSITIVE_INFINITY ? limit : Math.max(0, limit - reserve() - others);
}

function countOpen(): number {
  try {
    // One of them is the directory's own descriptor.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return limit;
  }
}

/** Whether more than half of the reserve is in use; `descriptor` is new and therefore was the lowest free number. */
export function nearlyExhausted(descriptor: number): boolean {
  return descriptor >= limit - reserve() / 2;
}
