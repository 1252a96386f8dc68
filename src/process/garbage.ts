/**
 * Returns memory to the system that the process needed for a while: for reading a configuration, or for a peak of
 * connections and buffers. V8 collects its old generation when it allocates, so that a process with little to do keeps tens
 * of MiB of garbage, and never shrinks its young generation (16 MiB) while it still serves a few hundred requests per second.
 *
 * A full collection stops the process for as long as marking the live heap takes, about 20 ms for 15 MiB. So it is done only
 * where there is much to gain, in a quiet moment, and not often; where the heap is so large that requests would wait too long,
 * it is left to V8, which marks beside the work and lets garbage take no more than 40 % of what lives
 * (`--heap-growing-percent`).
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** ms after a configuration was read. Reading more in that time adds nothing, so a storm of reloads costs one collection. */
const AFTER_READING = 2000;
/** Bytes of heap in use, garbage among them, up to which a process that serves asks for a collection: it takes less than 50 ms. */
const MAX_HEAP = 40 << 20;
/** ms between two looks at the resident memory. */
const INTERVAL = 1000;
/** Bytes above the least since the last collection that are worth another one, and bytes that do not wait for `gap`. */
const WORTHWHILE = 8 << 20;
const LARGE = 32 << 20;
/** Bytes within which resident memory does not count as growing, and the looks without growth before a collection. */
const STEADY = 1 << 20;
const STEADY_LOOKS = 3;
/** The share of its time that a process is busy at most in a quiet moment. */
const QUIET = 0.5;
/** ms between two collections; doubled while memory grows back as soon as it was returned. */
const MIN_GAP = 4000;
const MAX_GAP = 300_000;

let soon: NodeJS.Timeout | null = null;

/** Asks for a collection soon. `serves`: requests are answered here, which a collection of a large heap would keep waiting. */
export function collectAfterReading(serves: boolean): void {
  if (soon !== null) return;
  soon = setTimeout(() => {
    soon = null;
    if (!serves || heapInUse() <= MAX_HEAP) void collect();
  }, AFTER_READING);
  soon.unref();
}

/** Collects whenever resident memory has fallen behind a peak by nothing but its use; for the rest of the process. */
export function returnMemoryAfterPeaks(): void {
  const watch = new PeakWatch();
  setInterval(() => {
    const { utilization } = watch.elapsed();
    if (watch.due(process.memoryUsage.rss(), heapInUse(), utilization, performance.now())) void collect();
  }, INTERVAL).unref();
}

function heapInUse(): number {
  return getHeapStatistics().used_heap_size;
}

/** Decides when a collection is due, from regular looks at the process. Exported for tests. */
export class PeakWatch {
  private least = Number.POSITIVE_INFINITY;
  private previous = 0;
  private steadyLooks = 0;
  private gap = MIN_GAP;
  private collectedAt = Number.NEGATIVE_INFINITY;
  private utilization = performance.eventLoopUtilization();

  /** How busy the event loop was since the last call. */
  elapsed(): ReturnType<typeof performance.eventLoopUtilization> {
    const before = this.utilization;
    this.utilization = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(this.utilization, before);
  }

  /** Resident bytes, bytes of heap in use, the share of time that the process was busy, and ms on any clock. */
  due(resident: number, heap: number, busy: number, now: number): boolean {
    this.steadyLooks = resident > this.previous + STEADY ? 0 : this.steadyLooks + 1;
    this.previous = resident;
    this.least = Math.min(this.least, resident);
    const garbage = resident - this.least;
    const since = now - this.collectedAt;
    if (garbage < WORTHWHILE || heap > MAX_HEAP || busy > QUIET || this.steadyLooks < STEADY_LOOKS) return false;
    if (since < (garbage < LARGE ? this.gap : MIN_GAP)) return false;
    this.gap = since > 4 * this.gap ? MIN_GAP : Math.min(2 * this.gap, MAX_GAP);
    this.collectedAt = now;
    // Whatever is left after the collection is what the process needs now.
    this.least = Number.POSITIVE_INFINITY;
    return true;
  }
}

/**
 * Collects all that can be collected and shrinks the young generation. The inspector's request is the only way to do the
 * latter: `gc()` of `--expose-gc` leaves it as large as it has become.
 */
async function collect(): Promise<void> {
  if (!process.features.inspector) {
    globalThis.gc?.();
    return;
  }
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  // Within the answer the session is still in use.
  session.post('HeapProfiler.collectGarbage', () => setImmediate(() => session.disconnect()));
}

/**
 * From now on the young generation grows no more: for a master, for which reading a configuration in more steps is no loss,
 * and which would keep 16 MiB for it. V8 reads the flag whenever it would grow, from Node 20 to 26.
 */
export function stayYoung(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
