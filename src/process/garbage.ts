/**
 * Gives back the memory that reading a configuration leaves behind. Reading and compiling one makes megabytes of short-lived
 * data that reach V8's old generation because the old table lives beside the new one; on a proxy that then idles, or serves
 * without allocating much, nothing collects them: 1,000 reloads under load left 20 to 40 MiB of garbage resident.
 *
 * A full collection that is asked for stops the process for as long as marking the living heap takes (about 20 ms for
 * 15 MiB). Where the heap is so large that requests would wait too long, it is left to V8, which marks beside the work and
 * lets garbage take no more than 40 % of what lives (`--heap-growing-percent`). All does nothing where Node was not started
 * with `--expose-gc`, as `bin/tsproxy` starts it.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** ms after a configuration was read. More in that time add nothing, so a storm of them costs one collection per period. */
const SOON = 2000;
/**
 * ms after the last one at which a process with little to do gives its young generation back as well: V8 shrinks it
 * (16 MiB) where next to nothing was allocated for five seconds, and gives the pages back with the collection that follows.
 */
const QUIET = [8000, 10_000];
/** Bytes of heap in use, garbage among them, up to which a process that serves asks for it: it takes less than 50 ms then. */
const LARGEST = 40 << 20;
/** The share of its time that such a process is busy at most. */
const LITTLE = 0.05;

let largest = LARGEST;
let soon: NodeJS.Timeout | null = null;
let quiet: NodeJS.Timeout[] = [];

/**
 * Asks for a full collection soon, and for all that can be given back if nothing much happens until then. `serves`: requests
 * are answered here, which a collection of a large heap would keep waiting.
 */
export function collectAfterReading(serves: boolean): void {
  largest = serves ? LARGEST : Number.POSITIVE_INFINITY;
  if (soon === null) {
    soon = setTimeout(() => {
      soon = null;
      if (mayStop()) globalThis.gc?.();
    }, SOON);
    soon.unref();
  }
  for (const timer of quiet) clearTimeout(timer);
  const begin = performance.eventLoopUtilization();
  quiet = QUIET.map((delay) => setTimeout(giveBack, delay, begin).unref());
}

function mayStop(): boolean {
  return getHeapStatistics().used_heap_size <= largest;
}

/** Node's types know less of `gc` than V8, which has taken this since Node 18. */
function giveBack(begin: ReturnType<typeof performance.eventLoopUtilization>): void {
  if (performance.eventLoopUtilization(begin).utilization > LITTLE || !mayStop()) return;
  const gc = globalThis.gc as ((options: Record<string, string>) => void) | undefined;
  gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * From now on the young generation grows no more: for a master, for which reading a configuration in more steps is no loss,
 * and which would keep 16 MiB for it. V8 reads the flag whenever it would grow, from Node 20 to 26.
 */
export function stayYoung(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
