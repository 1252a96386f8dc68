/** Upstream servers whose names are resolved at run time (`server name resolve`). */
import type { ErrorLog } from '../logging/error-log.js';
import { Peer } from './peer.js';
import { ResolveError, type Resolver, ServiceError, type ServiceTarget } from './resolver.js';
import type { Upstream, UpstreamServer } from './upstream.js';

/** A server to be resolved. */
export interface RunTimeServer {
  readonly server: UpstreamServer;
  readonly host: string;
  readonly port: number;
  /** `service=`: ports, weights and priorities come from SRV records; empty for none. */
  readonly service: string;
}

/** Minimum interval between queries for a server, ms, regardless of the TTL. */
const MIN_INTERVAL = 1000;
/**
 * Maximum time that startup waits for the first addresses, ms. It then continues without them, as nginx does
 * immediately.
 */
const FIRST_TIMEOUT = 1000;
/** Maximum delay of setTimeout, ms. */
const MAX_DELAY = 2 ** 31 - 1;
/** Code of nginx and DNS for a name that does not exist. */
const NO_SUCH_NAME = 3;

interface Found {
  readonly peers: readonly Peer[];
  /** ms since 1970. */
  readonly expires: number;
}

/** Resolves each server, and again whenever the answer expires, as long as the upstream is in use. */
export class RunTimeServers {
  constructor(
    private readonly upstream: Upstream,
    private readonly servers: readonly RunTimeServer[],
    private readonly resolver: Resolver,
    /** `resolver_timeout`, ms. */
    private readonly timeout: number,
    private readonly errorLog: ErrorLog,
  ) {}

  /**
   * Uses the addresses that the running configuration has for the same name, with the ports and parameters of this one,
   * until the name server responds. Servers that have addresses keep them.
   */
  seed({ resolution }: Upstream): void {
    if (!(resolution instanceof RunTimeServers)) return;
    for (const { server, host, port, service } of this.servers) {
      if (server.peers.length > 0 || service !== '') continue;
      const known = resolution.servers.find((other) => other.service === '' && sameName(other.host, host));
      server.setAddresses((known?.server.peers ?? []).map(({ address }) => ({ ...address, port })));
    }
    this.upstream.update();
  }

  /** Starts resolving; settles when all servers have addresses, or after FIRST_TIMEOUT. */
  async start(): Promise<void> {
    const first = Promise.all(this.servers.map((server) => this.refresh(server)));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, FIRST_TIMEOUT)));
    await Promise.race([first, late]);
    clearTimeout(timer);
  }

  private async refresh(target: RunTimeServer): Promise<void> {
    let wait = Math.max(this.timeout, MIN_INTERVAL);
    try {
      const { peers, expires } = await this.find(target);
      this.replacePeers(target, peers);
      wait = Math.max(expires - Date.now(), MIN_INTERVAL);
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      this.logFailure(target, error);
      // Other failures are caused by the name server: known addresses stay in use.
      if (error.code === NO_SUCH_NAME) {
        this.replacePeers(target, []);
        wait = Math.max(error.expires - Date.now(), MIN_INTERVAL);
      }
    }
    RunTimeServers.schedule(new WeakRef(this), target, Math.min(wait, MAX_DELAY));
  }

  private replacePeers({ server }: RunTimeServer, peers: readonly Peer[]): void {
    // Peers keep their positions, as in nginx: rotated answers must not assign the keys of a hash to other peers.
    const positions = new Map(server.peers.map(({ name }, i) => [name, i]));
    const positionOf = ({ name }: Peer): number => positions.get(name) ?? positions.size;
    server.setPeers([...peers].sort((a, b) => positionOf(a) - positionOf(b)));
    this.upstream.update();
  }

  private async find(target: RunTimeServer): Promise<Found> {
    const { server, host, port, service } = target;
    if (service !== '') return this.findService(target);
    const { addresses, expires } = await this.resolver.resolve(host, this.timeout);
    const peers = addresses.map((ip) => new Peer({ host: ip, port }, server.settings, server.written));
    return { peers, expires };
  }

  private async findService(target: RunTimeServer): Promise<Found> {
    const { server, host, service } = target;
    const { targets, expires } = await this.resolver.resolveService(service, host, this.timeout);
    this.logTargets(target, targets);
    const first = Math.min(...targets.filter(({ addresses }) => addresses.length > 0).map(({ priority }) => priority));
    const peers: Peer[] = [];
    for (const { target: name, port, weight, priority, addresses } of targets) {
      const settings = {
        ...server.settings,
        // A configured weight overrides the record's; a record's weight of 0 counts as 1, as in nginx.
        weight: server.settings.weight === 1 ? Math.max(weight, 1) : server.settings.weight,
        backup: priority !== first,
      };
      for (const ip of addresses) peers.push(new Peer({ host: ip, port }, settings, name));
    }
    return { peers, expires };
  }

  private logFailure(target: RunTimeServer, error: ResolveError): void {
    const { service, host } = target;
    if (error instanceof ServiceError) this.logTargets(target, error.targets);
    this.errorLog.write(
      'error',
      service === ''
        ? error.message
        : `service ${service} of ${host} could not be resolved (${error.code}: ${error.text})`,
    );
  }

  private logTargets({ service, host }: RunTimeServer, targets: readonly ServiceTarget[]): void {
    for (const { error } of targets) {
      if (error !== null)
        this.errorLog.write('error', `${error.message} while resolving service ${service} of ${host}`);
    }
  }

  /** Schedules a query. The timer holds its owner weakly, so that it does not keep a replaced configuration alive. */
  private static schedule(owner: WeakRef<RunTimeServers>, target: RunTimeServer, ms: number): void {
    setTimeout(() => void owner.deref()?.refresh(target), ms).unref();
  }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
