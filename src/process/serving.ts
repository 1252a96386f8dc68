/** What serves: a server, and the generations of routing tables that are still in use. One in each worker. */
import type { CheckedConfig } from '../config/checked-config.js';
import { compileRoutingTable, type RoutingTable } from '../exchange/compiler.js';
import type { ConnectionCounts } from '../exchange/connection-counts.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { limitBuffers } from '../http/buffer-limit.js';
import { limitConnections } from '../http/connection-limit.js';
import type { Binder } from '../server/binder.js';
import { Server } from '../server/server.js';
import { GOING_AWAY } from '../tunnel/drain.js';
import { type TunnelCounts, type Tunnels, tunnelsOf } from '../tunnel/tunnels.js';
import type { ZoneBackend } from '../zones/zone.js';
import { reopenLogged } from './logs.js';
import { bufferLimit } from './main-settings.js';
import { describeTunnels } from './reload-description.js';
import { type Differences, moveTunnels, prepareTunnelMoves } from './tunnel-moves.js';

export interface ServingOptions {
  readonly modules: readonly Module[];
  readonly errorLog: ErrorLog;
  /** Where listening sockets come from. Default: this process binds them. */
  readonly binder?: Binder;
}

/** A configuration that is to be served. */
export interface Job {
  /** The number of its generation; counts from 1. */
  readonly generation: number;
  readonly config: CheckedConfig;
  /** nginx's prefix, with a slash at its end. */
  readonly prefix: string;
}

/** A configuration that can be put in force. Exactly one of the two is to be called. */
export interface PreparedJob {
  /** The keys of the addresses on which it listens. */
  readonly listening: readonly string[];
  /** Puts it in force; what that gives settles when the last exchange or tunnel of the generation before has ended. */
  commit(): Promise<void>;
  cancel(): void;
}

/** One configuration that is in force, or was and still has users. */
interface Generation {
  readonly number: number;
  readonly table: RoutingTable;
  /** Settles when its last exchange or tunnel has ended and a newer one is in force. */
  readonly ended: Promise<void>;
  /** Says so; once. */
  end(): void;
}

export class Serving {
  private readonly server: Server;
  private current: Generation | null = null;
  private readonly living = new Set<Generation>();

  constructor(private readonly options: ServingOptions) {
    const { errorLog, binder } = options;
    this.server = new Server({ errorLog, ...(binder !== undefined && { binder }) });
  }

  /** The addresses on which it listens, in nginx's notation, with the ports that the system gave for port 0. */
  get addresses(): string[] {
    return this.server.addresses();
  }

  /** Connections and requests, as `stub_status` counts them. */
  get counts(): ConnectionCounts {
    return this.server.counts;
  }

  /** Open client connections. */
  get connections(): number {
    return this.server.connections;
  }

  /** Generations that are in use, and their exchanges and tunnels. */
  get state(): { readonly living: number; readonly users: number } {
    let users = 0;
    for (const generation of this.living) users += generation.table.users;
    return { living: this.living.size, users };
  }

  /**
   * Does all that can fail. Rejects with the reason, and then has changed nothing. Zones live in this process unless a home
   * for them is given.
   */
  async prepare({ config, prefix, generation }: Job, zones?: ZoneBackend): Promise<PreparedJob> {
    const { modules, errorLog } = this.options;
    const table = await compileRoutingTable(config, modules, {
      errorLog,
      previous: this.current?.table ?? null,
      prefix,
      generation,
      ...(zones !== undefined && { zones }),
    });
    try {
      const differences = await this.prepareTunnelMoves(config);
      const listeners = await this.server.prepare(table);
      return {
        listening: table.listeners.map(({ key }) => key),
        commit: () => {
          listeners.commit();
          const ended = this.enter(table, generation, differences);
          // Whoever keeps the prepared job would keep the tables before.
          differences.clear();
          return ended;
        },
        cancel: () => {
          listeners.cancel();
          this.release(table);
        },
      };
    } catch (error) {
      this.release(table);
      throw error;
    }
  }

  /** The new generation is in force; gives the end of the one before. */
  private enter(table: RoutingTable, number: number, differences: Differences): Promise<void> {
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
        this.release(table);
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

  /** In slices, so that `commit` finds the comparison done. Where that fails, `moveTunnels` reports it. */
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

  /** What was committed cannot fail any more: at worst all tunnels stay where they are. */
  private moveTunnels(tunnels: Tunnels, table: RoutingTable, differences: Differences): void {
    try {
      this.tell(moveTunnels(tunnels, table, this.options.modules, differences));
    } catch (error) {
      this.options.errorLog.write('alert', `tunnels stay in their generations: ${String(error)}`);
    }
  }

  private tell(counts: TunnelCounts): void {
    const said = describeTunnels(counts);
    if (said !== null) this.options.errorLog.write('notice', said);
  }

  /** Closes what only that table held: log files that no living generation writes to, zones. */
  private release({ shared }: RoutingTable): void {
    shared.close([...this.living].map(({ table }) => table.shared));
  }

  /** Resolves when no socket listens that is no longer wanted, so that its address can be bound again. */
  released(): Promise<void> {
    return this.server.closed();
  }

  /** Opens the log files of all living generations anew. */
  reopenLogs(): void {
    const files = new Set<unknown>();
    for (const { table } of this.living) for (const [, object] of table.shared.entries()) files.add(object);
    for (const file of files) if (isReopenable(file)) reopenLogged(file, this.options.errorLog);
  }

  /** Stops accepting and lets what is under way end, no longer than `limit` ms (0: as long as it takes). */
  async quit(limit: number): Promise<void> {
    if (this.current !== null) this.tell(tunnelsOf(this.current.table.shared).quit(GOING_AWAY, limit));
    const timer = limit > 0 ? setTimeout(() => this.server.stop(), limit) : undefined;
    await this.server.quit();
    clearTimeout(timer);
    this.endAll();
  }

  /** Cuts everything; resolves when the last connection has ended. */
  async stop(): Promise<void> {
    this.server.stop();
    this.endAll();
    await this.server.quit();
  }

  private endAll(): void {
    for (const generation of [...this.living]) generation.end();
  }
}

function isReopenable(object: unknown): object is { readonly path: string; reopen(): void } {
  return typeof object === 'object' && object !== null && 'reopen' in object && typeof object.reopen === 'function';
}

/** `worker_connections`; null where it is not given. */
export function workerConnections({ blocks }: CheckedConfig): number | null {
  const events = blocks.find(({ context }) => context === 'events');
  return (events?.values.worker_connections as number | undefined) ?? null;
}
