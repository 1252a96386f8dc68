/**
 * One exchange with an upstream: chooses a peer, sends the request, judges the answer's head, asks another peer where
 * that is allowed, and moves the body to the client. nginx: ngx_http_upstream.
 */
import { parseInteger } from '../config/units.js';
import type { BodySink, Producer } from '../exchange/client-side.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { BufferedBody } from '../exchange/request-body.js';
import { UpstreamAttempt } from '../exchange/upstream-attempt.js';
import { ChunkedDecoder, type ChunkedSink } from '../http/chunked.js';
import { now } from '../http/deadlines.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { COMPLETE, MORE } from '../http/request-reader.js';
import { CHUNKED, ResponseReader, responseFraming, UNTIL_CLOSE } from '../http/response-reader.js';
import type { Selection } from './balancer.js';
import { type ConnectionUser, type ConnectOptions, UpstreamConnection } from './connection.js';
import { mayRepeat, NEXT_UPSTREAM, reasonOfStatus, statusOfReason } from './next-upstream.js';
import type { Upstream } from './upstream.js';

/** What a pass directive's family sets. Times in ms, sizes in bytes; 0 is no limit. */
export interface UpstreamSettings {
  readonly connectTimeout: number;
  readonly sendTimeout: number;
  readonly readTimeout: number;
  /** Bits of NEXT_UPSTREAM. */
  readonly nextUpstream: number;
  readonly nextUpstreamTries: number;
  readonly nextUpstreamTimeout: number;
  /** Size that an answer's head may have. */
  readonly bufferSize: number;
  readonly requestBuffering: boolean;
  readonly interceptErrors: boolean;
  readonly ignoreClientAbort: boolean;
  readonly passTrailers: boolean;
  /** Names of fields that are not obeyed (`proxy_ignore_headers`), lower case. */
  readonly ignoredFields: ReadonlySet<string>;
}

/** What differs between protocols and locations: how the request looks, and what becomes of the answer's head. */
export interface UpstreamProtocol {
  readonly settings: UpstreamSettings;
  /** `http://`, for log lines. */
  readonly scheme: string;
  /** The request's head, ended by the blank line. `chunked`: the body will be sent in chunks. */
  requestHead(x: Exchange, bodyLength: number, chunked: boolean): string;
  /** A body that replaces the client's (`proxy_set_body`), or null. */
  requestBody(x: Exchange): string | null;
  /** What the connection is bound to. */
  connectOptions(x: Exchange): ConnectOptions;
  /** The client's body is not passed on (`proxy_pass_request_body off`). */
  readonly passBody: boolean;
  /** Puts the fields into `x.response` (hiding, redirects, cookies). */
  responseHead(x: Exchange, reader: ResponseReader): void;
  /** A 103 answer; its lines are passed on where that is wanted. */
  earlyHints(x: Exchange, reader: ResponseReader): void;
  /** A 101 answer to a request that asked for it: the sockets are taken over, with bytes that came behind the head. */
  upgrade(x: Exchange, request: UpstreamRequest, connection: UpstreamConnection, early: Buffer): void;
}

const GATHERING = -1;
const CONNECTING = 0;
const SENDING = 1;
const READING_HEAD = 2;
const READING_BODY = 3;
const OVER = 4;

/** How much of a file that holds a request's body is read at once. */
const FILE_PIECE = 65536;
/** Up to this many bytes a body in memory leaves in one string with the head. */
const JOIN_MAX = 4096;

const readers: ResponseReader[] = [];
const READERS_KEPT = 64;
const EMPTY = Buffer.alloc(0);

export class UpstreamRequest implements Producer, BodySink, ConnectionUser, ChunkedSink {
  private state = GATHERING;
  private selection: Selection | null = null;
  private connection: UpstreamConnection | null = null;
  private attempt = new UpstreamAttempt();
  private readonly startedAt = performance.now();
  /** The connection was used before: its failure says nothing about the peer. */
  private reused = false;
  private requestSent = false;
  private requestComplete = false;
  /** The client's body goes on as it comes, so the request cannot be repeated. */
  private streaming = false;
  private chunkedRequest = false;
  /** What arrived of a streamed body before the request was sent. */
  private prelude: Buffer = EMPTY;
  private askedForBody = false;
  private waitsForDrain = false;
  private filePosition = 0;
  private ownBody: string | null = null;

  private reader: ResponseReader;
  private decoder: ChunkedDecoder | null = null;
  private bodyLeft = 0;
  private keepable = false;
  private paused = false;

  constructor(
    private readonly x: Exchange,
    private readonly upstream: Upstream,
    private readonly protocol: UpstreamProtocol,
    private readonly origin: object,
  ) {
    this.reader = readers.pop() ?? new ResponseReader();
  }

  private get settings(): UpstreamSettings {
    return this.protocol.settings;
  }

  /** Starts: the body is read first where requests are buffered. */
  begin(): void {
    const { x, settings } = this;
    x.producer = this;
    x.ignoreClientAbort = settings.ignoreClientAbort;
    x.resource = this;
    x.client.sendContinue();
    this.ownBody = this.protocol.requestBody(x);
    const hasBody = x.contentLength !== 0 && x.body === null;
    if (hasBody && (this.ownBody !== null || !this.protocol.passBody || settings.requestBuffering)) {
      x.readBody(() => this.connect());
      return;
    }
    this.streaming = hasBody;
    this.chunkedRequest = hasBody && x.contentLength < 0;
    if (!hasBody || !x.client.bodyWaits) {
      this.connect();
      return;
    }
    // What has arrived already leaves with the head; where that is all, the request is a buffered one.
    x.streamBody(this);
    queueMicrotask(() => {
      if (this.state !== GATHERING) return;
      if (this.requestComplete) {
        x.body = BufferedBody.of(x, this.prelude);
        this.prelude = EMPTY;
        this.streaming = false;
        this.chunkedRequest = false;
      }
      this.connect();
    });
  }

  // -- a peer

  private connect(): void {
    const { x, upstream, settings } = this;
    if (x.finished) return;
    if (this.selection === null) {
      // Tries before an internal redirect stay apart in `$upstream_addr` and its like.
      x.attempts?.push(new UpstreamAttempt());
      this.selection = upstream.balancer.begin(x);
      const limit = settings.nextUpstreamTries;
      if (limit > 0 && this.selection.tries > limit) this.selection.tries = limit;
    }
    const attempt = new UpstreamAttempt();
    this.attempt = attempt;
    (x.attempts ??= []).push(attempt);
    attempt.started = performance.now();
    const peer = this.selection.next();
    if (peer === null) {
      attempt.address = upstream.name;
      attempt.url = `${this.protocol.scheme}${upstream.name}${x.upstreamUri}`;
      attempt.status = 502;
      logError(x, 'error', 'no live upstreams while connecting to upstream');
      this.fail(502);
      return;
    }
    attempt.address = peer.name;
    attempt.url = `${this.protocol.scheme}${peer.name}${x.upstreamUri}`;
    this.state = CONNECTING;
    this.requestSent = false;
    if (!this.streaming) this.requestComplete = false;
    this.filePosition = 0;
    this.reader.reset();
    const { keepalive } = upstream;
    const kept = keepalive.max === 0 ? null : upstream.idle.take(peer, keepalive.local ? this.origin : null);
    if (kept !== null) {
      this.reused = true;
      this.connection = kept;
      kept.user = this;
      this.send(kept);
      return;
    }
    this.reused = false;
    this.connection = new UpstreamConnection(peer, this.origin, this, this.protocol.connectOptions(x));
    this.connection.deadline = now() + settings.connectTimeout;
  }

  onConnected(): void {
    if (this.connection !== null && this.state === CONNECTING) this.send(this.connection);
  }

  // -- the request

  private send(connection: UpstreamConnection): void {
    const { x, protocol, attempt } = this;
    const { transport } = connection;
    attempt.connectTime = performance.now() - attempt.started;
    this.state = SENDING;
    this.requestSent = true;
    connection.requests++;
    const body = protocol.passBody && this.ownBody === null ? x.body : null;
    const length = this.ownBody !== null ? this.ownBody.length : this.streaming ? x.contentLength : (body?.length ?? 0);
    const before = transport.bytesWritten;
    const head = protocol.requestHead(x, length, this.chunkedRequest);
    if (this.ownBody !== null) {
      transport.writeText(head + this.ownBody);
      this.requestComplete = true;
    } else if (this.streaming) {
      this.sendPrelude(connection, head);
    } else if (body === null || body.length === 0) {
      transport.writeText(head);
      this.requestComplete = true;
    } else if (body.memory !== null) {
      if (body.length <= JOIN_MAX) transport.writeText(head + body.memory.latin1Slice());
      else {
        transport.cork();
        transport.writeText(head);
        transport.writeOwned(body.memory);
        transport.uncork();
      }
      this.requestComplete = true;
    } else {
      transport.writeText(head);
      this.sendFile(connection);
    }
    attempt.bytesSent = transport.bytesWritten - before;
    if (this.state === SENDING) this.state = READING_HEAD;
    this.await(connection);
    if (this.streaming && !this.requestComplete) {
      if (this.askedForBody) x.client.resumeBody();
      else x.streamBody(this);
    }
  }

  private sendPrelude({ transport }: UpstreamConnection, head: string): void {
    const { prelude } = this;
    this.prelude = EMPTY;
    let text = head;
    if (prelude.length > 0) {
      const bytes = prelude.latin1Slice();
      text += this.chunkedRequest ? `${bytes.length.toString(16)}\r\n${bytes}\r\n` : bytes;
    }
    transport.writeText(this.chunkedRequest && this.requestComplete ? `${text}0\r\n\r\n` : text);
  }

  /** Sets the deadline for what is waited for: the peer takes bytes, or it sends some. */
  private await(connection: UpstreamConnection): void {
    const { settings } = this;
    if (this.state === OVER || connection.transport.closed) return;
    if (connection.transport.pending > 0) {
      this.waitsForDrain = true;
      connection.deadline = now() + settings.sendTimeout;
      connection.transport.whenFlushed(() => {
        this.waitsForDrain = false;
        if (this.connection === connection && this.state !== OVER) {
          connection.deadline = this.requestComplete ? now() + settings.readTimeout : 0;
        }
      });
    } else connection.deadline = this.requestComplete ? now() + settings.readTimeout : 0;
  }

  private sendFile(connection: UpstreamConnection): void {
    const { body } = this.x;
    if (body === null) return;
    const { transport } = connection;
    const piece = Buffer.allocUnsafe(FILE_PIECE);
    while (this.filePosition < body.length) {
      const n = body.read(piece, this.filePosition);
      if (n === 0) break;
      this.filePosition += n;
      this.attempt.bytesSent += n;
      if (!transport.writeLent(piece, 0, n)) return;
    }
    this.requestComplete = true;
  }

  onDrain(): void {
    const { connection } = this;
    if (connection === null || this.requestComplete) return;
    connection.deadline = 0;
    if (this.streaming) this.x.client.resumeBody();
    else {
      this.sendFile(connection);
      this.await(connection);
    }
  }

  bodyChunk(chunk: Buffer): boolean {
    const { connection } = this;
    if (this.state === GATHERING || this.state === CONNECTING) {
      this.askedForBody = true;
      this.prelude = this.prelude.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.prelude, chunk]);
      return this.state === GATHERING && this.prelude.length < this.x.location.settings.clientBodyBufferSize;
    }
    if (connection === null) return true;
    const { transport } = connection;
    const before = transport.bytesWritten;
    let more: boolean;
    if (!this.chunkedRequest) more = transport.writeLent(chunk, 0, chunk.length);
    else if (chunk.length <= JOIN_MAX) {
      more = transport.writeText(`${chunk.length.toString(16)}\r\n${chunk.latin1Slice()}\r\n`);
    } else {
      transport.cork();
      transport.writeText(`${chunk.length.toString(16)}\r\n`);
      more = transport.writeLent(chunk, 0, chunk.length);
      transport.writeText('\r\n');
      transport.uncork();
    }
    this.attempt.bytesSent += transport.bytesWritten - before;
    if (!more) connection.deadline = now() + this.settings.sendTimeout;
    return more;
  }

  bodyEnd(): void {
    const { connection } = this;
    this.requestComplete = true;
    if (connection === null || this.state === GATHERING || this.state === CONNECTING) return;
    if (this.chunkedRequest) connection.transport.writeText('0\r\n\r\n');
    if (this.state === READING_HEAD || this.state === READING_BODY) this.await(connection);
  }

  bodyFailed(status: number): void {
    this.letGo('ok');
    this.fail(status);
  }

  // -- the answer

  onBytes(bytes: Buffer, length: number): void {
    const { client } = this.x;
    this.attempt.bytesReceived += length;
    client.hold();
    let from = 0;
    if (this.state === READING_BODY) from = 0;
    else {
      from = this.readHead(bytes, length);
      if (from < 0) {
        client.release();
        return;
      }
    }
    if (this.state === READING_BODY) this.readBodyBytes(bytes, from, length);
    client.release();
  }

  /** Feeds the reader; the offset behind the head, or -1 where there is nothing more to do with these bytes. */
  private readHead(bytes: Buffer, length: number): number {
    const { x, reader, settings, connection } = this;
    if (connection === null) return -1;
    connection.deadline = now() + settings.readTimeout;
    let from = 0;
    for (;;) {
      const before = reader.received.length;
      const end = Math.min(length, from + settings.bufferSize - Math.min(before, settings.bufferSize) + 1);
      const result = reader.feed(bytes.latin1Slice(from, end), settings.bufferSize);
      if (result === MORE) return -1;
      if (result !== COMPLETE) {
        logError(x, 'error', `${reader.refusal} while reading response header from upstream`);
        this.next(NEXT_UPSTREAM.invalid_header);
        return -1;
      }
      from += reader.length - before;
      const { status } = reader;
      if (status === 101) {
        this.switchProtocols(bytes, from, length);
        return -1;
      }
      if (status >= 200) break;
      if (status === 103) {
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
    return this.judgeHead() ? from : -1;
  }

  /** True where the body is to be moved; false when the exchange goes another way. */
  private judgeHead(): boolean {
    const { x, reader, attempt, settings, connection } = this;
    if (connection === null) return false;
    const { status } = reader;
    attempt.headerTime = performance.now() - attempt.started;
    attempt.status = status;
    const framing = responseFraming(reader);
    if (typeof framing === 'string') {
      logError(x, 'error', `${framing} while reading response header from upstream`);
      this.next(NEXT_UPSTREAM.invalid_header);
      return false;
    }
    x.upstreamHeaders = reader.headers;
    if (status >= 400) {
      const reason = reasonOfStatus(status);
      if (reason !== 0 && (this.selection?.tries ?? 0) > 1 && this.mayAskAnother(reason)) {
        this.next(reason);
        return false;
      }
    }
    if (settings.interceptErrors && status >= 300 && x.location.settings.errorPages?.has(status)) {
      const challenges = status === 401 ? reader.headers.all('www-authenticate') : [];
      this.letGo('ok');
      for (const challenge of challenges) x.response.add('WWW-Authenticate', challenge);
      x.producer = null;
      x.finalize(status);
      return false;
    }
    if (!settings.ignoredFields.has('x-accel-limit-rate')) {
      const rate = parseInteger(reader.headers.valueOf(Field.XAccelLimitRate) ?? '');
      if (rate !== null) x.limitRate = rate;
    }
    const redirect = settings.ignoredFields.has('x-accel-redirect')
      ? undefined
      : reader.headers.valueOf(Field.XAccelRedirect);
    if (redirect !== undefined) {
      this.accelRedirect(redirect);
      return false;
    }
    const { keepAlive } = connectionOptions(reader.headers, reader.version);
    this.keepable = keepAlive && framing !== UNTIL_CLOSE;
    const bodiless = x.method === 'HEAD' || status === 204 || status === 304;
    this.bodyLeft = bodiless ? 0 : framing;
    if (bodiless) this.keepable = keepAlive;
    if (framing === CHUNKED && !bodiless) {
      this.decoder ??= new ChunkedDecoder();
      this.decoder.reset();
    }
    const { response } = x;
    response.status = status;
    response.reason = reader.reason;
    response.contentLength = framing >= 0 ? framing : -1;
    response.expectTrailers = settings.passTrailers && framing === CHUNKED && x.version >= 11;
    this.protocol.responseHead(x, reader);
    this.state = READING_BODY;
    if (!x.sendHead(false)) {
      // A filter answered in its own way and told this producer to stop.
      return false;
    }
    if (this.bodyLeft === 0) {
      this.answerComplete(true);
      return false;
    }
    return true;
  }

  private readBodyBytes(bytes: Buffer, from: number, length: number): void {
    const { connection } = this;
    if (connection === null) return;
    connection.deadline =
      this.requestComplete || !this.waitsForDrain ? now() + this.settings.readTimeout : connection.deadline;
    if (this.bodyLeft >= 0) {
      const n = Math.min(this.bodyLeft, length - from);
      this.bodyLeft -= n;
      this.chunkData(bytes, from, from + n);
      if (this.bodyLeft > 0 || this.state !== READING_BODY) return;
      if (from + n < length) {
        logError(
          this.x,
          'warn',
          'upstream sent more data than specified in "Content-Length" header while reading upstream',
        );
      }
      this.answerComplete(from + n === length);
    } else if (this.bodyLeft === CHUNKED && this.decoder !== null) {
      const { decoder } = this;
      const end = decoder.decode(bytes, from, length, this);
      if (this.state !== READING_BODY) return;
      if (decoder.broken) {
        logError(this.x, 'error', 'upstream sent invalid chunked response while reading upstream');
        this.cutShort();
      } else if (decoder.done) this.answerComplete(end === length);
    } else this.chunkData(bytes, from, length);
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    const { x, connection } = this;
    if (start === end || this.state !== READING_BODY) return;
    this.attempt.responseLength += end - start;
    const whole = start === 0 && end === bytes.length;
    if (!x.write(whole ? bytes : bytes.subarray(start, end)) && connection !== null) {
      this.paused = true;
      connection.transport.pause();
      connection.deadline = 0;
    }
  }

  resume(): void {
    const { connection } = this;
    if (!this.paused || connection === null) return;
    this.paused = false;
    connection.deadline = now() + this.settings.readTimeout;
    connection.transport.resume();
  }

  /** The whole answer was read. `clean`: nothing came behind it. */
  private answerComplete(clean: boolean): void {
    const { x, connection, decoder } = this;
    if (this.state === OVER) return;
    this.state = OVER;
    this.timeResponse();
    if (decoder !== null && x.response.expectTrailers && decoder.done) {
      for (const line of decoder.trailers.split('\r\n')) {
        const colon = line.indexOf(':');
        if (colon > 0) x.response.trailers.push(line.slice(0, colon), line.slice(colon + 1).trim());
      }
    }
    if (decoder?.done === true) x.upstreamTrailers = decoder.trailers;
    this.connection = null;
    this.selection?.release('ok');
    if (connection !== null) {
      connection.user = null;
      const keep = clean && this.keepable && this.requestComplete && connection.transport.pending === 0;
      if (!keep || !this.upstream.idle.put(connection, this.upstream.keepalive)) connection.destroy();
    }
    x.end();
  }

  // -- failures

  /** Asks another peer, or ends with the status that the reason stands for. */
  private next(reason: number): void {
    const { x, selection, attempt } = this;
    const { reused } = this;
    this.dropConnection();
    this.timeResponse();
    selection?.release(reason === NEXT_UPSTREAM.http_403 || reason === NEXT_UPSTREAM.http_404 ? 'next' : 'failed');
    const status = statusOfReason(reason);
    attempt.status = status;
    if (selection !== null && reused && reason === NEXT_UPSTREAM.error) selection.tries++;
    if (selection === null || selection.tries === 0 || !this.mayAskAnother(reason)) {
      x.upstreamHeaders = null;
      this.fail(status);
      return;
    }
    this.connect();
  }

  private mayAskAnother(reason: number): boolean {
    const { settings } = this;
    if ((settings.nextUpstream & reason) === 0) return false;
    if (this.requestSent && (this.streaming || !mayRepeat(this.x.method, settings.nextUpstream))) return false;
    const limit = settings.nextUpstreamTimeout;
    return limit === 0 || performance.now() - this.startedAt < limit;
  }

  onEnd(): void {
    const { x } = this;
    if (this.state === READING_BODY) {
      if (this.bodyLeft === UNTIL_CLOSE) this.answerComplete(false);
      else {
        logError(x, 'error', 'upstream prematurely closed connection while reading upstream');
        this.cutShort();
      }
    } else if (this.state !== OVER) {
      logError(x, 'error', 'upstream prematurely closed connection while reading response header from upstream');
      this.next(NEXT_UPSTREAM.error);
    }
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    const { x, connection } = this;
    if (connection === null || this.state === OVER) return;
    const what = describe(error);
    if (this.state === CONNECTING) {
      logError(x, 'error', `connect() failed (${what}) while connecting to upstream`);
      this.next(NEXT_UPSTREAM.error);
    } else if (this.state === READING_BODY) {
      logError(
        x,
        'error',
        error === null
          ? 'upstream prematurely closed connection while reading upstream'
          : `recv() failed (${what}) while reading upstream`,
      );
      this.cutShort();
    } else {
      const doing = error === null ? 'upstream prematurely closed connection' : `recv() failed (${what})`;
      logError(x, 'error', `${doing} while reading response header from upstream`);
      this.next(NEXT_UPSTREAM.error);
    }
  }

  timedOut(): void {
    const { x, connection } = this;
    if (connection === null) return;
    const doing =
      this.state === CONNECTING
        ? 'connecting to upstream'
        : this.state === READING_BODY
          ? 'reading upstream'
          : connection.transport.pending > 0
            ? 'sending request to upstream'
            : 'reading response header from upstream';
    logError(x, 'error', `upstream timed out (110: Connection timed out) while ${doing}`);
    if (this.state === READING_BODY) this.cutShort();
    else this.next(NEXT_UPSTREAM.timeout);
  }

  /** The answer's body will not be complete. */
  private cutShort(): void {
    this.letGo('failed');
    this.x.producer = null;
    this.x.abort();
  }

  /** Ends the exchange without an answer of the upstream. */
  private fail(status: number): void {
    this.state = OVER;
    this.x.producer = null;
    this.x.finalize(status);
  }

  /** The client is gone, or another answer was put in the place of this one. */
  abort(): void {
    this.letGo('ok');
  }

  private letGo(outcome: 'ok' | 'failed'): void {
    if (this.state === OVER) return;
    this.state = OVER;
    this.timeResponse();
    this.dropConnection();
    this.selection?.release(outcome);
  }

  private dropConnection(): void {
    const { connection } = this;
    this.connection = null;
    connection?.destroy();
  }

  private timeResponse(): void {
    if (this.attempt.responseTime < 0) this.attempt.responseTime = performance.now() - this.attempt.started;
  }

  // -- other ways

  private accelRedirect(target: string): void {
    const { x, reader } = this;
    const kept = ['content-type', 'set-cookie', 'content-disposition', 'cache-control', 'expires', 'accept-ranges'];
    const fields: [string, string][] = [];
    for (let i = 0; i < reader.headers.count; i++) {
      const name = reader.headers.name(i);
      if (kept.includes(name.toLowerCase())) fields.push([name, reader.headers.value(i)]);
    }
    this.letGo('ok');
    x.producer = null;
    for (const [name, value] of fields) {
      if (name.toLowerCase() === 'content-type') x.response.contentType = value;
      else x.response.add(name, value);
    }
    if (target.startsWith('@')) {
      if (!x.toNamedLocation(target)) x.finalize(500);
      return;
    }
    if (x.method !== 'HEAD') x.method = 'GET';
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    x.internalRedirect(decodePath(path), query < 0 ? '' : target.slice(query + 1));
  }

  private switchProtocols(bytes: Buffer, from: number, length: number): void {
    const { x, reader, attempt, connection } = this;
    if (connection === null) return;
    attempt.headerTime = performance.now() - attempt.started;
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
      this.letGo('ok');
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
    this.protocol.upgrade(x, this, connection, early);
  }

  /** The tunnel that grew out of this request is over. */
  tunnelEnded(received: number, sent: number): void {
    const { attempt } = this;
    attempt.bytesReceived = received;
    attempt.bytesSent = sent;
    this.timeResponse();
    this.selection?.release('ok');
  }

  /** Gives the reader back when the exchange was logged. */
  release(): void {
    const { reader } = this;
    if (readers.length < READERS_KEPT) {
      reader.reset();
      readers.push(reader);
    }
  }
}

function decodePath(path: string): string {
  return path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const ERRNO: Readonly<Record<string, string>> = {
  ECONNREFUSED: '111: Connection refused',
  ECONNRESET: '104: Connection reset by peer',
  EHOSTUNREACH: '113: No route to host',
  ENETUNREACH: '101: Network is unreachable',
  ETIMEDOUT: '110: Connection timed out',
  EPIPE: '32: Broken pipe',
  ENOENT: '2: No such file or directory',
  EACCES: '13: Permission denied',
  EADDRNOTAVAIL: '99: Cannot assign requested address',
  EMFILE: '24: Too many open files',
};

function describe(error: NodeJS.ErrnoException | null): string {
  return ERRNO[error?.code ?? ''] ?? error?.message ?? 'closed';
}
