/**
 * The client side of one exchange on a stream of an HTTP/2 connection: reads the body of its request, and writes its response.
 * The connection (`server-connection.ts`) owns the frames, and what applies to all streams.
 */
import type { ClientInfo } from '../exchange/client-info.js';
import type { ClientSide, DetachedClient } from '../exchange/client-side.js';
import { CLOSING, type ConnectionCounts, type ConnectionState, WRITING } from '../exchange/connection-counts.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { TunnelledClient, type TunnelledConnection } from '../exchange/tunnelled-client.js';
import { TIMED_OUT } from '../http1/client-timeouts.js';
import type { Accepted } from '../net/accept-step.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { awaitProgress, extendWithProgress } from '../net/send-timeout.js';
import type { Transport } from '../net/transport.js';
import type { BodySink, Chunk } from '../program/body.js';
import type { ConfigLease } from '../program/config-lease.js';
import { logError } from '../program/error-context.js';
import { ErrorCode } from './error-codes.js';
import type { ReceiveWindow } from './flow-window.js';
import { FRAME_HEADER } from './frame-types.js';
import type { FrameWriter } from './frame-writer.js';
import type { HpackEncoder } from './hpack/encoder.js';
import { HTTP2 } from './http2-settings.js';
import { encodeFields, encodeHead, encodeInterim, headText } from './response-fields.js';
import { type BodyOwner, StreamBody } from './stream-body.js';
import { type OutputOwner, type OutputScheduler, StreamOutput } from './stream-output.js';
import type { TableEntry } from './stream-table.js';
import type { StreamTransport } from './stream-transport.js';
import { TUNNEL_FRAME, type TunnelHost, tunnelOver } from './stream-tunnel.js';

/** The connection as seen by its streams. */
export interface StreamConnection {
  readonly transport: Transport;
  readonly info: ClientInfo;
  readonly counts: ConnectionCounts;
  readonly writer: FrameWriter;
  readonly encoder: HpackEncoder;
  readonly scheduler: OutputScheduler;
  /** Whether the transport is closed. */
  readonly closed: boolean;
  /** Whether the listener still exists, so that the connection may be kept alive. */
  readonly keeps: boolean;
  /** Calls `body.deliverPostponed` of a stream at the end of the current read. */
  postponeDelivery(stream: Http2Stream): void;
  /** Starts the timeout for sending, of the connection as a whole. */
  awaitSending(): void;
  /** Calls `flushed` of a stream when all frames so far have been accepted by the kernel. */
  whenFlushed(stream: Http2Stream): void;
  /** Resets the stream; frames that still arrive for it are ignored. */
  resetStream(stream: Http2Stream, code: number): void;
  /** The stream has ended in both directions, and its exchange is released. */
  streamClosed(stream: Http2Stream): void;
}

// Values of `waitingFor`: the event that the deadline limits.
const NOTHING = 0;
const BODY = 1;
const SENDING = 2;

export class Http2Stream
  implements ClientSide, BodyOwner, OutputOwner, TunnelHost, TunnelledConnection, Timed, TableEntry<Http2Stream>
{
  deadline = 0;
  deadlineIndex = -1;
  nextInTable: Http2Stream | null = null;
  /** Null when it is released. */
  exchange: HttpExchange | null = null;
  readonly body: StreamBody;
  readonly output: StreamOutput;
  readonly pipelined = false;
  extendedConnect = false;
  /** Whether the header block was malformed. */
  malformed = false;
  readonly bodyPreread = 0;
  /** Frames of heads, bytes including their headers. */
  private headBytes = 0;
  /** Bytes of the header block as received. */
  private blockLength = 0;
  /** Whether no further frame may be sent: it was reset by one side, or the connection is closed. */
  private cut = false;
  /** Whether the whole response has been written. */
  private complete = false;
  /** Whether the stream is reset when the queued part of an incomplete response was sent. */
  private resetDue = false;
  private timeoutExpired = false;
  private waitingFor = NOTHING;
  private counted: ConnectionState = CLOSING;
  /** The tunnel that the stream has become; null for a request. */
  private tunnel: StreamTransport | null = null;

  constructor(
    readonly number: number,
    private readonly connection: StreamConnection,
    readonly lease: ConfigLease,
    /** Value of `$connection_requests`. */
    readonly requests: number,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.body = new StreamBody(this, receiveWindow);
    this.output = new StreamOutput(number, connection.scheduler, this, sendWindow, 0);
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
    return this.cut;
  }
  get draining(): boolean {
    return !this.connection.keeps;
  }

  /** Begins an exchange. `length`: bytes of its header block. */
  open(x: HttpExchange, length: number, ended: boolean): void {
    this.exchange = x;
    this.blockLength = length;
    this.body.ended = ended;
    this.count(WRITING);
    this.counts.requests++;
  }

  private count(state: ConnectionState): void {
    if (state === this.counted) return;
    this.counts.move(this.counted, state);
    this.counted = state;
  }

  // -- the body of the request

  get requestLength(): number {
    return this.blockLength + this.body.consumed;
  }

  readBody(sink: BodySink): void {
    this.sendContinue();
    this.body.read(sink);
  }

  /** Bytes `start` to `end`, borrowed, have arrived; see `StreamBody.add`. */
  received(bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    const { body, tunnel } = this;
    if (tunnel === null) {
      body.add(bytes, start, end, counted, ended);
      return;
    }
    body.ended = ended;
    body.consumed += end - start;
    if (counted > end - start) body.credit(counted - (end - start));
    if (end > start) tunnel.onData(bytes, start, end);
    if (ended) tunnel.onEnd();
  }

  resumeBody(): void {
    this.body.resume();
  }

  sendContinue(): void {
    const { body } = this;
    if (!body.expectContinue) return;
    body.expectContinue = false;
    if (!body.ended && !this.cut) this.sendInterim(100, '');
  }

  get bodyWaits(): boolean {
    return !this.body.done && (this.body.queued > 0 || this.body.ended);
  }

  discardBody(): number {
    this.body.discard();
    return 0;
  }

  openWindow(increment: number): void {
    if (!this.cut) this.connection.writer.windowUpdate(this.number, increment);
  }

  postponeDelivery(): void {
    this.connection.postponeDelivery(this);
  }

  bodyProgress(): void {
    const { exchange: x, body } = this;
    if (x !== null && body.awaited) this.await(BODY, x.location.settings.clientBodyTimeout);
    else if (this.waitingFor === BODY) this.awaitNothing();
  }

  // -- the response

  sendHead(x: HttpExchange, ended: boolean): void {
    if (this.cut) return;
    const { encoder } = this.connection;
    const { response } = x;
    encodeHead(x, encoder);
    if (x.record !== null) x.record.response = headText(x);
    this.output.frameSize = x.location.settings.get(HTTP2).chunkSize;
    const last = ended || x.headOnly || (response.contentLength === 0 && !response.expectTrailers && !x.tunnelled);
    this.sendBlock(last);
    if (last) this.output.endedWithHead();
  }

  sendInterim(status: number, lines: string): void {
    const { encoder, writer } = this.connection;
    // Early hints are optional: do not wait for a slow client, and do not buffer an unlimited number.
    if (this.cut || (writer.waiting && status !== 100)) return;
    encodeInterim(status, lines, encoder);
    this.sendBlock(false);
  }

  sendTrailers(): void {
    const { exchange: x, connection } = this;
    if (x === null) return;
    encodeFields(x.response.trailers, connection.encoder);
    this.sendBlock(true);
  }

  /** Sends the block of the encoder. */
  private sendBlock(ended: boolean): void {
    const { writer, encoder, scheduler } = this.connection;
    scheduler.payloadBytes += encoder.length;
    const before = writer.bytesWritten;
    writer.headers(this.number, encoder.block, 0, encoder.length, ended);
    this.headBytes += writer.bytesWritten - before;
  }

  get bytesSent(): number {
    const { sent, frames } = this.output;
    return this.headBytes + sent + frames * FRAME_HEADER;
  }
  get bodyBytesSent(): number {
    return this.output.sent;
  }

  write(chunk: Chunk): boolean {
    if (this.cut || this.exchange === null) return true;
    const more = this.output.write(chunk);
    if (!more) this.awaitSending();
    return more;
  }

  // All frames of one turn of the event loop leave in one write anyway.
  cork(): void {}
  uncork(): void {}

  outputDrained(): void {
    if (this.tunnel !== null) {
      this.tunnel.onDrain();
      return;
    }
    if (this.waitingFor === SENDING) this.awaitNothing();
    if (this.resetDue) this.connection.resetStream(this, this.resetCode);
    else this.exchange?.producer?.resume();
  }

  outputEnded(): void {
    if (this.tunnel !== null) {
      this.tunnel.onEndSent();
      return;
    }
    if (this.waitingFor === SENDING) this.awaitNothing();
    this.connection.whenFlushed(this);
  }

  /** The kernel has accepted the whole response. */
  flushed(): void {
    if (!this.cut) this.exchange?.finish();
  }

  // -- the end of the exchange; the sequence is described in `exchange/finalization.ts`

  end(completed: boolean): void {
    const x = this.exchange;
    if (x === null) return;
    if (!completed) {
      x.finish();
      return;
    }
    if (this.complete) return;
    this.complete = true;
    const { output } = this;
    if (this.cut) x.finish();
    else if (output.ended) this.connection.whenFlushed(this);
    else {
      output.end(x.response.trailers.length > 0);
      if (!output.ended) this.awaitSending();
    }
  }

  released(): void {
    const { exchange: x, connection } = this;
    if (x === null) return;
    const { completed } = x;
    this.exchange = null;
    this.body.finish();
    this.count(CLOSING);
    this.lease.release();
    if (this.tunnel !== null) return;
    if (this.cut) connection.streamClosed(this);
    else if (completed) {
      // A malformed request is a stream error, even if it gets a response (RFC 9113 8.1.1).
      if (this.malformed || this.body.violated) connection.resetStream(this, ErrorCode.ProtocolError);
      // The rest of the request is not needed (RFC 9113 8.1).
      else if (this.body.ended) connection.streamClosed(this);
      else connection.resetStream(this, ErrorCode.NoError);
    } else if (this.output.queued > 0 && !this.timeoutExpired) {
      // Data already received from the upstream still reaches the client.
      this.resetDue = true;
      this.output.notifyWhenDrained();
      this.awaitSending();
    } else connection.resetStream(this, this.resetCode);
  }

  private get resetCode(): number {
    return this.timeoutExpired ? ErrorCode.ProtocolError : ErrorCode.InternalError;
  }

  /** No further frame is sent or expected. */
  close(): void {
    this.cut = true;
    this.output.close();
    this.awaitNothing();
  }

  /** The client has reset the stream or closed the connection, or violated the protocol. `code`: that of RST_STREAM, or -1. */
  lost(code = -1): void {
    const { exchange: x, body, tunnel } = this;
    this.close();
    if (tunnel !== null) {
      this.connection.streamClosed(this);
      if (code >= 0) tunnel.onReset(code);
      else tunnel.lost(null);
      return;
    }
    if (x === null) {
      this.connection.streamClosed(this);
      return;
    }
    // The whole response was written, but the client did not read all of it.
    if (this.complete) x.clientGone();
    else if (!body.done && body.sink !== null) body.cut();
    else if (!x.ignoreClientAbort || x.producer === null || !body.done) x.clientGone();
    // The upstream may have been paused for the client; discarding accepts everything.
    else x.producer.resume();
  }

  // -- timeouts

  private await(event: number, timeout: number): void {
    this.waitingFor = event;
    watch(this);
    this.deadline = now() + timeout;
  }

  private awaitNothing(): void {
    if (this.waitingFor === NOTHING) return;
    this.waitingFor = NOTHING;
    this.deadline = 0;
    unwatch(this);
  }

  /** Starts the timeout for sending the response (`send_timeout`), unless the request body is awaited. */
  private awaitSending(): void {
    if (this.connection.writer.waiting) this.connection.awaitSending();
    if (this.waitingFor !== NOTHING || this.cut) return;
    this.waitingFor = SENDING;
    watch(this);
    awaitProgress(this, this.output, this.sendTimeout);
  }

  private get sendTimeout(): number {
    return (this.exchange?.location ?? this.lease.program.defaultServer.base).settings.sendTimeout;
  }

  timedOut(): void {
    const { exchange: x, body, waitingFor } = this;
    if (waitingFor === SENDING) {
      // The timeout of the connection applies while its transport is slow.
      if (this.connection.writer.waiting) {
        awaitProgress(this, this.output, this.sendTimeout);
        return;
      }
      if (extendWithProgress(this, this.output, this.sendTimeout)) return;
    }
    this.awaitNothing();
    this.timeoutExpired = true;
    if (x === null) {
      this.connection.resetStream(this, this.resetCode);
    } else if (waitingFor === BODY) {
      logError(x, 'info', `${TIMED_OUT} while reading client request body`);
      if (body.sink !== null) body.fail(408);
      else x.finalize(408);
    } else {
      logError(x, 'info', `${TIMED_OUT} while sending to client`);
      x.completed = false;
      x.abort();
    }
  }

  /** Its header block is incomplete after `client_header_timeout`. */
  headTimedOut(): void {
    this.timeoutExpired = true;
    this.exchange?.abort();
  }

  // -- the tunnel after an extended CONNECT

  detach(): DetachedClient | null {
    const { exchange: x, body } = this;
    if (x === null || this.cut) return null;
    this.awaitNothing();
    const { ended } = body;
    const early = body.takeQueued();
    this.output.frameSize = Math.max(this.output.frameSize, TUNNEL_FRAME);
    this.tunnel = tunnelOver(this, ended);
    return new TunnelledClient(this, this.lease, x, early);
  }

  /** Transport of the tunnel. */
  get transport(): Transport {
    if (this.tunnel === null) throw new Error('the stream is no tunnel');
    return this.tunnel;
  }
  /** Whether the client had sent END_STREAM when the tunnel began, or has since. */
  get peerEnded(): boolean {
    return this.body.ended;
  }
  get connectionTransport(): Transport {
    return this.connection.transport;
  }
  get receiveWindow(): ReceiveWindow {
    return this.body.window;
  }

  get queued(): number {
    return this.output.queued;
  }

  sendData(bytes: Buffer, start: number, end: number): boolean {
    const { output, connection } = this;
    const more = output.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    if (!more && connection.writer.waiting) connection.awaitSending();
    return more;
  }

  sendProgress(): boolean {
    return this.output.madeProgress();
  }

  sendEnd(): void {
    this.output.end(false);
  }

  resetTunnel(code: number): void {
    this.connection.resetStream(this, code);
  }

  tunnelClosed(): void {
    this.connection.streamClosed(this);
  }

  tunnelEnded(x: HttpExchange, completed: boolean): void {
    x.completed = completed;
    x.finish();
  }
}
