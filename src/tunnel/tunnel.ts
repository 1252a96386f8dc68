/**
 * An upgraded connection: bytes are forwarded both ways as they arrive, with backpressure in each direction, and both
 * sockets are closed together.
 */
import { callbackTime } from '../http/clock.js';
import { now, type Scheduled, schedule, unschedule } from '../net/deadlines.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import { tapsWithFrames } from '../tap/tap.js';
import { ABNORMAL_CLOSURE, BAD_GATEWAY, GOING_AWAY, maySend, PROTOCOL_ERROR } from '../websocket/close-codes.js';
import { closeReason } from '../websocket/control-frames.js';
import { describeViolations, INVALID_LENGTH, NON_MINIMAL_LENGTH } from '../websocket/violations.js';
import { Closing } from './closing.js';
import { Drain, type Draining, type DrainSchedule } from './drain.js';
import { hasTimes, Lifecycle, type LifecycleHost, type Lifetimes } from './lifecycle.js';
import { FrameRelay, type RelayHost } from './relay.js';
import type { StageChain, StagedTunnel } from './stages.js';
import {
  NO_OWNER,
  sharedTimes,
  type TunnelEnd,
  type TunnelOwner,
  type TunnelSettings,
  type TunnelTimes,
  type WebSocketTunnel,
} from './tunnel-settings.js';
import type { WebSocketSettings } from './websocket-settings.js';
import { WebSocketStats } from './websocket-stats.js';

export class Tunnel implements TransportOwner, Scheduled, RelayHost, Draining, StagedTunnel, LifecycleHost {
  deadline = 0;
  slot = 0;
  /** Time of the last byte; set on each read, hence the coarse clock. */
  private active = now();
  /** Time of the last byte of a message, while there is a life cycle, which needs it. */
  messageTime = now();
  private over = false;
  /** From the upstream to the client; null if frames are not parsed. */
  readonly down: FrameRelay | null;
  /** From the client to the upstream. */
  readonly up: FrameRelay | null;
  readonly stats: WebSocketStats | null;
  private downStages: StageChain | null = null;
  private upStages: StageChain | null = null;
  /** Violations of RFC 6455 that were logged. */
  private loggedOfClient = 0;
  private loggedOfUpstream = 0;
  private draining: Drain | null = null;
  private lifecycle: Lifecycle | null = null;
  /** End of a side whose bytes are still in a stage; takes effect when they have been passed on. */
  private pendingEnd: TunnelEnd | null = null;
  /** Bytes of the upstream's connection before the tunnel. */
  private readonly receivedBefore: number;
  private readonly sentBefore: number;
  owner: TunnelOwner = NO_OWNER;
  private readonly times: TunnelTimes;
  private readonly websocket: WebSocketTunnel | null;

  constructor(
    readonly client: Transport,
    readonly upstream: Transport,
    settings: TunnelSettings,
  ) {
    // A pooled connection may have been used for previous requests.
    this.receivedBefore = upstream.bytesRead;
    this.sentBefore = upstream.bytesWritten;
    client.owner = this;
    upstream.owner = this;
    this.times = sharedTimes(settings);
    const { websocket } = settings;
    this.websocket = websocket;
    if (websocket === null) {
      this.down = null;
      this.up = null;
      this.stats = null;
    } else {
      const { reserved } = websocket;
      this.down = new FrameRelay(this, upstream, client, false, { sender: 'server', reserved });
      this.up = new FrameRelay(this, client, upstream, true, { sender: 'client', reserved });
      this.stats = new WebSocketStats(this.up.frames, this.down.frames);
      this.downStages = websocket.openStages(this, upstream, client, 'down');
      this.upStages = websocket.openStages(this, client, upstream, 'up');
    }
    this.configure(websocket?.settings ?? null, settings.lifetimes);
    schedule(this, now() + settings.readTimeout);
  }

  /** Applies settings of a WebSocket and limits of the age, also to a tunnel that is open. */
  configure(settings: WebSocketSettings | null, lifetimes: Lifetimes): void {
    const { websocket } = this;
    if (websocket !== null && settings !== null) {
      websocket.settings = settings;
      this.down?.inspectAll(settings.closeOnViolation);
      this.up?.inspectAll(settings.closeOnViolation);
    }
    if (this.over) return;
    const current = websocket === null ? null : websocket.settings;
    if (this.lifecycle === null && hasTimes(current, lifetimes)) this.beginLifecycle();
    this.lifecycle?.configure(current, lifetimes);
  }

  private beginLifecycle(): void {
    this.messageTime = this.active;
    for (const relay of [this.up, this.down]) if (relay !== null) relay.frames.sawData = false;
    this.lifecycle = new Lifecycle(this);
  }

  /** Forwards bytes that arrived with the heads, then starts reading on both sides. */
  start(fromClient: Buffer, fromUpstream: Buffer): void {
    // The bytes were copied or are valid for this call; writeBorrowed copies what it keeps.
    if (fromUpstream.length > 0) this.pass(this.upstream, fromUpstream, fromUpstream.length);
    if (fromClient.length > 0) this.pass(this.client, fromClient, fromClient.length);
    if (this.over) return;
    if (!this.upstream.waiting && this.upStages?.full !== true) this.client.resume();
    if (!this.client.waiting && this.downStages?.full !== true) this.upstream.resume();
  }

  onBytes(transport: Transport, bytes: Buffer, length: number): void {
    this.active = now();
    this.pass(transport, bytes, length);
  }

  private pass(from: Transport, bytes: Buffer, length: number): void {
    const fromClient = from === this.client;
    const relay = fromClient ? this.up : this.down;
    if (relay === null) {
      this.forward(from, fromClient ? this.upstream : this.client, bytes, 0, length);
      return;
    }
    const stages = fromClient ? this.upStages : this.downStages;
    if (stages === null) this.relay(relay, bytes, 0, length);
    else stages.push(bytes, 0, length);
  }

  private relay(relay: FrameRelay, bytes: Buffer, start: number, end: number): void {
    if (tapsWithFrames > 0) this.tapFrames(relay, bytes, start, end);
    relay.pass(bytes, start, end);
    const { frames } = relay;
    if (this.lifecycle !== null && frames.sawData) {
      frames.sawData = false;
      this.messageTime = now();
    }
    if (frames.closing) this.stats?.onClose(relay === this.up ? 'client' : 'upstream');
    if (this.draining !== null) this.draining.finishIfClosed();
  }

  private tapFrames(relay: FrameRelay, bytes: Buffer, start: number, end: number): void {
    const { websocket } = this;
    if (websocket?.tap.framesActive !== true) return;
    websocket.tapFrames(relay === this.up ? 'client' : 'upstream', relay.frames, bytes, start, end);
  }

  passStaged(from: Transport, bytes: Buffer, start: number, end: number): void {
    const relay = from === this.client ? this.up : this.down;
    if (relay !== null && !this.over) this.relay(relay, bytes, start, end);
  }

  onStagesIdle(from: Transport): void {
    const { pendingEnd } = this;
    if (pendingEnd !== null && (pendingEnd.by === 'client') === (from === this.client))
      this.finish(pendingEnd.by, pendingEnd.error);
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

  /** Cancels the drain; returns false if there is none, or a Close frame was sent already. */
  cancelDrain(): boolean {
    if (this.draining?.cancel() !== true) return false;
    this.draining = null;
    return true;
  }

  /**
   * Ends a WebSocket: both sides receive a Close frame after the frame in flight; data that arrives later is dropped. Without
   * frames the connections are closed. `text`: the reason, which is cut to the length of a Close frame.
   */
  closeByProxy(code: number, text: string): void {
    const { websocket } = this;
    const reason = closeReason(text);
    if (this.over) return;
    if (websocket === null || !websocket.settings.close) {
      this.finish('proxy', null);
      return;
    }
    this.stats?.onClose('proxy', code, reason);
    this.draining ??= new Drain(this, { code, at: 0, deadline: 0 });
    this.draining.fail({ code, reason, at: now(), deadline: now() + websocket.settings.closeTimeout });
  }

  onCloseInserted(relay: FrameRelay, code: number, reason: string): void {
    this.stats?.onClose('proxy', code, reason);
    (relay === this.up ? this.upStages : this.downStages)?.receiverClosed();
  }

  /** Ends a WebSocket with a closing handshake; without frames the connections are closed. */
  closeGracefully(code: number, reason: string): void {
    const { websocket } = this;
    if (websocket === null || !websocket.settings.close) this.finish('proxy', null);
    else this.drain({ code, reason, at: now(), deadline: now() + websocket.settings.closeTimeout });
  }

  onDeadPeer(side: 'client' | 'upstream'): void {
    const code = side === 'client' ? GOING_AWAY : BAD_GATEWAY;
    this.finish(`${side} timeout`, null, [code, `${side} did not answer a ping`]);
  }

  /** Ends the tunnel at once; a WebSocket first receives a Close frame, if no frame is in flight. */
  stop(): void {
    const { client, upstream } = this;
    this.finish('cut', null);
    client.destroySoon();
    upstream.destroySoon();
  }

  onViolation(relay: FrameRelay, violations: number): void {
    const { websocket } = this;
    if (websocket === null) return;
    const fromClient = relay === this.up;
    const side = fromClient ? 'client' : 'upstream';
    const found = violations & ~(fromClient ? this.loggedOfClient : this.loggedOfUpstream);
    if (fromClient) this.loggedOfClient |= violations;
    else this.loggedOfUpstream |= violations;
    if (found !== 0) websocket.log(side, `${side} sent invalid WebSocket frame: ${describeViolations(found)}`);
    const serious = violations & ~NON_MINIMAL_LENGTH;
    const ends = (violations & INVALID_LENGTH) !== 0 || (websocket.settings.closeOnViolation && serious !== 0);
    if (ends) this.closeByProxy(PROTOCOL_ERROR, describeViolations(violations));
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
    if (this.down?.closeSent !== true) client.destroy();
    if (this.up?.closeSent !== true) upstream.destroy();
  }

  forward(from: Transport, to: Transport, bytes: Buffer, start: number, end: number): void {
    if (to.writeBorrowed(bytes, start, end)) return;
    from.pause();
    if (this.over) return;
    const { times } = this;
    const limit = to === this.client ? times.clientSendTimeout : times.sendTimeout;
    schedule(this, Math.min(this.deadline, now() + limit));
  }

  onDrain(transport: Transport): void {
    this.active = now();
    const toClient = transport === this.client;
    const stages = toClient ? this.downStages : this.upStages;
    if (stages !== null) stages.drained();
    else (toClient ? this.upstream : this.client).resume();
  }

  onConnected(): void {}

  /**
   * One side has ended: its data is delivered, then both sockets are closed (like nginx, which ends a tunnel with its first
   * half).
   */
  onEnd(transport: Transport): void {
    this.sideEnded(transport, null);
  }

  onClosed(transport: Transport, error: NodeJS.ErrnoException | null): void {
    this.sideEnded(transport, error);
  }

  private sideEnded(transport: Transport, error: NodeJS.ErrnoException | null): void {
    const fromClient = transport === this.client;
    const by = fromClient ? 'client' : 'upstream';
    const other = fromClient ? this.upstream : this.client;
    if ((fromClient ? this.upStages : this.downStages)?.busy === true && other.writable && this.pendingEnd === null) {
      this.pendingEnd = { by, error };
      const limit = fromClient ? this.times.sendTimeout : this.times.clientSendTimeout;
      schedule(this, Math.min(this.deadline, now() + limit));
    } else this.finish(by, error);
  }

  timedOut(): void {
    const { times, pendingEnd } = this;
    if (pendingEnd !== null) {
      this.finish(pendingEnd.by, pendingEnd.error);
      return;
    }
    const time = now();
    const idle = this.active + times.readTimeout;
    if (this.client.waiting || this.upstream.waiting) {
      const limit = this.client.waiting ? times.clientSendTimeout : times.sendTimeout;
      const stuck = this.active + limit;
      if (stuck <= time && this.client.waiting) this.finish('client timeout', null);
      else if (stuck <= time || idle <= time) this.finish('upstream timeout', null);
      else schedule(this, Math.min(stuck, idle));
    } else if (idle <= time) this.finish('upstream timeout', null);
    else schedule(this, idle);
  }

  private finish(
    by: TunnelEnd['by'],
    error: NodeJS.ErrnoException | null,
    [code, reason]: readonly [number, string] = FINAL[by],
  ): void {
    if (this.over) return;
    this.over = true;
    unschedule(this);
    if (this.draining !== null) this.draining.onSocketEnd();
    this.lifecycle?.stop();
    this.upStages?.dispose();
    this.downStages?.dispose();
    const { client, upstream } = this;
    const { clientSendTimeout, sendTimeout, lingering } = this.times;
    const { websocket } = this;
    let clientLingering = by === 'upstream' ? lingering : 0;
    let upstreamLingering = 0;
    const sendsClose = websocket?.settings.close === true;
    if (this.stats !== null) {
      // Without Close frames of the proxy, the connections end abnormally.
      const [ownCode, ownReason] = sendsClose ? [code, reason] : [ABNORMAL_CLOSURE, ''];
      this.stats.onClose(by === 'client' || by === 'upstream' ? by : 'proxy', ownCode, ownReason);
      this.stats.endedAt = callbackTime();
    }
    if (sendsClose && this.up !== null && this.down !== null) {
      this.finalClose(client, this.up, this.down, code, reason);
      this.finalClose(upstream, this.down, this.up, code, reason);
      // Without lingering, the answer to a Close frame of the proxy would cause a reset, and the frame could be lost.
      const { closeTimeout } = websocket.settings;
      if (this.down.ownCloseSent && !this.up.closeComplete) clientLingering = closeTimeout;
      if (this.up.ownCloseSent && !this.down.closeComplete) upstreamLingering = closeTimeout;
    }
    new Closing(client, clientSendTimeout).begin(clientLingering);
    new Closing(upstream, sendTimeout).begin(upstreamLingering);
    const { bytesRead, bytesWritten } = upstream;
    this.owner.ended({ by, error, received: bytesRead - this.receivedBefore, sent: bytesWritten - this.sentBefore });
  }

  /** Sends a last Close frame to a side that has received none. `from` and `to` are its two directions. */
  private finalClose(side: Transport, from: FrameRelay, to: FrameRelay, code: number, reason: string): void {
    if (!side.writable || to.closeSent) return;
    // A side that has sent a Close frame receives its own code (RFC 6455, 5.5.1).
    const { closeCode } = from.frames;
    const sent = maySend(closeCode) ? to.finalClose(closeCode, '') : to.finalClose(code, reason);
    if (!sent) {
      const [name, other] =
        side === this.client ? (['client', 'upstream'] as const) : (['upstream', 'client'] as const);
      this.websocket?.log(
        other,
        `WebSocket ended in the middle of a frame from ${other}: no Close frame sent to ${name}`,
      );
    }
  }
}

/** Status code and reason of the Close frames that are sent at the end of a WebSocket whose sides have not closed it. */
const FINAL: Readonly<Record<TunnelEnd['by'], readonly [number, string]>> = {
  client: [GOING_AWAY, 'client connection lost'],
  upstream: [BAD_GATEWAY, 'upstream connection lost'],
  'client timeout': [GOING_AWAY, 'client timed out'],
  'upstream timeout': [GOING_AWAY, 'timed out'],
  drain: [GOING_AWAY, ''],
  cut: [GOING_AWAY, ''],
  proxy: [GOING_AWAY, ''],
};
