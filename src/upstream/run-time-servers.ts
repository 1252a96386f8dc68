/** Servers of an upstream whose names are resolved while the proxy runs (`server name resolve`). */
import type { ErrorLog } from '../exchange/error-log.js';
import { Peer } from './peer.js';
import { ResolveError, type Resolver } from './resolver.js';
import type { Upstream, UpstreamServer } from './upstream.js';

/** One server to be resolved. */
export interface RunTimeServer {
  readonly server: UpstreamServer;
  readonly host: string;
  readonly port: number;
  /** `service=`: ports, weights and priorities come from its SRV records; empty for none. */
  readonly service: string;
}

/** ms; a server is not asked for more often, whatever its answers say. */
const SHORTEST = 1000;
/** ms: the longest time for which a start waits for the first addresses. It goes on without them then, as nginx does at once. */
const FIRST_WAIT = 1000;
/** setTimeout takes no more. */
const LONGEST = 2 ** 31 - 1;
/** nginx's and DNS's number for a name that does not exist. */
const NO_SUCH_NAME = 3;

interface Found {
  readonly peers: readonly Peer[];
  /** ms since 1970. */
  readonly expires: number;
}

/** Asks for each server, and again whenever the answer expires, for as long as the upstream is in use. */
export class RunTimeServers {
  constructor(
    private readonly upstream: Upstream,
    private readonly servers: readonly RunTimeServer[],
    private readonly resolver: Resolver,
    /** ms; `resolver_timeout`. */
    private readonly timeout: number,
    private readonly errorLog: ErrorLog,
  ) {}

  /**
   * Until the name server answers: the addresses that the running configuration knows for the same name, with the ports and
   * parameters of this one. Servers that have addresses keep them.
   */
  presume({ resolution }: Upstream): void {
    if (!(resolution instanceof RunTimeServers)) return;
    for (const { server, host, port, service } of this.servers) {
      if (server.peers.length > 0 || service !== '') continue;
      const known = resolution.servers.find((other) => other.service === '' && sameName(other.host, host));
      server.setAddresses((known?.server.peers ?? []).map(({ address }) => ({ ...address, port })));
    }
    this.upstream.update();
  }

  /** Begins; settles when all servers have addresses, or after a second. */
  async start(): Promise<void> {
    const first = Promise.all(this.servers.map((server) => this.renew(server)));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, FIRST_WAIT)));
    await Promise.race([first, late]);
    clearTimeout(timer);
  }

  private async renew(target: RunTimeServer): Promise<void> {
    let wait = Math.max(this.timeout, SHORTEST);
    try {
      const { peers, expires } = await this.find(target);
      this.put(target, peers);
      wait = Math.max(expires - Date.now(), SHORTEST);
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      const { message, code, text } = error;
      const { service, host } = target;
      this.errorLog.write(
        'error',
        service === '' ? message : `service ${service} of ${host} could not be resolved (${code}: ${text})`,
      );
      // Other failures are the name server's: the addresses that are known stay in use.
      if (code === NO_SUCH_NAME) {
        this.put(target, []);
        wait = SHORTEST;
      }
    }
    RunTimeServers.schedule(new WeakRef(this), target, Math.min(wait, LONGEST));
  }

  private put({ server }: RunTimeServer, peers: readonly Peer[]): void {
    server.setPeers(peers);
    this.upstream.update();
  }

  private async find(target: RunTimeServer): Promise<Found> {
    const { server, host, port, service } = target;
    if (service !== '') return this.findService(target);
    const { ipv4, ipv6, expires } = await this.resolver.resolve(host, this.timeout);
    const peers = [...ipv4, ...ipv6].map((ip) => new Peer({ host: ip, port }, server.settings, server.written));
    return { peers, expires };
  }

  private async findService({ server, host, service }: RunTimeServer): Promise<Found> {
    const targets = await this.resolver.resolveService(service, host, this.timeout);
    const first = Math.min(...targets.map(({ priority }) => priority));
    const peers: Peer[] = [];
    let expires = Number.POSITIVE_INFINITY;
    for (const { target: name, port, weight, priority } of targets) {
      const settings = {
        ...server.settings,
        // A weight that is written goes before that of the record; records may say 0, which nginx takes for 1.
        weight: server.settings.weight === 1 ? Math.max(weight, 1) : server.settings.weight,
        backup: priority !== first,
      };
      try {
        const resolved = await this.resolver.resolve(name, this.timeout);
        expires = Math.min(expires, resolved.expires);
        for (const ip of [...resolved.ipv4, ...resolved.ipv6]) peers.push(new Peer({ host: ip, port }, settings, name));
      } catch (error) {
        if (!(error instanceof ResolveError)) throw error;
        this.errorLog.write('error', `${error.message} while resolving service ${service} of ${host}`);
      }
    }
    return { peers, expires: Number.isFinite(expires) ? expires : Date.now() + Math.max(this.timeout, SHORTEST) };
  }

  /** The timer must not keep alive what a reload has replaced: it holds its owner weakly, and ends with it. */
  private static schedule(owner: WeakRef<RunTimeServers>, target: RunTimeServer, ms: number): void {
    setTimeout(() => void owner.deref()?.renew(target), ms).unref();
  }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
