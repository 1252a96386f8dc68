/** Divides long work, so that a serving process handles requests in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work per turn of the event loop, ms. */
const SLICE = 5;

/**
 * Used between parts of the work: `if (slice.over) await slice.next()`. One object may serve several successive tasks.
 */
export class TimeSlice {
  private end = performance.now() + SLICE;

  /** Whether the slice is used up and others must get a turn. */
  get over(): boolean {
    return performance.now() >= this.end;
  }

  /** Resolves in a later turn of the event loop, after events that arrived meanwhile. */
  async next(): Promise<void> {
    await nextTurn();
    this.end = performance.now() + SLICE;
  }
}

/** Runs work written as a generator, in slices. */
export async function inSlices<T>(steps: Generator<void, T>): Promise<T> {
  const slice = new TimeSlice();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slice.over) await slice.next();
  }
}
