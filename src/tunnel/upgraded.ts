/** An exchange whose connection was upgraded, for the life of its tunnel. */
import { formatAddress } from '../config/address.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { DetachedClient } from '../exchange/client-side.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { beginRecord } from '../exchange/request-record.js';
import { tapId } from '../exchange/tapped.js';
import { now } from '../net/deadlines.js';
import type { RoutingTable } from '../program/compiler.js';
import { CREDENTIAL_EXPIRY } from '../program/credential-expiry.js';
import type { LocationProgram } from '../program/program.js';
import type { TunnelTarget } from '../program/tunnel-target.js';
import type { RequestRecord } from '../tap/records.js';
import type { OpenRow } from '../tap/rows.js';
import { type DrainSchedule, TUNNEL_DRAIN } from './drain.js';
import type { Lifetimes } from './lifecycle.js';
import { TUNNEL_KEY, type TunnelDescription } from './tunnel-description.js';
import { openRow } from './tunnel-rows.js';
import { TUNNEL_LIFETIME, WEBSOCKET, type WebSocketSettings } from './websocket-settings.js';
import type { WebSocketStats } from './websocket-stats.js';

/** Time over which the Close frames of a shutdown are spread without `tunnel_drain`, ms: as its default. */
const QUIT_SPREAD = 5000;

/** The connection of an upgraded exchange: a tunnel, or a WebSocket that ends in this process. */
export interface UpgradedConnection {
  readonly client: { readonly bytesRead: number; readonly bytesWritten: number };
  /** Null: its frames are not counted. */
  readonly stats: WebSocketStats | null;
  /** Applies settings of a location, to which it has moved. */
  configure(settings: WebSocketSettings | null, lifetimes: Lifetimes): void;
  closeGracefully(code: number, reason: string): void;
  drain(order: DrainSchedule): void;
  /** See `Tunnel.cancelDrain`. */
  cancelDrain(): boolean;
  stop(): void;
}

export class UpgradedExchange {
  private current: RoutingTable;
  /** Whether the location drains tunnels; WebSocket frames are parsed only then. */
  private readonly drains: boolean;
  /** Whether the tunnel is being closed so that its client connects to another server. */
  leaving = false;

  constructor(
    protected readonly x: HttpExchange,
    protected readonly client: DetachedClient,
    protected readonly tunnel: UpgradedConnection,
    readonly target: TunnelTarget,
    /** WebSocket frames are parsed. */
    readonly frames: boolean,
  ) {
    this.current = client.table;
    this.drains = x.location.settings.get(TUNNEL_DRAIN) !== null;
  }

  /** The table that it belongs to: that of its start, or a later one in which its location has the same meaning. */
  get table(): RoutingTable {
    return this.current;
  }

  /** Block that handles it: a location, or an `if` or `limit_except` in one. */
  get block(): CheckedBlock | null {
    return this.x.location.block;
  }

  /** Host that the client requested; lower case, without port. */
  get host(): string {
    return this.x.host;
  }

  /** Address at which the client connected. */
  get local(): { readonly address: string; readonly port: number; readonly path: string | null } {
    const { localAddress, localPort, unixPath } = this.x.client;
    return { address: localAddress, port: localPort, path: unixPath };
  }

  /** The location's `tunnel_drain` settings; null: the tunnel is not drained. Times in ms. */
  get drainSettings(): { readonly spread: number; readonly timeout: number } | null {
    return this.drains ? this.x.location.settings.get(TUNNEL_DRAIN) : null;
  }

  /**
   * Settings with which a shutdown drains the tunnel; null: the tunnel continues. A WebSocket is closed with Close frames by
   * default.
   */
  get quitSettings(): { readonly spread: number; readonly timeout: number; readonly late: boolean } | null {
    const { drainSettings } = this;
    if (drainSettings !== null) return { ...drainSettings, late: false };
    const { close, closeTimeout } = this.x.location.settings.get(WEBSOCKET);
    return this.frames && close ? { spread: QUIT_SPREAD, timeout: closeTimeout, late: true } : null;
  }

  /** Id of its rows of the traffic tap. */
  get tapId(): string {
    return tapId(this.x);
  }

  /** Figures of its frames; null if they are not counted. */
  get stats(): WebSocketStats | null {
    return this.tunnel.stats;
  }

  /** Record for the traffic tap; incomplete if the exchange began before there was a subscriber. */
  get record(): RequestRecord {
    const record = this.x.record ?? beginRecord(this.x);
    record.refresh?.();
    return record;
  }

  /** Row of the traffic tap about a WebSocket that is open; null for other protocols. */
  get openRow(): OpenRow | null {
    const { stats } = this.tunnel;
    return stats === null ? null : openRow(this.x, stats);
  }

  /** The WebSocket and the location that handles it; null for other protocols. */
  get webSocket(): {
    readonly stats: WebSocketStats;
    readonly server: string;
    readonly location: LocationProgram;
  } | null {
    const { stats } = this.tunnel;
    const { server, location } = this.x;
    return stats === null ? null : { stats, server: server.name, location };
  }

  /** Description of the tunnel for the API. */
  describe(): TunnelDescription {
    const { x, tunnel, target } = this;
    const { stats } = tunnel;
    const { id, since } = x.client;
    const key = x.location.settings.get(TUNNEL_KEY);
    return {
      id,
      client: formatAddress({ host: x.remoteAddress, port: x.remotePort }),
      host: x.host,
      uri: x.uri,
      location: x.location.name,
      key: key === null ? x.remoteAddress : key.of(x),
      upstream: target.upstream,
      server: target.address,
      since: Math.round(since),
      started: Math.round(x.startTime),
      received: tunnel.client.bytesRead,
      sent: tunnel.client.bytesWritten,
      websocket: stats && { received: stats.fromClient.messages, sent: stats.fromUpstream.messages },
    };
  }

  /** Ends the tunnel at that time: a WebSocket with a closing handshake, unless its location has `websocket_close off`. */
  close(code: number, reason: string, at: number): void {
    const { close, closeTimeout } = this.x.location.settings.get(WEBSOCKET);
    if (at <= now()) this.tunnel.closeGracefully(code, reason);
    else this.tunnel.drain({ code, reason, at, deadline: this.frames && close ? at + closeTimeout : at });
  }

  /** Ends the tunnel at once. */
  stop(): void {
    this.tunnel.stop();
  }

  drain(order: DrainSchedule): void {
    this.tunnel.drain(order);
  }

  /** Drains the tunnel so that its client connects to another server of the upstream. */
  leave(order: DrainSchedule): void {
    this.leaving = true;
    this.tunnel.drain(order);
  }

  /**
   * Moves it to another table, in which `block` has the same meaning, so that the old table is no longer needed. Variables
   * that have been evaluated keep their values.
   */
  moveTo(table: RoutingTable, block: CheckedBlock, server: CheckedBlock): boolean {
    const location = table.programs.locations.get(block);
    const program = table.programs.servers.get(server);
    if (location === undefined || program === undefined) return false;
    const { x } = this;
    const slots = new Array<string | undefined>(table.slots());
    for (const [name, { slot }] of this.current.programs.variables) {
      const value = x.slots[slot];
      const variable = table.programs.variables.get(name);
      if (value !== undefined && variable !== undefined) slots[variable.slot] = value;
    }
    x.slots = slots;
    x.location = location;
    x.server = program;
    this.current = table;
    this.client.moveTo(table);
    // An earlier reload may have started a drain for a change that has now been reverted.
    if (this.tunnel.cancelDrain()) this.leaving = false;
    this.tunnel.configure(location.settings.get(WEBSOCKET), lifetimesOf(x));
    return true;
  }
}

/** The latest limits that depend on the location only, reused for the next tunnel if they are equal, which is usual. */
let shared: Lifetimes = { lifetime: 0, credentialExpiry: 0 };

/** Limits of the age of the exchange's tunnel. */
export function lifetimesOf(x: HttpExchange): Lifetimes {
  const lifetime = x.location.settings.get(TUNNEL_LIFETIME);
  const credentialExpiry = x.state(CREDENTIAL_EXPIRY) ?? 0;
  if (credentialExpiry !== 0) return { lifetime, credentialExpiry };
  if (shared.lifetime !== lifetime) shared = { lifetime, credentialExpiry };
  return shared;
}
