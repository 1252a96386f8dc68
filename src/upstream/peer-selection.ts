/** Selects the peers of a request and records its attempts. */
import { performance } from 'node:perf_hooks';
import type { HttpExchange } from '../exchange/exchange.js';
import type { ResponseReader } from '../http1/response-reader.js';
import { logError } from '../program/error-context.js';
import { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Outcome, Selection } from './balancer.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { isRepeatable } from './next-upstream.js';
import type { Peer, Reservation } from './peer.js';
import { UpgradedAttempt } from './upgraded-attempt.js';
import type { Upstream } from './upstream.js';

/** Peer selection of an upstream request; a base class, so that a request stays one object. */
export abstract class PeerSelection {
  protected attempt = new UpstreamAttempt();
  protected selection: Selection | null = null;
  private reservation: Reservation | null = null;
  private readonly startedAt = performance.now();

  constructor(
    readonly x: HttpExchange,
    readonly upstream: Upstream,
    protected readonly protocol: ForwardingRules,
  ) {}

  /** Called with the selected peer, for which a new attempt has begun; null if no peer is available. */
  protected abstract usePeer(peer: Peer | null): void;

  /** Selects a peer and calls `usePeer`: synchronously, unless `max_conns` must be reserved among all workers. */
  protected choosePeer(): void {
    const peer = this.nextPeer();
    if (peer === null || peer.maxConns === 0 || peer.sharing === null) {
      this.usePeer(peer);
      return;
    }
    const reservation = peer.sharing.reserve(peer);
    this.reservation = reservation;
    void reservation.granted.then((granted) => {
      // The request may have ended and released the pending reservation.
      if (this.reservation !== reservation) return;
      if (granted) this.usePeer(peer);
      else {
        this.releaseReservation();
        this.selection?.decline();
        this.x.attempts?.pop();
        this.choosePeer();
      }
    });
  }

  private nextPeer(): Peer | null {
    const { x, upstream, protocol } = this;
    if (this.selection === null) {
      // `$upstream_addr` and similar variables separate attempts before an internal redirect.
      x.attempts?.push(new UpstreamAttempt());
      this.selection = upstream.balancer.begin(x);
      const limit = protocol.settings.nextUpstreamTries;
      if (limit > 0 && this.selection.tries > limit) this.selection.tries = limit;
    }
    const attempt = new UpstreamAttempt();
    this.attempt = attempt;
    (x.attempts ??= []).push(attempt);
    attempt.started = performance.now();
    const peer = this.selection.next();
    attempt.address = peer === null ? upstream.name : peer.name;
    const end = attempt.address.startsWith('unix:') ? ':' : '';
    attempt.url = `${protocol.scheme}${attempt.address}${end}${x.upstreamUri}`;
    if (peer === null) {
      attempt.status = 502;
      logError(x, 'error', 'no live upstreams while connecting to upstream');
    }
    return peer;
  }

  /**
   * Whether another peer may be tried for this reason. `sent`: the request was sent; `streamed`: its body was not
   * buffered.
   */
  protected mayTryAnother(reason: number, sent: boolean, streamed: boolean): boolean {
    const { nextUpstream, nextUpstreamTimeout } = this.protocol.settings;
    if ((nextUpstream & reason) === 0) return false;
    if (sent && (streamed || !isRepeatable(this.x.method, nextUpstream))) return false;
    return nextUpstreamTimeout === 0 || performance.now() - this.startedAt < nextUpstreamTimeout;
  }

  /** Ends the attempt. */
  protected released(outcome: Outcome): void {
    this.timeResponse();
    this.releaseReservation();
    this.selection?.release(outcome);
  }

  /** Turns the attempt into a tunnel: it has succeeded, but its connection still counts. */
  protected upgraded(peer: Peer, reader: ResponseReader): UpgradedAttempt {
    const { attempt, reservation, upstream } = this;
    this.reservation = null;
    peer.begin();
    this.selection?.release('ok');
    return new UpgradedAttempt(attempt, peer, reservation, reader, upstream.name);
  }

  /** Time since the attempt began, ms. */
  protected elapsed(): number {
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
