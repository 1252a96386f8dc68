/** Pings of the proxy to one side of a WebSocket (RFC 6455, 5.5.2), and the measurement of its round trip. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { now } from '../net/deadlines.js';
import type { Transport } from '../net/transport.js';
import type { FrameRelay, Inserter, PongFilter } from './relay.js';

/** Distinguishes payloads of this process from those of the two sides. */
const OWN = randomBytes(4).readInt32BE();
let count = 0;
/** Payload of the ping that is being written. */
const payload = Buffer.alloc(8);

/** The life cycle as seen by the pings to one side. */
export interface PingOwner {
  /** Called when a ping was sent and its deadline is set. */
  onPing(): void;
  /** Called when a ping was answered after `roundTrip` ms. */
  onPong(pings: Pings, roundTrip: number): void;
}

export class Pings implements PongFilter, Inserter {
  /** Number in the payload of the latest ping. */
  private number = 0;
  private pending = false;
  /** Time of that ping, ms on the clock of `performance`. */
  private sentAt = 0;
  private bytesRead = 0;
  private timeout = 0;
  /** Time on the clock of `now()` at which an answer is due; infinite: none is. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(
    private readonly side: Transport,
    /** The directions towards the side and from it. */
    private readonly to: FrameRelay,
    private readonly from: FrameRelay,
    private readonly owner: PingOwner,
  ) {}

  get length(): number {
    return 8;
  }

  /**
   * Sends a ping that is to be answered within `timeout` ms: now, or after the frame in flight. Does nothing while the side does
   * not read, or the previous ping is unanswered.
   */
  send(timeout: number): void {
    if (this.pending || this.side.waiting || !this.side.writable) return;
    count = (count + 1) % 0x40000000;
    this.number = count;
    this.timeout = timeout;
    payload.writeInt32BE(OWN, 0);
    payload.writeUInt32BE(count, 4);
    this.to.insertPing(payload, this);
  }

  onInserted(): void {
    this.pending = true;
    this.sentAt = performance.now();
    this.bytesRead = this.side.bytesRead;
    this.deadline = now() + this.timeout;
    this.from.expectPong(this);
    this.owner.onPing();
  }

  answers(received: Buffer): boolean {
    if (received.readInt32BE(0) !== OWN || received.readUInt32BE(4) !== this.number) return false;
    this.cancel();
    this.owner.onPong(this, performance.now() - this.sentAt);
    return true;
  }

  /** Stops waiting for an answer. */
  cancel(): void {
    this.pending = false;
    this.deadline = Number.POSITIVE_INFINITY;
    this.from.expectPong(null);
  }

  /**
   * Called at the deadline; returns false if the side is dead. It is considered alive if bytes have arrived, because a pong may
   * have to wait for the end of a frame, and while it is paused, because then nothing is read.
   */
  extend(timeout: number): boolean {
    const { side } = this;
    if (!side.paused && side.bytesRead === this.bytesRead) return false;
    this.bytesRead = side.bytesRead;
    this.deadline = now() + timeout;
    return true;
  }
}
