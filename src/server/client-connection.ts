/**
 * One HTTP/1 connection of a client: reads heads, runs an exchange at a time, frames the answers, and decides what
 * becomes of the connection. Pipelined requests wait in the stash until the one before them is answered.
 */
import type { BodySink, Chunk, ClientSide, DetachedClient } from '../exchange/client-side.js';
import { dateLine } from '../exchange/clock.js';
import type { RoutingTable } from '../exchange/compiler.js';
import * as engine from '../exchange/engine.js';
import { logError } from '../exchange/error-context.js';
import { Exchange } from '../exchange/exchange.js';
import type { Listening } from '../exchange/module.js';
import type { ListenerProgram, LocationSettings } from '../exchange/program.js';
import { statusText } from '../exchange/status-text.js';
import { ChunkedDecoder, type ChunkedSink } from '../http/chunked.js';
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { validHost } from '../http/host.js';
import { COMPLETE, type HeadLimits, MORE, RequestReader, requestFraming } from '../http/request-reader.js';
import { normalizeTarget } from '../http/request-target.js';
import type { Transport, TransportOwner } from '../http/transport.js';
import type { ConnectionHost } from './server.js';

/** What the connection is doing; also what its deadline is about. */
const IDLE = 0;
const READING_HEAD = 1;
const HANDLING = 2;
const LINGERING = 3;
const CLOSED = 4;
const TUNNEL = 5;

/** What the deadline is about while an exchange is handled. */
const NOTHING = 0;
const BODY = 1;
const SENDING = 2;

/** Bytes that may wait in the stash before the socket is left alone. */
const STASH_MAX = 65536;
/** A head is converted to text in pieces of this size, so that a body behind it is not. */
const HEAD_PIECE = 4096;
/** Up to this many bytes a head and a lent piece of body become one string and one write. */
const JOIN_MAX = 8192;

const EMPTY = Buffer.alloc(0);
let serial = 0;

export class ClientConnection implements ClientSide, TransportOwner, Timed, ChunkedSink {
  deadline = 0;
  deadlineIndex = -1;
  readonly id = ++serial;
  requests = 0;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly unixPath: string | null;
  readonly secure = false;
  readonly since = Date.now();
  pipelined = false;
  bytesSent = 0;
  requestLength = 0;

  private state = IDLE;
  private waitingFor = NOTHING;
  private readonly reader = new RequestReader();
  private exchange: Exchange | null = null;
  private table: RoutingTable;
  private program: ListenerProgram;
  /** Bytes that arrived before anybody could use them. */
  private stash: Buffer = EMPTY;
  /** The bytes of the read that is being handled, lent. */
  private lent: Buffer = EMPTY;
  private lentStart = 0;
  private lentEnd = 0;
  private feeding = false;

  // -- the body of the present request
  private bodyLeft = 0;
  private decoder: ChunkedDecoder | null = null;
  private bodyDone = true;
  private sink: BodySink | null = null;
  private sinkFull = false;
  private bodyBytes = 0;
  private expectContinue = false;
  private discarding = false;

  // -- the answer
  private out = '';
  private held = 0;
  private flushScheduled = false;
  private chunkedAnswer = false;
  private keep = true;
  private ended = false;
  private peerEnded = false;
  private sentBefore = 0;
  private lingerUntil = 0;

  constructor(
    readonly transport: Transport,
    private readonly host: ConnectionHost,
    private readonly listening: Listening,
  ) {
    this.table = host.table;
    this.remoteAddress = listening.path !== null ? 'unix:' : transport.remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
    this.remotePort = transport.remotePort;
    this.localAddress =
      listening.path !== null ? `unix:${listening.path}` : transport.localAddress.replace(/^::ffff:(?=\d+\.)/, '');
    this.localPort = listening.path !== null ? 0 : transport.localPort;
    this.unixPath = listening.path;
    this.program = host.programFor(listening, this.localAddress);
    watch(this);
    this.deadline = now() + this.program.defaultServer.clientHeaderTimeout;
  }

  get closed(): boolean {
    return this.state === CLOSED;
  }

  /** True where nothing is under way: an idle keep-alive connection. */
  get idle(): boolean {
    return this.state === IDLE;
  }

  // -- bytes from the client

  onConnected(): void {}

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.lent = bytes;
    this.lentStart = 0;
    this.lentEnd = length;
    this.consume();
    if (this.lentStart < this.lentEnd && this.state !== CLOSED) this.keepLent();
    this.lent = EMPTY;
    this.lentStart = 0;
    this.lentEnd = 0;
  }

  /** Puts what was not used into the stash. */
  private keepLent(): void {
    const rest = this.lent.subarray(this.lentStart, this.lentEnd);
    this.stash = this.stash.length === 0 ? Buffer.from(rest) : Buffer.concat([this.stash, rest]);
    this.lentStart = this.lentEnd;
    if (this.stash.length >= STASH_MAX || this.sinkFull) this.transport.pause();
  }

  /** Lends the stash again. */
  private consumeStash(): void {
    if (this.stash.length === 0 || this.feeding || this.lentStart < this.lentEnd) return;
    const bytes = this.stash;
    this.stash = EMPTY;
    this.onBytes(this.transport, bytes, bytes.length);
    if (this.stash.length < STASH_MAX && !this.sinkFull) this.transport.resume();
  }

  /** Uses lent bytes as far as the state allows. Not re-entrant: what an exchange does meanwhile is seen by the loop. */
  private consume(): void {
    if (this.feeding) return;
    this.feeding = true;
    while (this.lentStart < this.lentEnd) {
      if (this.state === IDLE || this.state === READING_HEAD) {
        if (!this.readHead()) break;
      } else if (this.state === LINGERING) {
        this.lentStart = this.lentEnd;
        this.deadline = Math.min(now() + this.settings().lingeringTimeout, this.lingerUntil);
      } else if (
        this.state === HANDLING &&
        !this.bodyDone &&
        (this.sink !== null || this.discarding) &&
        !this.sinkFull
      ) {
        this.readBodyBytes();
      } else break;
    }
    this.feeding = false;
  }

  private settings(): LocationSettings {
    return (this.exchange?.location ?? this.program.defaultServer.base).settings;
  }

  private limits(): HeadLimits {
    return this.host.limits(this.program.defaultServer);
  }

  /** Feeds the reader; false when the lent bytes are to wait (an exchange has begun and must go first). */
  private readHead(): boolean {
    const server = this.program.defaultServer;
    if (this.state === IDLE) {
      this.pipelined = this.requests > 0 && this.stash.length === 0 && this.lent !== EMPTY && this.lentStart > 0;
      this.state = READING_HEAD;
      this.deadline = now() + server.clientHeaderTimeout;
    }
    const before = this.reader.received.length;
    const end = Math.min(this.lentEnd, this.lentStart + HEAD_PIECE);
    const result = this.reader.feed(this.lent.latin1Slice(this.lentStart, end), this.limits());
    if (result === MORE) {
      this.lentStart = end;
      // Blank lines in front of a request are not kept by the reader: still nothing has begun.
      if (this.reader.idle) this.state = this.requests > 0 ? IDLE : READING_HEAD;
      return true;
    }
    const received = this.reader.received.length;
    const skipped = before + (end - this.lentStart) - received;
    this.lentStart = result === COMPLETE ? this.lentStart + skipped + this.reader.length - before : end;
    this.begin(result === COMPLETE);
    return true;
  }

  /** Begins the exchange of the head that was read (or refused). */
  private begin(complete: boolean): void {
    const { reader, program } = this;
    this.requests++;
    this.state = HANDLING;
    this.deadline = 0;
    this.waitingFor = NOTHING;
    this.table = this.host.table;
    this.table.users++;
    const x = new Exchange(this, reader.headers, program, this.table.slots());
    this.exchange = x;
    this.out = '';
    this.ended = false;
    this.chunkedAnswer = false;
    this.keep = true;
    this.bodyDone = true;
    this.discarding = false;
    this.sink = null;
    this.sinkFull = false;
    this.bodyBytes = 0;
    this.expectContinue = false;
    this.sentBefore = this.transport.bytesWritten;
    this.bytesSent = 0;
    x.startTime = Date.now();
    x.method = reader.method;
    x.target = reader.target;
    x.version = reader.version;
    if (!complete) {
      x.requestLine = reader.partialLine;
      this.requestLength = reader.received.length;
      this.refuse(x, reader.status, reader.reason);
      return;
    }
    x.requestLine = reader.requestLine;
    this.requestLength = reader.length;
    if (reader.dropped !== null) {
      for (const line of reader.dropped) logError(x, 'info', `client sent invalid header line: "${line}"`);
    }
    if (this.route(x)) x.start();
  }

  /** Chooses the server and checks what concerns the head as a whole; false where the request was refused. */
  private route(x: Exchange): boolean {
    const { reader, program } = this;
    const { headers } = reader;
    // Path.
    if (reader.complex) {
      const path = normalizeTarget(reader.target, program.defaultServer.mergeSlashes);
      if (path === null) return this.refuse(x, 400, 'client sent invalid request');
      x.uri = path.path;
      x.args = path.args;
    } else if (reader.query < 0) x.uri = reader.target;
    else {
      x.uri = reader.target.slice(0, reader.query);
      x.args = reader.target.slice(reader.query + 1);
    }
    x.uriUnchanged = true;
    // Host.
    const field = headers.indexOf(Field.Host);
    let authority = reader.authority;
    if (field >= 0) {
      if (headers.indexOf(Field.Host, field + 1) >= 0) return this.refuse(x, 400, 'client sent duplicate host header');
      const value = headers.value(field);
      if (validHost(value) === null) return this.refuse(x, 400, 'client sent invalid host header');
      authority ??= value;
    } else if (x.version > 10) {
      return this.refuse(x, 400, 'client sent HTTP/1.1 request without "Host" header');
    }
    if (authority !== null) {
      const host = validHost(authority);
      if (host === null) return this.refuse(x, 400, 'client sent invalid host in request line');
      x.host = host;
      x.server = program.names.find(host, x) ?? program.defaultServer;
      x.captures = null;
    } else x.host = x.server.name;
    x.location = x.server.base;
    // Body.
    const framing = requestFraming(headers, x.version);
    if (framing.status !== 0) return this.refuse(x, framing.status, framing.reason);
    x.contentLength = framing.length;
    this.bodyLeft = framing.length;
    this.bodyDone = framing.length === 0;
    if (framing.length < 0) {
      this.decoder ??= new ChunkedDecoder();
      this.decoder.reset();
    }
    if (!this.bodyDone && x.version > 10) {
      const expect = headers.valueOf(Field.Expect);
      this.expectContinue = expect !== undefined && expect.toLowerCase() === '100-continue';
    }
    x.keepAlive = connectionOptions(headers, x.version).keepAlive;
    if (x.method === 'TRACE') return this.refuse(x, 405, 'client sent TRACE method');
    if (x.method === 'CONNECT') return this.refuse(x, 405, 'client sent CONNECT method');
    return true;
  }

  private refuse(x: Exchange, status: number, reason: string): false {
    x.uri = x.uri === '' ? '/' : x.uri;
    if (x.host === '') x.host = x.server.name;
    logError(x, 'info', reason);
    x.keepAlive = false;
    x.uriChanges = x.requestLine === '' || this.reader.status !== 0 ? 0 : x.uriChanges;
    x.finalize(status);
    return false;
  }

  // -- the body of the request

  readBody(sink: BodySink): void {
    this.sink = sink;
    if (this.bodyDone) {
      this.sink = null;
      sink.bodyEnd();
      return;
    }
    if (this.expectContinue) {
      this.expectContinue = false;
      // Not asked for once the body has begun to arrive (RFC 9110 10.1.1).
      if (this.lentStart >= this.lentEnd && this.stash.length === 0)
        this.transport.writeText('HTTP/1.1 100 Continue\r\n\r\n');
    }
    this.waitingFor = BODY;
    this.deadline = now() + this.settings().clientBodyTimeout;
    if (this.peerEnded && this.stash.length === 0 && this.lentStart >= this.lentEnd) this.bodyCut();
    // What is lent is read by the loop that lent it, when the handlers have returned.
    else if (this.lentStart >= this.lentEnd) {
      this.consumeStash();
      this.transport.resume();
    } else if (!this.feeding) this.consume();
  }

  resumeBody(): void {
    if (!this.sinkFull) return;
    this.sinkFull = false;
    if (this.waitingFor === BODY) this.deadline = now() + this.settings().clientBodyTimeout;
    this.consumeStash();
    if (!this.sinkFull && this.stash.length < STASH_MAX) this.transport.resume();
    if (this.peerEnded && !this.bodyDone && this.stash.length === 0) this.bodyCut();
  }

  private readBodyBytes(): void {
    const { decoder } = this;
    if (this.waitingFor === BODY) this.deadline = now() + this.settings().clientBodyTimeout;
    const from = this.lentStart;
    if (this.bodyLeft >= 0) {
      const n = Math.min(this.bodyLeft, this.lentEnd - from);
      this.lentStart += n;
      this.bodyLeft -= n;
      this.requestLength += n;
      if (this.bodyLeft === 0) this.bodyDone = true;
      this.chunkData(this.lent, from, from + n);
    } else if (decoder !== null) {
      const end = decoder.decode(this.lent, from, this.lentEnd, this);
      this.lentStart = end;
      this.requestLength += end - from;
      if (decoder.broken) {
        this.bodyDone = true;
        this.keep = false;
        const x = this.exchange;
        if (x !== null) {
          x.keepAlive = false;
          logError(x, 'info', 'client sent invalid chunked body');
        }
        const { sink } = this;
        this.sink = null;
        sink?.bodyFailed(400);
        return;
      }
      if (decoder.done) this.bodyDone = true;
    }
    if (this.bodyDone && !this.discarding) this.bodyComplete();
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    const { sink, exchange } = this;
    this.bodyBytes += end - start;
    if (sink === null || exchange === null) return;
    const limit = exchange.location.settings.clientMaxBodySize;
    if (this.bodyLeft < 0 && limit !== 0 && this.bodyBytes > limit) {
      logError(exchange, 'error', `client intended to send too large chunked body: ${this.bodyBytes} bytes`);
      this.sink = null;
      this.keep = false;
      exchange.keepAlive = false;
      exchange.bodyDiscarded = true;
      sink.bodyFailed(413);
      return;
    }
    if (!sink.bodyChunk(bytes.subarray(start, end))) this.sinkFull = true;
    if (this.sinkFull && this.waitingFor === BODY) this.deadline = 0;
  }

  private bodyComplete(): void {
    const { sink } = this;
    this.sink = null;
    this.sinkFull = false;
    if (this.waitingFor === BODY) {
      this.waitingFor = NOTHING;
      this.deadline = 0;
    }
    sink?.bodyEnd();
  }

  /** The client ended its side in the middle of a body. */
  private bodyCut(): void {
    const { sink, exchange } = this;
    this.sink = null;
    this.bodyDone = true;
    this.keep = false;
    if (exchange !== null) {
      exchange.keepAlive = false;
      logError(exchange, 'info', 'client prematurely closed connection');
    }
    sink?.bodyFailed(400);
  }

  // -- the answer

  sendHead(x: Exchange, ended: boolean): void {
    const { response } = x;
    const { settings } = x.location;
    if (x.version === 9) {
      this.keep = false;
      return;
    }
    let head = this.host.statusLine(
      response.status,
      response.reason,
      response.ownServer ? settings.serverTokens : null,
    );
    if (response.ownDate) head += dateLine();
    if (response.contentType !== null) head += `Content-Type: ${response.contentType}\r\n`;
    this.keep =
      this.keep &&
      x.keepAlive &&
      settings.keepaliveTimeout > 0 &&
      this.requests < settings.keepaliveRequests &&
      now() - this.sinceMonotonic < settings.keepaliveTime &&
      !this.peerEnded &&
      !this.host.draining;
    const bodiless = response.status === 204 || response.status === 304 || response.status < 200;
    if (response.contentLength >= 0 && !response.expectTrailers) {
      if (response.status !== 204) head += `Content-Length: ${response.contentLength}\r\n`;
    } else if (!bodiless && !(ended && !x.headOnly) && x.method !== 'HEAD') {
      if (x.version >= 11 && settings.chunkedTransferEncoding) {
        this.chunkedAnswer = true;
        head += 'Transfer-Encoding: chunked\r\n';
      } else {
        this.keep = false;
      }
    }
    if (response.lastModified !== null) head += `Last-Modified: ${response.lastModified}\r\n`;
    if (response.status === 101) head += 'Connection: upgrade\r\n';
    else if (this.keep) {
      head += 'Connection: keep-alive\r\n';
      if (settings.keepaliveHeader > 0) head += `Keep-Alive: timeout=${settings.keepaliveHeader}\r\n`;
    } else head += 'Connection: close\r\n';
    if (response.etag !== null) head += `ETag: ${response.etag}\r\n`;
    if (response.upstream !== null) head += response.upstream.lines(response.hidden);
    const { added } = response;
    for (let i = 0; i < added.length; i += 2) head += `${added[i]}: ${added[i + 1]}\r\n`;
    this.out += `${head}\r\n`;
    if (!ended) this.scheduleFlush();
  }

  sendInterim(status: number, lines: string): void {
    if (this.exchange === null || this.exchange.version < 11) return;
    this.transport.writeText(`HTTP/1.1 ${statusText(status)}\r\n${lines}\r\n`);
  }

  write(chunk: Chunk): boolean {
    const { transport, exchange } = this;
    const { length } = chunk;
    if (length === 0 || transport.closed || exchange === null) return true;
    exchange.bodyBytesSent += length;
    if (this.chunkedAnswer) this.out += `${length.toString(16)}\r\n`;
    let more = true;
    if (this.out.length + length <= JOIN_MAX) {
      this.out += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
      if (this.chunkedAnswer) this.out += '\r\n';
      this.scheduleFlush();
      // Pieces that are gathered count as written: the next flush is at most one read away.
    } else {
      const corked = this.out.length > 0 || this.chunkedAnswer;
      if (corked) transport.cork();
      if (this.out.length > 0) transport.writeText(this.out);
      this.out = '';
      more = typeof chunk === 'string' ? transport.writeText(chunk) : transport.writeLent(chunk, 0, length);
      if (this.chunkedAnswer) {
        if (this.held > 0) this.out = '\r\n';
        else transport.writeText('\r\n');
      }
      if (corked) transport.uncork();
      if (!more && transport.pending === 0) more = true;
    }
    if (!more) this.waitToSend();
    return more;
  }

  private waitToSend(): void {
    if (this.waitingFor === NOTHING && !this.transport.closed) {
      this.waitingFor = SENDING;
      this.deadline = now() + this.settings().sendTimeout;
    }
  }

  /** Until `release`, what is written is gathered. */
  hold(): void {
    this.held++;
  }
  release(): void {
    if (--this.held === 0) this.flush();
  }

  private scheduleFlush(): void {
    if (this.held > 0 || this.flushScheduled) return;
    this.flushScheduled = true;
    queueMicrotask(() => {
      this.flushScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.out.length === 0 || this.ended) return;
    const { out } = this;
    this.out = '';
    if (!this.transport.writeText(out)) this.waitToSend();
  }

  end(): void {
    const x = this.exchange;
    if (x === null || this.ended) return;
    if (this.chunkedAnswer) {
      this.out += '0\r\n';
      const { trailers } = x.response;
      for (let i = 0; i < trailers.length; i += 2) this.out += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      this.out += '\r\n';
    }
    if (this.out.length > 0) this.transport.writeText(this.out);
    this.out = '';
    this.ended = true;
    this.bytesSent = this.transport.bytesWritten - this.sentBefore;
    if (this.transport.pending === 0) engine.finish(x);
    else {
      this.waitingFor = SENDING;
      this.deadline = now() + this.settings().sendTimeout;
      this.transport.whenFlushed(() => engine.finish(x));
    }
  }

  abort(): void {
    this.keep = false;
    this.transport.destroy();
  }

  onDrain(): void {
    if (this.waitingFor === SENDING) {
      this.waitingFor = NOTHING;
      this.deadline = 0;
    }
    this.exchange?.producer?.resume();
  }

  // -- the end of an exchange

  done(x: Exchange): void {
    if (this.exchange !== x) return;
    this.exchange = null;
    this.sink = null;
    this.deadline = 0;
    this.waitingFor = NOTHING;
    this.host.release(this.table);
    if (this.state === CLOSED || this.state === TUNNEL) return;
    if (!x.completed) {
      this.closeAfterCut(x);
      return;
    }
    if (this.keep && !this.bodyDone) {
      // The rest of the body is read and dropped, so that the next request can be found behind it.
      this.discarding = true;
      this.sinkFull = false;
      this.lingerUntil = now() + this.settings().lingeringTime;
      this.exchangeless();
      return;
    }
    if (!this.keep) {
      this.close();
      return;
    }
    this.nextRequest();
  }

  /** Reads the rest of a body that nobody wants. */
  private exchangeless(): void {
    this.state = HANDLING;
    this.deadline = now() + this.settings().lingeringTimeout;
    if (!this.feeding) {
      this.transport.resume();
      this.consumeStash();
    }
    this.afterDiscard();
  }

  private afterDiscard(): void {
    if (this.discarding && this.bodyDone && this.exchange === null && this.state === HANDLING) {
      this.discarding = false;
      if (this.keep && this.decoder?.broken !== true) this.nextRequest();
      else this.close();
    }
  }

  private nextRequest(): void {
    this.reader.reset();
    this.state = IDLE;
    this.table = this.host.table;
    this.program = this.host.programFor(this.listening, this.localAddress);
    const { settings } = this.program.defaultServer.base;
    if (this.host.draining && this.stash.length === 0 && this.lentStart >= this.lentEnd) {
      this.close();
      return;
    }
    this.deadline = now() + settings.keepaliveTimeout;
    if (!this.feeding) {
      this.transport.resume();
      if (this.stash.length > 0) this.consumeStash();
      else if (this.peerEnded) this.close();
    }
  }

  /** Closes a connection whose last answer is complete. */
  private close(): void {
    const { settings } = this.program.defaultServer.base;
    const unread = !this.bodyDone || this.stash.length > 0 || this.lentStart < this.lentEnd;
    this.stash = EMPTY;
    if (!this.peerEnded && settings.lingeringClose !== 'off' && (unread || settings.lingeringClose === 'always')) {
      // Closing with bytes unread would reset the connection and could take the answer with it (RFC 9112 9.6).
      this.state = LINGERING;
      this.lingerUntil = now() + settings.lingeringTime;
      this.deadline = now() + settings.lingeringTimeout;
      this.lentStart = this.lentEnd;
      this.transport.end();
      this.transport.resume();
      return;
    }
    this.state = LINGERING;
    this.deadline = now() + settings.lingeringTimeout;
    this.transport.destroySoon();
  }

  /** Closes after an answer that is not complete, so that the client cannot take it for whole. */
  private closeAfterCut(x: Exchange): void {
    this.state = LINGERING;
    this.stash = EMPTY;
    if (this.out.length > 0 && x.headSent) this.transport.writeText(this.out);
    this.out = '';
    if (this.transport.pending > 0 && !this.transport.closed && this.waitedOut !== true) {
      this.deadline = now() + x.location.settings.sendTimeout;
      this.transport.destroySoon();
    } else if (this.waitedOut && x.location.settings.resetTimedoutConnection) this.transport.reset();
    else this.transport.destroy();
  }
  private waitedOut = false;
  private readonly sinceMonotonic = now();

  // -- timeouts and the end of the connection

  timedOut(): void {
    switch (this.state) {
      case IDLE:
      case LINGERING:
        this.transport.destroy();
        return;
      case READING_HEAD: {
        if (this.reader.idle) {
          this.transport.destroy();
          return;
        }
        this.cutHead(408, 'client timed out (110: Connection timed out) while reading client request headers');
        return;
      }
      case HANDLING: {
        const x = this.exchange;
        if (x === null) {
          this.transport.destroy();
          return;
        }
        this.waitedOut = true;
        if (this.waitingFor === BODY) {
          logError(x, 'info', 'client timed out (110: Connection timed out) while reading client request body');
          const { sink } = this;
          this.sink = null;
          this.waitingFor = NOTHING;
          if (sink !== null) sink.bodyFailed(408);
          else x.finalize(408);
        } else {
          logError(x, 'info', 'client timed out (110: Connection timed out) while sending to client');
          x.response.status ||= 408;
          x.completed = false;
          x.abort();
        }
      }
    }
  }

  /** Logs and drops a request whose head never became complete. */
  private cutHead(status: number, reason: string): void {
    this.requests++;
    this.table = this.host.table;
    this.table.users++;
    const x = new Exchange(this, this.reader.headers, this.program, this.table.slots());
    this.exchange = x;
    this.state = HANDLING;
    this.requestLength = this.reader.received.length;
    x.requestLine = this.reader.partialLine;
    x.method = this.reader.method;
    x.startTime = Date.now();
    x.host = x.server.name;
    logError(x, 'info', reason);
    x.response.status = status;
    x.abort();
  }

  onEnd(): void {
    this.peerEnded = true;
    switch (this.state) {
      case READING_HEAD:
        if (this.reader.idle) this.transport.destroy();
        else this.cutHead(400, 'client prematurely closed connection');
        return;
      case HANDLING: {
        const x = this.exchange;
        if (x === null) this.transport.destroy();
        else if (!this.bodyDone && this.sink !== null && this.stash.length === 0) this.bodyCut();
        else if (!this.ended && this.stash.length === 0 && !x.ignoreClientAbort) {
          logError(x, 'info', 'client prematurely closed connection');
          engine.clientGone(x);
        }
        return;
      }
      default:
        this.transport.destroySoon();
    }
  }

  onClosed(_transport: Transport, _error: NodeJS.ErrnoException | null): void {
    const before = this.state;
    unwatch(this);
    this.state = CLOSED;
    this.stash = EMPTY;
    this.host.forget(this);
    const x = this.exchange;
    if (x === null) return;
    if (before === READING_HEAD) return;
    const { sink } = this;
    this.sink = null;
    if (this.ended) {
      // The whole answer was written, the client just did not wait for all of it.
      engine.finish(x);
      return;
    }
    if (x.ignoreClientAbort && x.producer !== null) return;
    if (sink !== null && !x.finished) sink.bodyFailed(499);
    engine.clientGone(x);
  }

  detach(): DetachedClient | null {
    const x = this.exchange;
    if (x === null || this.state !== HANDLING || this.transport.closed) return null;
    if (this.out.length > 0) this.transport.writeText(this.out);
    this.out = '';
    this.state = TUNNEL;
    this.bodyDone = true;
    unwatch(this);
    this.deadline = 0;
    const lent = this.lent.subarray(this.lentStart, this.lentEnd);
    const early = this.stash.length === 0 && lent.length === 0 ? EMPTY : Buffer.concat([this.stash, lent]);
    this.stash = EMPTY;
    this.lentStart = this.lentEnd;
    return { transport: this.transport, early, ended: () => this.tunnelEnded(x) };
  }

  private tunnelEnded(x: Exchange): void {
    this.bytesSent = this.transport.bytesWritten - this.sentBefore;
    x.completed = true;
    engine.finish(x);
    this.state = CLOSED;
    this.host.forget(this);
  }
}
