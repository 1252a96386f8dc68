/**
 * An upgraded connection: bytes are forwarded both ways as they arrive, with backpressure in each direction, and both
 * sockets are closed together.
 */
import { randomBytes } from 'node:crypto';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import { Closing } from './closing.js';
import { Drain, type Draining, type DrainSchedule } from './drain.js';
import { FrameRelay, type RelayHost } from './relay.js';

/** Result of a tunnel. */
export interface TunnelEnd {
  /**
   * `upstream timeout`: no byte within the read timeout, or the upstream stopped reading; `client timeout`: the client
   * stopped reading; `client`/`upstream`: that side ended the connection; `drain`: the closing handshake completed; `cut`:
   * the deadline of the drain or shutdown passed.
   */
  readonly by: 'client' | 'upstream' | 'client timeout' | 'upstream timeout' | 'drain' | 'cut';
  readonly error: NodeJS.ErrnoException | null;
}

export interface TunnelSettings {
  /** ms without a byte in either direction after which the tunnel ends (`proxy_read_timeout`). */
  readonly readTimeout: number;
  /** ms for which the upstream may accept no bytes (`proxy_send_timeout`). */
  readonly sendTimeout: number;
  /** ms for which the client may accept no bytes (`send_timeout`). */
  readonly clientSendTimeout: number;
  /** ms for which a client's data is still read after the upstream has ended (`lingering_timeout`); 0: not at all. */
  readonly lingering: number;
  /** WebSocket frames are parsed from the start, so that a Close frame can be inserted between two of them. */
  readonly frames: boolean;
}

export class Tunnel implements TransportOwner, Timed, RelayHost, Draining {
  deadline = 0;
  deadlineIndex = -1;
  /** Time of the last byte; set on each read, hence the coarse clock. */
  private active = now();
  private over = false;
  /** From the upstream to the client; null if frames are not parsed. */
  readonly down: FrameRelay | null;
  /** From the client to the upstream. */
  readonly up: FrameRelay | null;
  private draining: Drain | null = null;

  constructor(
    private readonly client: Transport,
    private readonly upstream: Transport,
    private readonly settings: TunnelSettings,
    private readonly ended: (end: TunnelEnd) => void,
  ) {
    client.owner = this;
    upstream.owner = this;
    this.down = settings.frames ? new FrameRelay(this, upstream, client, null) : null;
    this.up = settings.frames ? new FrameRelay(this, client, upstream, mask) : null;
    watch(this);
    this.deadline = now() + settings.readTimeout;
  }

  /** Forwards bytes that arrived with the heads, then starts reading on both sides. */
  start(fromClient: Buffer, fromUpstream: Buffer): void {
    // The bytes were copied or are valid for this call; writeBorrowed copies what it keeps.
    if (fromUpstream.length > 0) this.pass(this.upstream, fromUpstream, fromUpstream.length);
    if (fromClient.length > 0) this.pass(this.client, fromClient, fromClient.length);
    if (this.over) return;
    if (!this.upstream.waiting) this.client.resume();
    if (!this.client.waiting) this.upstream.resume();
  }

  onBytes(transport: Transport, bytes: Buffer, length: number): void {
    this.active = now();
    this.pass(transport, bytes, length);
  }

  private pass(from: Transport, bytes: Buffer, length: number): void {
    const fromClient = from === this.client;
    const relay = fromClient ? this.up : this.down;
    if (relay === null) this.forward(from, fromClient ? this.upstream : this.client, bytes, 0, length);
    else {
      relay.pass(bytes, length);
      if (this.draining !== null) this.draining.finishIfClosed();
    }
  }

  /**
   * Starts a drain. If frames are parsed, both sides receive a Close frame, the client first, and messages in flight are
   * delivered; otherwise the tunnel continues until the deadline. Of several calls the earliest time counts.
   */
  drain(order: DrainSchedule): void {
    if (this.over) return;
    if (this.draining === null) {
      this.draining = new Drain(this, order);
      this.draining.start();
    } else this.draining.tighten(order);
  }

  /** Cancels the drain, unless a Close frame was sent already. */
  cancelDrain(): void {
    if (this.draining?.cancel() === true) this.draining = null;
  }

  onCloseFrame(relay: FrameRelay): void {
    this.draining?.onCloseFrame(relay);
  }

  onDrained(): void {
    this.finish('drain', null);
  }

  cut(): void {
    const { client, upstream } = this;
    this.finish('cut', null);
    client.destroy();
    upstream.destroy();
  }

  forward(from: Transport, to: Transport, bytes: Buffer, start: number, end: number): void {
    if (to.writeBorrowed(bytes, start, end)) return;
    from.pause();
    const { settings } = this;
    const limit = to === this.client ? settings.clientSendTimeout : settings.sendTimeout;
    this.deadline = Math.min(this.deadline, now() + limit);
  }

  onDrain(transport: Transport): void {
    this.active = now();
    (transport === this.client ? this.upstream : this.client).resume();
  }

  onConnected(): void {}

  /**
   * One side has ended: its data is delivered, then both sockets are closed (like nginx, which ends a tunnel with its first
   * half).
   */
  onEnd(transport: Transport): void {
    this.finish(transport === this.client ? 'client' : 'upstream', null);
  }

  onClosed(transport: Transport, error: NodeJS.ErrnoException | null): void {
    this.finish(transport === this.client ? 'client' : 'upstream', error);
  }

  timedOut(): void {
    const { settings } = this;
    const time = now();
    const idle = this.active + settings.readTimeout;
    if (this.client.waiting || this.upstream.waiting) {
      const limit = this.client.waiting ? settings.clientSendTimeout : settings.sendTimeout;
      const stuck = this.active + limit;
      if (stuck <= time && this.client.waiting) this.finish('client timeout', null);
      else if (stuck <= time || idle <= time) this.finish('upstream timeout', null);
      else this.deadline = Math.min(stuck, idle);
    } else if (idle <= time) this.finish('upstream timeout', null);
    else this.deadline = idle;
  }

  private finish(by: TunnelEnd['by'], error: NodeJS.ErrnoException | null): void {
    if (this.over) return;
    this.over = true;
    unwatch(this);
    this.deadline = 0;
    this.draining?.onSocketEnd();
    const { client, upstream } = this;
    const { clientSendTimeout, sendTimeout, lingering } = this.settings;
    new Closing(client, clientSendTimeout).begin(by === 'upstream' ? lingering : 0);
    new Closing(upstream, sendTimeout).begin(0);
    this.ended({ by, error });
  }
}

/** Masks are random, so that clients cannot choose the bytes on the wire (RFC 6455, 5.3). */
function mask(): Uint8Array {
  return randomBytes(4);
}
