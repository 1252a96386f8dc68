/** Selects the peers of a request and records its attempts. */
import { performance } from 'node:perf_hooks';
import type { HttpExchange } from '../exchange/exchange.js';
import { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Outcome, Selection } from './balancer.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { isRepeatable } from './next-upstream.js';
import type { Peer, Reservation } from './peer.js';
import { UpgradedAttempt } from './upgraded-attempt.js';
import type { Upstream } from './upstream.js';

/** The request for which peers are selected. */
export interface PeerUser {
  /** Called with the selected peer, for which a new attempt has begun; null if no peer is available. */
  usePeer(peer: Peer | null): void;
}

/** Number of attempts of earlier selections that are kept: an event stream may be requested again and again. */
const MAX_ATTEMPTS = 64;

export class PeerSelection {
  /** The current attempt. */
  attempt = new UpstreamAttempt();
  private selection: Selection | null = null;
  private reservation: Reservation | null = null;
  private readonly startedAt = performance.now();

  constructor(
    private readonly x: HttpExchange,
    private readonly upstream: Upstream,
    private readonly rules: ForwardingRules,
    private readonly user: PeerUser,
  ) {}

  /** Number of further peers that may be tried. */
  get tries(): number {
    return this.selection?.tries ?? 0;
  }

  /** Allows one more peer: a cached connection turned out to be closed. */
  addTry(): void {
    if (this.selection !== null) this.selection.tries++;
  }

  /** Selects a peer and calls `usePeer`: synchronously, unless `max_conns` must be reserved among all workers. */
  choose(): void {
    const peer = this.nextPeer();
    if (peer === null || peer.maxConns === 0 || peer.sharing === null) {
      this.user.usePeer(peer);
      return;
    }
    const reservation = peer.sharing.reserve(peer);
    this.reservation = reservation;
    void reservation.granted.then((granted) => {
      // The request may have ended and released the pending reservation.
      if (this.reservation !== reservation) return;
      if (granted) this.user.usePeer(peer);
      else {
        this.releaseReservation();
        this.selection?.decline();
        this.x.attempts?.pop();
        this.choose();
      }
    });
  }

  private nextPeer(): Peer | null {
    const { x, upstream, rules } = this;
    if (this.selection === null) {
      // `$upstream_addr` and similar variables separate attempts before an internal redirect.
      x.attempts?.push(new UpstreamAttempt());
      x.attempts?.splice(0, x.attempts.length - MAX_ATTEMPTS);
      this.selection = upstream.balancer.begin(x);
      const limit = rules.settings.nextUpstreamTries;
      if (limit > 0 && this.selection.tries > limit) this.selection.tries = limit;
    }
    const attempt = new UpstreamAttempt();
    this.attempt = attempt;
    (x.attempts ??= []).push(attempt);
    attempt.started = performance.now();
    const peer = this.selection.next();
    attempt.address = peer === null ? upstream.name : peer.name;
    const end = attempt.address.startsWith('unix:') ? ':' : '';
    attempt.url = `${rules.scheme}${attempt.address}${end}${x.upstreamUri}`;
    return peer;
  }

  /**
   * Whether another peer may be tried for this reason. `sent`: the request was sent; `streamed`: its body was not
   * buffered.
   */
  mayTryAnother(reason: number, sent: boolean, streamed: boolean): boolean {
    const { nextUpstream, nextUpstreamTimeout } = this.rules.settings;
    if ((nextUpstream & reason) === 0) return false;
    if (sent && (streamed || !isRepeatable(this.x.method, nextUpstream))) return false;
    return nextUpstreamTimeout === 0 || performance.now() - this.startedAt < nextUpstreamTimeout;
  }

  /** Ends the attempt. */
  release(outcome: Outcome): void {
    this.timeResponse();
    this.releaseReservation();
    this.selection?.release(outcome);
  }

  /** Turns the attempt into a tunnel: it has succeeded, but its connection still counts. */
  upgraded(peer: Peer): UpgradedAttempt {
    const { attempt, reservation, upstream } = this;
    this.reservation = null;
    peer.begin();
    this.selection?.release('ok');
    return new UpgradedAttempt(attempt, peer, reservation, upstream.name);
  }

  /** Time since the attempt began, ms. */
  elapsed(): number {
    return performance.now() - this.attempt.started;
  }

  private releaseReservation(): void {
    this.reservation?.release();
    this.reservation = null;
  }

  private timeResponse(): void {
    if (this.attempt.responseTime < 0) this.attempt.responseTime = this.elapsed();
  }
}
