/** Figures of one WebSocket, while it is open and when it is logged. */
import { callbackTime } from '../http/clock.js';
import { StateKey } from '../program/state-key.js';
import { ABNORMAL_CLOSURE } from '../websocket/close-codes.js';
import type { FrameCounts } from '../websocket/frame-counts.js';
import type { FrameReader } from '../websocket/frame-reader.js';

export type ClosingSide = 'client' | 'upstream' | 'proxy';

/** Recorder of values. */
interface Recorder {
  observe(value: number): void;
}

export class WebSocketStats {
  /** Time of the upgrade, in ms since 1970. */
  readonly openedAt = callbackTime();
  /** Time of its end; 0 while it is open. */
  endedAt = 0;
  /** Side that has closed the WebSocket, or whose connection was lost; null while it is open. */
  closedBy: ClosingSide | null = null;
  /** Status code and reason of the proxy's Close frame; 0 if it has sent none. */
  private ownCode = 0;
  private ownReason = '';
  /** Recorders of the times to answer pings by side, ms; null if they are not recorded. */
  roundTrips: { readonly client: Recorder; readonly upstream: Recorder } | null = null;
  /** ms from the latest answered ping to its pong; -1: none was answered. */
  clientRoundTrip = -1;
  upstreamRoundTrip = -1;

  constructor(
    private readonly up: FrameReader,
    private readonly down: FrameReader,
  ) {}

  /** Frames that the client has sent. */
  get fromClient(): FrameCounts {
    return this.up.counts;
  }

  /** Frames that the upstream has sent. */
  get fromUpstream(): FrameCounts {
    return this.down.counts;
  }

  /** Frames of the client that violate RFC 6455. */
  get invalidFromClient(): number {
    return this.up.invalidFrames;
  }

  get invalidFromUpstream(): number {
    return this.down.invalidFrames;
  }

  /**
   * Status code of the first Close frame: 1005 if it has no code, 1006 if the connection of `closedBy` ended without one; 0
   * while none was sent.
   */
  get closeCode(): number {
    const { closedBy } = this;
    if (closedBy === null || closedBy === 'proxy') return this.ownCode;
    const { closeCode } = this.reader(closedBy);
    return closeCode === 0 ? ABNORMAL_CLOSURE : closeCode;
  }

  /** Reason of the first Close frame, a byte string. */
  get closeReason(): string {
    const { closedBy } = this;
    if (closedBy === null || closedBy === 'proxy') return this.ownReason;
    return this.reader(closedBy).closeReason;
  }

  private reader(side: 'client' | 'upstream'): FrameReader {
    return side === 'client' ? this.up : this.down;
  }

  /** Records the first side that closes. */
  onClose(side: ClosingSide, code = 0, reason = ''): void {
    if (this.closedBy !== null) return;
    this.closedBy = side;
    this.ownCode = code;
    this.ownReason = reason;
  }
}

/** The figures of an exchange's WebSocket. */
export const WEBSOCKET_STATS = new StateKey<WebSocketStats>('websocket', 'request');
