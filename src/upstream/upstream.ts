/** A group of servers under a name, as `upstream` declares it or a `proxy_pass` with a host implies it. */
import type { Balancer } from './balancer.js';
import { IdleConnections } from './idle-connections.js';
import { DEFAULT_PEER, Peer, type PeerAddress, PeerGroup, type PeerSettings } from './peer.js';
import { RoundRobin } from './round-robin.js';

/** How idle connections to the peers are kept. Times in ms. */
export interface KeepaliveSettings {
  /** Idle connections at most, of all peers together; 0: none are kept. */
  readonly max: number;
  /** A kept connection serves only the location for which it was made. */
  readonly local: boolean;
  /** Requests on one connection. */
  readonly requests: number;
  /** How long a connection stays idle. */
  readonly timeout: number;
  /** How long a connection may be used since it was made. */
  readonly time: number;
}

/** What holds in an `upstream` block that says nothing (nginx 1.29.7 and newer). */
export const DEFAULT_KEEPALIVE: KeepaliveSettings = {
  max: 32,
  local: true,
  requests: 1000,
  timeout: 60_000,
  time: 3_600_000,
};

/** One `server` line with its addresses. */
export class UpstreamServer {
  peers: readonly Peer[] = [];

  constructor(
    /** The address as written. */
    readonly written: string,
    readonly settings: PeerSettings,
  ) {}

  /** Sets the addresses, all with the settings of the line; peers whose address stays keep their state. */
  setAddresses(addresses: readonly PeerAddress[]): void {
    this.setPeers(addresses.map((address) => new Peer(address, this.settings, this.written)));
  }

  /** Sets the peers; those among `known` with the same address and settings are taken instead, because they have a past. */
  setPeers(peers: readonly Peer[], known: readonly Peer[] = this.peers): void {
    const left = [...known];
    this.peers = peers.map((peer) => {
      const same = left.findIndex((other) => samePeer(peer, other));
      const [kept = peer] = same < 0 ? [] : left.splice(same, 1);
      return kept;
    });
  }
}

export class Upstream {
  readonly servers: UpstreamServer[] = [];
  balancer: Balancer = new RoundRobin(this);
  keepalive: KeepaliveSettings = DEFAULT_KEEPALIVE;
  /** Idle connections to the peers. */
  readonly idle = new IdleConnections();
  /** What keeps the addresses of `resolve` servers up to date; held here, because its timers do not hold it. */
  resolution: object | null = null;
  /** What looks for the addresses of servers that had none at first; held here for the same reason. */
  readonly late: object[] = [];
  /** Told whenever the peers are others; null where nobody shares them. */
  watcher: { peersChanged(upstream: Upstream): void } | null = null;
  private group = new PeerGroup([], null);
  private balancerPlace = -1;

  constructor(
    /** As written; what log lines and `$proxy_host` show. */
    readonly name: string,
  ) {}

  /** Closes the idle connections; whoever owns the routing table calls it when nobody uses it any more. */
  close(): void {
    this.idle.close();
  }

  /** The peers of the moment. */
  current(): PeerGroup {
    return this.group;
  }

  /** Sets the method. Of several, the one that stands last in the block holds, whatever the order of the calls. */
  setBalancer(balancer: Balancer, place: number): void {
    if (place < this.balancerPlace) return;
    this.balancer = balancer;
    this.balancerPlace = place;
  }

  /** Puts the servers' peers into force; call it when addresses were set. */
  update(): void {
    const peers = this.servers.flatMap((server) => server.peers);
    for (const peer of peers) if (this.watcher === null) peer.unshare();
    const backups = peers.filter(({ settings }) => settings.backup);
    this.group = new PeerGroup(
      peers.filter(({ settings }) => !settings.backup),
      backups.length === 0 ? null : new PeerGroup(backups, null, 'backup'),
    );
    this.watcher?.peersChanged(this);
  }

  /**
   * Takes over the peers of the running configuration's upstream of that name, where the server's line says the same:
   * failures, weights and connections under way are counted on. The previous upstream goes on with them as well.
   */
  adopt(previous: Upstream): void {
    const left = [...previous.servers];
    for (const server of this.servers) {
      const same = left.findIndex((other) => sameLine(server, other));
      const [other] = same < 0 ? [] : left.splice(same, 1);
      if (other === undefined) continue;
      // A server without peers is one whose name is still being resolved, or has no address just now.
      server.setPeers(server.peers.length === 0 ? other.peers : server.peers, other.peers);
    }
    this.update();
  }
}

function sameLine(a: UpstreamServer, b: UpstreamServer): boolean {
  return a.written === b.written && JSON.stringify(a.settings) === JSON.stringify(b.settings);
}

function samePeer(a: Peer, b: Peer): boolean {
  return a.name === b.name && a.server === b.server && JSON.stringify(a.settings) === JSON.stringify(b.settings);
}

/** The upstream of a host that no `upstream` block declares: equal peers, and no connection is kept. */
export function implicitUpstream(name: string, addresses: readonly PeerAddress[]): Upstream {
  const upstream = new Upstream(name);
  const server = new UpstreamServer('', DEFAULT_PEER);
  server.setAddresses(addresses);
  upstream.servers.push(server);
  upstream.keepalive = { ...DEFAULT_KEEPALIVE, max: 0 };
  upstream.update();
  return upstream;
}
