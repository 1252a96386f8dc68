/** Timers of a tunnel: pings, the idle time, and the maximum age. */
import { now, type Scheduled, schedule, unschedule } from '../net/deadlines.js';
import type { Transport } from '../net/transport.js';
import { GOING_AWAY } from '../websocket/close-codes.js';
import { type PingOwner, Pings } from './ping.js';
import type { FrameRelay } from './relay.js';
import type { WebSocketSettings } from './websocket-settings.js';
import type { WebSocketStats } from './websocket-stats.js';

/** The tunnel as seen by its life cycle. */
export interface LifecycleHost {
  readonly client: Transport;
  readonly upstream: Transport;
  readonly up: FrameRelay | null;
  readonly down: FrameRelay | null;
  readonly stats: WebSocketStats | null;
  /** Time of the last byte of a message. */
  readonly messageTime: number;
  /** Ends the tunnel, a WebSocket with a closing handshake. */
  closeGracefully(code: number, reason: string): void;
  /** Called when a side has not answered a ping. */
  onDeadPeer(side: 'client' | 'upstream'): void;
}

/** Limits of the age of a tunnel. Times in ms. */
export interface Lifetimes {
  /** `tunnel_lifetime`, of a tunnel without frames; 0: unlimited. */
  readonly lifetime: number;
  /** Time on the clock of `Date` at which the credentials of the request expire; 0: never. */
  readonly credentialExpiry: number;
}

/** Whether a tunnel with these settings needs timers. */
export function hasTimes(settings: WebSocketSettings | null, lifetimes: Lifetimes): boolean {
  if (settings === null) return lifetimes.lifetime > 0;
  if (settings.pingInterval > 0 || settings.idleTimeout > 0 || settings.expire > 0) return true;
  return settings.expireJwt !== null && lifetimes.credentialExpiry > 0;
}

export class Lifecycle implements Scheduled, PingOwner {
  deadline = 0;
  slot = 0;
  private stopped = false;
  /** The timers are being checked, after which the next deadline is set. */
  private checking = false;
  private readonly opened = now();
  private toClient: Pings | null = null;
  private toUpstream: Pings | null = null;
  /** Times of the next events on the clock of `now()`; infinite: never. */
  private nextPing = Number.POSITIVE_INFINITY;
  private expiry = Number.POSITIVE_INFINITY;
  private expiryCode = GOING_AWAY;
  private expiryReason = '';
  private settings: WebSocketSettings | null = null;

  constructor(private readonly tunnel: LifecycleHost) {}

  /** Applies settings, also to a tunnel that is open: ages count from its start. */
  configure(settings: WebSocketSettings | null, { lifetime, credentialExpiry }: Lifetimes): void {
    const before = this.settings;
    this.settings = settings;
    this.expiry = Number.POSITIVE_INFINITY;
    if (settings === null) {
      if (lifetime > 0) this.expireAt(this.opened + lifetime, GOING_AWAY, 'tunnel lifetime exceeded');
    } else {
      const { expire, expireCode, expireJwt, pingInterval } = settings;
      if (expire > 0) this.expireAt(this.opened + expire, expireCode, 'expired');
      if (expireJwt !== null && credentialExpiry > 0) {
        this.expireAt(now() + credentialExpiry - Date.now(), expireJwt, 'token expired');
      }
      if (pingInterval === 0) this.stopPings();
      else if (before?.pingInterval !== pingInterval) {
        // Tunnels that were opened at the same time are not pinged at the same time.
        this.nextPing = now() + pingInterval * (0.5 + Math.random() / 2);
      }
    }
    this.schedule();
  }

  private expireAt(time: number, code: number, reason: string): void {
    if (time >= this.expiry) return;
    this.expiry = time;
    this.expiryCode = code;
    this.expiryReason = reason;
  }

  private stopPings(): void {
    this.nextPing = Number.POSITIVE_INFINITY;
    this.toClient?.cancel();
    this.toUpstream?.cancel();
  }

  stop(): void {
    this.stopped = true;
    unschedule(this);
  }

  timedOut(): void {
    const time = now();
    const { tunnel, settings } = this;
    this.checking = true;
    if (this.expiry <= time) this.close(this.expiryCode, this.expiryReason);
    else if (settings !== null) {
      const { idleTimeout, pingTimeout } = settings;
      if (idleTimeout > 0 && tunnel.messageTime + idleTimeout <= time) this.close(GOING_AWAY, 'idle timeout');
      else if (isDead(this.toClient, time, pingTimeout)) tunnel.onDeadPeer('client');
      else if (isDead(this.toUpstream, time, pingTimeout)) tunnel.onDeadPeer('upstream');
      else if (this.nextPing <= time) this.ping(settings, time);
    }
    this.checking = false;
    this.schedule();
  }

  /** Closes the tunnel; its drain has a deadline of its own. */
  private close(code: number, reason: string): void {
    this.stop();
    this.tunnel.closeGracefully(code, reason);
  }

  private ping({ pingInterval, pingTimeout }: WebSocketSettings, time: number): void {
    const { client, upstream, up, down } = this.tunnel;
    if (up === null || down === null) return;
    this.nextPing = time + pingInterval;
    this.toClient ??= new Pings(client, down, up, this);
    this.toUpstream ??= new Pings(upstream, up, down, this);
    this.toClient.send(pingTimeout);
    this.toUpstream.send(pingTimeout);
  }

  onPing(): void {
    if (!this.checking) this.schedule();
  }

  onPong(pings: Pings, roundTrip: number): void {
    const { stats } = this.tunnel;
    if (stats === null) return;
    const side = pings === this.toClient ? 'client' : 'upstream';
    if (side === 'client') stats.clientRoundTrip = roundTrip;
    else stats.upstreamRoundTrip = roundTrip;
    stats.roundTrips?.[side].observe(roundTrip);
  }

  /** Sets the deadline to the next event. */
  private schedule(): void {
    if (this.stopped) return;
    const { settings, tunnel, toClient, toUpstream } = this;
    let next = Math.min(this.expiry, this.nextPing);
    if (toClient !== null) next = Math.min(next, toClient.deadline);
    if (toUpstream !== null) next = Math.min(next, toUpstream.deadline);
    if (settings !== null && settings.idleTimeout > 0) next = Math.min(next, tunnel.messageTime + settings.idleTimeout);
    schedule(this, next === Number.POSITIVE_INFINITY ? 0 : Math.max(next, 1));
  }
}

function isDead(pings: Pings | null, time: number, timeout: number): boolean {
  return pings !== null && pings.deadline <= time && !pings.extend(timeout);
}
