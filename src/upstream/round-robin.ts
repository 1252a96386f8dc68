/** nginx's smooth weighted round robin, and the ground on which the other methods stand. */
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import type { Balancer, Outcome, Selection } from './balancer.js';
import type { Peer, PeerGroup } from './peer.js';

/** Peers that can be marked as tried in the bits of one small integer. */
const BITS = 30;

/**
 * Chooses among the peers by their weights: at each choice every peer gains its effective weight, and the one that has
 * most pays what all gained together. A peer is tried once per request; after a failure it weighs less.
 *
 * Other methods extend it with a `choose` of their own and fall back on `roundRobin`.
 */
export class RoundRobinSelection implements Selection {
  tries: number;
  private current: Peer | null = null;
  private tried = 0;
  /** Those beyond the bits of `tried`. */
  private triedBeyond: Set<number> | null = null;

  constructor(
    protected readonly x: Exchange,
    protected group: PeerGroup,
  ) {
    this.tries = group.tries + (group.backup === null ? 0 : group.backup.tries);
  }

  next(): Peer | null {
    const peer = this.choose(Date.now());
    this.current = peer;
    peer?.begin();
    return peer;
  }

  release(outcome: Outcome): void {
    const peer = this.current;
    if (peer === null) return;
    this.current = null;
    peer.end();
    if (this.group.single !== null) {
      peer.fails = 0;
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
    // Until more is heard of the others.
    peer.others = Math.max(peer.others, peer.maxConns - peer.conns);
  }

  /** The method itself. `now` is in ms since 1970. */
  protected choose(now: number): Peer | null {
    return this.roundRobin(now);
  }

  /** The choice of round robin; goes on with the backup servers where no other may be used. */
  protected roundRobin(now: number): Peer | null {
    const { single } = this.group;
    if (single !== null) return single.down || single.full ? null : single;
    do {
      const i = this.heaviest(now);
      if (i >= 0) return this.take(i, now);
    } while (this.toBackup());
    return null;
  }

  /** True where peer `i` of the group was not tried and may be given a request. */
  protected available(i: number, now: number): boolean {
    return !this.wasTried(i) && this.peer(i).usable(now);
  }

  /** Marks peer `i` as tried. */
  protected take(i: number, now: number): Peer {
    const peer = this.peer(i);
    peer.beginPeriod(now);
    if (i < BITS) this.tried |= 1 << i;
    else {
      this.triedBeyond ??= new Set();
      this.triedBeyond.add(i);
    }
    return peer;
  }

  /** Goes on with the backup servers; false where there are none. */
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

  /** Index of the peer on which a number below the total weight falls, each being as wide as its weight. */
  protected indexByWeight(number: number): number {
    let rest = number;
    let i = 0;
    for (; rest >= this.peer(i).weight; i++) rest -= this.peer(i).weight;
    return i;
  }

  private wasTried(i: number): boolean {
    return i < BITS ? (this.tried & (1 << i)) !== 0 : this.triedBeyond?.has(i) === true;
  }

  private heaviest(now: number): number {
    const { peers } = this.group;
    let best = -1;
    let total = 0;
    for (let i = 0; i < peers.length; i++) {
      if (!this.available(i, now)) continue;
      const peer = this.peer(i);
      total += gainWeight(peer);
      if (best < 0 || peer.currentWeight > this.peer(best).currentWeight) best = i;
    }
    if (best >= 0) this.peer(best).currentWeight -= total;
    return best;
  }
}

/** One peer's part in a choice: its current weight grows by its effective weight, which is returned and then recovers. */
export function gainWeight(peer: Peer): number {
  const gained = peer.effectiveWeight;
  peer.currentWeight += gained;
  if (peer.effectiveWeight < peer.weight) peer.effectiveWeight++;
  return gained;
}

/** Where a balancer finds the peers of the moment. */
export interface PeerSource {
  current(): PeerGroup;
}

/** Holds where an upstream names no other method. */
export class RoundRobin implements Balancer {
  readonly method = '';

  constructor(private readonly source: PeerSource) {}

  begin(x: Exchange): Selection {
    return new RoundRobinSelection(x, this.source.current());
  }
}
