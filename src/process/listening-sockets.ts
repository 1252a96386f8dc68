/**
 * The listening sockets that a master holds for its workers. The master binds them and never accepts: connections that come
 * while a worker is being replaced wait in the system's queue, and a worker without rights can serve port 80.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { bindError, bindForAll, type ListeningAddress, REUSE_PORT } from '../server/binder.js';
import { inheritedSockets, unixSocketPath } from './systemd.js';

/** A bound socket as Node keeps it; it can be sent to a child process, and `net.Server` listens on it. */
export interface BoundHandle {
  close(): void;
  /** 0, or a negative error number: a bind that failed is reported here at the latest. Unix sockets have none. */
  getsockname?(out: { address?: string; port?: number; family?: string }): number;
}

/**
 * What `cluster` makes its shared handles with: the handle, or a negative error number. It is not documented; it is there
 * from Node 0.12 to 26, and nothing that is documented binds a socket without listening on it.
 */
type CreateServerHandle = (
  address: string | null,
  port: number | null,
  type: 4 | 6 | -1 | null,
  descriptor?: number | null,
  flags?: number,
) => BoundHandle | number;
const createServerHandle = (net as unknown as { readonly _createServerHandle: CreateServerHandle })._createServerHandle;

/** libuv's flags of a bind. */
const IPV6_ONLY = 1;
const WITH_REUSE_PORT = 2;

interface Held {
  readonly address: ListeningAddress;
  readonly handle: BoundHandle;
}

export class ListeningSockets {
  private readonly held = new Map<string, Held>();
  /** Sockets that the service manager has opened, by their addresses. They are never closed: a reload may want them again. */
  private readonly inherited = new Map<string, BoundHandle>();

  constructor(descriptors: readonly number[] = inheritedSockets()) {
    for (const descriptor of descriptors) {
      const handle = createServerHandle(null, null, null, descriptor);
      if (typeof handle === 'number') continue;
      const key = addressOf(handle) ?? `unix:${unixSocketPath(descriptor)}`;
      this.inherited.set(key, handle);
    }
  }

  /** The socket for an address, bound now if it was not. Throws StartError with nginx's sentence. */
  bind(address: ListeningAddress): BoundHandle {
    const known = this.held.get(address.key);
    if (known !== undefined) return known.handle;
    const handle = this.inherited.get(address.key) ?? bound(address);
    this.held.set(address.key, { address, handle });
    return handle;
  }

  /** Closes all sockets but those. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, { handle }] of this.held) {
      if (keys.has(key)) continue;
      this.held.delete(key);
      if (this.inherited.get(key) !== handle) handle.close();
    }
  }

  /** The keys of all that are bound. */
  get keys(): ReadonlySet<string> {
    return new Set(this.held.keys());
  }

  /** Where they are bound, in nginx's notation, with the ports that the system gave for port 0. */
  get addresses(): string[] {
    return [...this.held.values()].map(({ address, handle }) => addressOf(handle) ?? address.key);
  }
}

/** As nginx writes it; null for a unix socket. */
function addressOf(handle: BoundHandle): string | null {
  const name: { address?: string; port?: number; family?: string } = {};
  if (handle.getsockname === undefined || handle.getsockname(name) < 0) return null;
  return name.family === 'IPv6' ? `[${name.address}]:${name.port}` : `${name.address}:${name.port}`;
}

function bound(address: ListeningAddress): BoundHandle {
  let handle: BoundHandle | number;
  try {
    handle = createFor(address);
  } catch (error) {
    throw bindError(address, error);
  }
  if (typeof handle === 'number') throw bindError(address, systemError(handle));
  // libuv keeps EADDRINUSE to itself until it is asked.
  const failed = handle.getsockname?.({}) ?? 0;
  if (failed < 0) {
    handle.close();
    throw bindError(address, systemError(failed));
  }
  return handle;
}

function createFor({ path, host, port, ipv6only, reuseport }: ListeningAddress): BoundHandle | number {
  if (path !== null) {
    const name = Buffer.from(path, 'latin1').toString();
    return bindForAll(path, () => createServerHandle(name, -1, -1));
  }
  const v6 = net.isIPv6(host);
  const flags = (v6 && ipv6only ? IPV6_ONLY : 0) | (reuseport && REUSE_PORT ? WITH_REUSE_PORT : 0);
  return createServerHandle(host, port, v6 ? 6 : 4, null, flags);
}

/** As the errors that Node throws. */
function systemError(errno: number): Error {
  return Object.assign(new Error(`error ${errno}`), { errno, code: getSystemErrorName(errno) });
}
