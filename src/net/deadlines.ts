/**
 * Coarse timeouts: each object stores its deadline, and one interval timer checks all of them. Setting a deadline is a
 * field write, so it can be done for every read and write.
 */
import { performance } from 'node:perf_hooks';

/** An object with a deadline. */
export interface Timed {
  /** ms on the clock of `now()`; 0 for none. */
  deadline: number;
  /** Index in the list, or -1; maintained by this module. */
  deadlineIndex: number;
  /** Called when the deadline has passed; it is then 0. */
  timedOut(): void;
}

/** Precision, ms: deadlines are noticed up to this much late. */
const TICK = 50;

const timed: Timed[] = [];
let interval: NodeJS.Timeout | null = null;
let current = performance.now();

/** Monotonic time of the last tick, ms: up to `TICK` old, but cheap enough for each read and write. */
export function now(): number {
  return current;
}

/** Adds an object to the list of checked objects; it may then set `deadline`. */
export function watch(entry: Timed): void {
  if (entry.deadlineIndex >= 0) return;
  entry.deadlineIndex = timed.push(entry) - 1;
  if (interval === null) {
    current = performance.now();
    interval = setInterval(checkDeadlines, TICK);
    // Deadlines alone must not keep the process alive; sockets do.
    interval.unref();
  }
}

/** Removes an object from the list. */
export function unwatch(entry: Timed): void {
  const i = entry.deadlineIndex;
  if (i < 0) return;
  entry.deadlineIndex = -1;
  const last = timed.pop();
  if (last !== undefined && last !== entry) {
    timed[i] = last;
    last.deadlineIndex = i;
  }
  if (timed.length === 0 && interval !== null) {
    clearInterval(interval);
    interval = null;
  }
}

/** Number of watched objects; zero when nothing is open. */
export function watchedCount(): number {
  return timed.length;
}

function checkDeadlines(): void {
  const time = performance.now();
  const stall = time - current - TICK;
  current = time;
  if (stall > TICK) {
    // The process was suspended, and data received meanwhile has not been read yet: the time is not counted.
    for (const entry of timed) if (entry.deadline !== 0) entry.deadline += stall;
  }
  // Iterates backwards, because an entry may remove itself when called, which only moves the last entry.
  for (let i = timed.length - 1; i >= 0; i--) {
    const entry = timed[i];
    if (entry !== undefined && entry.deadline !== 0 && entry.deadline <= time) {
      entry.deadline = 0;
      entry.timedOut();
    }
  }
}
