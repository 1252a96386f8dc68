/**
 * Continuation of an event stream whose upstream has ended or failed: when it is requested again, how often, and which of
 * the events that follow were sent before (`sse_reconnect`).
 */
import { performance } from 'node:perf_hooks';
import { fieldValue } from '../http/field-line.js';
import type { ReconnectSettings } from './event-stream-settings.js';

/** Delay before the first attempt if the stream has set no reconnection time, ms; doubled with each attempt. */
const FIRST_DELAY = 100;
const MAX_DELAY = 5000;
/** Maximum of the stream's reconnection time that is used, ms. */
const MAX_RETRY = 60_000;
/** Time after which a connection without events counts as successful, ms. */
const STABLE = 10_000;
/** Number of events that are recognised when they are repeated. */
const MAX_RECENT = 128;

export class EventStreamRecovery {
  /** Consecutive requests without a new event. */
  private attempts = 0;
  /** Time at which the upstream was lost; 0: it was not. */
  private lostAt = 0;
  private connectedAt = performance.now();
  private timer: NodeJS.Timeout | null = null;
  private readonly recent = new RecentEvents();
  /** Whether events that were sent before may follow. */
  replaying = false;

  constructor(private readonly settings: ReconnectSettings) {}

  /**
   * Called when the upstream was lost, or an attempt has failed: schedules `attempt`, or returns false if a limit is reached.
   * `retry`: reconnection time that the stream has set, ms; -1 for none.
   */
  schedule(retry: number, attempt: () => void): boolean {
    const { settings } = this;
    const time = performance.now();
    if (this.lostAt === 0 || (this.connectedAt > 0 && time - this.connectedAt >= STABLE)) {
      this.lostAt = time;
      this.attempts = 0;
    }
    this.connectedAt = 0;
    const delay = retryDelay(this.attempts, retry);
    if (this.attempts >= settings.attempts || time + delay - this.lostAt > settings.time) return false;
    this.attempts++;
    this.timer = setTimeout(() => {
      this.timer = null;
      attempt();
    }, delay);
    return true;
  }

  /** Called when another response continues the stream. */
  connected(): void {
    this.connectedAt = performance.now();
    this.replaying = true;
  }

  /**
   * Called when an event with this hash has ended. `hasId`: it has set an id. Returns false if it was sent before the upstream
   * was lost. Events without ids cannot be recognised; the first new id shows that no more repetitions follow.
   */
  accept(hash: number, hasId: boolean): boolean {
    if (hasId) {
      if (this.replaying && this.recent.has(hash)) return false;
      this.replaying = false;
      this.recent.add(hash);
    }
    return true;
  }

  /** Called when an event was passed on, so that the upstream is working. */
  received(): void {
    this.lostAt = 0;
  }

  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/**
 * Delay of an attempt (0: the first), ms: the stream's reconnection time, or one that doubles. Random, so that the streams of
 * a restarted upstream are not all requested at the same time.
 */
export function retryDelay(attempt: number, retry: number, random = Math.random()): number {
  if (retry >= 0) return Math.min(retry, MAX_RETRY) * (1 + random / 4);
  return Math.min(FIRST_DELAY * 2 ** attempt, MAX_DELAY) * (0.5 + random / 2);
}

/** Hashes of the last events with ids. */
class RecentEvents {
  private readonly hashes = new Float64Array(MAX_RECENT).fill(-1);
  private next = 0;

  has(hash: number): boolean {
    return this.hashes.includes(hash);
  }
  add(hash: number): void {
    this.hashes[this.next] = hash;
    this.next = (this.next + 1) % MAX_RECENT;
  }
}

/** Hash of the bytes of an event: 53 bits of two multiplicative hashes (FNV-1a with different primes). */
export class EventHash {
  private a = 0x811c9dc5;
  private b = 0x1b873593;

  update(bytes: Buffer, start: number, end: number): void {
    let { a, b } = this;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number; // below `end`
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b ^ byte, 0x85ebca6b);
      b ^= b >>> 13;
    }
    this.a = a;
    this.b = b;
  }

  /** Returns the hash, and begins another one. */
  take(): number {
    const hash = (this.a >>> 0) * 2 ** 21 + (this.b >>> 11);
    this.a = 0x811c9dc5;
    this.b = 0x1b873593;
    return hash;
  }
}

/** Replaces `Last-Event-ID` in a request head with its empty line; an empty id removes it. */
export function withLastEventId(head: string, id: string): string {
  const fields = head.replace(/\r\nlast-event-id:[^\r\n]*/gi, '');
  if (id === '') return fields;
  return `${fields.slice(0, -2)}Last-Event-ID: ${fieldValue(id)}\r\n\r\n`;
}
