/**
 * An exchange with an upstream: selects a peer, sends the request, evaluates the response head, tries another peer if
 * allowed, and relays the body to the client. nginx: ngx_http_upstream. Reading and framing of messages belong to the
 * stream (`src/http/upstream-session.ts`).
 */

import type { CacheUse } from '../cache/cache-use.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import { hasErrorResponse } from '../exchange/error-response.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import type { StreamFailures, StreamUser, UpstreamHead, UpstreamStream } from '../http/upstream-session.js';
import { ShapeSlot } from '../net/kept-shapes.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { accelLimitRate, accelRedirect, keptFields } from './accel-redirect.js';
import type { Outcome } from './balancer.js';
import { serveEntry, staleReason } from './cached-response.js';
import { type ConnectOptions, connectorWith } from './connect-options.js';
import { openStream } from './connect-to.js';
import type { EventSource, EventStream } from './event-stream.js';
import { EventStreamWait } from './event-stream-wait.js';
import { UpstreamFailure } from './failure.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { NEXT_UPSTREAM } from './next-upstream.js';
import type { Peer } from './peer.js';
import { PeerSelection, type PeerUser } from './peer-selection.js';
import { activityOf } from './request-activity.js';
import { RequestLimits } from './request-limits.js';
import { awaitedActivity, CONNECTING, OVER, PREPARING, READING_BODY, READING_HEAD, WAITING } from './request-state.js';
import { RequestWriter, type WriterOwner } from './request-writer.js';
import { ResponseChain } from './response-chain.js';
import { RetryRules } from './retry-rules.js';
import { dropDuplicates } from './unique-fields.js';
import { upgradeFailure } from './upgrade-failure.js';
import type { Upstream } from './upstream.js';

export class UpstreamRequest implements Producer, StreamUser, PeerUser, WriterOwner, EventSource {
  private static readonly last = new ShapeSlot();
  private state = PREPARING;
  private selection: PeerSelection;
  private readonly writer: RequestWriter;
  private readonly chain: ResponseChain;
  /** The response, if it is an event stream whose head was passed on; null otherwise. */
  private events: EventStream | null = null;
  /** Wait for the upstream of an event stream whose response has not begun; null if there was none. */
  private wait: EventStreamWait | null = null;
  /** The stream whose head was passed on, while another one continues its event stream. */
  private headStream: UpstreamStream | null = null;
  /** The stream of the current attempt. */
  private stream: UpstreamStream | null = null;
  /** Streams of earlier attempts. */
  private spent: UpstreamStream[] | null = null;
  private peer: Peer | null = null;
  private readonly retries: RetryRules;
  /** Limits over all attempts; null if there are none. */
  private limits: RequestLimits | null = null;
  /** Evaluated once, for all attempts. */
  private options: ConnectOptions | null = null;

  constructor(
    readonly x: HttpExchange,
    readonly upstream: Upstream,
    private readonly rules: ForwardingRules,
    /** The location. */
    private readonly origin: object,
    /** null: the response is not cached. */
    private readonly cache: CacheUse | null = null,
  ) {
    this.selection = new PeerSelection(x, upstream, rules, this);
    this.retries = new RetryRules(upstream.retryBudget);
    this.writer = new RequestWriter(x, rules, this);
    this.chain = new ResponseChain(x, rules, this, cache);
  }

  get activity(): string {
    return activityOf(this.state, this.stream, this.writer.complete, this.chain.buffered);
  }

  /** Starts the request; if requests are buffered, the body is read first. */
  begin(): void {
    const { x } = this;
    const { ignoreClientAbort, store } = this.rules.settings;
    // As in nginx, a stored response is read to its end.
    x.ignoreClientAbort = ignoreClientAbort || store !== null || this.cache?.storable === true;
    x.resource = this;
    this.upstream.retryBudget?.request();
    this.limits = RequestLimits.of(x, this.upstream, this);
    if (this.limits === null) this.admitted();
    else this.limits.enter();
  }

  admitted(): void {
    if (this.state === OVER || this.x.finished) return;
    this.x.client.sendContinue();
    this.writer.prepare();
  }

  refused(status: number): void {
    if (this.state !== OVER && !this.x.finished) this.fail(status);
  }

  prepared(): void {
    if (this.x.finished || this.state === OVER) return;
    this.limits?.start();
    this.selection.choose();
  }

  // -- connecting and sending

  usePeer(peer: Peer | null): void {
    const { x, selection, origin } = this;
    if (peer === null) {
      const failure = new UpstreamFailure('no peers', 'connecting to upstream', null);
      this.log(failure);
      selection.attempt.failure = failure.kind;
      selection.attempt.status = failure.status;
      this.limits?.failed(failure);
      this.failOrWait(failure);
      return;
    }
    this.state = CONNECTING;
    this.peer = peer;
    this.options ??= this.rules.connectOptions(x, this.upstream.name);
    if (x.record !== null) x.record.connector = connectorWith(this.options);
    const isFinal = !selection.mayTryAnother(NEXT_UPSTREAM.error, true, this.writer.streaming);
    const stream = openStream(peer, this.upstream.sessions, origin, this.options, this, isFinal);
    this.retries.reused = !(stream instanceof UpstreamFailure) && stream.ready;
    if (stream instanceof UpstreamFailure) {
      this.failed(stream);
      return;
    }
    if (this.stream !== null) (this.spent ??= []).push(this.stream);
    this.stream = stream;
    this.writer.attach(stream, selection.attempt);
    if (stream.ready) this.onReady();
  }

  onReady(): void {
    const { selection, writer } = this;
    this.state = READING_HEAD;
    selection.attempt.connectTime = this.retries.reused ? 0 : selection.elapsed();
    writer.send();
  }

  onDrain(): void {
    this.writer.drained();
  }

  bodyFailed(status: number): void {
    // Another response may have replaced this one (a proxied error page).
    if (this.state === OVER) return;
    this.failed(new UpstreamFailure('request body', 'sending request to upstream', status));
  }

  // -- response

  onRead(length: number): void {
    this.selection.attempt.bytesReceived += length;
    this.x.client.cork();
    // As in nginx the deadline is not renewed before the head is complete: `proxy_read_timeout` limits the whole head.
    if (this.state === READING_BODY) this.writer.received();
  }

  onReadMore(length: number): void {
    this.selection.attempt.bytesReceived += length;
  }

  onReadEnd(): void {
    this.x.client.uncork();
  }

  onFields({ headers }: UpstreamHead): void {
    dropDuplicates(this.x, headers);
  }

  onInterim(head: UpstreamHead): void {
    // No further head can be sent after that of an event stream.
    if (head.status !== 103 || this.events !== null) return;
    // As in nginx the status of the first head is recorded, even if a final one follows.
    this.selection.attempt.status ||= head.status;
    if (head.version >= 11) this.rules.earlyHints(this.x, head);
    else this.failed(UpstreamFailure.ofHints());
  }

  onHead(): void {
    const { stream } = this;
    if (stream === null) return;
    try {
      this.processHead(stream);
    } catch (error) {
      this.searchFailed(error);
    }
  }

  /** Matching a regular expression against a field of the head failed (`proxy_cookie_flags`). */
  private searchFailed(error: unknown): void {
    if (!(error instanceof MatchFailed)) throw error;
    this.x.response.upstream = null;
    this.failed(new UpstreamFailure('match', 'reading response header from upstream', null));
  }

  private processHead(stream: UpstreamStream): void {
    const { x, rules, selection } = this;
    const { settings } = rules;
    const { head } = stream;
    const { status, headers } = head;
    selection.timeHead();
    selection.attempt.status ||= status;
    x.upstreamHeaders = headers;
    if (status >= 400) {
      const failure = new UpstreamFailure('status', 'reading response header from upstream', status);
      if (this.retries.permitsAnother(failure, selection, this.writer.streaming)) {
        this.next(failure);
        return;
      }
      if (this.servesStale(failure, true)) return;
    }
    this.limits?.answered(status);
    if (this.cache?.confirms(head) === true) {
      this.serveCached();
      return;
    }
    if (this.events !== null) {
      this.continueEvents(stream, this.events);
      return;
    }
    if (settings.interceptErrors && status >= 300 && hasErrorResponse(x, x.location.settings.errorPages, status)) {
      this.cache?.intercepted(head);
      const challenges = status === 401 ? headers.all('www-authenticate') : [];
      this.abandon();
      for (const challenge of challenges) x.response.add('WWW-Authenticate', challenge);
      this.chain.sink.fail(status);
      return;
    }
    selection.headReceived();
    if (settings.obeysLimitRate) accelLimitRate(x, headers);
    const redirect = settings.obeysRedirect ? headers.valueOf(Field.XAccelRedirect) : undefined;
    if (redirect !== undefined) {
      const fields = keptFields(headers, (value) => rules.cookie(x, value));
      this.abort();
      accelRedirect(x, redirect, fields);
      return;
    }
    const asked = rules.asksHead(x);
    this.events = this.chain.begin(stream, asked, this.writer.streaming);
    if (this.events !== null) this.limits?.stopTimeout();
    this.state = READING_BODY;
    // A filter may send its own response instead, and abort this one.
    if (!this.chain.passHead()) return;
    const bodyExpected = status !== 204 && status !== 304 && stream.declaredLength !== 0;
    if ((x.method === 'HEAD' || x.follows !== null) && !asked && bodyExpected && !this.chain.stores) {
      // The client does not expect the body: it is not waited for.
      stream.cancel();
      this.complete(stream);
      return;
    }
    this.writer.received();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.chain.sink.bytes(bytes, start, end) || this.state === OVER) return;
    this.writer.pause();
    this.stream?.pause();
  }

  onEnd(excess: string | null): void {
    if (excess !== null) logError(this.x, 'warn', `${excess} while reading upstream`);
    if (this.stream !== null) this.complete(this.stream);
  }

  /** The whole response was read. */
  private complete(stream: UpstreamStream): void {
    if (this.state === OVER || this.interrupted(true)) return;
    this.state = OVER;
    this.endAttempt('ok');
    this.chain.sink.end(stream.trailers);
  }

  /** The sink accepts more data. */
  resume(): void {
    if (this.state !== READING_BODY || !this.writer.paused) return;
    this.writer.resume();
    this.stream?.resume();
  }

  // -- failures

  onFailure<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    if (this.options === null) return;
    const { address } = this.selection.attempt;
    const reading = this.state === READING_BODY ? 'reading upstream' : 'reading response header from upstream';
    this.failed(UpstreamFailure.ofStream(kind, cause, reading, address, this.options));
  }

  timedOut(): void {
    if (this.stream !== null && this.state !== OVER)
      this.failed(new UpstreamFailure('timeout', awaitedActivity(this.state, this.stream), null));
  }

  /** Called when the total time of the request has elapsed. */
  expired(): void {
    if (this.state !== OVER && this.events === null)
      this.failed(new UpstreamFailure('expired', awaitedActivity(this.state, this.stream), null));
  }

  private log({ logLine }: UpstreamFailure): void {
    if (logLine !== null) logError(this.x, logLine[0], logLine[1]);
  }

  private failed(failure: UpstreamFailure): void {
    this.log(failure);
    this.selection.attempt.failure = failure.kind;
    if (failure.reason === 0) this.limits?.failed(failure);
    if (failure.retry === 'never') {
      if (this.interrupted(false)) return;
      // As in nginx the request counts as completed unless the peer's data was invalid.
      this.x.cutByUpstream = failure.kind !== 'invalid body';
      this.abandon();
      this.chain.sink.truncate();
    } else if (failure.reason === 0) {
      this.abandon();
      this.fail(failure.status);
    } else this.next(failure);
  }

  /** Tries another peer, or ends with the status of the failure. */
  private next(failure: UpstreamFailure): void {
    const { x, selection } = this;
    this.endAttempt(failure.outcome);
    selection.attempt.status = failure.status;
    x.upstreamHeaders = null;
    const isStale = this.retries.isStale(failure);
    if (isStale) selection.addTry();
    if (selection.tries === 0 || !this.retries.permits(failure, selection, this.writer.streaming, isStale)) {
      this.limits?.failed(failure);
      this.failOrWait(failure);
      return;
    }
    if (!isStale) this.upstream.retryBudget?.retry();
    if (this.limits?.delayRetry(failure) === true) this.state = WAITING;
    else this.retry();
  }

  retry(): void {
    if (this.state !== OVER) this.state = PREPARING;
    this.prepared();
  }

  /** As `fail`, unless the request is for an event stream and is sent again later. */
  private failOrWait(failure: UpstreamFailure): void {
    this.state = WAITING;
    if (this.servesStale(failure, false)) return;
    if (this.events === null) this.wait ??= EventStreamWait.of(this.x, this.writer.streaming, this);
    if (this.events !== null || this.wait?.schedule() !== true) this.fail(failure.status);
  }

  /** Serves a stale response if that is permitted. */
  private servesStale(failure: UpstreamFailure, byResponse: boolean): boolean {
    const serves = this.cache?.servesStale(staleReason(failure), byResponse) === true;
    if (serves) this.serveCached();
    return serves;
  }

  private serveCached(): void {
    this.abandon();
    this.x.producer = null;
    if (this.cache !== null) serveEntry(this.x, this.cache, this.rules);
  }

  /** Ends the exchange without a response from the upstream, or its event stream, unless that is requested again later. */
  private fail(status: number): void {
    this.state = WAITING;
    if (!this.x.client.draining && this.events?.attemptFailed() === true) return;
    this.state = OVER;
    this.cache?.failed(status);
    if (this.events === null) this.chain.sink.fail(status);
    else this.chain.sink.truncate();
  }

  /** The client closed the connection, or another response replaces this one. */
  abort(): void {
    this.chain.sink.release();
    this.cache?.release();
    this.abandon();
  }

  abandon(): void {
    const { state } = this;
    if (state === OVER) return;
    this.state = OVER;
    this.limits?.end();
    this.wait?.cancel();
    if (state !== WAITING) this.endAttempt('ok');
  }

  /** Ends the current attempt, whatever its state. */
  private endAttempt(outcome: Outcome): void {
    const { stream, selection, writer } = this;
    writer.detach();
    if (stream !== null) {
      stream.cancel();
      selection.attempt.responseLength = stream.bodyLength;
    }
    selection.release(outcome);
  }

  /** Called when the response is `complete` or has failed; returns whether its event stream is requested again. */
  private interrupted(complete: boolean): boolean {
    if (this.x.client.draining || this.events?.interrupted(complete) !== true) return false;
    this.endAttempt('ok');
    this.state = WAITING;
    return true;
  }

  requestAgain(): void {
    const { x, events, writer } = this;
    if (this.state !== WAITING) return;
    this.state = PREPARING;
    this.releaseStreams();
    x.upstreamHeaders = null;
    if (events !== null) writer.lastEventId = events.lastEventId;
    this.selection = new PeerSelection(x, this.upstream, this.rules, this, this.selection.binding);
    this.prepared();
  }

  /** Releases the streams of earlier attempts, except the one whose head was passed on. */
  private releaseStreams(): void {
    if (this.headStream === null) this.headStream = this.stream;
    else this.stream?.release();
    this.stream = null;
    if (this.spent !== null) for (const stream of this.spent) stream.release();
    this.spent = null;
  }

  /** Handles the response to a request for the rest of an event stream. */
  private continueEvents(stream: UpstreamStream, events: EventStream): void {
    const { status } = stream.head;
    if (events.continues(stream.head)) {
      this.state = READING_BODY;
      this.writer.received();
      return;
    }
    this.endAttempt('ok');
    if (status >= 500 || status === 429) {
      this.fail(status);
      return;
    }
    // The client will get this response if it requests the stream again.
    logError(this.x, 'info', `event stream ends: upstream sent status ${status} to the request for its continuation`);
    this.state = OVER;
    this.chain.sink.end('');
  }

  onUpgrade(bytes: Buffer, from: number, length: number): void {
    const { stream } = this;
    if (stream === null) return;
    try {
      this.switchProtocols(stream, Buffer.from(bytes.subarray(from, length)));
    } catch (error) {
      this.searchFailed(error);
    }
  }

  private switchProtocols(stream: UpstreamStream, early: Buffer): void {
    const { x, selection, peer } = this;
    const { head } = stream;
    selection.timeHead();
    selection.attempt.status = 101;
    const failure = upgradeFailure(x, head, this.rules, peer !== null && this.events === null);
    if (failure !== null || peer === null) {
      if (failure !== null) this.failed(failure);
      return;
    }
    x.upstreamHeaders = head.headers;
    x.response.status = 101;
    x.response.reason = head.reason;
    this.rules.responseHead(x, head);
    this.limits?.answered(101);
    this.state = OVER;
    this.writer.detach();
    // The stream is not released for other requests: a tunnel may last for hours and needs its head only.
    this.stream = null;
    this.release();
    x.resource = null;
    this.rules.upgrade(x, selection.upgraded(peer), stream.detach(), early);
  }

  /** Releases memory and streams, after the exchange was logged or its connection was upgraded. */
  release(): void {
    this.limits?.end();
    this.wait?.cancel();
    this.writer.release();
    this.chain.sink.release();
    this.releaseStreams();
    this.headStream?.release();
    this.cache?.release();
    if (this.x.small && this.events === null) UpstreamRequest.last.keep(this, this.x.generation);
  }
}
