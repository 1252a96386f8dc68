/** A request for a name, and its result. */
import type { ServiceRecord } from './message.js';

/** Code of the timeout, beside those of DNS; nginx's NGX_RESOLVE_TIMEDOUT. */
export const TIMED_OUT = 110;

/** Answer for a name. */
export interface NameRecord {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly services: readonly ServiceRecord[];
  /** The name of which the answer is; null for an answer with addresses or services. */
  readonly alias: string | null;
  /** Expiry, ms since 1970. */
  readonly expires: number;
}

/** Result of a search: a record, or an error of DNS or TIMED_OUT. */
export type Outcome =
  | { readonly code: 0; readonly record: NameRecord; readonly cached: boolean }
  | { readonly code: number; readonly expires: number };

/** One request for a name. */
export class Wait {
  /** Aliases followed. */
  aliases = 0;
  /** Waits for the same lookup; null if this is not waiting. */
  waits: Set<Wait> | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly done: (outcome: Outcome) => void) {}

  /** Reports a timeout after `ms`; 0: never. It does not keep the process running: sockets of requests do. */
  startTimer(ms: number): void {
    if (ms === 0) return;
    this.timer = setTimeout(() => this.settle({ code: TIMED_OUT, expires: Date.now() }), ms);
    this.timer.unref();
  }

  settle(outcome: Outcome): void {
    this.cancel();
    this.done(outcome);
  }

  /** Stops waiting, without a result. */
  cancel(): void {
    clearTimeout(this.timer);
    this.leave();
  }

  join(waits: Set<Wait>): void {
    waits.add(this);
    this.waits = waits;
  }

  /** Stops waiting for a lookup; the timer continues. */
  leave(): void {
    this.waits?.delete(this);
    this.waits = null;
  }
}
