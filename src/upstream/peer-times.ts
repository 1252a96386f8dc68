/** Response times of peers, for methods that prefer fast ones. nginx: ngx_http_upstream_least_time_module. */
import { type ActiveRequests, movingAverage, ResponseTimes, type TimeSamples } from '../zones/response-times.js';

/** The time that is compared: until the head of the response, or until its last byte. */
export type TimeMode = 'header' | 'last_byte';

/** Maximum average, ms: peers above it count as equally slow, and only their connections are compared. */
const MAX_TIME = 5000;
/** Averages within steps of this many ms are equal, so that requests are distributed among peers that are about as fast. */
const STEP = 20;

/** Times of an attempt, ms; -1 if not reached. */
export interface AttemptTimes {
  readonly headerTime: number;
  readonly responseTime: number;
}

/** Receives the response times of peers that other workers share. */
export interface TimeSharing {
  timed(peer: object, time: 'header' | 'lastByte', ms: number): void;
}

/** A peer with its times. */
export interface TimedPeer {
  /** Response times; null before they are needed. */
  times: PeerTimes | null;
  /** Active requests and tunnels. */
  readonly load: number;
  /** Start of the current `failTimeout` period, ms since 1970: the last selection, if it is longer ago. */
  readonly checked: number;
  readonly failTimeout: number;
  /** Set if other workers share the times. */
  readonly sharing: TimeSharing | null;
}

const NO_REQUESTS: ActiveRequests = { requests: 0, began: 0 };

/** Averages of a peer, in whole ms as in nginx; 0 before the first response. */
export class PeerTimes {
  header = 0;
  lastByte = 0;
  /** Average age of its active requests, as of the last selection. */
  inflight = 0;
  /** Active requests whose times are observed (`inflight`). */
  private requests = 0;
  /** Sum of the ages of the active requests at `changed`. */
  private ages = 0;
  /** ms of the monotonic clock. */
  private changed = 0;
  /** Whether requests are observed, and those of the other workers. */
  private observes = false;
  others: ActiveRequests = NO_REQUESTS;

  /** Times of a peer; created by the first call. */
  static of(peer: Pick<TimedPeer, 'times'>): PeerTimes {
    peer.times ??= new PeerTimes();
    return peer.times;
  }

  /** Sets the averages of all workers; `own`: times of this process that they do not include yet. */
  apply({ header, lastByte }: Pick<ResponseTimes, 'header' | 'lastByte'>, own: TimeSamples | null): void {
    const times = new ResponseTimes();
    times.header = header;
    times.lastByte = lastByte;
    if (own !== null) times.add(own);
    this.header = times.header;
    this.lastByte = times.lastByte;
  }

  /** Whether the peer has observed requests. */
  get busy(): boolean {
    return this.requests + this.others.requests > 0;
  }

  /** The observed requests of this process; null if the method does not observe them. */
  get active(): ActiveRequests | null {
    if (!this.observes) return null;
    const { requests, ages, changed } = this;
    if (requests === 0) return NO_REQUESTS;
    const time = Date.now();
    return { requests, began: requests * time - ages - (performance.now() - changed) * requests };
  }

  /** A request that is observed begins; `now` in ms of the monotonic clock. */
  begin(now: number): void {
    if (this.requests > 0) this.ages += (now - this.changed) * this.requests;
    this.changed = now;
    this.requests++;
    this.observes = true;
  }

  /** An observed request of this age, ms, has ended or is no longer observed. */
  end(now: number, age: number): void {
    if (this.requests === 1) this.ages = 0;
    else {
      this.ages += (now - this.changed) * this.requests - age;
      this.changed = now;
    }
    this.requests--;
  }

  /** Includes the ages of the active requests in their average. */
  observe(now: number): void {
    const { requests, others } = this;
    if (!this.busy) return;
    let ages = requests === 0 ? 0 : this.ages + (now - this.changed) * requests;
    if (others.requests > 0) ages += others.requests * Date.now() - others.began;
    this.inflight = movingAverage(this.inflight, ages / (requests + others.requests));
  }
}

/** Includes the time until the head of a response in the average. */
export function recordHeader(peer: TimedPeer, headerTime: number): void {
  const times = PeerTimes.of(peer);
  times.header = movingAverage(times.header, headerTime);
  peer.sharing?.timed(peer, 'header', headerTime);
}

/** Includes the times of a successful attempt in the averages; one without a response does not count. */
export function recordTimes(peer: TimedPeer, { headerTime, responseTime }: AttemptTimes, header = true): void {
  if (headerTime < 0) return;
  const times = PeerTimes.of(peer);
  // A connection that was upgraded has no last byte before the end of its tunnel: its handshake counts.
  const lastByte = responseTime < 0 ? headerTime : responseTime;
  times.lastByte = movingAverage(times.lastByte, lastByte);
  peer.sharing?.timed(peer, 'lastByte', lastByte);
  if (header) recordHeader(peer, headerTime);
}

/**
 * Estimated time until a peer has completed its active requests and one more, ms. Averages decay, so that a slow peer is tried
 * again: they are halved for each `fail_timeout` since the last selection. `now` in ms since 1970.
 */
export function estimatedTime(peer: TimedPeer, mode: TimeMode, now: number): number {
  const { times, checked, failTimeout } = peer;
  let time = 0;
  if (times !== null) {
    time = mode === 'header' ? times.header : times.lastByte;
    // Whole seconds, as in nginx.
    const idle = Math.floor(now / 1000) - Math.floor(checked / 1000);
    const timeout = Math.floor(failTimeout / 1000);
    if (idle > timeout) time = Math.floor(time / 2 ** Math.floor(idle / (timeout + 1)));
    // Requests that take longer than the average indicate that the peer has become slow.
    if (times.busy) time = Math.max(time, times.inflight);
  }
  time = time > MAX_TIME ? MAX_TIME : time + STEP - (time % STEP);
  return time * (1 + peer.load);
}
