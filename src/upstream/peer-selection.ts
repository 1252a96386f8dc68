/** Selects the peers of a request and records its attempts. */
import { performance } from 'node:perf_hooks';
import type { HttpExchange } from '../exchange/exchange.js';
import { callbackNow } from '../net/callback-clock.js';
import { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Outcome, Selection } from './balancer.js';
import type { UpstreamSettings } from './forwarding-rules.js';
import { isRepeatable } from './next-upstream.js';
import type { Peer, PeerGroup, Reservation } from './peer.js';
import type { QueuedRequest, RequestQueue } from './request-queue.js';
import type { Binding } from './stickiness.js';
import { UpgradedAttempt } from './upgraded-attempt.js';
import type { Upstream } from './upstream.js';

/** The request for which peers are selected. */
export interface PeerUser {
  /** Called with the selected peer, for which a new attempt has begun; null if no peer is available. */
  usePeer(peer: Peer | null): void;
}

/** Settings of the location that apply to the selection. */
export interface SelectionRules {
  /** `http://` or `https://`, for log lines; empty for connections without HTTP. */
  readonly scheme: string;
  readonly settings: Pick<UpstreamSettings, 'nextUpstream' | 'nextUpstreamTries' | 'nextUpstreamTimeout'>;
}

/** Number of attempts of earlier selections that are kept: an event stream may be requested again and again. */
const MAX_ATTEMPTS = 64;

export class PeerSelection implements QueuedRequest {
  /** The current attempt; before the first peer is selected, the first one. */
  attempt = new UpstreamAttempt();
  private selection: Selection | null = null;
  private reservation: Reservation | null = null;
  /** The peer of the current attempt. */
  private peer: Peer | null = null;
  /** Pending lookup of the client's binding. */
  private lookup: Promise<string> | null = null;
  private readonly startedAt: number;
  /** The queue in which the request waits or has waited, with the start and the limit of the wait, ms of the monotonic clock. */
  private queue: RequestQueue | null = null;
  private queuedAt = -1;
  private queuedUntil = 0;
  /** The peers among which one is selected, and whether one has been tried. */
  private group: PeerGroup | null = null;
  private attempted = false;

  constructor(
    private readonly x: HttpExchange,
    private readonly upstream: Upstream,
    private readonly rules: SelectionRules,
    private readonly user: PeerUser,
    /** The client's binding to a peer, begun with the first selection; null if the upstream has none. */
    public binding: Binding | null = null,
  ) {
    this.startedAt = rules.settings.nextUpstreamTimeout === 0 ? 0 : performance.now();
  }

  /** Number of further peers that may be tried. */
  get tries(): number {
    return this.selection?.tries ?? 0;
  }

  /** Allows one more peer: a cached connection turned out to be closed. */
  addTry(): void {
    if (this.selection !== null) this.selection.tries++;
  }

  /**
   * Selects a peer and calls `usePeer`: synchronously, unless the client's binding is stored in another process, or `max_conns`
   * must be reserved among all workers.
   */
  choose(): void {
    if (this.selection === null) this.binding ??= this.upstream.stickiness?.begin(this.x) ?? null;
    const found = this.binding?.find() ?? '';
    if (typeof found === 'string') {
      this.choosePreferring(found);
      return;
    }
    this.lookup = found;
    void found.then((id) => {
      // The request may have ended in the meantime.
      if (this.lookup !== found) return;
      this.lookup = null;
      this.choosePreferring(id);
    });
  }

  private choosePreferring(id: string): void {
    const peer = this.nextPeer(id);
    if (peer === null && this.enqueue()) return;
    this.reserve(peer);
  }

  /** Uses the peer, once one of its `max_conns` is reserved. */
  private reserve(peer: Peer | null): void {
    if (peer === null || peer.maxConns === 0 || peer.sharing === null) {
      this.use(peer);
      return;
    }
    const reservation = peer.sharing.reserve(peer);
    this.reservation = reservation;
    void reservation.granted.then((granted) => {
      // The request may have ended and released the pending reservation.
      if (this.reservation !== reservation) return;
      if (granted) this.use(peer);
      else {
        this.releaseReservation();
        this.selection?.decline();
        this.x.attempts?.pop();
        this.choose();
      }
    });
  }

  /** Queues the request; returns false if the upstream has no queue, or the queue is full. */
  private enqueue(): boolean {
    const { queue } = this.upstream.observer;
    if (queue === null || !queue.add(this, this.queuedUntil)) return false;
    this.x.attempts?.pop();
    this.queue = queue;
    if (this.queuedAt < 0) this.queuedAt = performance.now();
    this.queuedUntil = queue.until(this);
    return true;
  }

  retry(): boolean {
    const { selection } = this;
    const preferred = selection?.preferred ?? '';
    if (selection !== null && this.group !== this.upstream.current()) {
      // The peers have changed while the request was queued.
      const next = this.beginSelection();
      if (this.attempted) next.tries = Math.min(next.tries, selection.tries);
    }
    const peer = this.nextPeer(preferred);
    if (peer === null) {
      this.x.attempts?.pop();
      return false;
    }
    this.reserve(peer);
    return true;
  }

  giveUp(): void {
    this.x.attempts?.push(this.attempt);
    this.use(null);
  }

  private use(peer: Peer | null): void {
    this.peer = peer;
    if (this.queuedAt >= 0) this.attempt.queueTime = performance.now() - this.queuedAt;
    this.queuedAt = -1;
    this.queuedUntil = 0;
    if (peer !== null) {
      this.attempted = true;
      this.binding?.selected(peer);
      peer.requests++;
    }
    this.user.usePeer(peer);
  }

  /** `preferred`: identifier of the peer to which the client is bound. */
  private nextPeer(preferred: string): Peer | null {
    const { x, upstream, rules } = this;
    let { selection } = this;
    let { attempts } = x;
    if (selection !== null) this.attempt = new UpstreamAttempt();
    else {
      if (attempts !== null) {
        // `$upstream_addr` and similar variables separate attempts before an internal redirect.
        attempts.push(new UpstreamAttempt());
        attempts.splice(0, attempts.length - MAX_ATTEMPTS);
      }
      selection = this.beginSelection();
    }
    const { attempt } = this;
    // An array of one element takes less memory than an empty one to which it is added.
    if (attempts === null) x.attempts = attempts = [attempt];
    else attempts.push(attempt);
    attempt.started = callbackNow();
    selection.preferred = preferred;
    const peer = selection.next();
    attempt.address = peer === null ? upstream.name : peer.name;
    attempt.scheme = rules.scheme;
    attempt.uri = x.upstreamUri;
    return peer;
  }

  private beginSelection(): Selection {
    const { x, upstream, rules } = this;
    const selection = upstream.balancer.begin(x);
    const limit = rules.settings.nextUpstreamTries;
    if (limit > 0 && selection.tries > limit) selection.tries = limit;
    this.group = upstream.current();
    this.selection = selection;
    return selection;
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
    const { peer } = this;
    this.peer = null;
    this.lookup = null;
    this.queue?.delete(this);
    if (outcome === 'ok' && peer !== null) this.binding?.ended(peer);
    if (peer !== null) this.upstream.ejection?.attemptEnded(peer, outcome === 'failed', this.attempt.status);
    this.timeResponse();
    peer?.counters?.count(this.attempt);
    peer?.recorder?.ended(this.attempt);
    this.releaseReservation();
    this.selection?.release(outcome, this.attempt);
  }

  /** Turns the attempt into a tunnel: it has succeeded, but its connection still counts. */
  upgraded(peer: Peer): UpgradedAttempt {
    const { attempt, reservation, upstream } = this;
    this.headReceived();
    this.reservation = null;
    this.peer = null;
    const onEnded = this.binding?.upgraded(peer) ?? null;
    peer.begin();
    this.upstream.ejection?.attemptEnded(peer, false, 101);
    peer.counters?.count(attempt);
    peer.recorder?.ended(attempt);
    this.selection?.release('ok', attempt);
    return new UpgradedAttempt(attempt, peer, reservation, upstream.name, onEnded);
  }

  /** A response head that is passed on was received. */
  headReceived(): void {
    if (this.peer !== null) this.binding?.headReceived(this.peer);
    this.selection?.headReceived?.(this.attempt.headerTime);
  }

  /** Records the time of the head. A response that ends in the same read has the same time. */
  timeHead(): void {
    this.attempt.headerTime = this.elapsed();
  }

  /** Time since the attempt began, ms. */
  elapsed(): number {
    return callbackNow() - this.attempt.started;
  }

  private releaseReservation(): void {
    this.reservation?.release();
    this.reservation = null;
  }

  private timeResponse(): void {
    const { attempt } = this;
    if (attempt.responseTime < 0) attempt.responseTime = this.elapsed();
  }
}
