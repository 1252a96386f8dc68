/** Work for which the handler of a request waits: subrequests, timers, bodies, promises. nginx: the events of its js context. */
import type { Exchange } from '../program/exchange.js';
import { StateKey } from '../program/state-key.js';

export class PendingWork {
  private count = 0;
  private scheduled = false;
  private whenIdle: (() => void) | null = null;

  /** Begins work; the returned function ends it, once. */
  begin(): () => void {
    this.count++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.count--;
      this.schedule();
    };
  }

  /** Calls back when no work is left: at once if there is none. */
  onIdle(then: () => void): void {
    if (this.count === 0) then();
    else this.whenIdle = then;
  }

  /** The result of the handler is not needed any more. */
  abandon(): void {
    this.whenIdle = null;
  }

  /** Continuations of promises, which may begin further work, run first. */
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

/** The work of the handler that runs for an exchange; undefined if none may wait. */
export function pendingOf(x: Exchange): PendingWork | undefined {
  return x.state(PENDING);
}

/** Begins to record the work of a handler. */
export function recordPending(x: Exchange): PendingWork {
  let pending = x.state(PENDING);
  if (pending === undefined) {
    pending = new PendingWork();
    x.setState(PENDING, pending);
  }
  return pending;
}
