/**
 * An exchange with an upstream: selects a peer, sends the request, evaluates the response head, tries another peer if
 * allowed, and relays the body to the client. nginx: ngx_http_upstream.
 */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { parseInteger } from '../config/units.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import type { ChunkedSink } from '../http1/chunked.js';
import { COMPLETE, MORE } from '../http1/request-reader.js';
import { CHUNKED, responseFraming, UNTIL_CLOSE } from '../http1/response-reader.js';
import { now } from '../net/deadlines.js';
import { logError } from '../program/error-context.js';
import { accelRedirect, keptFields } from './accel-redirect.js';
import { establishmentFailure, isTlsRecord, receiveFailure } from './connect-failure.js';
import { type ConnectionUser, type ConnectOptions, UpstreamConnection } from './connection.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { NEXT_UPSTREAM, reasonOfStatus, statusOfReason } from './next-upstream.js';
import type { Peer } from './peer.js';
import { RequestSender } from './request-sender.js';
import {
  BODY_BROKEN,
  BODY_COMPLETE,
  BODY_OVERRUN,
  MORE_BODY,
  passTrailers,
  ResponseBodyReader,
} from './response-body.js';
import { giveReader, takeReader } from './response-readers.js';
import { ResponseRelay } from './response-relay.js';
import { dropDuplicates } from './unique-fields.js';
import type { Upstream } from './upstream.js';

const PREPARING = -1;
const CONNECTING = 0;
const READING_HEAD = 1;
const READING_BODY = 2;
const OVER = 3;

const EMPTY = Buffer.alloc(0);

export class UpstreamRequest extends ResponseRelay implements ConnectionUser, ChunkedSink {
  private state = PREPARING;
  /** Whether the connection is reused: its failure does not indicate a failure of the peer. */
  private reused = false;
  private readonly reader = takeReader();
  private readonly body = new ResponseBodyReader(this);
  private keepable = false;
  /** Evaluated once, for all attempts. */
  private options: ConnectOptions | null = null;

  constructor(
    x: HttpExchange,
    upstream: Upstream,
    protocol: ForwardingRules,
    private readonly origin: object,
  ) {
    super(x, upstream, protocol);
  }

  get activity(): string {
    const { state, connection, reader } = this;
    if (connection === null) return '';
    if (state === CONNECTING) return connection.establishing;
    if (state === READING_HEAD) {
      return reader.idle ? 'sending request to upstream' : 'reading response header from upstream';
    }
    if (!this.requestComplete) return 'sending request to upstream';
    return this.buffers ? 'reading upstream' : 'sending to client';
  }

  protected override get over(): boolean {
    return this.state === OVER;
  }

  /** Starts the request; if requests are buffered, the body is read first. */
  begin(): void {
    const { x, settings } = this;
    x.producer = this;
    x.ignoreClientAbort = settings.ignoreClientAbort;
    x.resource = this;
    x.client.sendContinue();
    this.sender = RequestSender.for(x, this.protocol, this);
    if (this.sender === null) this.connect();
    else this.sender.prepare(() => this.connect());
  }

  // -- peer selection

  private connect(): void {
    if (!this.x.finished) this.choosePeer();
  }

  protected override usePeer(peer: Peer | null): void {
    const { x, settings } = this;
    if (peer === null) {
      this.fail(502);
      return;
    }
    this.state = CONNECTING;
    this.requestSent = false;
    this.requestComplete = false;
    this.reader.reset();
    this.options ??= this.protocol.connectOptions(x, this.upstream.name);
    const kept = this.takeIdle(peer, this.options);
    if (kept !== null) {
      this.reused = true;
      this.connection = kept;
      kept.user = this;
      this.sendRequest(kept);
      return;
    }
    this.reused = false;
    const opened = UpstreamConnection.open(peer, this.origin, this, this.options);
    if (!(opened instanceof UpstreamConnection)) {
      logError(x, opened.level, `${opened.message} while connecting to upstream`);
      this.abandon();
      this.fail(500);
      return;
    }
    this.connection = opened;
    this.connection.deadline = now() + settings.connectTimeout;
  }

  /** Returns a cached connection, or null. */
  private takeIdle(peer: Peer, { identity }: ConnectOptions): UpstreamConnection | null {
    const { idle, keepalive } = this.upstream;
    if (keepalive.max === 0) return null;
    const origin = keepalive.local ? this.origin : null;
    const isFinal = !this.mayTryAnother(NEXT_UPSTREAM.error, true, this.sender?.streaming === true);
    return idle.take(peer, origin, identity, isFinal);
  }

  onConnected(): void {
    if (this.connection !== null && this.state === CONNECTING) this.sendRequest(this.connection);
  }

  onRefused(reason: string): void {
    logError(this.x, 'error', `${reason} while SSL handshaking to upstream`);
    this.next(NEXT_UPSTREAM.error);
  }

  private sendRequest(connection: UpstreamConnection): void {
    this.state = READING_HEAD;
    this.send(connection);
  }

  bodyFailed(status: number): void {
    // Another response may have replaced this one (a proxied error page).
    if (this.state === OVER) return;
    this.abandon();
    this.fail(status);
  }

  // -- response

  onBytes(bytes: Buffer, length: number): void {
    const { client } = this.x;
    this.attempt.bytesReceived += length;
    client.cork();
    let from = 0;
    if (this.state === READING_BODY) from = 0;
    else {
      from = this.readHead(bytes, length);
      if (from < 0) {
        client.uncork();
        return;
      }
    }
    if (this.state === READING_BODY) this.readBodyBytes(bytes, from, length);
    client.uncork();
  }

  /** Feeds the reader; returns the offset after the head, or -1 if the bytes need no further processing. */
  private readHead(bytes: Buffer, length: number): number {
    const { x, reader, settings, connection, attempt } = this;
    if (connection === null) return -1;
    // As in nginx the deadline is not renewed before the head is complete: `proxy_read_timeout` limits the whole head.
    let from = 0;
    for (;;) {
      const before = reader.receivedLength;
      const end = Math.min(length, from + settings.bufferSize - Math.min(before, settings.bufferSize) + 1);
      const result = reader.feed(bytes.latin1Slice(from, end), settings.bufferSize);
      if (result === MORE) return -1;
      if (result !== COMPLETE) {
        const secure = before === 0 && isTlsRecord(bytes, length) ? ' but a TLS record' : '';
        logError(x, 'error', `${reader.refusal}${secure} while reading response header from upstream`);
        this.next(NEXT_UPSTREAM.invalid_header);
        return -1;
      }
      from += reader.length - before;
      dropDuplicates(x, reader.headers);
      const { status } = reader;
      if (status === 101) {
        try {
          this.switchProtocols(bytes, from, length);
        } catch (error) {
          this.searchFailed(error);
        }
        return -1;
      }
      if (status >= 200) break;
      if (status === 103) {
        // As in nginx the status of the first head is recorded, even if a final one follows.
        attempt.status ||= status;
        if (reader.version < 11) {
          logError(x, 'error', 'upstream sent HTTP/1.0 response with early hints');
          this.next(NEXT_UPSTREAM.invalid_header);
          return -1;
        }
        this.protocol.earlyHints(x, reader);
      }
      reader.reset();
      if (from >= length) return -1;
    }
    try {
      return this.processHead(from === length) ? from : -1;
    } catch (error) {
      this.searchFailed(error);
      return -1;
    }
  }

  /** Matching a regular expression against a field of the head failed (`proxy_cookie_flags`). */
  private searchFailed(error: unknown): void {
    if (!(error instanceof MatchFailed)) throw error;
    this.abandon();
    this.x.response.upstream = null;
    this.fail(500);
  }

  /**
   * Returns true if the body is to be relayed, false if the exchange continues otherwise. `clean`: no bytes follow the
   * head.
   */
  private processHead(clean: boolean): boolean {
    const { x, reader, attempt, settings, connection } = this;
    if (connection === null) return false;
    const { status } = reader;
    attempt.headerTime = this.elapsed();
    attempt.status ||= status;
    const framing = responseFraming(reader);
    if (typeof framing === 'string') {
      logError(x, 'error', `${framing} while reading response header from upstream`);
      this.next(NEXT_UPSTREAM.invalid_header);
      return false;
    }
    x.upstreamHeaders = reader.headers;
    if (status >= 400) {
      const reason = reasonOfStatus(status);
      if (reason !== 0 && (this.selection?.tries ?? 0) > 1 && this.canRetry(reason)) {
        this.next(reason);
        return false;
      }
    }
    if (settings.interceptErrors && status >= 300 && x.location.settings.errorPages?.has(status)) {
      const challenges = status === 401 ? reader.headers.all('www-authenticate') : [];
      this.abandon();
      for (const challenge of challenges) x.response.add('WWW-Authenticate', challenge);
      x.producer = null;
      x.finalize(status);
      return false;
    }
    if (settings.obeysLimitRate) {
      const rate = reader.headers.valueOf(Field.XAccelLimitRate);
      if (rate !== undefined) x.limitRate = parseInteger(rate) ?? x.limitRate;
    }
    const redirect = settings.obeysRedirect ? reader.headers.valueOf(Field.XAccelRedirect) : undefined;
    if (redirect !== undefined) {
      const fields = keptFields(reader.headers, (value) => this.protocol.cookie(x, value));
      this.abandon();
      accelRedirect(x, redirect, fields);
      return false;
    }
    // As in nginx, whatever fields an HTTP/1.0 response has.
    const keepAlive = reader.version >= 11 && connectionOptions(reader.headers, reader.version).keepAlive;
    const asked = this.protocol.asksHead(x);
    const bodiless = asked || status === 204 || status === 304;
    const unwanted = x.method === 'HEAD' && !bodiless;
    // An unwanted body is not waited for.
    this.keepable = keepAlive && (bodiless || (framing !== UNTIL_CLOSE && (!unwanted || framing === 0)));
    this.body.begin(bodiless || unwanted ? 0 : framing);
    const { response } = x;
    response.status = status;
    response.reason = reader.reason;
    // If `proxy_method HEAD` was sent for a client that expects a body, the length does not apply to its response.
    response.contentLength = asked && x.method !== 'HEAD' ? 0 : framing >= 0 ? framing : -1;
    response.expectTrailers = settings.passTrailers && framing === CHUNKED && x.version >= 11;
    this.beginRelay(reader.headers);
    this.protocol.responseHead(x, reader);
    this.state = READING_BODY;
    if (!x.sendHead(false)) {
      // A filter sent its own response and stopped this producer.
      return false;
    }
    if (this.body.empty) {
      this.responseComplete(clean);
      return false;
    }
    return true;
  }

  private readBodyBytes(bytes: Buffer, from: number, length: number): void {
    const { connection, x } = this;
    if (connection === null) return;
    if (this.requestComplete) this.waitToRead(connection);
    const result = this.body.read(bytes, from, length);
    this.attempt.responseLength = this.body.length;
    if (result === MORE_BODY || this.state !== READING_BODY) return;
    if (result === BODY_BROKEN) {
      logError(x, 'error', 'upstream sent invalid chunked response while reading upstream');
      this.truncate(false);
      return;
    }
    if (result === BODY_OVERRUN) logError(x, 'warn', `${this.body.excess} while reading upstream`);
    this.responseComplete(result === BODY_COMPLETE);
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.state !== READING_BODY) return;
    this.relay(bytes, start, end);
  }

  /** The whole response was read. `clean`: no bytes follow it. */
  private responseComplete(clean: boolean): void {
    const { x, connection } = this;
    if (this.state === OVER) return;
    this.state = OVER;
    x.upstreamTrailers = this.body.trailers;
    if (x.response.expectTrailers) passTrailers(x);
    this.connection = null;
    this.released('ok');
    if (connection !== null) {
      connection.user = null;
      const keep = clean && this.keepable && this.requestComplete && connection.transport.pending === 0;
      if (!keep || !this.upstream.idle.put(connection, this.upstream.keepalive)) connection.destroy();
    }
    this.relayEnd();
  }

  // -- failures

  /** Tries another peer, or ends with the status of the reason. */
  private next(reason: number): void {
    const { x, selection, attempt } = this;
    const { reused } = this;
    this.dropConnection();
    this.released(reason === NEXT_UPSTREAM.http_403 || reason === NEXT_UPSTREAM.http_404 ? 'next' : 'failed');
    const status = statusOfReason(reason);
    attempt.status = status;
    if (selection !== null && reused && reason === NEXT_UPSTREAM.error) selection.tries++;
    if (selection === null || selection.tries === 0 || !this.canRetry(reason)) {
      x.upstreamHeaders = null;
      this.fail(status);
      return;
    }
    this.connect();
  }

  private canRetry(reason: number): boolean {
    return this.mayTryAnother(reason, this.requestSent, this.sender?.streaming === true);
  }

  onEnd(): void {
    const { x } = this;
    if (this.state === READING_BODY) {
      if (this.body.endsWithConnection) this.responseComplete(false);
      else {
        logError(x, 'error', 'upstream prematurely closed connection while reading upstream');
        this.truncate();
      }
    } else if (this.state !== OVER) {
      logError(x, 'error', 'upstream prematurely closed connection while reading response header from upstream');
      this.next(NEXT_UPSTREAM.error);
    }
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    const { x, connection } = this;
    if (connection === null || this.state === OVER) return;
    const secure = connection.options.identity !== '';
    if (this.state === CONNECTING) {
      const { level, message, isLocal } = establishmentFailure(error, this.attempt.address, connection.options);
      logError(x, level, message);
      if (isLocal) {
        this.abandon();
        this.fail(500);
      } else this.next(NEXT_UPSTREAM.error);
    } else if (this.state === READING_BODY) {
      logError(
        x,
        'error',
        error === null
          ? 'upstream prematurely closed connection while reading upstream'
          : `${receiveFailure(error, secure)} while reading upstream`,
      );
      this.truncate();
    } else {
      const doing = error === null ? 'upstream prematurely closed connection' : receiveFailure(error, secure);
      logError(x, 'error', `${doing} while reading response header from upstream`);
      this.next(NEXT_UPSTREAM.error);
    }
  }

  timedOut(): void {
    const { x, connection } = this;
    if (connection === null || this.extendSendTimeout(connection)) return;
    const doing =
      this.state === CONNECTING
        ? connection.establishing
        : this.state === READING_BODY
          ? 'reading upstream'
          : connection.transport.pending > 0
            ? 'sending request to upstream'
            : 'reading response header from upstream';
    logError(x, 'error', `upstream timed out (110: Connection timed out) while ${doing}`);
    if (this.state === READING_BODY) this.truncate();
    else this.next(NEXT_UPSTREAM.timeout);
  }

  /**
   * The response body will not be complete. As in nginx, the peer has responded and is not counted as failed, and the
   * request counts as completed unless the peer's data was invalid.
   */
  private truncate(completed = true): void {
    this.x.cutByUpstream = completed;
    this.abandon();
    this.relayCut();
  }

  /** Ends the exchange without a response from the upstream. */
  private fail(status: number): void {
    this.state = OVER;
    this.x.producer = null;
    this.x.finalize(status);
  }

  /** The client closed the connection, or another response replaces this one. */
  override abort(): void {
    this.releaseRelay();
    this.abandon();
  }

  private abandon(): void {
    if (this.state === OVER) return;
    this.state = OVER;
    this.dropConnection();
    this.released('ok');
  }

  private switchProtocols(bytes: Buffer, from: number, length: number): void {
    const { x, reader, attempt, connection } = this;
    if (connection === null) return;
    attempt.headerTime = this.elapsed();
    attempt.status = 101;
    if (x.headers.indexOf(Field.Upgrade) < 0) {
      logError(
        x,
        'error',
        'upstream sent 101 to a request without "Upgrade" while reading response header from upstream',
      );
      this.next(NEXT_UPSTREAM.invalid_header);
      return;
    }
    if (x.nested !== null) {
      logError(x, 'error', 'connection upgrade in subrequest');
      this.abandon();
      this.fail(502);
      return;
    }
    x.upstreamHeaders = reader.headers;
    x.response.status = 101;
    x.response.reason = reader.reason;
    this.protocol.responseHead(x, reader);
    this.connection = null;
    this.state = OVER;
    const early = from < length ? Buffer.from(bytes.subarray(from, length)) : EMPTY;
    this.releaseRelay();
    const upgraded = this.upgraded(connection.peer, reader);
    x.resource = upgraded;
    this.protocol.upgrade(x, upgraded, connection, early);
  }

  /** Releases the reader after the exchange was logged. */
  release(): void {
    this.sender?.release();
    this.releaseRelay();
    giveReader(this.reader);
  }
}
