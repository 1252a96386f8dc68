/** Identity and addresses of a client connection, for variables and log lines. */
import type { Accepted } from '../net/accept-step.js';
import type { Transport } from '../net/transport.js';
import { nextConnectionId } from './connection.js';

/** Addresses are read once: they are unavailable after the socket is closed. */
export class ClientInfo {
  /** `$connection`. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  /** ms since 1970. */
  readonly since: number;

  constructor(
    transport: Transport,
    readonly unixPath: string | null,
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
}

/** Converts IPv4-mapped IPv6 addresses to IPv4 notation. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
