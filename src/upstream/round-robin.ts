/** nginx's smooth weighted round robin, and the base of other methods. */

import { logError } from '../program/error-context.js';
import type { Session } from '../program/session.js';
import type { Balancer, Outcome, Selection } from './balancer.js';
import type { Peer, PeerGroup } from './peer.js';
import type { AttemptTimes } from './peer-times.js';

/** Number of peers whose "tried" flags fit in the bits of a small integer. */
const MAX_BITS = 30;

/**
 * Selects peers by weight: at each selection every peer's current weight grows by its effective weight, and the peer
 * with the highest current weight is selected and reduced by the total. A peer is tried once per request; failures
 * lower its effective weight.
 *
 * Other methods extend this class, override `choose` and fall back to `roundRobin`.
 */
export class RoundRobinSelection implements Selection {
  tries: number;
  preferred = '';
  /** The peer of the current attempt. */
  protected current: Peer | null = null;
  private tried = 0;
  /** Tried peers beyond the bits of `tried`. */
  private triedBeyond: Set<number> | null = null;

  constructor(
    protected readonly x: Session,
    protected group: PeerGroup,
    /** Whether round robin is the configured method: requests of bound clients count in the weights, too. */
    private readonly weighsBound = false,
  ) {
    this.tries = group.tries + (group.backup === null ? 0 : group.backup.tries);
  }

  next(): Peer | null {
    const { group, tried, triedBeyond } = this;
    // The only peer of a group is used regardless of the time.
    const now = this.weighsBound && this.preferred === '' && group.single !== null ? 0 : Date.now();
    const peer = (this.preferred === '' ? null : this.choosePreferred(now)) ?? this.choose(now);
    if (peer === null) {
      // A later attempt (`queue`) begins with the same peers, not with the backup servers.
      this.group = group;
      this.tried = tried;
      this.triedBeyond = triedBeyond;
    }
    this.current = peer;
    peer?.begin();
    return peer;
  }

  release(outcome: Outcome, _times?: AttemptTimes): void {
    const peer = this.current;
    if (peer === null) return;
    this.current = null;
    peer.end();
    if (this.group.single !== null) {
      peer.fails = 0;
      if (outcome === 'failed') peer.failures++;
      this.tries = 0;
      return;
    }
    if (outcome !== 'failed') peer.succeeded();
    else if (peer.failed(Date.now())) logError(this.x, 'warn', 'upstream server temporarily disabled');
    if (this.tries > 0) this.tries--;
  }

  decline(): void {
    const peer = this.current;
    if (peer === null) return;
    this.current = null;
    peer.end();
    // Until the next report of the other workers.
    peer.others = Math.max(peer.others, peer.maxConns - peer.conns);
  }

  /** Selects the preferred peer; null if it is not available. */
  protected choosePreferred(now: number): Peer | null {
    // `heaviest` prefers the peer.
    if (this.weighsBound && this.group.single === null) return null;
    const i = this.preferredIndex(now);
    if (i < 0) return null;
    // The only peer of a group may be tried again.
    return this.group.single ?? this.take(i, now);
  }

  /** Selects a peer. `now` in ms since 1970. */
  protected choose(now: number): Peer | null {
    return this.roundRobin(now);
  }

  /** Round robin selection; uses the backup servers if no other peer is available. */
  protected roundRobin(now: number): Peer | null {
    const { single } = this.group;
    if (single !== null) return single.down || single.full || single.health !== 'up' ? null : single;
    do {
      const i = this.heaviest(now);
      if (i >= 0) return this.take(i, now);
    } while (this.toBackup());
    return null;
  }

  /** Index of the preferred peer in the group, as in nginx the first match; -1 if it is missing or unavailable. */
  protected preferredIndex(now: number): number {
    const { preferred } = this;
    if (preferred === '') return -1;
    const { peers } = this.group;
    for (let i = 0; i < peers.length; i++) {
      const peer = this.peer(i);
      if (peer.id === preferred) return !this.wasTried(i) && peer.usableIfBound(now) ? i : -1;
    }
    return -1;
  }

  /** Index of the next peer by round robin among those from `first` on that are available and for which `tied` is true. */
  protected roundRobinAmong(first: number, now: number, tied: (peer: Peer) => boolean): number {
    let best = first;
    let total = 0;
    for (let i = first; i < this.group.peers.length; i++) {
      const peer = this.peer(i);
      if (!tied(peer) || !this.available(i, now)) continue;
      total += gainWeight(peer, now);
      if (peer.currentWeight > this.peer(best).currentWeight) best = i;
    }
    this.peer(best).currentWeight -= total;
    return best;
  }

  /** Whether peer `i` of the group has not been tried and is usable. */
  protected available(i: number, now: number): boolean {
    return !this.wasTried(i) && this.peer(i).usable(now);
  }

  /** Marks peer `i` as tried. */
  protected take(i: number, now: number): Peer {
    const peer = this.peer(i);
    peer.beginPeriod(now);
    if (i < MAX_BITS) this.tried |= 1 << i;
    else {
      this.triedBeyond ??= new Set();
      this.triedBeyond.add(i);
    }
    return peer;
  }

  /** Switches to the backup servers; returns false if there are none. */
  protected toBackup(): boolean {
    if (this.group.backup === null) return false;
    this.group = this.group.backup;
    this.tried = 0;
    this.triedBeyond = null;
    return true;
  }

  protected peer(i: number): Peer {
    return this.group.peers[i] as Peer;
  }

  /** Returns the index of the peer whose weight range contains a number below the total weight. */
  protected indexByWeight(number: number): number {
    let rest = number;
    let i = 0;
    // Weights may have been lowered since the group was created.
    for (const last = this.group.peers.length - 1; i < last && rest >= this.peer(i).weight; i++)
      rest -= this.peer(i).weight;
    return i;
  }

  private wasTried(i: number): boolean {
    return i < MAX_BITS ? (this.tried & (1 << i)) !== 0 : this.triedBeyond?.has(i) === true;
  }

  private heaviest(now: number): number {
    const { peers, totalWeight } = this.group;
    const preferred = this.preferredIndex(now);
    if (preferred >= 0) {
      // As in nginx, only one of consecutive requests lowers the peer's current weight: bound clients must not starve other
      // peers.
      const { currentWeight, weight } = this.peer(preferred);
      if (currentWeight <= weight - totalWeight) return preferred;
    }
    let best = -1;
    let total = 0;
    for (let i = 0; i < peers.length; i++) {
      if (!this.available(i, now)) continue;
      const peer = this.peer(i);
      total += gainWeight(peer, now);
      if (best < 0 || peer.currentWeight > this.peer(best).currentWeight) best = i;
    }
    if (preferred >= 0) best = preferred;
    if (best >= 0) this.peer(best).currentWeight -= total;
    return best;
  }
}

/** Adds the effective weight of a peer to its current weight and returns it; the effective weight then recovers. */
export function gainWeight(peer: Peer, now: number): number {
  // After a failure, the weight grows gradually (`slow_start`).
  const gained = peer.recoveredAt === 0 ? peer.effectiveWeight : peer.effectiveWeight * peer.weightShare(now);
  peer.currentWeight += gained;
  if (peer.effectiveWeight < peer.weight) peer.effectiveWeight++;
  return gained;
}

/** Source of the current peers of a balancer. */
export interface PeerSource {
  current(): PeerGroup;
}

/** Default method of an upstream. */
export class RoundRobin implements Balancer {
  readonly method = '';

  constructor(private readonly source: PeerSource) {}

  begin(x: Session): Selection {
    return new RoundRobinSelection(x, this.source.current(), true);
  }
}
