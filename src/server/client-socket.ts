/** Addresses and ports of a client's socket, for variables and log lines. */
import { nextConnectionId } from '../exchange/connection.js';
import { CLOSING, type ConnectionCounts, type ConnectionState, READING } from '../exchange/connection-counts.js';
import type { Accepted } from '../net/accept-step.js';
import type { Transport } from '../net/transport.js';

/**
 * A base class rather than a member, so that a connection stays one object. Addresses are read once: they are
 * unavailable after the socket is closed.
 */
export abstract class ClientSocket {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  readonly since: number;
  private countedState: ConnectionState = CLOSING;

  constructor(
    readonly transport: Transport,
    readonly unixPath: string | null,
    readonly counts: ConnectionCounts,
    readonly accepted: Accepted | null,
  ) {
    this.id = accepted === null ? nextConnectionId() : accepted.id;
    this.since = accepted === null ? Date.now() : accepted.since;
    this.secure = transport.secure;
    const inet = unixPath === null;
    this.remoteAddress = inet ? withoutMapping(transport.remoteAddress) : 'unix:';
    this.remotePort = transport.remotePort;
    this.localAddress = inet ? withoutMapping(transport.localAddress) : `unix:${unixPath}`;
    this.localPort = inet ? transport.localPort : 0;
  }

  /** Moves the connection to the given state in the connection counts. */
  protected setState(state: ConnectionState): void {
    this.counts.move(this.countedState, state);
    this.countedState = state;
  }

  /** Counts a request: part of its head has arrived. */
  protected setReading(): void {
    if (this.countedState === READING) return;
    this.setState(READING);
    this.counts.requests++;
  }

  /** Accepted sockets are already connected. */
  onConnected(): void {}
}

/** Converts IPv4-mapped IPv6 addresses to IPv4 notation. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
