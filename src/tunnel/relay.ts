/**
 * One direction of a WebSocket tunnel that may be told to end: passes bytes on, and puts a Close frame where it cuts
 * neither a frame nor a message.
 */
import type { Transport } from '../http/transport.js';
import { closeFrame, FrameTrack } from './frames.js';

/** What a relay asks of its tunnel. */
export interface RelayHost {
  /** Writes bytes `start` to `end`, which are only lent. */
  forward(from: Transport, to: Transport, bytes: Buffer, start: number, end: number): void;
  /** The sender's Close frame begins, and is about to be passed on; only while the tunnel drains. */
  closeComes(relay: FrameRelay): void;
}

export class FrameRelay {
  private readonly track = new FrameTrack();
  /** The tunnel drains: each frame is looked at before it is passed on. */
  private draining = false;
  /** The status code with which the receiver is to be told as soon as that is possible; 0: not at all. */
  private code = 0;
  /** It is told between two frames, even where a message is under way. */
  private insists = false;
  /** The receiver has had a Close frame: nothing may follow it (RFC 6455, 5.5.1). */
  private closeSent = false;
  /** It was ours. */
  private closedByProxy = false;

  constructor(
    private readonly host: RelayHost,
    private readonly from: Transport,
    private readonly to: Transport,
    /** Gives the mask of a frame of ours; null towards a client, whose frames come without. */
    private readonly mask: (() => Uint8Array) | null,
  ) {}

  /** The sender's Close frame has begun to arrive. */
  get saidClose(): boolean {
    return this.track.closing;
  }

  /** The sender's Close frame is here as a whole. */
  get over(): boolean {
    return this.track.closing && this.track.betweenFrames;
  }

  /** The receiver has had a Close frame, ours or the sender's. */
  get toldClose(): boolean {
    return this.closeSent;
  }

  /** The receiver has had a Close frame of ours. */
  get toldOurs(): boolean {
    return this.closedByProxy;
  }

  /** From here on the tunnel drains. */
  drain(): void {
    this.draining = true;
    if (this.over) this.closeSent = true;
  }

  /** Tells the receiver: now, or behind the message that is under way. */
  sendClose(code: number): void {
    if (this.closeSent || this.saidClose) return;
    this.code = code;
    if (this.isDue) this.close();
  }

  /**
   * Tells it, at the latest behind the frame that is under way: a message whose end does not come is cut by the end of the
   * connection anyway, and a Close frame may stand between its fragments (RFC 6455, 5.4).
   */
  forceClose(code: number): void {
    this.insists = true;
    this.sendClose(code);
  }

  /** Here is the place for the Close frame. */
  private get isDue(): boolean {
    return this.code !== 0 && !this.closeSent && (this.insists ? this.track.betweenFrames : this.track.betweenMessages);
  }

  /** Does not tell it after all, where that has not happened yet. */
  cancelClose(): void {
    this.code = 0;
  }

  pass(bytes: Buffer, length: number): void {
    const { track, host, from, to } = this;
    if (!this.draining) {
      track.advance(bytes, 0, length, false);
      host.forward(from, to, bytes, 0, length);
      return;
    }
    let start = 0;
    let at = 0;
    while (at < length) {
      if (track.betweenFrames) {
        const closes = FrameTrack.isClose(bytes[at] as number);
        if (closes || this.isDue) {
          if (at > start) host.forward(from, to, bytes, start, at);
          start = at;
          if (closes) host.closeComes(this);
          // What answers our Close, or gives up the message under way, stays here: the receiver is told with our code.
          if (this.code !== 0 && !this.closeSent) this.close();
        }
      }
      at = track.advance(bytes, at, length, true);
      if (this.closeSent) start = at;
      else if (this.over) {
        host.forward(from, to, bytes, start, at);
        start = at;
        this.closeSent = true;
      }
    }
    if (at > start) host.forward(from, to, bytes, start, at);
  }

  private close(): void {
    this.closeSent = true;
    this.closedByProxy = true;
    this.to.write(closeFrame(this.code, this.mask === null ? null : this.mask()));
    // What the sender still says is dropped, but its own Close is waited for.
    this.from.resume();
  }
}
