/** Times that the handlers of a request take. */
import type { Exchange } from '../program/exchange.js';
import { StateKey } from '../program/state-key.js';

export class ScriptTimes {
  /** ms for which handlers occupied the worker. */
  blocked = 0;
  /** ms for which handlers ran, including their waits. */
  total = 0;
}

export const SCRIPT_TIMES = new StateKey<ScriptTimes>('script times', 'request');

/** Times of an exchange, created on first use. */
export function timesOf(x: Exchange): ScriptTimes {
  let times = x.state(SCRIPT_TIMES);
  if (times === undefined) {
    times = new ScriptTimes();
    x.setState(SCRIPT_TIMES, times);
  }
  return times;
}
