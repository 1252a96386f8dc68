/** Ports of this machine for the addresses of a configuration. */
import { createServer } from 'node:net';

/** Ports below this one are privileged on most systems, and moved everywhere, so that URLs are the same for everybody. */
const FIRST_UNPRIVILEGED = 1024;
/** Distance to a privileged port: 80 becomes 8080, 443 becomes 8443. */
const DISTANCE = 8000;
const LAST_PORT = 65535;

/** An address of `listen` and its port on this machine. */
export interface MappedAddress {
  /** The port as written. */
  readonly from: number;
  readonly to: number;
  readonly secure: boolean;
}

/** Assigns ports. An assignment is kept over reloads. */
export class PortMap {
  private readonly assigned = new Map<string, number>();

  constructor(
    /** Addresses to bind, each in nginx's notation without brackets. */
    private readonly hosts: readonly string[],
    /** Ports given by the user, by the port as written. */
    private readonly given: ReadonlyMap<number, number> = new Map(),
  ) {}

  /** Port for an address; `key` distinguishes addresses with the same port. */
  async assign(key: string, from: number): Promise<number> {
    const known = this.assigned.get(key);
    if (known !== undefined) return known;
    const port = await this.choose(from);
    this.assigned.set(key, port);
    return port;
  }

  private async choose(from: number): Promise<number> {
    const given = this.given.get(from);
    const taken = new Set(this.assigned.values());
    // A port that the user asked for is not replaced: if it is in use, the start fails.
    if (given !== undefined && !taken.has(given)) return given;
    const wanted = from < FIRST_UNPRIVILEGED ? from + DISTANCE : from;
    const others = new Set(this.given.values());
    for (let port = wanted; port <= LAST_PORT; port++) {
      if (!taken.has(port) && !others.has(port) && (await this.isFree(port))) return port;
    }
    return wanted;
  }

  private async isFree(port: number): Promise<boolean> {
    for (const host of this.hosts) if (!(await isFree(host, port))) return false;
    return true;
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    // A machine without IPv6 does not keep the port from being used with IPv4.
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE' && code !== 'EACCES'));
    probe.listen({ port, host, exclusive: true, ipv6Only: host.includes(':') }, () => probe.close(() => resolve(true)));
  });
}

/** Whether sockets can be bound to an address of this machine. */
export function canBind(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port: 0, host }, () => probe.close(() => resolve(true)));
  });
}
