/**
 * An upgraded connection: bytes go both ways as they come, each direction stops when the other side cannot take more,
 * and both sockets end together.
 */
import { randomBytes } from 'node:crypto';
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import type { Transport, TransportOwner } from '../http/transport.js';
import { Closing } from './closing.js';
import { Drain, type Draining, type DrainOrder } from './drain.js';
import { FrameRelay, type RelayHost } from './relay.js';

/** What a tunnel tells at its end. */
export interface TunnelEnd {
  /**
   * `upstream timeout`: nothing moved for the read timeout, or the upstream took nothing; `client timeout`: the client took
   * nothing; `client`/`upstream`: that side ended it; `drain`: it was asked to end, and both sides have closed; `cut`: it was
   * asked to end, and the time for that was over.
   */
  readonly by: 'client' | 'upstream' | 'client timeout' | 'upstream timeout' | 'drain' | 'cut';
  readonly error: NodeJS.ErrnoException | null;
}

export interface TunnelSettings {
  /** ms without a byte in either direction after which the tunnel ends (`proxy_read_timeout`). */
  readonly readTimeout: number;
  /** ms for which the upstream may refuse to take bytes (`proxy_send_timeout`). */
  readonly sendTimeout: number;
  /** ms for which the client may refuse to take bytes (`send_timeout`). */
  readonly clientSendTimeout: number;
  /** ms for which a client is listened to when the upstream has ended (`lingering_timeout`); 0: not at all. */
  readonly lingering: number;
  /** WebSocket frames are followed from the start, so that a Close frame can be put between two of them. */
  readonly frames: boolean;
}

export class Tunnel implements TransportOwner, Timed, RelayHost, Draining {
  deadline = 0;
  deadlineIndex = -1;
  /** When a byte moved last; written for each read, so it is the coarse clock. */
  private active = now();
  private over = false;
  /** From the upstream to the client; null where no frames are followed. */
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

  /** Takes bytes that came with the heads, then lets both sides speak. */
  start(fromClient: Buffer, fromUpstream: Buffer): void {
    // Both were copied or are lent for this call; writeLent keeps what it must.
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
      if (this.draining !== null) this.draining.look();
    }
  }

  /**
   * Asks it to end. Where frames are followed, both sides get a Close frame, the client first, and what is under way is
   * delivered; otherwise the tunnel goes on until the deadline. Of several orders the earliest counts.
   */
  drain(order: DrainOrder): void {
    if (this.over) return;
    if (this.draining === null) {
      this.draining = new Drain(this, order);
      this.draining.start();
    } else this.draining.hurry(order);
  }

  /** It need not end after all, where nobody was told yet. */
  stay(): void {
    if (this.draining?.cancel() === true) this.draining = null;
  }

  closeComes(relay: FrameRelay): void {
    this.draining?.closeComes(relay);
  }

  drained(): void {
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

  /** One side is done: what it sent is delivered, then both end (nginx ends a tunnel with its first half). */
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
    this.draining?.ended();
    const { client, upstream } = this;
    const { clientSendTimeout, sendTimeout, lingering } = this.settings;
    new Closing(client, clientSendTimeout).begin(by === 'upstream' ? lingering : 0);
    new Closing(upstream, sendTimeout).begin(0);
    this.ended({ by, error });
  }
}

/** Masks are random, so that nobody can choose the bytes on the wire (RFC 6455, 5.3). */
function mask(): Uint8Array {
  return randomBytes(4);
}
