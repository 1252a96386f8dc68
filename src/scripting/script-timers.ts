/** Timers of scripts: those of a table that is no longer used are cleared, so that they do not keep its modules. */
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import type { Exchange } from '../program/exchange.js';
import { runningFunction } from '../program/last-function.js';
import { callFor, currentSession } from './current-session.js';
import { recordPending } from './pending-work.js';

type Callback = (...args: readonly unknown[]) => unknown;

/** Logs an exception of a callback. `x`: the exchange for which the timer was set, if known. */
type Report = (error: unknown, x: Exchange | null) => void;

type Timer = NodeJS.Timeout | NodeJS.Immediate;

interface PendingTimer {
  /** Ends the work for which a request waits. */
  readonly done: () => void;
  /** The exchange for which it was set, if known. */
  readonly x: Exchange | null;
}

export class ScriptTimers {
  private readonly active = new Map<Timer, PendingTimer>();

  constructor(private readonly report: Report) {}

  /** Functions by their names in scripts. */
  readonly functions: Readonly<Record<string, unknown>> = {
    setTimeout: (callback: Callback, ms?: number, ...args: readonly unknown[]) => {
      const { run, done, x } = this.callback(callback, args);
      const timer = setTimeout(() => {
        this.active.delete(timer);
        // Before the callback, which may end the request.
        done();
        run();
      }, ms);
      return this.add(timer, x, done);
    },
    setInterval: (callback: Callback, ms?: number, ...args: readonly unknown[]) => {
      const x = currentSession();
      const record = runningFunction();
      const timer = setInterval(() => this.call(callback, args, x, record), ms);
      return this.add(timer, x);
    },
    setImmediate: (callback: Callback, ...args: readonly unknown[]) => {
      const { run, done, x } = this.callback(callback, args);
      const timer = setImmediate(() => {
        this.active.delete(timer);
        // Before the callback, which may end the request.
        done();
        run();
      });
      this.active.set(timer, { done, x });
      return timer;
    },
    clearTimeout: (timer: NodeJS.Timeout | undefined) => this.clear(timer),
    clearInterval: (timer: NodeJS.Timeout | undefined) => this.clear(timer),
    clearImmediate: (timer: NodeJS.Immediate | undefined) => {
      this.forget(timer);
      clearImmediate(timer);
    },
  };

  /** Clears all timers. */
  dispose(): void {
    for (const timer of this.active.keys()) cancel(timer);
    this.active.clear();
  }

  /** Clears the timers that were set for an exchange. */
  clearFor(x: Exchange): void {
    for (const [timer, pending] of this.active) {
      if (pending.x !== x) continue;
      cancel(timer);
      this.forget(timer);
    }
  }

  /** Registers a timer, which does not keep the process running. */
  private add(timer: NodeJS.Timeout, x: Exchange | null, done: () => void = () => {}): NodeJS.Timeout {
    timer.unref();
    this.active.set(timer, { done, x });
    return timer;
  }

  private clear(timer: NodeJS.Timeout | undefined): void {
    this.forget(timer);
    clearTimeout(timer);
    clearInterval(timer);
  }

  /** A timer that is cleared will not call back: its request no longer waits for it. */
  private forget(timer: Timer | undefined): void {
    if (timer === undefined) return;
    const pending = this.active.get(timer);
    this.active.delete(timer);
    pending?.done();
  }

  /** A request waits for the timers that its handler has set, as in njs. */
  private callback(
    callback: Callback,
    args: readonly unknown[],
  ): { readonly run: () => void; readonly done: () => void; readonly x: Exchange | null } {
    if (typeof callback !== 'function') throw new TypeError('first arg must be a function');
    const x = currentSession();
    const record = runningFunction();
    const done = x === null ? () => {} : recordPending(x).begin();
    return { run: () => this.call(callback, args, x, record), done, x };
  }

  private call(callback: Callback, args: readonly unknown[], x: Exchange | null, record: Buffer | null): void {
    try {
      callFor(x, false, record, () => callback(...args));
    } catch (error) {
      this.report(error, x);
    }
  }
}

function cancel(timer: Timer): void {
  if ('refresh' in timer) clearTimeout(timer);
  else clearImmediate(timer);
}
