/** Requests that wait until a server of their upstream is available (`queue`). */

/** A request that waits. */
export interface QueuedRequest {
  /** Selects a server, if one is available; returns true if the request leaves the queue. */
  retry(): boolean;
  /** Called when the request has waited for the maximum time. */
  giveUp(): void;
}

/**
 * Interval at which all requests try again, ms: servers also become available without an event, when `fail_timeout` has
 * elapsed.
 */
const RETRY_INTERVAL = 100;
/** Consecutive unsuccessful tries after which the rest of the queue is left, when a server has become available. */
const MAX_MISSES = 8;

/** The place of a request in the queue. */
interface Place {
  /** Time until which it waits, ms of the monotonic clock. */
  readonly until: number;
}

/** First-in, first-out queue. Kept on reload, together with its requests. */
export class RequestQueue {
  /** Requests with their places, oldest first. */
  private readonly waiting = new Map<QueuedRequest, Place>();
  private timer: NodeJS.Timeout | null = null;
  private waking = false;
  /** Number of requests that were refused because the queue was full. */
  overflows = 0;

  constructor(private settings: { readonly max: number; readonly timeout: number }) {}

  get size(): number {
    return this.waiting.size;
  }

  /** Maximum number of requests. */
  get limit(): number {
    return this.settings.max;
  }

  /** Applies the settings of another configuration; queued requests keep their deadlines. */
  configure(settings: { readonly max: number; readonly timeout: number }): void {
    this.settings = settings;
  }

  /** Adds a request; returns false if the queue is full. `until`: deadline of an earlier call; 0: none. */
  add(request: QueuedRequest, until = 0): boolean {
    const { max, timeout } = this.settings;
    if (until === 0 && this.waiting.size >= max) {
      this.overflows++;
      return false;
    }
    this.waiting.set(request, { until: until === 0 ? performance.now() + timeout : until });
    this.timer ??= setInterval(() => this.tick(), RETRY_INTERVAL);
    return true;
  }

  /** Time until which a request waits. */
  until(request: QueuedRequest): number {
    return this.waiting.get(request)?.until ?? 0;
  }

  delete(request: QueuedRequest): void {
    if (this.waiting.delete(request) && this.waiting.size === 0) this.stop();
  }

  /** A server may be available: the oldest requests try, after the current callback and before later requests. */
  wake(): void {
    if (this.waking || this.waiting.size === 0) return;
    this.waking = true;
    queueMicrotask(() => {
      this.waking = false;
      this.serve(MAX_MISSES);
    });
  }

  private serve(misses: number): void {
    let left = misses;
    for (const [request, place] of this.waiting) {
      if (request.retry()) {
        // A server that failed at once may have put it into the queue again.
        if (this.waiting.get(request) === place) this.delete(request);
      } else if (--left === 0) return;
    }
  }

  private tick(): void {
    const now = performance.now();
    for (const [request, { until }] of this.waiting) {
      if (until > now) continue;
      this.delete(request);
      request.giveUp();
    }
    this.serve(Number.POSITIVE_INFINITY);
  }

  private stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
