/** Turns an exchange into a tunnel after the upstream has accepted its upgrade, or its connection for CONNECT. */
import type { DetachedClient } from '../exchange/client-side.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { tapId } from '../exchange/tapped.js';
import { callFailed } from '../net/tls-errors.js';
import type { Transport } from '../net/transport.js';
import { logError } from '../program/error-context.js';
import { logFailure } from '../program/pattern-search.js';
import type { TunnelTarget } from '../program/tunnel-target.js';
import type { Tap } from '../tap/tap.js';
import { NEGOTIATED } from '../websocket/extension-offer.js';
import type { FrameReader } from '../websocket/frame-reader.js';
import { FrameTap } from './frame-tap.js';
import { WEBSOCKET_ENDED, WEBSOCKET_OPENED } from './message-handlers.js';
import { openTunnel, type TunnelSide } from './open-tunnel.js';
import { type Direction, StageChain, type StagedTunnel, TUNNEL_STAGES } from './stages.js';
import type { Tunnel } from './tunnel.js';
import { closeRow, openRow } from './tunnel-rows.js';
import type { TunnelEnd, TunnelOwner, TunnelResult, WebSocketTunnel } from './tunnel-settings.js';
import type { Tunnels } from './tunnels.js';
import { lifetimesOf, UpgradedExchange } from './upgraded.js';
import { WEBSOCKET, WEBSOCKET_LOG, type WebSocketSettings } from './websocket-settings.js';
import { WEBSOCKET_STATS } from './websocket-stats.js';

/** The upstream's side of an upgrade. */
export interface AcceptedUpgrade extends TunnelTarget {
  /** Ends the use of the upstream; `received` and `sent` are the bytes of the tunnel. */
  ended(received: number, sent: number): void;
}

/** Timeouts towards the upstream, ms: see `TunnelSettings`. */
export interface UpgradeSettings {
  readonly readTimeout: number;
  readonly sendTimeout: number;
}

/**
 * Sends the head of the response (101, or 200 to CONNECT) and opens the tunnel; if the client has disconnected, closes the
 * connection to the upstream.
 */
export function upgrade(
  x: HttpExchange,
  accepted: AcceptedUpgrade,
  upstream: TunnelSide,
  { readTimeout, sendTimeout }: UpgradeSettings,
  tunnels: Tunnels,
): void {
  x.tunnelled = true;
  x.producer = null;
  if (!x.sendHead(false)) {
    upstream.transport.destroy();
    accepted.ended(0, 0);
    return;
  }
  const client = x.client.detach();
  if (client === null) {
    upstream.transport.destroy();
    accepted.ended(0, 0);
    x.finish();
    return;
  }
  const { settings } = x.location;
  const { lingeringClose, lingeringTimeout, sendTimeout: clientSendTimeout } = settings;
  const websocket = isWebSocket(x) ? new ExchangeWebSocket(x) : null;
  const lingering = lingeringClose === 'off' ? 0 : lingeringTimeout;
  x.headers.compact();
  x.upstreamHeaders?.compact();
  openTunnel(
    client,
    upstream,
    { readTimeout, sendTimeout, clientSendTimeout, lingering, websocket, lifetimes: lifetimesOf(x) },
    (tunnel) => {
      if (tunnel.stats !== null) x.setState(WEBSOCKET_STATS, tunnel.stats);
      const upgraded = new UpgradedTunnel(x, client, tunnel, accepted, websocket !== null, tunnels);
      tunnel.owner = upgraded;
      tunnels.add(upgraded);
      if (tunnel.stats === null) return;
      for (const opened of x.location.settings.get(WEBSOCKET_OPENED)) opened(x, tunnel.stats);
      logOpening(x);
      if (x.server.tap.active) x.server.tap.publish(openRow(x, tunnel.stats));
    },
  );
}

class UpgradedTunnel extends UpgradedExchange implements TunnelOwner {
  constructor(
    x: HttpExchange,
    client: DetachedClient,
    protected override readonly tunnel: Tunnel,
    override readonly target: AcceptedUpgrade,
    frames: boolean,
    private readonly tunnels: Tunnels,
  ) {
    super(x, client, tunnel, target, frames);
  }

  ended({ by, error, received, sent }: TunnelResult): void {
    const { x } = this;
    this.tunnels.delete(this);
    logEnd(x, by, error, by === 'client' ? x.client.secure : this.tunnel.upstream.secure);
    this.target.ended(received, sent);
    if (this.frames) webSocketEnded(x);
    this.client.ended(by !== 'client timeout' && error?.syscall !== 'write');
  }
}

function webSocketEnded(x: HttpExchange): void {
  logWebSocket(x);
  for (const ended of x.location.settings.get(WEBSOCKET_ENDED)) ended(x);
  const stats = x.state(WEBSOCKET_STATS);
  if (x.server.tap.active && stats !== undefined) x.server.tap.publish(closeRow(x, stats));
}

/** `websocket_log` of the location to which the tunnel belongs now. */
function logWebSocket(x: HttpExchange): void {
  try {
    x.location.settings.get(WEBSOCKET_LOG)?.(x);
  } catch (error) {
    logFailure(x, error);
  }
}

/** Logs a WebSocket that has been opened. Values that the line has computed are not kept: they change until the end. */
function logOpening(x: HttpExchange): void {
  if (x.location.settings.get(WEBSOCKET_LOG) === null) return;
  const { slots, captures } = x;
  x.slots = slots.slice();
  logWebSocket(x);
  x.slots = slots;
  x.captures = captures;
}

/** Logs the abnormal end of a tunnel, with nginx's messages and levels. */
function logEnd(x: HttpExchange, by: TunnelEnd['by'], error: NodeJS.ErrnoException | null, secure: boolean): void {
  const action = 'while proxying upgraded connection';
  if (by === 'client timeout' || by === 'upstream timeout') {
    const side = by === 'client timeout' ? 'client' : 'upstream';
    logError(x, 'info', `${side} timed out (110: Connection timed out) ${action}`);
  } else if (error !== null) {
    const calls = secure ? ['SSL_write', 'SSL_read'] : ['send', 'recv'];
    const message = callFailed(calls[error.syscall === 'write' ? 0 : 1] as string, error); // two each
    logError(x, by === 'client' ? 'info' : 'error', `${message} ${action}`);
  }
}

/** Whether the upstream has switched to WebSocket frames (RFC 6455, 4.2.2), as the client has requested. */
function isWebSocket(x: HttpExchange): boolean {
  return (
    WEBSOCKET_TOKEN.test(x.headers.joined('upgrade') ?? '') &&
    WEBSOCKET_TOKEN.test(x.upstreamHeaders?.joined('upgrade') ?? '')
  );
}

const WEBSOCKET_TOKEN = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;

/** The WebSocket of an exchange. A class, because each open WebSocket has one: closures would take more memory. */
class ExchangeWebSocket implements WebSocketTunnel {
  settings: WebSocketSettings;
  readonly reserved: number;
  readonly tap: Tap;
  /** Id of the rows about it; null until one is needed. */
  private id: string | null = null;
  /** Frames of the two senders that are not short messages, while they are needed. */
  private tapped: { client: FrameTap | null; upstream: FrameTap | null } | null = null;

  constructor(private readonly x: HttpExchange) {
    this.tap = x.server.tap;
    this.settings = x.location.settings.get(WEBSOCKET);
    const negotiated = x.state(NEGOTIATED);
    const extensions =
      negotiated === undefined
        ? (x.upstreamHeaders?.joined('sec-websocket-extensions') ?? '')
        : (negotiated.client?.field ?? negotiated.upstream?.field ?? '');
    this.reserved = reservedBits(extensions);
  }

  openStages(tunnel: StagedTunnel, from: Transport, to: Transport, direction: Direction): StageChain | null {
    const { x } = this;
    const factories = x.location.settings.get(TUNNEL_STAGES);
    return factories.length === 0 ? null : StageChain.open(tunnel, from, to, direction, x, factories);
  }

  tapFrames(from: 'client' | 'upstream', frames: FrameReader, bytes: Buffer, start: number, end: number): void {
    const { tap } = this;
    const id = (this.id ??= tapId(this.x));
    if (tap.frames !== 'all' && !tap.wants(id)) {
      this.tapped = null;
      return;
    }
    // Most pieces are complete short messages: a reader of its own would cost memory and time.
    const at = frames.betweenMessages ? tap.publishShortFrames(id, from === 'client', bytes, start, end) : start;
    if (at < end) this.readerOf(from, id, frames).push(bytes, at, end);
  }

  private readerOf(from: 'client' | 'upstream', id: string, frames: FrameReader): FrameTap {
    const tapped = (this.tapped ??= { client: null, upstream: null });
    const known = tapped[from];
    if (known?.isCurrent === true) return known;
    const reader = new FrameTap(this.tap, id, from, frames, this.reserved === 4);
    tapped[from] = reader;
    return reader;
  }

  log(side: 'client' | 'upstream', message: string): void {
    logError(this.x, side === 'client' ? 'info' : 'warn', `${message} while proxying upgraded connection`);
  }
}

/** Reserved bits of frames that the negotiated extensions define; all of them if one is not known. */
function reservedBits(extensions: string): number {
  const names = extensions.split(',').map((extension) => extension.split(';')[0]?.trim().toLowerCase() ?? '');
  const used = names.filter((name) => name !== '');
  if (used.length === 0) return 0;
  // RFC 7692, 6: RSV1 of the first frame of a message.
  return used.every((name) => name === 'permessage-deflate' || name === 'x-webkit-deflate-frame') ? 4 : 7;
}
