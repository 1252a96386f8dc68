/** A clock of this process that a test sets forward, instead of waiting. */
let ahead = 0;

/**
 * Sets `performance.now()` forward by so many ms, for the rest of the process. It affects what compares times when something
 * happens (circuit breakers, rates), and deadlines, which it lets expire; timers of Node are not affected.
 */
export function advanceClock(ms: number): void {
  if (ahead === 0) {
    const now = performance.now.bind(performance);
    performance.now = () => now() + ahead;
  }
  ahead += ms;
}
