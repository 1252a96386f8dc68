/** Timers of scripts: those of a table that is no longer used are cleared, so that they do not keep its modules. */
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import type { Exchange } from '../program/exchange.js';
import { runningFunction } from '../program/last-function.js';
import { callFor, currentSession } from './current-session.js';
import { recordPending } from './pending-work.js';

type Callback = (...args: readonly unknown[]) => unknown;

/** Logs an exception of a callback. `x`: the exchange for which the timer was set, if known. */
type Report = (error: unknown, x: Exchange | null) => void;

export class ScriptTimers {
  /** Pending timers, with the ends of the work for which requests wait. */
  private readonly active = new Map<NodeJS.Timeout | NodeJS.Immediate, () => void>();

  constructor(private readonly report: Report) {}

  /** Functions by their names in scripts. */
  readonly functions: Readonly<Record<string, unknown>> = {
    setTimeout: (callback: Callback, ms?: number, ...args: readonly unknown[]) => {
      const { run, done } = this.callback(callback, args);
      const timer = setTimeout(() => {
        this.active.delete(timer);
        // Before the callback, which may end the request.
        done();
        run();
      }, ms);
      return this.add(timer, done);
    },
    setInterval: (callback: Callback, ms?: number, ...args: readonly unknown[]) => {
      const x = currentSession();
      const record = runningFunction();
      const timer = setInterval(() => this.call(callback, args, x, record), ms);
      return this.add(timer);
    },
    setImmediate: (callback: Callback, ...args: readonly unknown[]) => {
      const { run, done } = this.callback(callback, args);
      const timer = setImmediate(() => {
        this.active.delete(timer);
        // Before the callback, which may end the request.
        done();
        run();
      });
      this.active.set(timer, done);
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
    for (const timer of this.active.keys()) {
      if ('refresh' in timer) clearTimeout(timer);
      else clearImmediate(timer);
    }
    this.active.clear();
  }

  /** Registers a timer, which does not keep the process running. */
  private add(timer: NodeJS.Timeout, done: () => void = () => {}): NodeJS.Timeout {
    timer.unref();
    this.active.set(timer, done);
    return timer;
  }

  private clear(timer: NodeJS.Timeout | undefined): void {
    this.forget(timer);
    clearTimeout(timer);
    clearInterval(timer);
  }

  /** A timer that is cleared will not call back: its request no longer waits for it. */
  private forget(timer: NodeJS.Timeout | NodeJS.Immediate | undefined): void {
    if (timer === undefined) return;
    const done = this.active.get(timer);
    this.active.delete(timer);
    done?.();
  }

  /** A request waits for the timers that its handler has set, as in njs. */
  private callback(
    callback: Callback,
    args: readonly unknown[],
  ): { readonly run: () => void; readonly done: () => void } {
    if (typeof callback !== 'function') throw new TypeError('first arg must be a function');
    const x = currentSession();
    const record = runningFunction();
    const done = x === null ? () => {} : recordPending(x).begin();
    return { run: () => this.call(callback, args, x, record), done };
  }

  private call(callback: Callback, args: readonly unknown[], x: Exchange | null, record: Buffer | null): void {
    try {
      callFor(x, false, record, () => callback(...args));
    } catch (error) {
      this.report(error, x);
    }
  }
}
