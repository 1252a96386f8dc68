/**
 * The client side of one exchange at a time on an HTTP/1 connection: reads the body of its request, and writes its
 * response. The connection (`server-connection.ts`) owns the bytes, the timeouts and what follows the exchange.
 */

import type { ClientInfo } from '../exchange/client-info.js';
import { clientLeft } from '../exchange/client-loss.js';
import type { ClientSide, DetachedClient } from '../exchange/client-side.js';
import type { ConnectionCounts } from '../exchange/connection-counts.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { statusText } from '../http/status-text.js';
import type { Accepted } from '../net/accept-step.js';
import type { Transport } from '../net/transport.js';
import type { BodySink, Chunk } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { BODY, type ClientTimeouts, NOTHING, SENDING, TIMED_OUT } from './client-timeouts.js';
import type { InputBuffer } from './input-buffer.js';
import { RequestBodyReader } from './request-body-reader.js';
import { canKeepAlive, chooseFraming, Framing, formatHead } from './response-head-format.js';
import { ResponseWriter } from './response-writer.js';

/** The connection as seen by its stream. */
export interface StreamConnection {
  readonly transport: Transport;
  readonly input: InputBuffer;
  readonly timeouts: ClientTimeouts;
  readonly info: ClientInfo;
  readonly counts: ConnectionCounts;
  /** Whether the client has sent FIN. */
  readonly peerEnded: boolean;
  /** Time since the connection was opened, ms. */
  readonly age: number;
  /** Space behind the current head in nginx's buffer of its last line, bytes. */
  readonly headRoom: number;
  /** Whether the listener still exists, so that the connection may be kept alive. */
  readonly keeps: boolean;
  /** The rest of an unread body has been discarded. */
  bodyDiscarded(): void;
  /** The exchange is logged and its resources are released: the next request may be read. */
  exchangeReleased(x: HttpExchange): void;
  /** Leaves the transport to a tunnel. */
  detach(x: HttpExchange): DetachedClient | null;
}

/** Placeholder reader of streams that read no further body. */
const NO_BODY = new RequestBodyReader();

export class Http1Stream implements ClientSide {
  /** The current exchange; null between two. */
  exchange: HttpExchange | null = null;
  body = new RequestBodyReader();
  requests = 0;
  pipelined = false;
  requestLength = 0;
  /** Whether the connection is kept alive after the current response. */
  keep = true;
  private readonly writer: ResponseWriter;
  /** Whether the whole response has been written. */
  private ended = false;

  constructor(private readonly connection: StreamConnection) {
    this.writer = new ResponseWriter(connection.transport);
  }

  // -- facts about the connection

  get counts(): ConnectionCounts {
    return this.connection.counts;
  }
  get id(): number {
    return this.connection.info.id;
  }
  get remoteAddress(): string {
    return this.connection.info.remoteAddress;
  }
  get remotePort(): number {
    return this.connection.info.remotePort;
  }
  get localAddress(): string {
    return this.connection.info.localAddress;
  }
  get localPort(): number {
    return this.connection.info.localPort;
  }
  get unixPath(): string | null {
    return this.connection.info.unixPath;
  }
  get accepted(): Accepted | null {
    return this.connection.info.accepted;
  }
  get secure(): boolean {
    return this.connection.info.secure;
  }
  get since(): number {
    return this.connection.info.since;
  }
  get closed(): boolean {
    return this.connection.transport.closed;
  }

  /** Begins an exchange, whose head may be incomplete. `length`: bytes of its head. */
  open(x: HttpExchange, length: number): void {
    this.exchange = x;
    this.requests++;
    this.requestLength = length;
    this.keep = true;
    this.ended = false;
    this.writer.begin();
    this.body.begin(x, 0);
  }

  // -- the body of the request

  readBody(sink: BodySink): void {
    const { body, connection } = this;
    if (body.done) {
      sink.bodyEnd();
      return;
    }
    body.sink = sink;
    this.sendContinue();
    connection.timeouts.waitForBody();
    if (connection.peerEnded && !connection.input.unread) body.cut();
    // If called while a chunk is being consumed, that loop continues with the body after the handlers return.
    else connection.input.resumeReading();
  }

  sendContinue(): void {
    const { body } = this;
    if (!body.expectContinue) return;
    body.expectContinue = false;
    // Like nginx, sent even if the body has begun to arrive: a client may ignore it then (RFC 9110 10.1.1).
    this.connection.transport.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  get draining(): boolean {
    return !this.connection.keeps;
  }

  get extendedConnect(): boolean {
    return false;
  }

  get bodyWaits(): boolean {
    return !this.body.done && this.connection.input.unread;
  }

  get bodyPreread(): number {
    const { input, headRoom } = this.connection;
    return Math.min(input.unreadLength, headRoom);
  }

  discardBody(): number {
    const { body } = this;
    const { input } = this.connection;
    if (body.done || input.start >= input.end) return 0;
    body.discarding = true;
    this.readFrom(input);
    body.discarding = false;
    return body.broken ? 400 : 0;
  }

  resumeBody(): void {
    const { body } = this;
    const { connection } = this;
    const { timeouts, input } = connection;
    if (!body.full) return;
    body.full = false;
    if (timeouts.waitingFor === BODY) timeouts.waitForBody();
    input.resumeReading();
    if (connection.peerEnded && !body.done && !input.unread) body.cut();
  }

  /** Reads body bytes from the current chunk. */
  private readFrom(input: InputBuffer): void {
    const from = input.start;
    input.start = this.body.read(input.chunk, from, input.end);
    this.requestLength += input.start - from;
  }

  /** Consumes body bytes of the current chunk. */
  consumeBody(): void {
    const { body } = this;
    const { timeouts, transport, input } = this.connection;
    this.readFrom(input);
    if (timeouts.waitingFor === BODY) {
      if (body.done) {
        timeouts.waitForNothing();
        // The client may have been slow to read the response while its body was awaited.
        if (transport.waiting) timeouts.waitToSend();
      } else if (body.full) timeouts.suspend();
      else timeouts.waitForBody();
    }
    if (!body.done) {
      if (this.exchange === null) timeouts.extendLingering();
      return;
    }
    if (!body.discarding) body.complete();
    else {
      body.discarding = false;
      this.connection.bodyDiscarded();
    }
  }

  /** Discards the rest of the body, to find the next request after it. */
  discardRest(): void {
    const { body } = this;
    body.discarding = true;
    body.full = false;
    this.connection.timeouts.linger();
    this.connection.input.resumeReading();
  }

  // -- the response

  sendHead(x: HttpExchange, ended: boolean): void {
    if (x.version === 9) {
      this.keep = false;
      return;
    }
    const { connection } = this;
    const framing = chooseFraming(x, ended);
    // Without `100 Continue` the client may never send its body; a next request could not be told from that body.
    const last = connection.input.unread ? false : connection.peerEnded || this.body.awaited;
    this.keep &&= canKeepAlive(x, framing, this.requests, connection.age) && !last && connection.keeps;
    const head = formatHead(x, framing, this.keep);
    if (x.record !== null) x.record.response = head;
    this.writer.head(head);
    this.writer.chunked = framing === Framing.Chunked;
    if (!ended) this.writer.flushSoon();
  }

  get bytesSent(): number {
    return this.writer.sent;
  }
  get bodyBytesSent(): number {
    return this.writer.bodySent;
  }

  sendInterim(status: number, lines: string): void {
    const { transport } = this.connection;
    // Interim responses are optional: do not wait for a slow client, and do not buffer an unlimited number.
    if (this.exchange === null || this.exchange.version < 11 || transport.waiting) return;
    transport.writeText(`HTTP/1.1 ${statusText(status)}\r\n${lines}\r\n`);
  }

  write(chunk: Chunk): boolean {
    const { transport, timeouts } = this.connection;
    if (chunk.length === 0 || transport.closed || this.exchange === null) return true;
    const more = this.writer.body(chunk);
    if (!more) timeouts.waitToSend();
    return more;
  }

  cork(): void {
    this.writer.cork();
  }
  uncork(): void {
    if (this.writer.uncork()) this.connection.timeouts.waitToSend();
  }

  /** Passes buffered bytes to the transport. */
  flush(): void {
    this.writer.flush();
  }

  /** The client has accepted all pending data. */
  onDrain(): void {
    const { timeouts } = this.connection;
    if (timeouts.waitingFor === SENDING) timeouts.waitForNothing();
    this.exchange?.producer?.resume();
  }

  // -- the end of the exchange; the sequence is described in `exchange/finalization.ts`

  end(completed: boolean): void {
    const x = this.exchange;
    if (x === null) return;
    if (!completed) {
      x.finish();
      // The exchange may continue with a `post_action`.
      if (this.exchange !== null) this.writer.flush();
      return;
    }
    if (this.ended) return;
    const { transport, timeouts } = this.connection;
    this.writer.end(x.response.trailers);
    this.ended = true;
    if (transport.pending === 0) {
      x.finish();
      return;
    }
    timeouts.waitForNothing();
    timeouts.waitToSend();
    transport.whenFlushed(() => x.finish());
  }

  released(): void {
    const x = this.exchange;
    if (x === null) return;
    this.exchange = null;
    this.body.finish();
    this.connection.exchangeReleased(x);
  }

  /** No further body is read: releases the reader, 160 bytes of an idle tunnel. */
  endBodies(): void {
    this.body.finish();
    this.body = NO_BODY;
  }

  /** The client has sent FIN. */
  peerEnd(): void {
    const { exchange: x, body, connection } = this;
    if (x === null) return;
    if (!body.done && body.sink !== null) {
      if (!connection.input.unread) body.cut();
    } else if (!this.ended && !connection.input.unread && !x.ignoreClientAbort) clientLeft(x, null);
  }

  /** The connection is closed. */
  lost(error: NodeJS.ErrnoException | null): void {
    const { exchange: x, body } = this;
    if (x === null) return;
    // The whole response was written, but the client did not read all of it.
    if (this.ended) x.clientGone();
    else if (!body.done && body.sink !== null) body.cut(error);
    else if (!x.ignoreClientAbort || x.producer === null || !body.done) clientLeft(x, error);
    // The upstream may have been paused for the client; discarding accepts everything.
    else x.producer.resume();
  }

  /** The client was too slow to send the body, or to read the response. */
  timedOut(): void {
    const { exchange: x, body } = this;
    const { timeouts } = this.connection;
    if (x === null) return;
    if (timeouts.waitingFor === BODY) {
      logError(x, 'info', `${TIMED_OUT} while reading client request body`);
      timeouts.waitingFor = NOTHING;
      if (body.sink !== null) body.fail(408);
      else x.finalize(408);
    } else {
      logError(x, 'info', `${TIMED_OUT} while sending to client`);
      x.completed = false;
      x.abort();
    }
  }

  detach(): DetachedClient | null {
    const x = this.exchange;
    return x === null ? null : this.connection.detach(x);
  }
}
