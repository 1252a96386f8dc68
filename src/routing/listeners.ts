/** Which sockets are bound for the addresses that servers listen on, and which of the addresses a connection is for. */
import { type Address, formatAddress, isWildcard } from '../config/address.js';

/** One address to listen on. Plain data. */
export type ListenAddress =
  | { readonly family: 'inet' | 'inet6'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/**
 * The addresses that a parsed `listen` argument stands for: each port of a range, each address of a name. `resolved`
 * are the canonical IP addresses of a name; two that are the same count once.
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

/** One text for each address, as nginx prints it: `0.0.0.0:80`, `[::1]:80`, `unix:/path`. */
export function listenKey(address: ListenAddress): string {
  return formatAddress(address);
}

/** The parameters of `listen` that the table itself heeds. */
export interface ListenOptions {
  readonly defaultServer: boolean;
  /** Socket options are given (`backlog=`, `reuseport`, `bind`, …): the address has a socket of its own. */
  readonly set: boolean;
}

/** One address with the servers on it. */
export class Listener<S, O extends ListenOptions> {
  readonly key: string;
  /** In the order written. */
  readonly servers: S[] = [];
  defaultServer: S;
  /** The same, to find one among very many. */
  private readonly members = new Set<S>();
  /** A `default_server` was named. */
  private chosen = false;

  constructor(
    readonly address: ListenAddress,
    /** Those of the `listen` that set some; otherwise of the first. */
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

  /** nginx's sentence for what is wrong with one more server here, or null. */
  add(server: S, options: O): string | null {
    if (this.members.has(server)) return `a duplicate listen ${this.key}`;
    if (this.servers.length > 0 && options.set) {
      if (this.options.set) return `duplicate listen options for ${this.key}`;
      this.options = options;
    }
    this.servers.push(server);
    this.members.add(server);
    if (options.defaultServer) {
      if (this.chosen) return `a duplicate default server for ${this.key}`;
      this.chosen = true;
      this.defaultServer = server;
    }
    return null;
  }
}

/** A socket to bind, and the listeners whose connections arrive at it. */
export class BoundSocket<L extends Listener<unknown, ListenOptions>> {
  /** The listeners that share the socket, by local address; null where it is for one only. */
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

  /** The listener for a connection, by the address at which it arrived (canonical, as Node tells it). */
  serving(localAddress: string | undefined): L {
    if (this.byHost === null || localAddress === undefined) return this.listener;
    return this.byHost.get(localAddress) ?? this.listener;
  }
}

/** All listeners of a configuration, by address. */
export class Listeners<S, O extends ListenOptions = ListenOptions> {
  private readonly byKey = new Map<string, Listener<S, O>>();

  /** Enters a `listen` of a server. Returns nginx's sentence where that is a mistake, or null. */
  add(server: S, address: ListenAddress, options: O): string | null {
    const key = listenKey(address);
    let listener = this.byKey.get(key);
    if (listener === undefined) {
      listener = new Listener(address, options, server);
      this.byKey.set(key, listener);
    }
    return listener.add(server, options);
  }

  /** In the order in which the addresses first appeared. */
  all(): Listener<S, O>[] {
    return [...this.byKey.values()];
  }

  /**
   * The sockets to bind. Where a port has a wildcard, the other addresses of that port and family share its socket,
   * unless they set socket options: then they have their own.
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
