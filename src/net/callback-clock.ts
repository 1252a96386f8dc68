/**
 * Time of the current callback of the event loop: the clock is read once for all that the callback does, as in nginx, where it is
 * read once per turn.
 */
import { performance } from 'node:perf_hooks';
import { atEndOfCallback } from './microtask.js';

/** ms on the clock of `performance.now()`; negative: not read yet. */
let time = -1;
/** Whether `endCallback` will be called. */
let bracketed = false;

/** Monotonic time in ms, constant during a callback of the event loop; the clock of `performance.now()`. */
export function callbackNow(): number {
  if (time < 0) {
    time = performance.now();
    if (!bracketed) atEndOfCallback(forget);
  }
  return time;
}

function forget(): void {
  time = -1;
}

/** Begins a callback that `endCallback` ends: this saves the microtask that ends others. */
export function beginCallback(): void {
  time = -1;
  bracketed = true;
}

export function endCallback(): void {
  time = -1;
  bracketed = false;
}
