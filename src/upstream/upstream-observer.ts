/** Reactions to events of an upstream's peers; one object over all configurations with an upstream of that name. */
import type { Peer, PeerObserver } from './peer.js';
import { RequestQueue } from './request-queue.js';

/** `queue`; `timeout` in ms. */
export interface QueueSettings {
  readonly max: number;
  readonly timeout: number;
}

/** Moves tunnels to a peer that has joined. */
export interface Rebalancing {
  joined(): void;
  /** Moves tunnels of this process now, on request; returns their number. */
  rebalance(): number;
}

/** Settings of an upstream, which apply while its configuration is in force. */
export interface ObserverSettings {
  readonly queueSettings: QueueSettings | null;
  readonly rebalancing: Rebalancing | null;
}

export class UpstreamObserver implements PeerObserver {
  /** Requests that wait for a peer; null: requests without a peer fail immediately. */
  queue: RequestQueue | null = null;
  private settings: ObserverSettings | null = null;
  /** Names of the peers that are not down; null before the first configuration is in force. */
  private members: ReadonlySet<string> | null = null;

  /** Applies the settings of the configuration that is now in force. */
  enforce(settings: ObserverSettings, peers: readonly Peer[]): void {
    this.settings = settings;
    const { queueSettings } = settings;
    if (queueSettings === null) this.queue = null;
    else if (this.queue === null) this.queue = new RequestQueue(queueSettings);
    else this.queue.configure(queueSettings);
    this.peersChanged(settings, peers);
  }

  /** Called when the peers of an upstream have changed. */
  peersChanged(settings: ObserverSettings, peers: readonly Peer[]): void {
    // Upstreams of other configurations do not count.
    if (settings !== this.settings) return;
    const before = this.members;
    this.members = new Set(peers.filter(({ down }) => !down).map(({ name }) => name));
    this.queue?.wake();
    if (before !== null && [...this.members].some((name) => !before.has(name))) settings.rebalancing?.joined();
  }

  freed(): void {
    this.queue?.wake();
  }

  recovered(): void {
    this.queue?.wake();
    this.settings?.rebalancing?.joined();
  }
}
