/** Connections and tunnels of all workers: lists them and closes some of them. */
import type { ConnectionDescription } from '../../exchange/open-connections.js';
import { now } from '../../net/deadlines.js';
import type { Exchange } from '../../program/exchange.js';
import type { TunnelDescription } from '../../tunnel/tunnel-description.js';
import type { WorkerGroup } from '../../zones/worker-group.js';
import type { TableView } from './table-view.js';
import { reportOf, resetFigures, type UpstreamReport } from './upstream-state.js';

/** Selects connections or tunnels; only those that match every member. Byte strings. */
export interface ClientFilter {
  /** `$connection` in the worker with that process id. */
  readonly id?: { readonly pid: number; readonly connection: number };
  readonly location?: string;
  readonly key?: string;
  readonly host?: string;
  readonly upstream?: string;
  readonly server?: string;
  /** Address of the client, without its port. */
  readonly client?: string;
}

/** An item of a list with the process id of its worker. */
export type Listed<T> = T & { readonly pid: number };

export interface ClientList<T> {
  /** Number of all that match, of which `items` may have only the first ones. */
  readonly total: number;
  readonly items: readonly Listed<T>[];
}

/** Figures of a worker. */
export interface WorkerReport {
  readonly pid: number;
  readonly connections: number;
  readonly tunnels: number;
}

/** Questions that each worker answers about itself. Plain data. */
type Question =
  /** `upstream` undefined: all that have a zone. */
  | { readonly about: 'upstreams'; readonly upstream?: string }
  | { readonly about: 'resetting'; readonly upstream: string }
  | { readonly about: 'workers' }
  /** All changes of zones that were made before are applied when it is answered. */
  | { readonly about: 'changes' }
  | { readonly about: 'rebalancing'; readonly upstream: string }
  | { readonly about: 'connections' | 'tunnels'; readonly filter: ClientFilter; readonly limit: number }
  | { readonly about: 'closing connections'; readonly filter: ClientFilter; readonly except: string }
  | {
      readonly about: 'closing tunnels';
      readonly filter: ClientFilter;
      readonly code: number;
      readonly reason: string;
      /** ms over which the tunnels are closed. */
      readonly spread: number;
    };

const OWN = process.pid;

export class Clients {
  constructor(private readonly group: WorkerGroup) {}

  /** The state of an upstream, or of all, in each worker. */
  async upstreams(upstream?: string): Promise<readonly UpstreamReport[]> {
    const question = { about: 'upstreams', ...(upstream !== undefined && { upstream }) } as const;
    return (await this.ask<readonly UpstreamReport[]>(question)).flat();
  }

  /** Resets the figures of an upstream. */
  async reset(upstream: string): Promise<void> {
    await this.ask<true>({ about: 'resetting', upstream });
  }

  async workers(): Promise<readonly WorkerReport[]> {
    return this.ask<WorkerReport>({ about: 'workers' });
  }

  /** Settles when all workers have applied the changes of zones that were made before. */
  async applied(): Promise<void> {
    await this.ask<true>({ about: 'changes' });
  }

  async connections(filter: ClientFilter, limit: number): Promise<ClientList<ConnectionDescription>> {
    return merged(await this.ask<ClientList<ConnectionDescription>>({ about: 'connections', filter, limit }), limit);
  }

  async tunnels(filter: ClientFilter, limit: number): Promise<ClientList<TunnelDescription>> {
    return merged(await this.ask<ClientList<TunnelDescription>>({ about: 'tunnels', filter, limit }), limit);
  }

  /** Closes connections, except the one of the request; returns their number. */
  async closeConnections(filter: ClientFilter, { client }: Exchange): Promise<number> {
    const except = `${OWN}-${client.id}`;
    return total(await this.ask<number>({ about: 'closing connections', filter, except }));
  }

  async closeTunnels(filter: ClientFilter, code: number, reason: string, spread: number): Promise<number> {
    return total(await this.ask<number>({ about: 'closing tunnels', filter, code, reason, spread }));
  }

  /** Moves tunnels of an upstream to its less loaded servers; returns their number. */
  async rebalance(upstream: string): Promise<number> {
    return total(await this.ask<number>({ about: 'rebalancing', upstream }));
  }

  private ask<A>(question: Question): Promise<A[]> {
    // Workers with the same code answer each question with its type.
    return this.group.ask(question) as Promise<A[]>;
  }
}

/** Answers a question about this process. */
export function answerQuestion(table: TableView, question: unknown): unknown {
  const asked = question as Question; // of a worker with the same code
  switch (asked.about) {
    case 'upstreams':
      return [...table.upstreams]
        .filter(([name]) => asked.upstream === undefined || name === asked.upstream)
        .map(([name, list]) => reportOf(name, list));
    case 'resetting': {
      const list = table.upstreams.get(asked.upstream);
      if (list !== undefined) resetFigures(list);
      return true;
    }
    case 'workers':
      return {
        pid: OWN,
        connections: [...table.connections].length,
        tunnels: table.tunnels.size,
      } satisfies WorkerReport;
    case 'changes':
      return true;
    case 'connections':
      return listOf(connectionsOf(table, asked.filter), ({ description }) => description, asked.limit);
    case 'tunnels':
      return listOf(tunnelsOf(table, asked.filter), ({ description }) => description, asked.limit);
    case 'closing connections': {
      const closing = connectionsOf(table, asked.filter).filter(({ description }) => {
        return `${OWN}-${description.id}` !== asked.except;
      });
      for (const { connection } of closing) connection.destroy();
      return closing.length;
    }
    case 'rebalancing':
      return table.upstream(asked.upstream)?.rebalancing?.rebalance() ?? 0;
    case 'closing tunnels': {
      const closing = tunnelsOf(table, asked.filter);
      const start = now();
      for (const [i, { tunnel }] of closing.entries()) {
        tunnel.close(asked.code, asked.reason, start + (i * asked.spread) / closing.length);
      }
      return closing.length;
    }
  }
}

function listOf<E, T>(all: readonly E[], describe: (each: E) => T, limit: number): ClientList<T> {
  return { total: all.length, items: all.slice(0, limit).map((each) => ({ ...describe(each), pid: OWN })) };
}

function merged<T>(lists: readonly ClientList<T>[], limit: number): ClientList<T> {
  return { total: total(lists.map((list) => list.total)), items: lists.flatMap(({ items }) => items).slice(0, limit) };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function connectionsOf(table: TableView, filter: ClientFilter) {
  return [...table.connections].flatMap((connection) => {
    const description = connection.describe?.() ?? null;
    if (description === null) return [];
    const { id, client, request } = description;
    const facts = { id, client: hostOf(client), location: request?.location, host: request?.host };
    return matches(filter, facts) ? [{ connection, description }] : [];
  });
}

function tunnelsOf(table: TableView, filter: ClientFilter) {
  return [...table.tunnels].flatMap((tunnel) => {
    const description = tunnel.describe();
    return matches(filter, { ...description, client: hostOf(description.client) }) ? [{ tunnel, description }] : [];
  });
}

/** The address without its port and brackets. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function matches(
  { id, ...texts }: ClientFilter,
  facts: { readonly id: number } & { readonly [K in keyof Omit<ClientFilter, 'id'>]?: string | undefined },
): boolean {
  if (id !== undefined && (id.pid !== OWN || id.connection !== facts.id)) return false;
  return Object.entries(texts).every(([name, value]) => facts[name as keyof typeof texts] === value);
}
