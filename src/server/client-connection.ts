/**
 * One HTTP/1 connection of a client: reads heads, runs an exchange at a time, and decides what becomes of the
 * connection. Pipelined requests wait in the stash until the one before them is answered.
 */
import type { BodySink, Chunk, ClientSide, DetachedClient } from '../exchange/client-side.js';
import { CLOSING, WAITING, WRITING } from '../exchange/connection-counts.js';
import * as engine from '../exchange/engine.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import type { LocationSettings } from '../exchange/program.js';
import { statusText } from '../exchange/status-text.js';
import { now, unwatch, watch } from '../http/deadlines.js';
import { COMPLETE, MORE } from '../http/request-reader.js';
import type { Transport, TransportOwner } from '../http/transport.js';
import { answerFraming, answerHead, Framing, mayKeep } from './answer-head.js';
import { AnswerWriter } from './answer-writer.js';
import { BODY, ClientDeadline, NOTHING, SENDING, TIMED_OUT } from './client-deadline.js';
import { clientLeft } from './client-loss.js';
import { type Arrived, ConfigLease } from './config-lease.js';
import { RequestBodyReader } from './request-body.js';
import { RequestIntake } from './request-intake.js';
import { expectsContinue, logReading, refuseRequest } from './routing.js';
import type { ConnectionHost } from './server.js';
import { TunnelledClient } from './tunnelled-client.js';

/** What the connection is doing; also what its deadline is about. */
const IDLE = 0;
const READING_HEAD = 1;
const HANDLING = 2;
const LINGERING = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** A head is converted to text in pieces of this size, so that a body behind it is not. */
const HEAD_PIECE = 4096;

/** Statuses of refused heads of which the rest is still on its way. */
const MORE_BEHIND: ReadonlySet<number> = new Set([414, 494, 503]);

export class ClientConnection extends ClientDeadline implements ClientSide, TransportOwner {
  requests = 0;
  /** When the last answer was complete; before the first, when the connection was accepted. */
  usedAt: number;
  /** `usedAt` has changed since the server put its connections in order. */
  moved = false;
  pipelined = false;
  requestLength = 0;

  private state = READING_HEAD;
  private readonly openedAt: number;
  private lastSettings: LocationSettings | null = null;
  private readonly intake: RequestIntake;
  private readonly body = new RequestBodyReader();
  private readonly writer: AnswerWriter;
  private exchange: Exchange | null = null;
  private readonly lease: ConfigLease;
  /** The connection stays open after the present answer. */
  private keep = true;
  /** The whole answer was written. */
  private ended = false;
  /** The client sends no more. */
  peerEnded = false;
  /** The deadline of the head that is being read is set. */
  private headTimed = true;
  /** The client was too slow for one of the timeouts. */
  private late = false;

  constructor(
    transport: Transport,
    readonly host: ConnectionHost,
    readonly arrived: Arrived,
  ) {
    super(transport, arrived.listening.path, host.counts);
    this.setState(WAITING);
    this.lease = new ConfigLease(host, arrived, this.localAddress);
    this.intake = new RequestIntake(this, this.lease, host);
    this.writer = new AnswerWriter(transport);
    watch(this);
    this.openedAt = now(); // the clock stands still while nobody is watched
    this.usedAt = this.openedAt;
    this.deadline = this.openedAt + this.lease.program.defaultServer.clientHeaderTimeout;
  }

  get closed(): boolean {
    return this.state === CLOSED;
  }

  /** Nothing is under way: no request has begun to arrive. */
  get idle(): boolean {
    return !this.unread && (this.state === IDLE || (this.state === READING_HEAD && this.intake.reader.idle));
  }

  /** Nobody listens any more where it arrived: it brings what was on its way, and ends. */
  drain(): void {
    if (this.state === IDLE && !this.unread) this.transport.destroySoon();
    else if (this.idle) this.expectSoon(this.lease);
    else if (this.state === HANDLING) this.lease.reserve();
  }

  // -- bytes from the client

  protected get blocked(): boolean {
    return this.body.full;
  }

  protected get deaf(): boolean {
    return this.state === CLOSED;
  }

  protected consume(): boolean {
    if (this.state === IDLE || this.state === READING_HEAD) this.readHead();
    else if (this.state === HANDLING && this.body.wanted) this.readBodyBytes();
    else if (this.state === LINGERING) {
      this.chunkStart = this.chunkEnd;
      if (this.waitingFor === NOTHING) this.lingerOn();
    } else return false;
    return true;
  }

  /** Where the client ended its side some time ago, all that it had sent before (pipelined requests too) is used now. */
  protected pushbackConsumed(): void {
    if (!this.peerEnded) return;
    if (this.state === IDLE || this.state === READING_HEAD) this.onEnd();
    else if (this.state === HANDLING && !this.body.done && this.body.sink !== null) this.body.cut();
  }

  /** Those of the request, or of the last one: they hold until the next begins. */
  protected get settings(): LocationSettings {
    return this.exchange?.location.settings ?? this.lastSettings ?? this.lease.program.defaultServer.base.settings;
  }

  private readHead(): void {
    const { intake } = this;
    const { reader } = intake;
    if (reader.idle) this.lease.rebind();
    this.standReading();
    if (this.state === IDLE) {
      this.state = READING_HEAD;
      this.headTimed = false;
    } else if (this.requests === 0) {
      this.deadline = this.openedAt + this.lease.program.defaultServer.clientHeaderTimeout;
    }
    const before = reader.receivedLength;
    const end = Math.min(this.chunkEnd, this.chunkStart + HEAD_PIECE);
    const result = intake.feed(this.chunk.latin1Slice(this.chunkStart, end));
    if (result === MORE) {
      this.chunkStart = end;
      if (!this.headTimed && end === this.chunkEnd) {
        // Set once, by the server that is in force when all that came first was read.
        this.headTimed = true;
        this.deadline = now() + intake.server.clientHeaderTimeout;
      }
      return;
    }
    // Blank lines in front of a request line are not part of what the reader received.
    const skipped = before + (end - this.chunkStart) - reader.receivedLength;
    this.chunkStart = result === COMPLETE ? this.chunkStart + skipped + reader.length - before : end;
    this.begin(result);
  }

  /** Begins to handle the request of which the head was read with this result. */
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

  /** Makes the request that was read, as far as it was, the present one. */
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
    // What is lent is read by the loop that lent it, when the handlers have returned.
    else this.resumeReading();
  }

  sendContinue(): void {
    const { body } = this;
    if (!body.expectContinue) return;
    body.expectContinue = false;
    // Like nginx, also where the body has begun to arrive: a client may ignore it then (RFC 9110 10.1.1).
    this.transport.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  get bodyWaits(): boolean {
    return !this.body.done && this.unread;
  }

  discardBody(): number {
    const { body } = this;
    if (body.done || this.chunkStart >= this.chunkEnd) return 0;
    body.discarding = true;
    this.takeBody();
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

  /** Reads the body off the lent bytes. */
  private takeBody(): void {
    const from = this.chunkStart;
    this.chunkStart = this.body.read(this.chunk, from, this.chunkEnd);
    this.requestLength += this.chunkStart - from;
  }

  private readBodyBytes(): void {
    const { body } = this;
    this.takeBody();
    if (this.waitingFor === BODY) {
      if (body.done) {
        this.waitForNothing();
        // The client may have been slow to take the answer while its body was waited for.
        if (this.transport.waiting) this.waitToSend();
      } else if (body.full) this.deadline = 0;
      else this.waitForBody();
    }
    if (!body.done) {
      if (this.exchange === null) this.lingerOn();
      return;
    }
    if (body.discarding) this.discarded();
    else body.complete();
  }

  // -- the answer

  sendHead(x: Exchange, ended: boolean): void {
    if (x.version === 9) {
      this.keep = false;
      return;
    }
    const framing = answerFraming(x, ended);
    const age = now() - this.openedAt;
    // A client that was not told to go on may never send its body, and one that asks again could not be told from it.
    const last = this.unread ? false : this.peerEnded || this.body.awaited;
    this.keep &&= mayKeep(x, framing, this.requests, age) && !last && this.host.keeps(this.arrived);
    this.writer.head(answerHead(x, framing, this.keep));
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
    // A hint is not worth waiting for a slow client, and as many as an upstream likes must not wait in memory.
    if (this.exchange === null || this.exchange.version < 11 || this.transport.waiting) return;
    this.transport.writeText(`HTTP/1.1 ${statusText(status)}\r\n${lines}\r\n`);
  }

  write(chunk: Chunk): boolean {
    const { exchange } = this;
    if (chunk.length === 0 || this.transport.closed || exchange === null) return true;
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
      engine.finish(x);
      return;
    }
    this.waitForNothing();
    this.waitToSend();
    this.transport.whenFlushed(() => engine.finish(x));
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
    // Where the listener is gone, what is still on its way has no other table.
    this.lease.release(this.state === HANDLING && (this.unread || !this.host.keeps(this.arrived)));
    this.setState(CLOSING);
    if (this.state !== HANDLING) return;
    if (!x.completed) this.closeAfterCut(x);
    else if (!this.keep || body.broken) this.close();
    else if (body.done) this.nextRequest();
    else {
      // The rest of the body is read and dropped, so that the next request can be found behind it.
      body.discarding = true;
      body.full = false;
      this.beginLingering();
      this.resumeReading();
    }
  }

  /** The rest of a body that nobody wanted has been read. */
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

  /** Closes a connection whose last answer is complete. */
  private close(): void {
    const { settings } = this;
    const { lingeringClose } = settings;
    const more = !this.body.done || this.unread || MORE_BEHIND.has(this.intake.reader.status);
    const linger = lingeringClose === 'always' || (lingeringClose === 'on' && more);
    this.state = LINGERING;
    this.dropUnread();
    this.beginLingering();
    if (linger && !this.peerEnded) {
      // Closing with bytes unread would reset the connection and could take the answer with it (RFC 9112 9.6).
      this.transport.end();
      this.transport.resume();
    } else this.transport.destroySoon();
  }

  /** Closes after an answer that is not complete, so that the client cannot take it for whole. */
  private closeAfterCut(x: Exchange): void {
    const { transport } = this;
    const { settings } = x.location;
    this.state = LINGERING;
    this.dropUnread();
    if (x.headSent) this.writer.flush();
    if (this.late && settings.resetTimedoutConnection) transport.reset();
    else if (transport.pending > 0 && !this.late) {
      // What the upstream did send still reaches the client.
      this.waitToSend();
      transport.destroySoon();
    } else transport.destroy();
  }

  // -- timeouts and the end of the connection

  timedOut(): void {
    const x = this.exchange;
    if (this.state === READING_HEAD && !this.intake.reader.idle) {
      this.late = true;
      this.cutHead(408, TIMED_OUT);
    } else if (this.waitOn()) {
      return;
    } else if (this.state !== HANDLING || x === null) {
      this.transport.destroy();
    } else {
      this.late = true;
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

  /** Logs and drops a request whose head never became complete. */
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
    // The whole answer was written, the client just did not wait for all of it.
    if (this.ended) engine.clientGone(x);
    else if (!this.body.done && this.body.sink !== null) this.body.cut(error);
    else if (!x.ignoreClientAbort || x.producer === null || !this.body.done) clientLeft(x, error);
    // The upstream may have been stopped for the client, who takes everything now.
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
    engine.finish(x);
    this.state = CLOSED;
    this.host.forget(this);
  }
}
