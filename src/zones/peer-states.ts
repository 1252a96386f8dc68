/**
 * Connections and failures of an upstream's peers, shared by several workers. Each worker selects among its own peers
 * immediately and reports events; the reports are added up here and sent to the other workers.
 */
import { type ActiveRequests, ResponseTimes, type TimeSamples } from './response-times.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Events of a peer in one worker since its last report. */
export interface PeerReport {
  /** Identifies the peer within the zone. */
  readonly peer: string;
  /** Requests and tunnels of this worker with the peer. */
  readonly conns: number;
  /** Failures since the last report. */
  readonly failures: number;
  /** The last event was a success that resets the failures. */
  readonly recovered: boolean;
  /** ms since 1970 of the last failure and of the start of the period in which failures count. */
  readonly accessed: number;
  readonly checked: number;
  /** Response times since the last report, if the balancing method uses them. */
  readonly times?: TimeSamples;
  /** Requests whose ages the balancing method observes. */
  readonly active?: ActiveRequests;
}

/** An update about a peer for a worker. */
export interface PeerNews {
  readonly peer: string;
  /** Requests and tunnels of the other workers with the peer. */
  readonly others: number;
  /** Failures in all workers. */
  readonly fails: number;
  readonly accessed: number;
  readonly checked: number;
  /** Averages over all workers. */
  readonly times?: { readonly header: number; readonly lastByte: number };
  /** Observed requests of the other workers. */
  readonly active?: ActiveRequests;
}

/** Number of peers above which response times of peers without requests are dropped: addresses of peers may change. */
const MAX_IDLE = 1000;

class SharedPeer {
  /** Connections by worker; entries are positive. */
  readonly conns = new Map<NotifiedUser, number>();
  fails = 0;
  accessed = 0;
  checked = 0;
  /** Null before the first response. */
  times: ResponseTimes | null = null;
  /** Observed requests by worker; null if no worker has observed any. */
  active: Map<NotifiedUser, ActiveRequests> | null = null;

  /** Observed requests of the other workers. */
  activeOfOthers(owner: NotifiedUser): ActiveRequests | undefined {
    if (this.active === null) return undefined;
    let requests = 0;
    let began = 0;
    for (const [user, own] of this.active) {
      if (user === owner) continue;
      requests += own.requests;
      began += own.began;
    }
    return { requests, began };
  }

  get total(): number {
    let total = 0;
    for (const conns of this.conns.values()) total += conns;
    return total;
  }
}

export class PeerStates {
  /** Connections reserved under `max_conns`, by peer. */
  private readonly reserved = new Map<string, number>();
  private readonly peers = new Map<string, SharedPeer>();
  private readonly users = new ZoneUsers<readonly PeerNews[]>();
  private readonly changed = new Set<string>();
  private announcing = false;

  /** Number of known peers. */
  get entries(): number {
    return this.peers.size;
  }

  /** Connections of all workers. */
  conns(peer: string): number {
    return this.peers.get(peer)?.total ?? 0;
  }

  /** Reserves a connection out of `max`; false if none is left. */
  take(peer: string, max: number): boolean {
    const taken = this.reserved.get(peer) ?? 0;
    if (taken >= max) return false;
    this.reserved.set(peer, taken + 1);
    return true;
  }

  /** Releases a reserved connection. */
  give(peer: string): void {
    const left = (this.reserved.get(peer) ?? 0) - 1;
    if (left > 0) this.reserved.set(peer, left);
    else this.reserved.delete(peer);
  }

  /** Subscribes the owner to updates, starting with the current state. */
  watch(owner: NotifiedUser, zone: number): void {
    this.users.add(owner, zone);
    if (this.peers.size > 0) owner.notify(zone, this.newsFor(owner, this.peers.keys()));
  }

  /** The owner has closed the zone: removes its connections, unless another of its tables has the zone open. */
  unwatch(owner: NotifiedUser, zone: number): void {
    if (!this.users.delete(owner, zone)) return;
    for (const [name, { conns, active }] of this.peers) {
      const observed = active?.delete(owner) === true;
      if (conns.delete(owner) || observed) this.announce(name);
    }
  }

  report(owner: NotifiedUser, report: PeerReport): void {
    let peer = this.peers.get(report.peer);
    if (peer === undefined) this.peers.set(report.peer, (peer = new SharedPeer()));
    if (report.conns > 0) peer.conns.set(owner, report.conns);
    else peer.conns.delete(owner);
    peer.fails = report.recovered ? report.failures : peer.fails + report.failures;
    peer.accessed = Math.max(peer.accessed, report.accessed);
    peer.checked = Math.max(peer.checked, report.checked);
    if (report.times !== undefined) {
      peer.times ??= new ResponseTimes();
      peer.times.add(report.times);
    }
    if (report.active !== undefined) {
      peer.active ??= new Map();
      peer.active.set(owner, report.active);
    }
    this.announce(report.peer);
  }

  /** Sends changes once per turn of the event loop. */
  private announce(name: string): void {
    this.changed.add(name);
    if (this.announcing) return;
    this.announcing = true;
    setImmediate(() => {
      this.announcing = false;
      for (const owner of this.users.processes) this.users.notifyEach(owner, this.newsFor(owner, this.changed));
      this.forget();
      this.changed.clear();
    });
  }

  private newsFor(owner: NotifiedUser, names: Iterable<string>): PeerNews[] {
    const news: PeerNews[] = [];
    for (const name of names) {
      const peer = this.peers.get(name);
      if (peer === undefined) continue;
      const { fails, accessed, checked, times } = peer;
      const active = peer.activeOfOthers(owner);
      news.push({
        peer: name,
        others: peer.total - (peer.conns.get(owner) ?? 0),
        fails,
        accessed,
        checked,
        ...(times !== null && { times: { header: times.header, lastByte: times.lastByte } }),
        ...(active !== undefined && { active }),
      });
    }
    return news;
  }

  /** Drops peers without connections, failures and times, so that changing addresses leave few entries behind. */
  private forget(): void {
    for (const name of this.changed) {
      const peer = this.peers.get(name);
      if (peer === undefined || peer.fails > 0 || peer.conns.size > 0) continue;
      if (peer.times === null || this.peers.size > MAX_IDLE) this.peers.delete(name);
    }
  }
}
