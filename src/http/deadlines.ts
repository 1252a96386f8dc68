/**
 * Timeouts, coarsely: whoever waits keeps the time by which it wants to be told, and one interval looks at all of them.
 * Setting or moving a deadline is a field write, so that it can be done for every read and write.
 */
import { performance } from 'node:perf_hooks';

/** Somebody who can run out of time. */
export interface Timed {
  /** ms on the clock of `now()`; 0 for none. */
  deadline: number;
  /** Place in the list, or -1; kept by `Deadlines`. */
  deadlineIndex: number;
  /** The deadline has passed; it is 0 now. */
  timedOut(): void;
}

/** How exact deadlines are: they are noticed up to this many ms late. */
const TICK = 50;

const timed: Timed[] = [];
let interval: NodeJS.Timeout | null = null;
let current = performance.now();

/** Monotonic ms, as of the last tick: up to `TICK` old, and free to ask for each read and write. */
export function now(): number {
  return current;
}

/** Puts it on the list of those that are looked at; it may set `deadline` from then on. */
export function watch(it: Timed): void {
  if (it.deadlineIndex >= 0) return;
  it.deadlineIndex = timed.push(it) - 1;
  if (interval === null) {
    current = performance.now();
    interval = setInterval(look, TICK);
    // Deadlines alone keep no process alive: sockets do.
    interval.unref();
  }
}

/** Takes it off the list. */
export function unwatch(it: Timed): void {
  const i = it.deadlineIndex;
  if (i < 0) return;
  it.deadlineIndex = -1;
  const last = timed.pop();
  if (last !== undefined && last !== it) {
    timed[i] = last;
    last.deadlineIndex = i;
  }
  if (timed.length === 0 && interval !== null) {
    clearInterval(interval);
    interval = null;
  }
}

/** How many are watched: zero when nothing is open. */
export function watchedCount(): number {
  return timed.length;
}

function look(): void {
  const time = performance.now();
  const stall = time - current - TICK;
  current = time;
  if (stall > TICK) {
    // The process stood still, and what arrived meanwhile is yet to be read: nobody is to blame for that time.
    for (const it of timed) if (it.deadline !== 0) it.deadline += stall;
  }
  // From the end, because an entry may take itself (and only moves one from behind) off the list when told.
  for (let i = timed.length - 1; i >= 0; i--) {
    const it = timed[i];
    if (it !== undefined && it.deadline !== 0 && it.deadline <= time) {
      it.deadline = 0;
      it.timedOut();
    }
  }
}
