/**
 * Returns memory that the process needed temporarily, to read a configuration or for a peak of connections and buffers. V8
 * collects its old generation only on allocation, so that a process with little to do keeps tens of MiB of garbage, and it
 * does not shrink its young generation (16 MiB) while it still serves a few hundred requests per second.
 *
 * A collection first marks in small steps while requests are handled, which frees most of the memory with pauses of a few ms
 * however large the heap is. Then a full collection compacts the heap and shrinks the young generation; it stops the process
 * for as long as marking the live heap takes, about 20 ms for 15 MiB, and is skipped for a serving process with a larger
 * heap. Both are requested only if there is much to gain, in a quiet moment, and rarely.
 */
import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';
import { measureMemory } from 'node:vm';
import { releaseBlocks } from '../net/byte-queue.js';
import { keepShapes } from '../net/kept-shapes.js';
import { settledWithin } from './settled-within.js';

/**
 * ms after a configuration was read. Further reads within that time do not add collections, so a storm of reloads causes
 * one.
 */
const AFTER_READING = 2000;
/** Largest live heap for which a serving process requests a full collection: it then takes less than 40 ms. Bytes. */
const MAX_HEAP = 24 << 20;
/** The same for an idle process: only single messages can be delayed, by 100 ms. */
const MAX_IDLE_HEAP = 56 << 20;
/** ms after which a collection in small steps is no longer awaited. */
const MARKING_TIMEOUT = 10_000;
/** ms between two samples of the resident memory. */
const INTERVAL = 1000;
/** Growth above the minimum since the last collection that justifies another one, and growth that skips `gap`. Bytes. */
const WORTHWHILE = 5 << 20;
const LARGE = 32 << 20;
/** Changes of resident memory that do not count as growth, in bytes, and the samples without growth before a collection. */
const STEADY = 1 << 20;
const STEADY_SAMPLES = 3;
/** Largest share of time that the process may be busy in a quiet moment. */
const QUIET = 0.5;
/** ms between two collections; doubled while memory grows back as soon as it was returned. */
const MIN_GAP = 4000;
const MAX_GAP = 300_000;

/** Size of a young generation that need not shrink, bytes. */
const SMALL = 4 << 20;
/** ms over which V8 counts allocations. */
const IDLE_TIME = 6000;
/** Maximum share of a core that an idle process uses. */
const IDLE = 0.05;

let soon: NodeJS.Timeout | null = null;

/** Schedules a collection. `serves`: this process handles requests, which a collection of a large heap would delay. */
export function collectAfterReading(serves: boolean): void {
  if (soon !== null) return;
  soon = setTimeout(() => {
    soon = null;
    if (serves) void collectWhileServing();
    else void collect();
  }, AFTER_READING);
  soon.unref();
}

/** Requests a collection after each peak of resident memory, for the rest of the process. */
export function returnMemoryAfterPeaks(): void {
  keepShapes();
  const watch = new PeakWatch();
  let used = processorTime();
  setInterval(() => {
    const { utilization } = watch.elapsed();
    const before = used;
    used = processorTime();
    if (!watch.due(process.memoryUsage.rss(), utilization, performance.now())) return;
    void collectWhileServing((used - before) / INTERVAL < IDLE ? MAX_IDLE_HEAP : MAX_HEAP);
  }, INTERVAL).unref();
}

/**
 * Processor time of the process, ms. Unlike the utilization of the event loop, its share does not grow when other processes
 * use the CPU.
 */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heapInUse(): number {
  return getHeapStatistics().used_heap_size;
}

/** Decides when a collection is due, from periodic samples. Exported for tests. */
export class PeakWatch {
  private least = Number.POSITIVE_INFINITY;
  private previous = 0;
  private steadySamples = 0;
  private gap = MIN_GAP;
  private collectedAt = Number.NEGATIVE_INFINITY;
  private utilization = performance.eventLoopUtilization();

  /** Event loop utilization since the last call. */
  elapsed(): ReturnType<typeof performance.eventLoopUtilization> {
    const before = this.utilization;
    this.utilization = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(this.utilization, before);
  }

  /** Takes resident bytes, the share of time that the process was busy, and ms on any clock. */
  due(resident: number, busy: number, now: number): boolean {
    this.steadySamples = resident > this.previous + STEADY ? 0 : this.steadySamples + 1;
    this.previous = resident;
    this.least = Math.min(this.least, resident);
    const garbage = resident - this.least;
    const since = now - this.collectedAt;
    if (garbage < WORTHWHILE || busy > QUIET || this.steadySamples < STEADY_SAMPLES) return false;
    if (since < (garbage < LARGE ? this.gap : MIN_GAP)) return false;
    this.gap = since > 4 * this.gap ? MIN_GAP : Math.min(2 * this.gap, MAX_GAP);
    this.collectedAt = now;
    // Memory in use after the collection is the new minimum.
    this.least = Number.POSITIVE_INFINITY;
    return true;
  }
}

/**
 * Frees garbage without delaying requests by more than some ms, or tens of ms if the live heap is at most `maxHeap` bytes.
 * Exported for tests.
 */
export async function collectWhileServing(maxHeap = MAX_HEAP): Promise<void> {
  releaseBlocks();
  await collectInSteps();
  if (heapInUse() <= maxHeap) await collect();
  else if (youngGeneration() > SMALL) await shrinkWhenIdle();
}

/**
 * Shrinks the young generation beside a large heap: V8 does so at the end of any collection of the old generation, if little
 * was allocated in the seconds before it. After thousands of connections were opened, it would keep 16 MiB unused.
 */
async function shrinkWhenIdle(): Promise<void> {
  const before = processorTime();
  await new Promise<void>((resolve) => void setTimeout(resolve, IDLE_TIME).unref());
  if ((processorTime() - before) / IDLE_TIME < IDLE) await collectInSteps();
}

/** Bytes of the young generation. */
function youngGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

/**
 * Marks incrementally and concurrently, then sweeps: a side effect of measuring memory, and the only way to request that.
 * Resolves when it has ended, or at once if this Node cannot do it.
 */
async function collectInSteps(): Promise<void> {
  const { emitWarning } = process;
  let measured: Promise<unknown>;
  try {
    // `measureMemory` is experimental, which Node prints.
    process.emitWarning = () => {};
    measured = measureMemory({ mode: 'summary', execution: 'eager' });
  } catch {
    return;
  } finally {
    process.emitWarning = emitWarning;
  }
  await settledWithin(measured, MARKING_TIMEOUT);
}

/**
 * Runs a full collection and shrinks the young generation. Only the inspector's request does the latter: `gc()` of
 * `--expose-gc` leaves it as large as it has become.
 */
async function collect(): Promise<void> {
  if (!process.features.inspector) {
    globalThis.gc?.();
    return;
  }
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  // The session is still in use inside its own callback.
  session.post('HeapProfiler.collectGarbage', () => setImmediate(() => session.disconnect()));
}

/**
 * Stops the young generation from growing: for a master, which can read a configuration with more frequent collections and
 * would otherwise keep 16 MiB for it. V8 reads the flag each time it would grow, from Node 20 to 26.
 */
export function limitYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
