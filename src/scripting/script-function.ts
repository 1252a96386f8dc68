/** A function of a user module that a directive names. */
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { functionRecord, functionWaits } from '../program/last-function.js';
import { callFor, callNow } from './current-session.js';
import { pendingOf } from './pending-work.js';
import { SCRIPT_LIMITS } from './script-limits.js';
import { timesOf } from './script-times.js';
import { bytesOf } from './text.js';

/** Result of a call that threw, or whose promise was rejected; it is logged already. */
export const FAILED: unique symbol = Symbol('failed');
/** Result of a call that took longer than `js_timeout`; it is logged already. */
const TIMED_OUT: unique symbol = Symbol('timed out');

/** Whether a result stands for a call without a value. */
export function hasFailed(result: unknown): boolean {
  return result === FAILED || result === TIMED_OUT;
}

type Callable = (...args: readonly unknown[]) => unknown;

/** The table's services for its functions. */
export interface FunctionOwner {
  /** Whether the exchange must also be tracked after waits. */
  readonly tracksSessions: boolean;
  /** Whether times of calls are needed: `$js_time` is used, or calls are to be listed. */
  readonly measures: boolean;
  /** Whether requests are only simulated (`tsproxy explain`): calls are then logged, to be listed. */
  readonly simulates: boolean;
  /** Text of an exception, as bytes. */
  describe(error: unknown): string;
}

export class ScriptFunction {
  private readonly record: Buffer;

  constructor(
    /** As in the directive: `main.hello`. */
    readonly name: string,
    readonly directive: string,
    private readonly callable: Callable,
    private readonly owner: FunctionOwner,
    /** `/etc/nginx/main.ts:3`, as bytes; null if it cannot be found in the text of the module. */
    private readonly place: string | null,
    /** The function of a request, if each has variables of modules of its own. */
    private readonly callableFor: ((x: Exchange) => Callable) | null,
  ) {
    this.record = functionRecord(this.description);
  }

  /** `"main.hello" of "js_content" (/etc/nginx/main.ts:3)`. */
  private get description(): string {
    const { name, directive, place } = this;
    return `"${name}" of "${directive}"${place === null ? '' : ` (${place})`}`;
  }

  /** Whether it is declared `async`. */
  get isAsync(): boolean {
    return Object.prototype.toString.call(this.callable) === '[object AsyncFunction]';
  }

  /** Calls the function; returns its value, which may be a promise, or FAILED. */
  call(x: Exchange, ...args: readonly unknown[]): unknown {
    this.announce(x);
    const start = performance.now();
    try {
      const callable = this.callableFor?.(x) ?? this.callable;
      return callFor(x, this.owner.tracksSessions, this.record, () => callable(...args));
    } catch (error) {
      this.logException(x, error);
      return FAILED;
    } finally {
      this.account(x, performance.now() - start);
    }
  }

  /** Calls a synchronous function; returns FAILED, too, if it returns a promise. */
  callUnawaited(x: Exchange, ...args: readonly unknown[]): unknown {
    const result = this.call(x, ...args);
    if (!this.abandonPromise(x, result)) return result;
    logError(x, 'error', `async function "${this.name}" of "${this.directive}"`);
    return FAILED;
  }

  /** Calls the synchronous function of a variable, without the cost of tracking the exchange over waits. */
  callNow(x: Exchange, argument: unknown): unknown {
    const measured = this.owner.measures || x.location.settings.get(SCRIPT_LIMITS).slow > 0;
    this.announce(x);
    const start = measured ? performance.now() : 0;
    try {
      return callNow(x, this.record, this.callableFor?.(x) ?? this.callable, argument);
    } catch (error) {
      this.logException(x, error);
      return FAILED;
    } finally {
      if (measured) this.account(x, performance.now() - start);
    }
  }

  /**
   * Calls the function and waits for its promise, if it returns one (or another object with `then`): an instance of Promise
   * is returned, which is never rejected, and resolves to FAILED or TIMED_OUT if the call failed or takes longer than
   * `js_timeout`.
   *
   * @param awaited whether a request or message waits for the promise; otherwise it may be idle
   */
  run(x: Exchange, args: readonly unknown[], awaited = true): unknown {
    const result = this.call(x, ...args);
    return isThenable(result) ? this.settled(x, result, awaited) : result;
  }

  /** Logs an exception of the function. */
  logException(x: Exchange, error: unknown): void {
    logError(x, 'error', `js exception: ${this.owner.describe(error)}`);
  }

  /** Logs the rejection of a value that is a promise, for which nothing waits. Returns whether it is one. */
  abandonPromise(x: Exchange, value: unknown): boolean {
    if (!isThenable(value)) return false;
    // The constructor also catches an exception of `then`.
    new Promise((resolve) => resolve(value)).catch((error: unknown) => this.logException(x, error));
    return true;
  }

  /** A value of the function as bytes; undefined if its conversion fails, which is logged. */
  bytesOf(x: Exchange, value: unknown): string | undefined {
    try {
      return bytesOf(value);
    } catch (error) {
      this.logException(x, error);
      return undefined;
    }
  }

  private settled(x: Exchange, promise: PromiseLike<unknown>, awaited: boolean): Promise<unknown> {
    const start = performance.now();
    const { timeout, idle } = x.location.settings.get(SCRIPT_LIMITS);
    const endWait = functionWaits();
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let idleTimer: NodeJS.Timeout | undefined;
      let over = false;
      const end = (result: unknown): void => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        clearTimeout(idleTimer);
        endWait();
        timesOf(x).total += performance.now() - start;
        resolve(result);
      };
      const abandon = (reason: string): void => {
        logError(x, 'error', `js handler ${this.description} ${reason}`);
        end(TIMED_OUT);
      };
      if (timeout > 0) timer = setTimeout(() => abandon(`timed out after ${timeout} ms`), timeout);
      if (awaited && idle > 0) {
        let sent = -1;
        let begun = -1;
        const check = (): void => {
          const pending = pendingOf(x);
          const { bodyBytesSent } = x.client;
          if (pending?.hasEvents !== true && sent === bodyBytesSent && begun === (pending?.begun ?? 0)) {
            abandon(`timed out: its promise is pending for ${idle} ms, without subrequests, timers or other events`);
            return;
          }
          sent = bodyBytesSent;
          // Unknown while work is pending: it may end before the next check.
          begun = pending?.hasEvents === true ? -1 : (pending?.begun ?? 0);
          idleTimer = setTimeout(check, idle).unref();
        };
        check();
      }
      // The constructor also catches an exception of `then`.
      new Promise((settle) => settle(promise)).then(end, (error: unknown) => {
        if (!over) logError(x, 'error', `js unhandled rejection: ${this.owner.describe(error)}`);
        end(FAILED);
      });
    });
  }

  /** Lists the call in an explanation. */
  private announce(x: Exchange): void {
    if (this.owner.simulates) logError(x, 'info', `"${this.directive}" calls "${this.name}"`);
  }

  private account(x: Exchange, ms: number): void {
    const times = timesOf(x);
    times.blocked += ms;
    times.total += ms;
    const { slow } = x.location.settings.get(SCRIPT_LIMITS);
    if (slow === 0 || ms < slow) return;
    logError(x, 'warn', `js handler ${this.description} blocked the worker for ${Math.round(ms)} ms`);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function';
  } catch {
    // The getter of `then` threw.
    return false;
  }
}
