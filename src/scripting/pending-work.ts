/** Work for which the handler of a request waits: subrequests, timers, bodies, promises. nginx: the events of its js context. */
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { StateKey } from '../program/state-key.js';

export class PendingWork {
  /** Number of tasks that have not ended. */
  count = 0;
  /** Number of tasks so far that are not promises of handlers. */
  begun = 0;
  /** Number of tasks that are promises of handlers: these settle after the handler has ended the request. */
  private handlers = 0;
  private scheduled = false;
  private whenIdle: (() => void) | null = null;

  /** Begins work; the returned function ends it, once. */
  begin(): () => void {
    this.begun++;
    return this.add();
  }

  private add(): () => void {
    this.count++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.count--;
      this.schedule();
    };
  }

  /** Begins the work of the promise of a handler itself. */
  beginHandler(): () => void {
    this.handlers++;
    const end = this.add();
    return () => {
      this.handlers--;
      end();
    };
  }

  /** Whether work remains that a handler has begun. */
  get hasEvents(): boolean {
    return this.count > this.handlers;
  }

  /**
   * Calls back when no work is left: if there is none, immediately, or after pending continuations of promises (`later`), which
   * may begin work.
   */
  onIdle(then: () => void, later: boolean): void {
    if (this.count === 0 && !later) then();
    else {
      this.whenIdle = then;
      this.schedule();
    }
  }

  /** Drops the callback: the result of the handler is no longer needed. */
  abandon(): void {
    this.whenIdle = null;
  }

  /** Calls back after pending continuations of promises, which may begin further work. */
  private schedule(): void {
    if (this.count > 0 || this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      const { whenIdle } = this;
      if (this.count > 0 || whenIdle === null) return;
      this.whenIdle = null;
      whenIdle();
    });
  }
}

const PENDING = new StateKey<PendingWork>('pending work of scripts');

/** The work of the handlers of an exchange; undefined if there was none. */
export function pendingOf(x: Exchange): PendingWork | undefined {
  return x.state(PENDING);
}

/** The work of the handlers of an exchange, created on first use. */
export function recordPending(x: Exchange): PendingWork {
  let pending = x.state(PENDING);
  if (pending === undefined) {
    const created = new PendingWork();
    pending = created;
    x.setState(PENDING, pending);
    x.onFinish({
      release: () => {
        if (created.hasEvents) logError(x, 'error', 'pending events');
      },
    });
  }
  return pending;
}
