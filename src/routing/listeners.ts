/** Maps configured listen addresses to sockets to bind, and accepted connections to their listen address. */
import { type Address, formatAddress, isWildcard } from '../config/address.js';

/** An address to listen on. Plain data. */
export type ListenAddress =
  | { readonly family: 'inet' | 'inet6'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/**
 * Expands a parsed `listen` argument into addresses: one per port of a range and per address of a name. `resolved`
 * contains the canonical IP addresses of a name; duplicates are ignored.
 */
export function listenAddresses(address: Address, resolved: readonly string[] = []): ListenAddress[] {
  if (address.family === 'unix') return [{ family: 'unix', path: address.path }];
  const hosts = address.family === 'name' ? [...new Set(resolved)] : [address.host];
  const addresses: ListenAddress[] = [];
  for (const host of hosts) {
    for (let port = address.port; port <= address.lastPort; port++) {
      addresses.push({ family: host.includes(':') ? 'inet6' : 'inet', host, port });
    }
  }
  return addresses;
}

/** Canonical text of an address, as nginx prints it: `0.0.0.0:80`, `[::1]:80`, `unix:/path`. */
export function listenKey(address: ListenAddress): string {
  return formatAddress(address);
}

/** Value of `so_keepalive`. Idle time and interval in seconds; 0: the system's value. */
export type TcpKeepalive = 'on' | 'off' | { readonly idle: number; readonly interval: number; readonly count: number };

/** Parameters of `listen` that this module evaluates. */
export interface ListenOptions {
  readonly defaultServer: boolean;
  /** Whether socket options are set (`backlog=`, `reuseport`, `bind`, …): the address then has its own socket. */
  readonly set: boolean;
}

/** A listen address with its servers. */
export class Listener<S, O extends ListenOptions> {
  readonly key: string;
  /** In configuration order. */
  readonly servers: S[] = [];
  defaultServer: S;
  /** The same servers as a set, for fast lookup. */
  private readonly members = new Set<S>();
  /** Whether a `listen` of this address has `default_server`. */
  private hasDefaultServer = false;

  constructor(
    readonly address: ListenAddress,
    /** Options of the `listen` that sets socket options; otherwise of the first. */
    public options: O,
    server: S,
  ) {
    this.key = listenKey(address);
    this.defaultServer = server;
  }

  /** True for `*:80` and `[::]:80`. */
  get wildcard(): boolean {
    return this.address.family !== 'unix' && isWildcard(this.address.host);
  }

  /** Adds a server. Returns nginx's error message, or null on success. */
  add(server: S, options: O): string | null {
    if (this.members.has(server)) return `a duplicate listen ${this.key}`;
    if (this.servers.length > 0 && options.set) {
      if (this.options.set) return `duplicate listen options for ${this.key}`;
      this.options = options;
    }
    this.servers.push(server);
    this.members.add(server);
    if (options.defaultServer) {
      if (this.hasDefaultServer) return `a duplicate default server for ${this.key}`;
      this.hasDefaultServer = true;
      this.defaultServer = server;
    }
    return null;
  }
}

/** A socket to bind, with the listeners that it serves. */
export class BoundSocket<L extends Listener<unknown, ListenOptions>> {
  /** Listeners that share the socket, by local address; null if there is only one. */
  readonly byHost: ReadonlyMap<string, L> | null;

  constructor(
    /** The listener whose address is bound. */
    readonly listener: L,
    others: readonly L[],
  ) {
    this.byHost =
      others.length === 0
        ? null
        : new Map(others.map((other) => [other.address.family === 'unix' ? '' : other.address.host, other]));
  }

  get key(): string {
    return this.listener.key;
  }

  /** Returns the listener for a connection by its local address (canonical, as reported by Node). */
  serving(localAddress: string | undefined): L {
    if (this.byHost === null || localAddress === undefined) return this.listener;
    return this.byHost.get(localAddress) ?? this.listener;
  }
}

/** All listeners of a configuration, by address. */
export class Listeners<S, O extends ListenOptions = ListenOptions> {
  private readonly byKey = new Map<string, Listener<S, O>>();

  /** Adds a server's `listen`. Returns nginx's error message, or null on success. */
  add(server: S, address: ListenAddress, options: O): string | null {
    const key = listenKey(address);
    let listener = this.byKey.get(key);
    if (listener === undefined) {
      listener = new Listener(address, options, server);
      this.byKey.set(key, listener);
    }
    return listener.add(server, options);
  }

  /** In the order in which the addresses first occur. */
  all(): Listener<S, O>[] {
    return [...this.byKey.values()];
  }

  /**
   * Returns the sockets to bind. If a port has a wildcard address, the other addresses of that port and family share
   * its socket unless they set socket options.
   */
  sockets(): BoundSocket<Listener<S, O>>[] {
    const ports = new Map<string, Listener<S, O>[]>();
    for (const listener of this.byKey.values()) {
      const { address, key } = listener;
      const port = address.family === 'unix' ? key : `${address.family}:${address.port}`;
      const others = ports.get(port);
      if (others === undefined) ports.set(port, [listener]);
      else others.push(listener);
    }
    const sockets: BoundSocket<Listener<S, O>>[] = [];
    for (const listeners of ports.values()) {
      const wildcard = listeners.find((listener) => listener.wildcard);
      const shared = wildcard === undefined ? [] : listeners.filter((l) => l !== wildcard && !l.options.set);
      const sharing = new Set(shared);
      for (const listener of listeners) {
        if (!sharing.has(listener)) {
          sockets.push(new BoundSocket(listener, listener === wildcard ? shared : []));
        }
      }
    }
    return sockets;
  }
}
