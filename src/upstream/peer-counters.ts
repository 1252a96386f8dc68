/** Figures of a peer in this process since its start, which the API shows. */
import type { UpstreamAttempt } from '../program/upstream-attempt.js';

/** Plain data; times in ms. */
export interface PeerFigures {
  /** Responses by status. */
  readonly statuses: readonly (readonly [status: number, count: number])[];
  /** Bytes sent to the peer and received from it, with heads and tunnels. */
  readonly sent: number;
  readonly received: number;
  /** Sums of the times until the head and until the end of `timed` responses. */
  readonly headerTimes: number;
  readonly responseTimes: number;
  readonly timed: number;
  /** Time of the last selection, since 1970; 0: none. */
  readonly selected: number;
  /** Number of times that it became unavailable because of failures. */
  readonly unavailable: number;
  /** Time for which it was unavailable, and the start of that state, since 1970; 0: it is available. */
  readonly downtime: number;
  readonly downSince: number;
}

export class PeerCounters {
  private readonly statuses = new Map<number, number>();
  private sent = 0;
  private received = 0;
  private headerTimes = 0;
  private responseTimes = 0;
  private timed = 0;
  /** Start of the last attempt, ms of the monotonic clock. */
  private selected = 0;
  private unavailable = 0;
  /** Earlier periods in which the peer was unavailable. */
  private downtime = 0;
  /** Start and end of the current or last period, ms since 1970; 0: none. */
  private downSince = 0;
  private downUntil = 0;

  /** Counts an attempt that has ended, or become a tunnel. */
  count({ status, started, headerTime, responseTime, bytesSent, bytesReceived }: UpstreamAttempt): void {
    this.sent += bytesSent;
    this.received += bytesReceived;
    this.selected = Math.max(this.selected, started);
    if (headerTime < 0) return;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    // A tunnel has no end of its response.
    if (responseTime < 0) return;
    this.headerTimes += headerTime;
    this.responseTimes += responseTime;
    this.timed++;
  }

  /** Counts the bytes of a tunnel. */
  transferred(sent: number, received: number): void {
    this.sent += sent;
    this.received += received;
  }

  /** The peer has failed and is unavailable until `until`; both in ms since 1970. */
  failed(now: number, until: number): void {
    if (now >= this.downUntil) this.unavailable++;
    this.down(now, until);
  }

  /** The peer is unavailable until `until`; both in ms since 1970. */
  down(now: number, until: number): void {
    if (now >= this.downUntil) {
      this.downtime += this.downUntil - this.downSince;
      this.downSince = now;
    }
    this.downUntil = Math.max(this.downUntil, until);
  }

  /** The peer is available again. */
  up(now: number): void {
    if (now < this.downUntil) this.downUntil = now;
  }

  figures(now: number): PeerFigures {
    const { sent, received, headerTimes, responseTimes, timed, selected, unavailable, downSince, downUntil } = this;
    return {
      statuses: [...this.statuses],
      sent,
      received,
      headerTimes,
      responseTimes,
      timed,
      selected: selected === 0 ? 0 : performance.timeOrigin + selected,
      unavailable,
      downtime: this.downtime + Math.min(now, downUntil) - downSince,
      downSince: now < downUntil ? downSince : 0,
    };
  }
}
