/** `worker_connections`: limit of this process's simultaneous connections to clients and upstreams. */
import { connectionDescriptors } from './open-files.js';
import { openTransports } from './transport.js';

/** A connection that can be closed to make room for another. */
export interface IdleConnection {
  readonly closed: boolean;
  destroy(): void;
}

/** Owner of connections that can be closed when idle. */
export interface ConnectionOwner {
  /** Returns connections that have been idle for `age` ms, least recently used first. */
  idle(age: number): Iterable<IdleConnection>;
  warn(sentence: string): void;
}

/** Minimum idle time of connections closed for lack of descriptors, ms; otherwise new clients wait. */
const MIN_IDLE_TIME = 250;
/** Minimum interval between warnings about closed idle connections, ms. */
const WARNING_INTERVAL = 1000;
/** Maximum number of idle connections closed for a new one; also limited to an eighth of them. */
const MAX_CLOSED_AT_ONCE = 32;

let limit = Number.POSITIVE_INFINITY;
let owner: ConnectionOwner | null = null;
/** Connections destroyed in this turn of the event loop, which are still counted until its end. */
const justClosed = new Set<IdleConnection>();
let warnedAt = Number.NEGATIVE_INFINITY;

/** Sets the limit; null: the number of available descriptors. */
export function limitConnections(number: number | null, from: ConnectionOwner): void {
  limit = number ?? Number.POSITIVE_INFINITY;
  owner = from;
}

/**
 * Checks whether another connection may be opened; returns nginx's error message, or null. If less than a sixteenth of
 * the connections or descriptors is free, idle connections are closed, as in nginx.
 */
export function connectionRefused(): string | null {
  const room = roomForConnections();
  // Infinity minus a number is not greater than a fraction of Infinity.
  if (room === Number.POSITIVE_INFINITY || room - openTransports() > room / 16) return null;
  for (const connection of justClosed) if (connection.closed) justClosed.delete(connection);
  if (room - stillOpen() <= room / 16) makeRoom(room);
  return stillOpen() < limit ? null : `${limit} worker_connections are not enough`;
}

/** Whether there is no descriptor for another client; to be called after `connectionRefused`. */
export function descriptorsScarce(): boolean {
  return stillOpen() >= connectionDescriptors(openTransports());
}

function roomForConnections(): number {
  return Math.min(limit, connectionDescriptors(openTransports()));
}

/** Number of open connections, without those closed in this turn, whose descriptors are already free. */
function stillOpen(): number {
  return openTransports() - justClosed.size;
}

function makeRoom(room: number): void {
  const idle: IdleConnection[] = [];
  for (const connection of owner?.idle(room < limit ? MIN_IDLE_TIME : 0) ?? []) {
    if (justClosed.has(connection)) continue;
    idle.push(connection);
    // Larger numbers make no difference.
    if (idle.length === 8 * MAX_CLOSED_AT_ONCE) break;
  }
  if (idle.length === 0) return;
  const now = performance.now();
  if (now - warnedAt >= WARNING_INTERVAL) {
    warnedAt = now;
    owner?.warn(`${room} worker_connections are not enough, reusing connections`);
  }
  const count = Math.max(1, Math.min(MAX_CLOSED_AT_ONCE, Math.floor(idle.length / 8)));
  for (const connection of idle.slice(0, count)) {
    justClosed.add(connection);
    connection.destroy();
  }
}
