/** Who is at the two ends of a client's socket, as variables and log lines tell it. */
import { CLOSING, type ConnectionCounts, type ConnectionState, READING } from '../exchange/connection-counts.js';
import type { Transport } from '../http/transport.js';

let serial = 0;

/** A base class, so that a connection stays one object. Addresses are read once: they are gone with the socket. */
export abstract class ClientSocket {
  readonly id = ++serial;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure = false;
  readonly since = Date.now();
  private standing: ConnectionState = CLOSING;

  constructor(
    readonly transport: Transport,
    readonly unixPath: string | null,
    readonly counts: ConnectionCounts,
  ) {
    const inet = unixPath === null;
    this.remoteAddress = inet ? withoutMapping(transport.remoteAddress) : 'unix:';
    this.remotePort = transport.remotePort;
    this.localAddress = inet ? withoutMapping(transport.localAddress) : `unix:${unixPath}`;
    this.localPort = inet ? transport.localPort : 0;
  }

  /** Counts the connection among those that do this. */
  protected setState(as: ConnectionState): void {
    this.counts.move(this.standing, as);
    this.standing = as;
  }

  /** Some of a request's head has come. */
  protected standReading(): void {
    if (this.standing === READING) return;
    this.setState(READING);
    this.counts.requests++;
  }

  /** An accepted socket is connected from the start. */
  onConnected(): void {}
}

/** An IPv4 address that came over an IPv6 socket is written as IPv4. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
