/** A named group of servers, declared by `upstream` or implied by a `proxy_pass` with a host. */
import type { PeerHealth } from '../zones/health-states.js';
import type { UpstreamRecorder } from './attempt-recorder.js';
import type { Balancer } from './balancer.js';
import type { Breaker } from './breaker.js';
import { DEFAULT_KEEPALIVE, type KeepaliveSettings } from './keepalive-settings.js';
import type { OutlierEjection } from './outlier-ejection.js';
import { DEFAULT_PEER, Peer, type PeerAddress, PeerGroup, type PeerSettings } from './peer.js';
import type { RetryBudget } from './retry-budget.js';
import { RoundRobin } from './round-robin.js';
import { SessionPool } from './session-pool.js';
import type { Stickiness } from './stickiness.js';
import { type ObserverSettings, type QueueSettings, type Rebalancing, UpstreamObserver } from './upstream-observer.js';

/** A `server` line with its addresses. */
export class UpstreamServer {
  peers: readonly Peer[] = [];

  constructor(
    /** The address as written. */
    readonly written: string,
    public settings: PeerSettings,
  ) {}

  /** Changes the parameters of the line; its peers keep their state. */
  configure(settings: PeerSettings): void {
    this.settings = settings;
    for (const peer of this.peers) peer.configure(settings);
  }

  /** Sets the addresses, all with the parameters of the line; peers with an unchanged address keep their state. */
  setAddresses(addresses: readonly PeerAddress[]): void {
    this.setPeers(addresses.map((address) => new Peer(address, this.settings, this.written)));
  }

  /** Sets the peers; peers in `known` with the same address and settings are reused, to keep their state. */
  setPeers(peers: readonly Peer[], known: readonly Peer[] = this.peers): void {
    const left = [...known];
    this.peers = peers.map((peer) => {
      const same = left.findIndex((other) => samePeer(peer, other));
      const [kept = peer] = same < 0 ? [] : left.splice(same, 1);
      return kept;
    });
  }
}

/** Health checks of an upstream. */
export interface HealthSource {
  peersChanged(upstream: Upstream): void;
  /** Results of all workers. */
  results(): Promise<readonly PeerHealth[]>;
}

export class Upstream implements ObserverSettings {
  readonly servers: UpstreamServer[] = [];
  balancer: Balancer = new RoundRobin(this);
  keepalive: KeepaliveSettings = DEFAULT_KEEPALIVE;
  /** Cached sessions with the peers. */
  readonly sessions = new SessionPool(this);
  /** Keeps the addresses of `resolve` servers up to date; referenced here because its timers only hold it weakly. */
  resolution: object | null = null;
  /** Lookups of servers without an initial address; referenced here for the same reason. */
  readonly late: object[] = [];
  /** Notified when the peers change; null if they are not shared. */
  watcher: { peersChanged(upstream: Upstream): void } | null = null;
  /** Health checks of the peers; null if there are none. */
  health: HealthSource | null = null;
  /** Whether figures of the peers are counted for the API. */
  counted = false;
  /** Recorder of the attempts; null if the configuration has no metrics, or is not in force yet. */
  private recorder: UpstreamRecorder | null = null;
  /** Circuit breaker, outlier ejection and retry budget of all its requests; null if not configured. */
  breaker: Breaker | null = null;
  ejection: OutlierEjection | null = null;
  retryBudget: RetryBudget | null = null;
  /** `queue`; null for none. */
  queueSettings: QueueSettings | null = null;
  /** `tunnel_rebalance`; null for none. */
  rebalancing: Rebalancing | null = null;
  private group = new PeerGroup([], null);
  private balancerPlace = -1;
  private declaredStickiness: Stickiness | null = null;
  private stickinessPlace = -1;

  constructor(
    /** Name as written; used in log lines and `$proxy_host`. */
    readonly name: string,
    readonly observer = new UpstreamObserver(),
  ) {}

  /** Called when the configuration is in force. */
  enforced(): void {
    // Health checks set the states of their peers; the previous configuration may have had checks that this one has not.
    if (this.health === null) for (const peer of this.group.all) peer.setHealth('up', Date.now());
    if (this.watcher === null) for (const peer of this.group.all) peer.unshare();
    // A configuration with metrics sets it afterwards.
    if (this.recorder === null) for (const peer of this.group.all) peer.recorder = null;
    this.observer.enforce(this, this.group.all);
  }

  superseded(): void {}

  /** Records the attempts with its peers from now on. */
  record(recorder: UpstreamRecorder): void {
    this.recorder = recorder;
    for (const peer of this.group.all) peer.recorder = recorder.peer(peer.name);
  }

  /** Closes the idle sessions; called by the owner of the routing table when it is unused. */
  close(): void {
    this.sessions.close();
  }

  /** Current peers. */
  current(): PeerGroup {
    return this.group;
  }

  /** Sets the method. The one declared last in the block takes effect, regardless of the order of calls. */
  setBalancer(balancer: Balancer, place: number): void {
    if (place < this.balancerPlace) return;
    this.balancer = balancer;
    this.balancerPlace = place;
  }

  /** Sets the binding of clients to peers (`sticky`). */
  setStickiness(stickiness: Stickiness, place: number): void {
    this.declaredStickiness = stickiness;
    this.stickinessPlace = place;
  }

  /** Binding of clients to peers; null for none. As in nginx, a method declared after it in the block replaces it. */
  get stickiness(): Stickiness | null {
    return this.balancerPlace > this.stickinessPlace ? null : this.declaredStickiness;
  }

  /** Puts the servers' peers in force; called after addresses were set. */
  update(): void {
    const peers = this.servers.flatMap((server) => server.peers);
    for (const peer of peers) {
      peer.observer = this.observer;
      if (this.counted) peer.count();
      if (this.recorder !== null) peer.recorder = this.recorder.peer(peer.name);
    }
    const backups = peers.filter(({ settings }) => settings.backup);
    this.group = new PeerGroup(
      peers.filter(({ settings }) => !settings.backup),
      backups.length === 0 ? null : new PeerGroup(backups, null, 'backup'),
    );
    this.watcher?.peersChanged(this);
    this.health?.peersChanged(this);
    this.observer.peersChanged(this, peers);
  }

  /**
   * Takes over the peers of the running configuration's upstream of the same name if the `server` line is unchanged, so
   * that failures, weights and active connections are preserved. The previous upstream continues to use them too.
   */
  adopt(previous: Upstream): void {
    const left = [...previous.servers];
    for (const server of this.servers) {
      const same = left.findIndex((other) => sameLine(server, other));
      const [other] = same < 0 ? [] : left.splice(same, 1);
      if (other === undefined) continue;
      // A server without peers is still being resolved, or currently has no address.
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

/** Creates the upstream of a host without an `upstream` block: equal peers, no keepalive. */
export function implicitUpstream(
  name: string,
  addresses: readonly PeerAddress[],
  recorder: UpstreamRecorder | null = null,
): Upstream {
  const upstream = new Upstream(name);
  if (recorder !== null) upstream.record(recorder);
  const server = new UpstreamServer('', DEFAULT_PEER);
  server.setAddresses(addresses);
  upstream.servers.push(server);
  upstream.keepalive = { ...DEFAULT_KEEPALIVE, max: 0 };
  upstream.update();
  return upstream;
}
