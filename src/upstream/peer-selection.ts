/** The attempts of one request: which peer is asked, whether another may be, and what is remembered of each. */
import { performance } from 'node:perf_hooks';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { UpstreamAttempt } from '../exchange/upstream-attempt.js';
import type { ResponseReader } from '../http/response-reader.js';
import type { Outcome, Selection } from './balancer.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { mayRepeat } from './next-upstream.js';
import type { Peer, Reservation } from './peer.js';
import { UpgradedAttempt } from './upgraded-attempt.js';
import type { Upstream } from './upstream.js';

/** The part of a request to an upstream that deals with peers; a base class, so that a request stays one object. */
export abstract class PeerSelection {
  protected attempt = new UpstreamAttempt();
  protected selection: Selection | null = null;
  private reservation: Reservation | null = null;
  private readonly startedAt = performance.now();

  constructor(
    readonly x: Exchange,
    readonly upstream: Upstream,
    protected readonly protocol: ForwardingRules,
  ) {}

  /** A peer was chosen, and a new attempt begun for it; null where none is alive. */
  protected abstract usePeer(peer: Peer | null): void;

  /** Calls `usePeer`: at once, unless the other workers may have all of a peer's `max_conns`. */
  protected choosePeer(): void {
    const peer = this.nextPeer();
    if (peer === null || peer.maxConns === 0 || peer.sharing === null) {
      this.usePeer(peer);
      return;
    }
    const reservation = peer.sharing.reserve(peer);
    this.reservation = reservation;
    void reservation.granted.then((granted) => {
      // The request may be over by now, and has given back what it did not have yet.
      if (this.reservation !== reservation) return;
      if (granted) this.usePeer(peer);
      else {
        this.giveBack();
        this.selection?.decline();
        this.x.attempts?.pop();
        this.choosePeer();
      }
    });
  }

  private nextPeer(): Peer | null {
    const { x, upstream, protocol } = this;
    if (this.selection === null) {
      // Tries before an internal redirect stay apart in `$upstream_addr` and its like.
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

  /** The reason is one for which another peer may be asked. `sent`: the request was; `streamed`: its body is gone. */
  protected mayAskAnother(reason: number, sent: boolean, streamed: boolean): boolean {
    const { nextUpstream, nextUpstreamTimeout } = this.protocol.settings;
    if ((nextUpstream & reason) === 0) return false;
    if (sent && (streamed || !mayRepeat(this.x.method, nextUpstream))) return false;
    return nextUpstreamTimeout === 0 || performance.now() - this.startedAt < nextUpstreamTimeout;
  }

  /** The attempt is over. */
  protected released(outcome: Outcome): void {
    this.timeResponse();
    this.giveBack();
    this.selection?.release(outcome);
  }

  /** The attempt has become a tunnel: it has succeeded, but its connection still counts. */
  protected upgraded(peer: Peer, reader: ResponseReader): UpgradedAttempt {
    const { attempt, reservation, upstream } = this;
    this.reservation = null;
    peer.begin();
    this.selection?.release('ok');
    return new UpgradedAttempt(attempt, peer, reservation, reader, upstream.name);
  }

  /** ms since the attempt began. */
  protected elapsed(): number {
    return performance.now() - this.attempt.started;
  }

  private giveBack(): void {
    this.reservation?.release();
    this.reservation = null;
  }

  private timeResponse(): void {
    if (this.attempt.responseTime < 0) this.attempt.responseTime = this.elapsed();
  }
}
