/**
 * What several workers know of the peers of an upstream: connections and failures. Each worker chooses among its own peers
 * at once and reports what happened; here the reports are added up, and told to the others.
 */
import type { Operation } from './operation.js';
import type { ZoneOwner } from './owner.js';

/** What happened to a peer in one worker since its last report. */
export interface PeerReport {
  /** Names the peer within the zone. */
  readonly peer: string;
  /** Requests and tunnels that this worker has with it now. */
  readonly conns: number;
  /** Failures since the last report. */
  readonly failures: number;
  /** The last thing was a success after which failures are forgotten. */
  readonly recovered: boolean;
  /** ms since 1970 of the last failure and of the beginning of the period in which failures count. */
  readonly accessed: number;
  readonly checked: number;
}

/** What a worker is told of a peer. */
export interface PeerNews {
  readonly peer: string;
  /** Requests and tunnels that the other workers have with it. */
  readonly others: number;
  /** Failures of all workers. */
  readonly fails: number;
  readonly accessed: number;
  readonly checked: number;
}

class SharedPeer {
  /** Connections by worker, where there are any. */
  readonly conns = new Map<ZoneOwner, number>();
  fails = 0;
  accessed = 0;
  checked = 0;

  get total(): number {
    let total = 0;
    for (const conns of this.conns.values()) total += conns;
    return total;
  }
}

export class PeerStates {
  /** Places among `max_conns` that are taken, by peer. */
  private readonly reserved = new Map<string, number>();
  private readonly peers = new Map<string, SharedPeer>();
  private readonly watching = new Map<ZoneOwner, number>();
  private readonly changed = new Set<string>();
  private announcing = false;

  /** Peers that are known. */
  get entries(): number {
    return this.peers.size;
  }

  /** Connections of all workers. */
  conns(peer: string): number {
    return this.peers.get(peer)?.total ?? 0;
  }

  /** Takes a place among `max`; false where none is left. */
  take(peer: string, max: number): boolean {
    const taken = this.reserved.get(peer) ?? 0;
    if (taken >= max) return false;
    this.reserved.set(peer, taken + 1);
    return true;
  }

  /** Gives a place back. */
  give(peer: string): void {
    const left = (this.reserved.get(peer) ?? 0) - 1;
    if (left > 0) this.reserved.set(peer, left);
    else this.reserved.delete(peer);
  }

  /** The owner is to be told what happens, and first of all what has happened. */
  watch(owner: ZoneOwner, zone: number): void {
    this.watching.set(owner, zone);
    if (this.peers.size > 0) owner.notify(zone, this.newsFor(owner, this.peers.keys()));
  }

  /** The owner has closed the zone: its connections are none any more, unless it has opened the zone anew. */
  unwatch(owner: ZoneOwner, zone: number): void {
    if (this.watching.get(owner) !== zone) return;
    this.watching.delete(owner);
    for (const [name, { conns }] of this.peers) if (conns.delete(owner)) this.announce(name);
  }

  report(owner: ZoneOwner, report: PeerReport): void {
    let peer = this.peers.get(report.peer);
    if (peer === undefined) this.peers.set(report.peer, (peer = new SharedPeer()));
    if (report.conns > 0) peer.conns.set(owner, report.conns);
    else peer.conns.delete(owner);
    peer.fails = report.recovered ? report.failures : peer.fails + report.failures;
    peer.accessed = Math.max(peer.accessed, report.accessed);
    peer.checked = Math.max(peer.checked, report.checked);
    this.announce(report.peer);
  }

  /** Tells once in a turn what has changed in it. */
  private announce(name: string): void {
    this.changed.add(name);
    if (this.announcing) return;
    this.announcing = true;
    setImmediate(() => {
      this.announcing = false;
      for (const [owner, zone] of this.watching) owner.notify(zone, this.newsFor(owner, this.changed));
      this.forget();
      this.changed.clear();
    });
  }

  private newsFor(owner: ZoneOwner, names: Iterable<string>): PeerNews[] {
    const news: PeerNews[] = [];
    for (const name of names) {
      const peer = this.peers.get(name);
      if (peer === undefined) continue;
      const { fails, accessed, checked } = peer;
      news.push({ peer: name, others: peer.total - (peer.conns.get(owner) ?? 0), fails, accessed, checked });
    }
    return news;
  }

  /** A peer without connections and failures is as good as unknown: addresses that come and go leave nothing behind. */
  private forget(): void {
    for (const name of this.changed) {
      const peer = this.peers.get(name);
      if (peer !== undefined && peer.fails === 0 && peer.conns.size === 0) this.peers.delete(name);
    }
  }
}

export interface PeerReports {
  readonly zone: number;
  readonly reports: readonly PeerReport[];
}

/** Tells the home of an upstream's zone what happened to its peers. */
export const reportPeers: Operation<PeerReports, null> = {
  name: 'upstream report',
  fallback: null,
  run(owner, { zone, reports }) {
    const states = owner.zone(zone, PeerStates);
    if (states !== undefined) for (const report of reports) states.report(owner, report);
    return null;
  },
};

export interface PeerReservation {
  /** Holds the place until it is given back. */
  readonly ticket: number;
  readonly zone: number;
  readonly peer: string;
  readonly max: number;
}

/** Takes one of the `max_conns` that all workers have together of a peer; false where none is left. */
export const reservePeer: Operation<PeerReservation, boolean> = {
  name: 'upstream reserve',
  fallback: true,
  run(owner, { ticket, zone, peer, max }) {
    const states = owner.zone(zone, PeerStates);
    if (states === undefined) return true;
    if (!states.take(peer, max)) return false;
    owner.hold(ticket, [{ in: states, key: peer }]);
    return true;
  },
};
