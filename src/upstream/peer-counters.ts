/** Figures of a peer in this process since its start, which the API shows. */
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Downtime, DowntimeFigures } from './downtime.js';

const NO_DOWNTIME: DowntimeFigures = { unavailable: 0, downtime: 0, downSince: 0 };

/** Plain data; times in ms. */
export interface PeerFigures extends DowntimeFigures {
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

  /** `downtime`: null if the peer was never unavailable; `now` in ms since 1970. */
  figures(now: number, downtime: Downtime | null): PeerFigures {
    const { sent, received, headerTimes, responseTimes, timed, selected } = this;
    return {
      statuses: [...this.statuses],
      sent,
      received,
      headerTimes,
      responseTimes,
      timed,
      selected: selected === 0 ? 0 : performance.timeOrigin + selected,
      ...(downtime?.figures(now) ?? NO_DOWNTIME),
    };
  }
}
