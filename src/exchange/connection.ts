/**
 * A client connection as seen by the server, and the server as seen by a connection. A protocol provides a
 * `ConnectionFactory`; nothing else of it is known to the server.
 */
import type { Accepted } from '../net/accept-step.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { Arrived, TableHost } from '../program/config-lease.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { ConnectionDescription } from './open-connections.js';

/** Owner of an accepted transport until it calls `ConnectionHost.forget`, at the latest when the transport is closed. */
export interface Connection extends TransportOwner {
  readonly arrived: Arrived;
  /** Whether the transport is closed. */
  readonly closed: boolean;
  /** Whether no request is in progress or has begun to arrive: the connection may be closed to make room for others. */
  readonly idle: boolean;
  /** Time at which the connection became idle (or was accepted), on the clock of `now()`. */
  readonly usedAt: number;
  /** Whether `usedAt` has changed since the server last ordered its connections; reset by the server. */
  moved: boolean;
  /** Neighbours in the list of open connections, which maintains them; initially null. */
  before: Connection | null;
  after: Connection | null;
  /** The listener was removed: finishes the requests in progress, and those of a client that just connected, then closes. */
  drain(): void;
  /** Closes immediately. */
  destroy(): void;
  /** Describes the connection for lists; null if nothing is known about it yet. */
  describe?(): ConnectionDescription | null;
}

export interface ConnectionHost extends TableHost {
  readonly counts: ConnectionCounts;
  /**
   * Whether connections of a listener are kept alive after a response: not if it was removed or the server is shutting
   * down.
   */
  keeps(arrived: Arrived): boolean;
  /** The connection has ended, or became a tunnel that has ended. */
  forget(connection: Connection): void;
}

/**
 * Creates the connection of an accepted transport; the caller makes it the owner of the transport and passes bytes that
 * were received before. `accepted`: results of the listener's steps; null if it has none.
 */
export type ConnectionFactory = (
  transport: Transport,
  host: ConnectionHost,
  arrived: Arrived,
  accepted: Accepted | null,
) => Connection;

let serial = 0;

/** Returns the next value of `$connection`. */
export function nextConnectionId(): number {
  return ++serial;
}
