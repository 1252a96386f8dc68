/**
 * A client's HTTP/1 connection: reads heads, handles one exchange at a time, and keeps or closes the connection.
 * Pipelined requests stay in the pushback buffer until the previous response is complete.
 */
import type { BodySink, Chunk, ClientSide, DetachedClient } from '../exchange/client-side.js';
import type { Connection, ConnectionHost } from '../exchange/connection.js';
import { CLOSING, WAITING, WRITING } from '../exchange/connection-counts.js';
import type { Exchange } from '../exchange/exchange.js';
import { statusText } from '../http/status-text.js';
import { COMPLETE, MORE } from '../http1/request-reader.js';
import type { Accepted } from '../net/accept-step.js';
import { now, unwatch, watch } from '../net/deadlines.js';
import type { Transport } from '../net/transport.js';
import { type Arrived, ConfigLease } from '../program/config-lease.js';
import { logError } from '../program/error-context.js';
import type { LocationSettings } from '../program/settings.js';
import { BODY, ClientDeadline, NOTHING, SENDING, TIMED_OUT } from './client-deadline.js';
import { clientLeft } from './client-loss.js';
import { canKeepAlive, chooseFraming, Framing, formatHead } from './head-format.js';
import { RequestBodyReader } from './request-body.js';
import { RequestIntake } from './request-intake.js';
import { ResponseWriter } from './response-writer.js';
import { expectsContinue, logReading, refuseRequest } from './routing.js';
import { TunnelledClient } from './tunnelled-client.js';

// Connection state; also determines which timeout `deadline` stands for.
const IDLE = 0;
const READING_HEAD = 1;
const HANDLING = 2;
const LINGERING = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** Maximum bytes of a head converted to text at once, so that a body behind it is not converted. */
const MAX_HEAD_CHUNK = 4096;

/** Statuses of rejected heads after which more data is expected from the client. */
const MORE_DATA_EXPECTED: ReadonlySet<number> = new Set([414, 494, 503]);

export class ClientConnection extends ClientDeadline implements ClientSide, Connection {
  requests = 0;
  /** Time at which the last response was complete; before the first, time of accept. */
  usedAt: number;
  /** Whether `usedAt` has changed since the server last ordered its connections. */
  moved = false;
  pipelined = false;
  requestLength = 0;

  private state = READING_HEAD;
  private readonly openedAt: number;
  private lastSettings: LocationSettings | null = null;
  private readonly intake: RequestIntake;
  private readonly body = new RequestBodyReader();
  private readonly writer: ResponseWriter;
  private exchange: Exchange | null = null;
  private readonly lease: ConfigLease;
  /** Whether the connection is kept alive after the current response. */
  private keep = true;
  /** Whether the whole response has been written. */
  private ended = false;
  /** Whether the client has sent FIN. */
  peerEnded = false;
  /** Whether the deadline for the current head is set. */
  private headTimed = true;
  /** Whether one of the client timeouts has expired. */
  private timeoutExpired = false;

  constructor(
    transport: Transport,
    readonly host: ConnectionHost,
    readonly arrived: Arrived,
    accepted: Accepted | null,
  ) {
    super(transport, arrived.listening.path, host.counts, accepted);
    this.setState(WAITING);
    this.lease = new ConfigLease(host, arrived, this.localAddress);
    this.intake = new RequestIntake(this, this.lease);
    this.writer = new ResponseWriter(transport);
    watch(this);
    this.openedAt = now(); // the clock only runs while something is watched
    this.usedAt = this.openedAt;
    this.deadline = this.openedAt + this.lease.program.defaultServer.clientHeaderTimeout;
  }

  get closed(): boolean {
    return this.state === CLOSED;
  }
  /** Whether no request has begun to arrive. */
  get idle(): boolean {
    return !this.unread && (this.state === IDLE || (this.state === READING_HEAD && this.intake.reader.idle));
  }

  /** The listener was removed: finishes the request in flight, then closes. */
  drain(): void {
    if (this.state === IDLE && !this.unread) this.transport.destroySoon();
    else if (this.idle) this.expectSoon(this.lease);
    else if (this.state === HANDLING) this.lease.reserve();
  }

  destroy(): void {
    this.transport.destroy();
  }

  // -- bytes from the client

  protected get blocked(): boolean {
    return this.body.full;
  }

  protected consume(): boolean {
    if (this.state === IDLE || this.state === READING_HEAD) this.readHead();
    else if (this.state === HANDLING && this.body.consumable) this.readBodyBytes();
    else if (this.state === LINGERING) {
      this.chunkStart = this.chunkEnd;
      if (this.waitingFor === NOTHING) this.extendLingering();
    } else return false;
    return true;
  }

  /** If the client has already sent FIN, all data received before it (including pipelined requests) is now consumed. */
  protected pushbackConsumed(): void {
    if (!this.peerEnded) return;
    if (this.state === IDLE || this.state === READING_HEAD) this.onEnd();
    else if (this.state === HANDLING && !this.body.done && this.body.sink !== null) this.body.cut();
  }

  /** Settings of the current request, or of the last one until the next begins. */
  protected get settings(): LocationSettings {
    return this.exchange?.location.settings ?? this.lastSettings ?? this.lease.program.defaultServer.base.settings;
  }

  private readHead(): void {
    const { intake } = this,
      { reader } = intake;
    if (reader.idle) this.lease.rebind();
    this.setReading();
    if (this.state === IDLE) {
      this.state = READING_HEAD;
      this.headTimed = false;
    } else if (this.requests === 0) {
      this.deadline = this.openedAt + this.lease.program.defaultServer.clientHeaderTimeout;
    }
    const before = reader.receivedLength;
    const end = Math.min(this.chunkEnd, this.chunkStart + MAX_HEAD_CHUNK);
    const result = intake.feed(this.chunk.latin1Slice(this.chunkStart, end));
    if (result === MORE) {
      this.chunkStart = end;
      if (!this.headTimed && end === this.chunkEnd) {
        // Set once, by the server selected after all initially available bytes are read.
        this.headTimed = true;
        this.deadline = now() + intake.server.clientHeaderTimeout;
      }
      return;
    }
    // Empty lines before a request line are not part of the reader's length.
    const skipped = before + (end - this.chunkStart) - reader.receivedLength;
    this.chunkStart = result === COMPLETE ? this.chunkStart + skipped + reader.length - before : end;
    this.begin(result);
  }

  /** Starts handling the request whose head was read with this result. */
  private begin(result: number): void {
    const { intake } = this;
    const x = this.open();
    const refusal = intake.refusal(result, x);
    if (refusal !== null) {
      this.keep = false;
      refuseRequest(x, refusal, intake.reader);
      return;
    }
    if (x.contentLength !== 0) this.body.begin(x, x.contentLength);
    this.body.expectContinue = expectsContinue(x);
    x.start();
  }

  /** Makes the (possibly partial) request the current exchange. */
  private open(): Exchange {
    const { intake } = this;
    this.requests++;
    this.state = HANDLING;
    this.setState(WRITING);
    this.waitForNothing();
    this.keep = true;
    this.ended = false;
    const x = intake.take();
    this.exchange = x;
    this.requestLength = intake.reader.parsedLength;
    this.writer.begin();
    this.body.begin(x, 0);
    return x;
  }

  // -- the body of the request

  readBody(sink: BodySink): void {
    const { body } = this;
    if (body.done) {
      sink.bodyEnd();
      return;
    }
    body.sink = sink;
    this.sendContinue();
    this.waitForBody();
    if (this.peerEnded && !this.unread) body.cut();
    // If called while a chunk is being consumed, that loop continues with the body after the handlers return.
    else this.resumeReading();
  }

  sendContinue(): void {
    const { body } = this;
    if (!body.expectContinue) return;
    body.expectContinue = false;
    // Like nginx, sent even if the body has begun to arrive: a client may ignore it then (RFC 9110 10.1.1).
    this.transport.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  get bodyWaits(): boolean {
    return !this.body.done && this.unread;
  }
  get bodyPreread(): number {
    return Math.min(this.unreadLength, this.intake.reader.bufferRoom);
  }

  discardBody(): number {
    const { body } = this;
    if (body.done || this.chunkStart >= this.chunkEnd) return 0;
    body.discarding = true;
    this.consumeBody();
    body.discarding = false;
    return body.broken ? 400 : 0;
  }

  resumeBody(): void {
    const { body } = this;
    if (!body.full) return;
    body.full = false;
    if (this.waitingFor === BODY) this.waitForBody();
    this.resumeReading();
    if (this.peerEnded && !body.done && !this.unread) body.cut();
  }

  /** Reads body bytes from the current chunk. */
  private consumeBody(): void {
    const from = this.chunkStart;
    this.chunkStart = this.body.read(this.chunk, from, this.chunkEnd);
    this.requestLength += this.chunkStart - from;
  }

  private readBodyBytes(): void {
    const { body } = this;
    this.consumeBody();
    if (this.waitingFor === BODY) {
      if (body.done) {
        this.waitForNothing();
        // The client may have been slow to read the response while its body was awaited.
        if (this.transport.waiting) this.waitToSend();
      } else if (body.full) this.deadline = 0;
      else this.waitForBody();
    }
    if (!body.done) {
      if (this.exchange === null) this.extendLingering();
      return;
    }
    if (body.discarding) this.discarded();
    else body.complete();
  }

  // -- the response

  sendHead(x: Exchange, ended: boolean): void {
    if (x.version === 9) {
      this.keep = false;
      return;
    }
    const framing = chooseFraming(x, ended);
    const age = now() - this.openedAt;
    // Without `100 Continue` the client may never send its body; a next request could not be told from that body.
    const last = this.unread ? false : this.peerEnded || this.body.awaited;
    this.keep &&= canKeepAlive(x, framing, this.requests, age) && !last && this.host.keeps(this.arrived);
    this.writer.head(formatHead(x, framing, this.keep));
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
    // Interim responses are optional: do not wait for a slow client, and do not buffer an unlimited number.
    if (this.exchange === null || this.exchange.version < 11 || this.transport.waiting) return;
    this.transport.writeText(`HTTP/1.1 ${statusText(status)}\r\n${lines}\r\n`);
  }

  write(chunk: Chunk): boolean {
    if (chunk.length === 0 || this.transport.closed || this.exchange === null) return true;
    const more = this.writer.body(chunk);
    if (!more) this.waitToSend();
    return more;
  }

  cork(): void {
    this.writer.cork();
  }
  uncork(): void {
    if (this.writer.uncork()) this.waitToSend();
  }

  end(): void {
    const x = this.exchange;
    if (x === null || this.ended) return;
    this.writer.end(x.response.trailers);
    this.ended = true;
    if (this.transport.pending === 0) {
      x.finish();
      return;
    }
    this.waitForNothing();
    this.waitToSend();
    this.transport.whenFlushed(() => x.finish());
  }

  onDrain(): void {
    if (this.waitingFor === SENDING) this.waitForNothing();
    this.exchange?.producer?.resume();
  }

  // -- the end of an exchange

  done(x: Exchange): void {
    if (this.exchange !== x) return;
    const { body } = this;
    this.lastSettings = x.location.settings;
    this.exchange = null;
    this.waitForNothing();
    body.finish();
    // If the listener was removed, data still in flight has no other table.
    this.lease.release(this.state === HANDLING && (this.unread || !this.host.keeps(this.arrived)));
    this.setState(CLOSING);
    if (this.state !== HANDLING) return;
    if (!x.completed) this.closeAfterCut(x);
    else if (!this.keep || body.broken) this.close();
    else if (body.done) this.nextRequest();
    else {
      // Discard the rest of the body to find the next request after it.
      body.discarding = true;
      body.full = false;
      this.beginLingering();
      this.resumeReading();
    }
  }

  /** The rest of an unused body has been read. */
  private discarded(): void {
    this.body.discarding = false;
    if (this.exchange !== null || this.state !== HANDLING) return;
    if (this.body.broken) this.close();
    else this.nextRequest();
  }

  private nextRequest(): void {
    this.intake.reader.reset();
    this.lease.rebind();
    this.pipelined = this.unread;
    if (!this.unread && (!this.host.keeps(this.arrived) || this.peerEnded)) {
      this.close();
      return;
    }
    this.state = IDLE;
    this.usedAt = now();
    this.moved = true;
    this.setState(WAITING);
    this.deadline = now() + this.settings.keepaliveTimeout;
    this.resumeReading();
    if (this.peerEnded && this.state === IDLE && !this.unread) this.close();
  }

  /** Closes the connection after a complete response. */
  private close(): void {
    const { settings } = this;
    const { lingeringClose } = settings;
    const more = !this.body.done || this.unread || MORE_DATA_EXPECTED.has(this.intake.reader.status);
    const linger = lingeringClose === 'always' || (lingeringClose === 'on' && more);
    this.state = LINGERING;
    this.dropUnread();
    this.beginLingering();
    if (linger && !this.peerEnded) {
      // Closing with unread bytes would reset the connection and could lose the response (RFC 9112 9.6).
      this.transport.end();
      this.transport.resume();
    } else this.transport.destroySoon();
  }

  /** Closes the connection after an incomplete response, so that the client cannot mistake it for complete. */
  private closeAfterCut(x: Exchange): void {
    const { transport } = this;
    this.state = LINGERING;
    this.dropUnread();
    if (x.headSent) this.writer.flush();
    if (this.timeoutExpired && x.location.settings.resetTimedoutConnection) transport.reset();
    else if (transport.pending > 0 && !this.timeoutExpired) {
      // Data already received from the upstream still reaches the client.
      this.waitToSend();
      transport.destroySoon();
    } else transport.destroy();
  }

  // -- timeouts and the end of the connection

  timedOut(): void {
    const x = this.exchange;
    if (this.state === READING_HEAD && !this.intake.reader.idle) {
      this.timeoutExpired = true;
      this.cutHead(408, TIMED_OUT);
    } else if (this.extendSendTimeout()) {
      return;
    } else if (this.state !== HANDLING || x === null) {
      this.transport.destroy();
    } else {
      this.timeoutExpired = true;
      if (this.waitingFor === BODY) {
        logError(x, 'info', `${TIMED_OUT} while reading client request body`);
        this.waitingFor = NOTHING;
        if (this.body.sink !== null) this.body.fail(408);
        else x.finalize(408);
      } else {
        logError(x, 'info', `${TIMED_OUT} while sending to client`);
        x.completed = false;
        x.abort();
      }
    }
  }

  /** Logs and drops a request with an incomplete head. */
  private cutHead(status: number, reason: string): void {
    const x = this.open();
    logReading(x, this.intake.reader, reason);
    x.response.status = status;
    x.abort();
  }

  onEnd(): void {
    this.peerEnded = true;
    const x = this.exchange;
    if (this.state === READING_HEAD && !this.intake.reader.idle) {
      this.cutHead(400, 'client prematurely closed connection');
    } else if (this.state !== HANDLING || x === null) {
      if (this.state !== IDLE || !this.unread) this.transport.destroySoon();
    } else if (!this.body.done && this.body.sink !== null) {
      if (!this.unread) this.body.cut();
    } else if (!this.ended && !this.unread && !x.ignoreClientAbort) {
      clientLeft(x, null);
    }
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    const before = this.state;
    unwatch(this);
    this.state = CLOSED;
    this.dropUnread();
    this.host.forget(this);
    const x = this.exchange;
    if (x === null) {
      this.setState(CLOSING);
      if (before === READING_HEAD && !this.intake.reader.idle && !this.peerEnded) {
        this.cutHead(400, 'client closed connection');
        this.state = CLOSED;
      }
      this.lease.release();
      return;
    }
    // The whole response was written, but the client did not read all of it.
    if (this.ended) x.clientGone();
    else if (!this.body.done && this.body.sink !== null) this.body.cut(error);
    else if (!x.ignoreClientAbort || x.producer === null || !this.body.done) clientLeft(x, error);
    // The upstream may have been paused for the client; discarding accepts everything.
    else x.producer.resume();
  }

  detach(): DetachedClient | null {
    const x = this.exchange;
    if (x === null || this.state !== HANDLING || this.transport.closed) return null;
    this.writer.flush();
    this.state = TUNNEL;
    this.body.finish();
    unwatch(this);
    this.deadline = 0;
    return new TunnelledClient(this, this.lease, x, this.takeUnread());
  }

  tunnelEnded(x: Exchange, completed: boolean): void {
    x.completed = completed;
    x.finish();
    this.state = CLOSED;
    this.host.forget(this);
  }
}
