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

/**
 * An object whose deadline seldom changes: unlike a `Timed` one, it costs nothing until it is checked, so that a process
 * may have very many. Its deadline is set by `schedule` only.
 */
export interface Scheduled {
  /** ms on the clock of `now()`; 0 for none. */
  deadline: number;
  /** Slot in which it is checked next, or 0; maintained by this module. */
  slot: number;
  /** Called when the deadline has passed; it is then 0. */
  timedOut(): void;
}

/** Precision, ms: deadlines are noticed up to this much late. */
const TICK = 50;

/** Deadlines further away than this, ms, are noticed up to `COARSE_TICK` late: checking them together takes fewer wakeups. */
const FAR = 10_000;
const COARSE_TICK = 1000;

const timed: Timed[] = [];
/** Scheduled objects by the time of their check in ticks. An object may be checked before its deadline, never after it. */
const slots = new Map<number, Set<Scheduled>>();
let scheduled = 0;
/** Slot that was checked last. */
let checkedSlot = 0;
let interval: NodeJS.Timeout | null = null;
let current = performance.now();
/** Difference between the time since 1970 and the monotonic clock, ms. */
let offset = Date.now() - current;

/**
 * Rest: no ticks while only scheduled objects are known, none of them is due, and the time has not been read since the last tick.
 * In a process of idle tunnels, ticks took a fifth of the CPU time of pings to all of them every 30 s.
 */
let rest: NodeJS.Timeout | null = null;
/** Time at which the rest ends. */
let restEnd = 0;
/** Longest rest, in ticks. */
const MAX_REST = 20;
/** Shortest rest that is worth its timer, in ticks. */
const MIN_REST = 3;
/** Whether the time was asked for since the last tick. */
let asked = false;

/** Largest deviation of `offset`, ms: `Date.now()` is an integer, and the clocks are read one after the other. */
const MAX_DEVIATION = 2;

/** Monotonic time of the last tick, ms: up to `TICK` old (not older after a rest), but cheap enough for each read and write. */
export function now(): number {
  if (rest !== null) wake(rest);
  asked = true;
  return current;
}

/**
 * Time since 1970 at which the clock of `performance.now()` was 0, ms. It follows changes of the system's time from one tick to the
 * next, and is constant otherwise.
 */
export function epochOffset(): number {
  if (rest !== null) wake(rest);
  if (interval === null) adjustOffset(performance.now());
  return offset;
}

function adjustOffset(time: number): void {
  const difference = Date.now() - time;
  if (Math.abs(difference - offset) > MAX_DEVIATION) offset = difference;
}

/** Adds an object to the list of checked objects; it may then set `deadline`. */
export function watch(entry: Timed): void {
  if (entry.deadlineIndex >= 0) return;
  entry.deadlineIndex = timed.push(entry) - 1;
  startTicks();
}

function startTicks(): void {
  if (rest !== null) wake(rest);
  if (interval !== null) return;
  current = performance.now();
  adjustOffset(current);
  checkedSlot = Math.floor(current / TICK);
  tickAgain();
}

function tickAgain(): void {
  interval = setInterval(tick, TICK);
  // Pending deadlines must not prevent the process from exiting; open sockets do.
  interval.unref();
}

function stopTicks(): void {
  if (timed.length > 0 || scheduled > 0) return;
  if (interval !== null) clearInterval(interval);
  if (rest !== null) clearTimeout(rest);
  interval = null;
  rest = null;
}

/** Rests until the next slot with objects is checked, but not for long. */
function beginRest(time: number): void {
  if (timed.length > 0 || interval === null) return;
  let ticks = 1;
  while (ticks < MAX_REST && !slots.has(checkedSlot + ticks)) ticks++;
  if (ticks < MIN_REST) return;
  clearInterval(interval);
  interval = null;
  restEnd = (checkedSlot + ticks) * TICK;
  // Timers have whole ms, and may be early by one.
  rest = setTimeout(endRest, Math.ceil(restEnd - time) + 1);
  rest.unref();
}

/** Ends the rest early. */
function wake(timer: NodeJS.Timeout): void {
  clearTimeout(timer);
  rest = null;
  const time = performance.now();
  pass(time, restEnd);
  tickAgain();
}

function endRest(): void {
  rest = null;
  tickAgain();
  check(restEnd);
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
  stopTicks();
}

/** Sets the deadline of an object; 0: none, but it stays known until `unschedule`. */
export function schedule(entry: Scheduled, deadline: number): void {
  startTicks();
  entry.deadline = deadline;
  const isSet = deadline !== 0 && Number.isFinite(deadline);
  let slot = isSet ? Math.max(Math.ceil(deadline / TICK), checkedSlot + 1) : Number.POSITIVE_INFINITY;
  if (isSet && deadline - current > FAR) slot += COARSE_TICK / TICK - (slot % (COARSE_TICK / TICK));
  if (entry.slot === 0) scheduled++;
  else if (entry.slot <= slot) return;
  else slots.get(entry.slot)?.delete(entry);
  place(entry, slot);
}

/** An object without a deadline has an infinite slot, and is in no set. */
function place(entry: Scheduled, slot: number): void {
  entry.slot = slot;
  if (slot === Number.POSITIVE_INFINITY) return;
  const others = slots.get(slot);
  if (others === undefined) slots.set(slot, new Set([entry]));
  else others.add(entry);
}

/** Removes an object from the schedule. */
export function unschedule(entry: Scheduled): void {
  const { slot } = entry;
  entry.deadline = 0;
  if (slot === 0) return;
  entry.slot = 0;
  scheduled--;
  const others = slots.get(slot);
  others?.delete(entry);
  if (others?.size === 0) slots.delete(slot);
  stopTicks();
}

/** Number of watched and scheduled objects; zero when nothing is open. */
export function watchedCount(): number {
  return timed.length + scheduled;
}

/** Checks the objects of all slots up to a time. */
function checkSlots(time: number): void {
  const last = Math.floor(time / TICK);
  while (checkedSlot < last) {
    const due = slots.get(++checkedSlot);
    if (due === undefined) continue;
    slots.delete(checkedSlot);
    for (const entry of due) {
      const { deadline } = entry;
      // The callback of another object may have removed or postponed this one.
      if (entry.slot !== checkedSlot) continue;
      if (deadline === 0 || deadline > time) {
        entry.slot = 0;
        scheduled--;
        schedule(entry, deadline);
      } else {
        place(entry, Number.POSITIVE_INFINITY);
        entry.deadline = 0;
        entry.timedOut();
      }
    }
  }
}

/** Postpones the deadlines of all scheduled objects. Slots move as a whole: a busy machine causes many stalls. */
function postpone(ms: number): void {
  // Rounded down: objects may be checked early, and many stalls must not add up to a late check.
  const shift = Math.floor(ms / TICK);
  const moved = [...slots];
  slots.clear();
  for (const [slot, entries] of moved) {
    for (const entry of entries) {
      if (entry.deadline !== 0) entry.deadline += ms;
      entry.slot = slot + shift;
    }
    slots.set(slot + shift, entries);
  }
}

function tick(): void {
  check(current + TICK);
}

/** Advances the clock, which should have happened at the time `expected` at the latest. */
function pass(time: number, expected: number): void {
  const stall = time - expected;
  current = time;
  adjustOffset(time);
  if (stall > TICK) {
    // The process was suspended, and data received meanwhile has not been read yet: the time is not counted.
    for (const entry of timed) if (entry.deadline !== 0) entry.deadline += stall;
    postpone(stall);
  }
}

function check(expected: number): void {
  const time = performance.now();
  pass(time, expected);
  checkSlots(time);
  // Iterates backwards, because an entry may remove itself when called, which only moves the last entry.
  for (let i = timed.length - 1; i >= 0; i--) {
    const entry = timed[i];
    if (entry !== undefined && entry.deadline !== 0 && entry.deadline <= time) {
      entry.deadline = 0;
      entry.timedOut();
    }
  }
  if (!asked) beginRest(time);
  asked = false;
}
