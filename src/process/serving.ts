/** Serves traffic: a server and the generations of routing tables still in use. One per worker. */

import type { CheckedConfig } from '../config/checked-config.js';
import type { DeliverBatch, FeedSettings, FeedSubscription, RowSource } from '../console/feed-settings.js';
import { openFeed, otherWorkers } from '../console/open-feed.js';
import type { ConnectionCounts } from '../exchange/connection-counts.js';
import type { ErrorLog } from '../logging/error-log.js';
import { limitBuffers } from '../net/buffer-limit.js';
import { limitConnections } from '../net/connection-limit.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import { compileRoutingTable, type RoutingTable } from '../program/compiler.js';
import { exitWork } from '../program/exit-work.js';
import type { Module } from '../program/module.js';
import { NO_PROCESS, type ProcessLink } from '../program/process-link.js';
import type { Binder, BoundAddress } from '../server/binder.js';
import { type MemoryClient, Server } from '../server/server.js';
import { TapFeed, type TapSubscriber } from '../tap/feed.js';
import { Tap } from '../tap/tap.js';
import { type TunnelCounts, type Tunnels, tunnelsOf } from '../tunnel/tunnels.js';
import { GOING_AWAY } from '../websocket/close-codes.js';
import { LocalBackend } from '../zones/local-backend.js';
import type { ZoneBackend } from '../zones/zone.js';
import { reopenLogged } from './logs.js';
import { bufferLimit } from './main-settings.js';
import { loadModuleFile, type ModuleFile } from './module-files.js';
import { describeTunnels } from './reload-description.js';
import { type Differences, moveTunnels, prepareTunnelMoves } from './tunnel-moves.js';

/** Time limit of work that is completed before the process exits, after `quit` and after `stop`, ms. */
const QUIT_WORK_TIMEOUT = 2000;
export const STOP_WORK_TIMEOUT = 500;

export interface ServingOptions {
  readonly modules: readonly Module[];
  readonly errorLog: ErrorLog;
  /** Source of listening sockets. Default: this process binds them. */
  readonly binder?: Binder;
  /** Asks the process that owns the configuration: see `ProcessLink`. Default: questions are rejected. */
  readonly ask?: ProcessLink['ask'];
}

/** A configuration to serve. */
export interface Job {
  /** Number of its generation, from 1. */
  readonly generation: number;
  readonly config: CheckedConfig;
  /** nginx's prefix, ending in a slash. */
  readonly prefix: string;
  /** The secret of the proxy (`program/secret.ts`) in base64. */
  readonly secret: string;
  /** Contents of files that worker processes may not be able to read, by path; byte strings. Default: none. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files of `load_module`, as they were checked. Default: none. */
  readonly moduleFiles?: readonly ModuleFile[];
  /** See `Compiler.replacement`. Default: false. */
  readonly replacement?: boolean;
}

/** A configuration ready to be put in force. Exactly one of the two methods is to be called. */
export interface PreparedJob {
  /** Keys of the addresses on which it listens. */
  readonly listening: readonly string[];
  /** Puts it in force; the returned promise settles when the last exchange or tunnel of the previous generation has ended. */
  commit(): Promise<void>;
  cancel(): void;
}

/** A configuration that is in force, or an earlier one still in use. */
interface Generation {
  readonly number: number;
  readonly table: RoutingTable;
  /** Settles when its last exchange or tunnel has ended and a newer configuration is in force. */
  readonly ended: Promise<void>;
  /** Logs the end of the generation and settles `ended`; called once. */
  end(): void;
}

export class Serving {
  private readonly server: Server;
  private readonly tap = new Tap();
  private readonly ownZones = new LocalBackend();
  private current: Generation | null = null;
  private readonly living = new Set<Generation>();
  private readonly link: ProcessLink;

  constructor(private readonly options: ServingOptions) {
    const { errorLog, binder, ask = NO_PROCESS.ask } = options;
    this.link = {
      ask,
      generations: () => [...this.living].map(({ number, table }) => ({ number, users: table.users })),
    };
    this.server = new Server({ errorLog, ...(binder !== undefined && { binder }) });
  }

  /** Listening addresses. */
  get addresses(): BoundAddress[] {
    return this.server.addresses();
  }

  /** Connections and requests as counted by `stub_status`. */
  get counts(): ConnectionCounts {
    return this.server.counts;
  }

  /** Open client connections. */
  get connections(): number {
    return this.server.connections;
  }

  /** Generations in use, and the number of their exchanges and tunnels. */
  get state(): { readonly living: number; readonly users: number } {
    let users = 0;
    for (const generation of this.living) users += generation.table.users;
    return { living: this.living.size, users };
  }

  /**
   * Performs every step that can fail. If it rejects, nothing has changed. Zones are kept in this process unless a backend
   * is given. `lasting`: the backend of those that outlive this process.
   */
  async prepare(
    { config, prefix, generation, secret, files = {}, moduleFiles = [], replacement = false }: Job,
    zones: ZoneBackend = this.ownZones,
    lasting: ZoneBackend = zones,
  ): Promise<PreparedJob> {
    const { errorLog } = this.options;
    const modules = [...this.options.modules, ...(await Promise.all(moduleFiles.map(loadModuleFile)))];
    const table = await compileRoutingTable(config, modules, {
      errorLog,
      previous: this.current?.table ?? null,
      prefix,
      generation,
      tap: this.tap,
      link: this.link,
      secret: Buffer.from(secret, 'base64'),
      files,
      zones,
      lastingZones: lasting,
      replacement,
    });
    try {
      const differences = await this.prepareTunnelMoves(config);
      const listeners = await this.server.prepare(table);
      return {
        listening: table.listeners.map(({ key }) => key),
        commit: () => {
          listeners.commit();
          const ended = this.activate(table, generation, differences);
          // Otherwise a retained prepared job would retain the earlier tables.
          differences.clear();
          return ended;
        },
        cancel: () => {
          listeners.cancel();
          this.closeResources(table);
        },
      };
    } catch (error) {
      this.closeResources(table);
      throw error;
    }
  }

  /** Puts the new generation in force; returns the end of the previous one. */
  private activate(table: RoutingTable, number: number, differences: Differences): Promise<void> {
    const { errorLog } = this.options;
    const before = this.current;
    const tunnels = tunnelsOf(table.shared, before?.table.shared);
    let settle = (): void => {};
    const ended = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const generation: Generation = {
      number,
      table,
      ended,
      end: () => {
        if (!this.living.delete(generation)) return;
        this.closeResources(table);
        errorLog.write('notice', `generation ${number} exited with code 0`);
        settle();
      },
    };
    this.living.add(generation);
    this.current = generation;
    limitBuffers(bufferLimit(table.config));
    limitConnections(workerConnections(table.config), {
      idle: (age) => this.server.idle(age),
      warn: (sentence) => errorLog.write('warn', sentence),
    });
    errorLog.write('notice', `generation ${number} started`);
    if (before === null) return Promise.resolve();
    if (before.table.unused) before.end();
    else before.table.onUnused = before.end;
    this.moveTunnels(tunnels, table, differences);
    const counts = tunnels.byGeneration();
    for (const { number: old, table: left } of this.living) {
      if (left === table) continue;
      const own = counts.get(old) ?? 0;
      errorLog.write('notice', `generation ${old} has ${left.users - own} requests and ${own} tunnels left`);
    }
    return before.ended;
  }

  /** Runs in slices, so that the comparison is complete at `commit`. `moveTunnels` reports a failure. */
  private async prepareTunnelMoves(config: CheckedConfig): Promise<Differences> {
    if (this.current === null) return new Map();
    const counts = tunnelsOf(this.current.table.shared).byGeneration();
    const tables = [...this.living].filter(({ number }) => (counts.get(number) ?? 0) > 0).map(({ table }) => table);
    try {
      return await prepareTunnelMoves(tables, config, this.options.modules);
    } catch {
      return new Map();
    }
  }

  /** A committed configuration must not fail: at worst all tunnels stay on their tables. */
  private moveTunnels(tunnels: Tunnels, table: RoutingTable, differences: Differences): void {
    try {
      this.logTunnelMoves(moveTunnels(tunnels, table, this.options.modules, differences));
    } catch (error) {
      this.options.errorLog.write('alert', `tunnels stay in their generations: ${String(error)}`);
    }
  }

  private logTunnelMoves(counts: TunnelCounts): void {
    const line = describeTunnels(counts);
    if (line !== null) this.options.errorLog.write('notice', line);
  }

  /** Closes resources that only this table held: zones, and log files that no generation in use writes to. */
  private closeResources({ shared }: RoutingTable): void {
    shared.close([...this.living].map(({ table }) => table.shared));
  }

  /** Resolves when all removed listeners are closed, so that their addresses can be bound again. */
  released(): Promise<void> {
    return this.server.closed();
  }

  /** Connects a client of this process to a listener: see `Server.connectInMemory`. */
  connectInMemory(owner: TransportOwner, client: MemoryClient, key: string | null): Transport {
    return this.server.connectInMemory(owner, client, key);
  }

  subscribe({ settings, deliver }: TapSubscriber): () => void {
    const feed = new TapFeed(settings, deliver);
    this.tap.add(feed);
    const tunnels = this.current === null ? [] : tunnelsOf(this.current.table.shared).openRows();
    for (const row of tunnels) feed.add(row);
    return () => this.tap.remove(feed);
  }

  /** Opens a feed of the console about the traffic of this process. */
  openFeed(settings: FeedSettings, deliver: DeliverBatch): FeedSubscription {
    const tunnels = (): Tunnels | null => (this.current === null ? null : tunnelsOf(this.current.table.shared));
    return openFeed(this.tap, tunnels, settings, deliver);
  }

  /** Sets the source of the rows of other worker processes. */
  set rowSource(source: RowSource) {
    otherWorkers.set(this.tap, source);
  }

  /** Reopens the log files of all generations in use. */
  reopenLogs(): void {
    const files = new Set<unknown>();
    for (const { table } of this.living) for (const [, object] of table.shared.entries()) files.add(object);
    for (const file of files) if (isReopenable(file)) reopenLogged(file, this.options.errorLog);
  }

  /**
   * Stops accepting and waits at most `limit` ms for connections to finish (0: without limit). `retired`: because of a reload,
   * so that WebSockets continue unless they are to be drained.
   */
  async quit(limit: number, retired = false): Promise<void> {
    this.quitTunnels(limit, retired);
    const timer = limit > 0 ? setTimeout(() => this.server.stop(), limit) : undefined;
    await this.server.quit();
    clearTimeout(timer);
    this.endAll();
    await exitWork(QUIT_WORK_TIMEOUT);
  }

  /** Drains tunnels or lets them continue, as `quit` does. */
  quitTunnels(limit: number, retired: boolean): void {
    if (this.current === null) return;
    this.logTunnelMoves(tunnelsOf(this.current.table.shared).quit(GOING_AWAY, limit, retired));
  }

  /** Closes all connections; resolves when the last one has ended. */
  async stop(): Promise<void> {
    if (this.current !== null) tunnelsOf(this.current.table.shared).stop();
    this.server.stop();
    this.endAll();
    await Promise.all([this.server.quit(), exitWork(STOP_WORK_TIMEOUT)]);
  }

  private endAll(): void {
    for (const generation of [...this.living]) generation.end();
  }
}

function isReopenable(object: unknown): object is { readonly path: string; reopen(): void } {
  return typeof object === 'object' && object !== null && 'reopen' in object && typeof object.reopen === 'function';
}

/** `worker_connections`; null if it is not set. */
export function workerConnections({ blocks }: CheckedConfig): number | null {
  const events = blocks.find(({ context }) => context === 'events');
  return (events?.values.worker_connections as number | undefined) ?? null;
}
