/**
 * The peers of upstreams whose zone several workers share. Each worker chooses by itself, and at once, and tells the others
 * what happens to a peer. Only `max_conns` is asked for, because it must be exact.
 */
import { type PeerNews, type PeerReport, reportPeers, reservePeer } from '../zones/peer-states.js';
import { giveBack, newTicket } from '../zones/tickets.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import type { Peer, PeerSharing, Reservation } from './peer.js';
import type { Upstream } from './upstream.js';

/** ms within which the others are told how many connections a peer has, where only the balance depends on it. */
const COUNTS_INTERVAL = 20;

/** What is yet to be told of a peer. */
interface Unreported {
  failures: number;
  recovered: boolean;
}

/** The upstreams of one zone, in one table. */
export class SharedPeers implements PeerSharing {
  private zone: Zone | null = null;
  private readonly names = new Map<Peer, string>();
  private readonly byName = new Map<string, Peer>();
  private readonly ofUpstream = new Map<Upstream, readonly Peer[]>();
  private readonly unreported = new Map<Peer, Unreported>();
  /** The next report, and whether it is to come in this very turn. */
  private timer: NodeJS.Timeout | null = null;
  private urgent = false;

  constructor(private readonly home: ZoneBackend) {}

  /** The zone in which they live; its news are to come to `news`. */
  join(zone: Zone): void {
    this.zone = zone;
  }

  /** From here on the upstream's peers are shared, whichever they are. */
  add(upstream: Upstream): void {
    upstream.watcher = this;
    this.peersChanged(upstream);
  }

  peersChanged(upstream: Upstream): void {
    for (const peer of this.ofUpstream.get(upstream) ?? []) this.remove(peer);
    const group = upstream.current();
    const peers = [...group.peers, ...(group.backup?.peers ?? [])];
    this.ofUpstream.set(upstream, peers);
    for (const peer of peers) {
      const { name, server, settings } = peer;
      // The same server may be written several times.
      let key = '';
      for (let i = 0; key === '' || this.byName.has(key); i++) {
        key = JSON.stringify([upstream.name, name, server, settings.backup, i]);
      }
      this.names.set(peer, key);
      this.byName.set(key, peer);
      peer.sharing = this;
      // A peer of the table before comes with requests under way.
      if (peer.conns > 0) this.changed(peer);
    }
  }

  /** What the other workers have done. */
  news(news: readonly PeerNews[]): void {
    for (const { peer: name, others, fails, accessed, checked } of news) {
      const peer = this.byName.get(name);
      if (peer === undefined) continue;
      peer.others = others;
      // What is yet to be told is not in it.
      const own = this.unreported.get(peer);
      if (own?.recovered !== true) peer.applyRemoteState(fails + (own?.failures ?? 0), accessed, checked);
    }
  }

  changed(peer: Peer): void {
    this.note(peer, peer.maxConns > 0);
  }

  failed(peer: Peer): void {
    this.note(peer, true).failures++;
  }

  recovered(peer: Peer): void {
    const own = this.note(peer, true);
    own.failures = 0;
    own.recovered = true;
  }

  reserve(peer: Peer): Reservation {
    const ticket = newTicket();
    const question = { ticket, zone: this.id, peer: this.names.get(peer) ?? peer.name, max: peer.maxConns };
    return {
      granted: Promise.resolve(this.home.ask(reservePeer, question)),
      release: () => this.home.tell(giveBack, ticket),
    };
  }

  private get id(): number {
    return this.zone?.id ?? 0;
  }

  private remove(peer: Peer): void {
    const name = this.names.get(peer);
    if (name !== undefined) this.byName.delete(name);
    this.names.delete(peer);
  }

  private note(peer: Peer, urgent: boolean): Unreported {
    let own = this.unreported.get(peer);
    if (own === undefined) this.unreported.set(peer, (own = { failures: 0, recovered: false }));
    if (urgent && !this.urgent) {
      this.urgent = true;
      setImmediate(() => this.report());
    } else if (!urgent) {
      this.timer ??= setTimeout(() => this.report(), COUNTS_INTERVAL).unref();
    }
    return own;
  }

  private report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.urgent = false;
    const reports: PeerReport[] = [];
    for (const [peer, { failures, recovered }] of this.unreported) {
      const { conns, accessed, checked } = peer;
      const name = this.names.get(peer);
      if (name !== undefined) reports.push({ peer: name, conns, failures, recovered, accessed, checked });
    }
    this.unreported.clear();
    if (reports.length > 0) this.home.tell(reportPeers, { zone: this.id, reports });
  }
}
