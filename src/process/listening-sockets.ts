/**
 * Listening sockets that a master holds for its workers. The master binds them and never accepts: connections that arrive
 * while a worker is being replaced wait in the kernel's queue, and an unprivileged worker can serve port 80.
 */

import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { toText } from '../diagnostics/byte-string.js';
import { type BoundAddress, bindError, bindForAll, type ListeningAddress, REUSE_PORT } from '../server/binder.js';
import { inheritedSockets, unixSocketPath } from './systemd.js';

/** Node's handle of a bound socket; it can be sent to a child process, and `net.Server` can listen on it. */
export interface BoundHandle {
  close(): void;
  /** Returns 0 or a negative error number: a failed bind is reported here at the latest. Unix sockets do not have it. */
  getsockname?(out: { address?: string; port?: number; family?: string }): number;
}

/**
 * Internal function with which `cluster` creates its shared handles; returns the handle or a negative error number. It is
 * undocumented, but present from Node 0.12 to 26, and no documented function binds a socket without listening on it.
 */
type CreateServerHandle = (
  address: string | null,
  port: number | null,
  type: 4 | 6 | -1 | null,
  descriptor?: number | null,
  flags?: number,
) => BoundHandle | number;
const createServerHandle = (net as unknown as { readonly _createServerHandle: CreateServerHandle })._createServerHandle;

/** libuv's bind flags. */
const IPV6_ONLY = 1;
const WITH_REUSE_PORT = 2;

interface Held {
  readonly address: ListeningAddress;
  readonly handle: BoundHandle;
}

export class ListeningSockets {
  private readonly held = new Map<string, Held>();
  /** Sockets opened by the service manager, by address. Never closed, because a later reload may use them again. */
  private readonly inherited = new Map<string, BoundHandle>();

  constructor(descriptors: readonly number[] = inheritedSockets()) {
    for (const descriptor of descriptors) {
      const handle = createServerHandle(null, null, null, descriptor);
      if (typeof handle === 'number') continue;
      const key = addressOf(handle) ?? `unix:${unixSocketPath(descriptor)}`;
      this.inherited.set(key, handle);
    }
  }

  /** Returns the socket of an address, binding it first if necessary. Throws StartError with nginx's message. */
  bind(address: ListeningAddress): BoundHandle {
    const known = this.held.get(address.key);
    if (known !== undefined) return known.handle;
    const handle = this.inherited.get(address.key) ?? bound(address);
    this.held.set(address.key, { address, handle });
    return handle;
  }

  /** Closes all sockets except those. */
  closeExcept(keys: ReadonlySet<string>): void {
    for (const [key, { handle }] of this.held) {
      if (keys.has(key)) continue;
      this.held.delete(key);
      if (this.inherited.get(key) !== handle) handle.close();
    }
  }

  /** Keys of all bound sockets. */
  get keys(): ReadonlySet<string> {
    return new Set(this.held.keys());
  }

  /** Bound addresses. */
  get addresses(): BoundAddress[] {
    return [...this.held.values()].map(({ address: { key, secure }, handle }) => ({
      address: addressOf(handle) ?? key,
      secure,
    }));
  }
}

/** Address in nginx's notation; null for a unix socket. */
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
  // libuv defers EADDRINUSE until the next call on the handle.
  const failed = handle.getsockname?.({}) ?? 0;
  if (failed < 0) {
    handle.close();
    throw bindError(address, systemError(failed));
  }
  return handle;
}

function createFor({ path, host, port, ipv6only, reuseport }: ListeningAddress): BoundHandle | number {
  if (path !== null) {
    const name = toText(path);
    return bindForAll(path, () => createServerHandle(name, -1, -1));
  }
  const v6 = net.isIPv6(host);
  const flags = (v6 && ipv6only ? IPV6_ONLY : 0) | (reuseport && REUSE_PORT ? WITH_REUSE_PORT : 0);
  return createServerHandle(host, port, v6 ? 6 : 4, null, flags);
}

/** Builds an error like those that Node throws. */
function systemError(errno: number): Error {
  return Object.assign(new Error(`error ${errno}`), { errno, code: getSystemErrorName(errno) });
}
