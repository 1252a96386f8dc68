/**
 * Peers of upstreams whose zone is shared by several workers. Each worker selects peers locally, without waiting, and
 * reports state changes to the others. Only `max_conns` requires a reservation, because it must be exact.
 */

import type { Enforceable } from '../program/module.js';
import { reportPeers, reservePeer } from '../zones/peer-operations.js';
import type { PeerNews, PeerReport } from '../zones/peer-states.js';
import { giveBack, newTicket } from '../zones/tickets.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import type { Peer, PeerSharing, Reservation } from './peer.js';
import { PeerTimes } from './peer-times.js';
import type { Upstream } from './upstream.js';

/** Maximum delay of reporting connection counts that only affect balancing, ms. */
const COUNTS_INTERVAL = 20;

/** State changes of a peer not yet reported. */
interface Unreported {
  failures: number;
  recovered: boolean;
  /** Times of responses, ms; null if the balancing method does not use them. */
  times: { readonly headers: number[]; readonly lastBytes: number[] } | null;
}

/** Upstreams of one zone, in one table. */
export class SharedPeers implements PeerSharing, Enforceable {
  private zone: Zone | null = null;
  private readonly names = new Map<Peer, string>();
  private readonly byName = new Map<string, Peer>();
  /** Peers that the upstreams no longer have, but whose requests still count. */
  private readonly leaving = new Set<Peer>();
  /** Until the table is in force, peers that it has in common with the running one are reported by that. */
  private isInForce = false;
  private readonly ofUpstream = new Map<Upstream, readonly Peer[]>();
  private readonly unreported = new Map<Peer, Unreported>();
  /** The next report, and whether it is due in the current turn of the event loop. */
  private timer: NodeJS.Timeout | null = null;
  private urgent = false;

  constructor(private readonly home: ZoneBackend) {}

  /** Sets the zone of the peers; its updates are passed to `news`. */
  join(zone: Zone): void {
    this.zone = zone;
  }

  /** Shares all current and future peers of the upstream. */
  add(upstream: Upstream): void {
    upstream.watcher = this;
    this.peersChanged(upstream);
  }

  enforced(): void {
    this.isInForce = true;
    for (const peer of this.byName.values()) this.take(peer);
  }

  superseded(): void {
    this.isInForce = false;
    this.report();
  }

  peersChanged(upstream: Upstream): void {
    for (const peer of this.ofUpstream.get(upstream) ?? []) this.remove(peer);
    const group = upstream.current();
    const peers = [...group.peers, ...(group.backup?.peers ?? [])];
    this.ofUpstream.set(upstream, peers);
    for (const peer of peers) {
      const { name, server, settings } = peer;
      // The same server may be configured several times.
      let key = '';
      for (let i = 0; key === '' || this.byName.has(key); i++) {
        key = JSON.stringify([upstream.name, name, server, settings.backup, i]);
      }
      this.names.set(peer, key);
      this.byName.set(key, peer);
      this.leaving.delete(peer);
      if (this.isInForce || peer.sharing === null) this.take(peer);
    }
  }

  private take(peer: Peer): void {
    peer.sharing = this;
    // A peer of the previous table may have active requests.
    if (peer.conns > 0) this.changed(peer);
  }

  /** Applies state changes of the other workers. */
  news(news: readonly PeerNews[]): void {
    for (const { peer: name, others, fails, accessed, checked, times, active } of news) {
      const peer = this.byName.get(name);
      if (peer === undefined || peer.sharing !== this) continue;
      peer.others = others;
      peer.observer?.freed();
      // Changes not yet reported are not included.
      const own = this.unreported.get(peer);
      if (own?.recovered !== true) peer.applyRemoteState(fails + (own?.failures ?? 0), accessed, checked);
      if (times !== undefined) PeerTimes.of(peer).apply(times, own?.times ?? null);
      if (active !== undefined) PeerTimes.of(peer).others = active;
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

  timed(peer: Peer, time: 'header' | 'lastByte', ms: number): void {
    const own = this.note(peer, false);
    own.times ??= { headers: [], lastBytes: [] };
    own.times[time === 'header' ? 'headers' : 'lastBytes'].push(Math.trunc(ms));
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
    if (peer.conns > 0) this.leaving.add(peer);
    else this.names.delete(peer);
  }

  /** Connections of this process with the peers of a name: a server may have been removed and added again meanwhile. */
  private connsOf(name: string): number {
    let conns = this.byName.get(name)?.conns ?? 0;
    for (const peer of this.leaving) if (this.names.get(peer) === name) conns += peer.conns;
    return conns;
  }

  private note(peer: Peer, urgent: boolean): Unreported {
    let own = this.unreported.get(peer);
    if (own === undefined) this.unreported.set(peer, (own = { failures: 0, recovered: false, times: null }));
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
    for (const [peer, { failures, recovered, times }] of this.unreported) {
      const { accessed, checked } = peer;
      const name = this.names.get(peer);
      if (name === undefined) continue;
      const conns = this.leaving.size === 0 ? peer.conns : this.connsOf(name);
      const active = peer.times?.active ?? null;
      const timing = { ...(times !== null && { times }), ...(active !== null && { active }) };
      reports.push({ peer: name, conns, failures, recovered, accessed, checked, ...timing });
      if (peer.conns === 0 && this.leaving.delete(peer)) this.names.delete(peer);
    }
    this.unreported.clear();
    if (reports.length > 0) this.home.tell(reportPeers, { zone: this.id, reports });
  }
}
