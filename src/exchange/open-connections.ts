/** Open connections of a server, as the API lists them. */
import type { SharedObjects } from '../program/module-definition.js';
import type { ConnectionCounts } from './connection-counts.js';

/** A connection. Plain data; strings are byte strings. */
export interface ConnectionDescription {
  /** `$connection`. */
  readonly id: number;
  readonly client: string;
  readonly local: string;
  /** ms since 1970. */
  readonly since: number;
  /** Requests so far. */
  readonly requests: number;
  readonly state: 'idle' | 'reading' | 'handling' | 'closing' | 'tunnel';
  /** The current request; null if there is none. */
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly target: string;
    readonly location: string;
  } | null;
}

/** A connection that can be listed. */
export interface ListedConnection {
  /** Describes the connection; null if nothing is known about it yet. */
  describe?(): ConnectionDescription | null;
  destroy(): void;
}

const KEY = 'open connections';

/** Connections with their number. */
interface OpenConnections extends Iterable<ListedConnection> {
  readonly size: number;
}

/** The connections of a server. */
interface SharedConnections {
  readonly open: OpenConnections;
  readonly counts: ConnectionCounts;
}

/** Gives the table of a server access to its connections and their counts. */
export function shareConnections(shared: SharedObjects, open: OpenConnections, counts: ConnectionCounts): void {
  shared.set<SharedConnections>(KEY, { open, counts });
}

/** The connections of the server that uses the table. */
export function sharedConnections(shared: SharedObjects): Iterable<ListedConnection> {
  return shared.get<SharedConnections>(KEY)?.open ?? [];
}

/** Number of these connections. */
export function connectionCount(shared: SharedObjects): number {
  return shared.get<SharedConnections>(KEY)?.open.size ?? 0;
}

/** Counts of the server that uses the table; null before it is in force. */
export function sharedCounts(shared: SharedObjects): ConnectionCounts | null {
  return shared.get<SharedConnections>(KEY)?.counts ?? null;
}
