/**
 * Wait of a request for an event stream while its upstream is unavailable (`sse_reconnect`). An `EventSource` that gets an error
 * status never requests its stream again, so a client that arrives during a restart waits as those do whose streams are open.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { logError } from '../program/error-context.js';
import type { EventSource } from './event-stream.js';
import { EventStreamRecovery } from './event-stream-recovery.js';
import { EVENT_STREAMS } from './event-stream-settings.js';
import { isRepeatable } from './next-upstream.js';

export class EventStreamWait {
  private begun = false;

  private constructor(
    private readonly x: HttpExchange,
    private readonly recovery: EventStreamRecovery,
    private readonly source: EventSource,
  ) {}

  /**
   * Returns the wait of a request that accepts an event stream; null if its location does not reconnect streams, or it cannot be
   * sent again. `streaming`: the body of the request was not kept.
   */
  static of(x: HttpExchange, streaming: boolean, source: EventSource): EventStreamWait | null {
    const { reconnect } = x.location.settings.get(EVENT_STREAMS);
    if (reconnect === null || streaming || x.method === 'HEAD' || x.nested !== null || x.follows !== null) return null;
    if (!reconnect.nonIdempotent && !isRepeatable(x.method, 0)) return null;
    if (!acceptsEvents(x.headers.joined('accept') ?? '')) return null;
    return new EventStreamWait(x, new EventStreamRecovery(reconnect), source);
  }

  /** Schedules another request; returns false if a limit is reached, or the worker is shutting down. */
  schedule(): boolean {
    const { x, recovery, source } = this;
    if (x.client.draining || !recovery.schedule(-1, () => source.requestAgain())) return false;
    if (!this.begun) logError(x, 'info', 'request for an event stream waits for its upstream');
    this.begun = true;
    return true;
  }

  cancel(): void {
    this.recovery.cancel();
  }
}

/** Whether a value of `Accept` names the type of event streams. */
function acceptsEvents(accept: string): boolean {
  return accept.split(',').some((range) => range.split(';', 1)[0]?.trim().toLowerCase() === 'text/event-stream');
}
