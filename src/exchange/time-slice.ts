/** Divides long work, so that a process that serves answers requests in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** ms of work in one turn of the event loop. */
const SLICE = 5;

/**
 * Used between the parts of the work: `if (slice.over) await slice.next()`. One object may serve several pieces of work,
 * one after the other.
 */
export class TimeSlice {
  private end = performance.now() + SLICE;

  /** The time is up: others must have a turn. */
  get over(): boolean {
    return performance.now() >= this.end;
  }

  /** Resolves in a later turn of the event loop, behind what has arrived meanwhile. */
  async next(): Promise<void> {
    await nextTurn();
    this.end = performance.now() + SLICE;
  }
}

/** Carries out work that is written in steps, in slices. */
export async function inSlices<T>(steps: Generator<void, T>): Promise<T> {
  const slice = new TimeSlice();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slice.over) await slice.next();
  }
}
