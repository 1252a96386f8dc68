/** A request and its response on an HTTP/2 session. */
import { HeaderBlock } from '../http/header-block.js';
import type { StreamFailures, StreamUser, UpstreamHead, UpstreamStream } from '../http/upstream-session.js';
import { responseFraming } from '../http1/response-reader.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport } from '../net/transport.js';
import { ErrorCode } from './error-codes.js';
import { acceptedFields, requestedKey } from './extended-connect.js';
import { ReceiveWindow, SendWindow } from './flow-window.js';
import { RequestOutput, type SendingConnection, type SendingStream } from './request-output.js';
import type { UpstreamFields } from './upstream-fields.js';
import { type TunnelledStream, UpstreamTunnel } from './upstream-tunnel.js';

/** Flow-control window of each stream: bytes of a response that may wait in this process for a slow client. */
export const STREAM_WINDOW = 262_144;

/** The stream's session. */
export interface StreamSession extends SendingConnection {
  readonly transport: Transport;
  /** Bytes that the kernel has accepted, of all streams. */
  readonly bytesAccepted: number;
  /** Has `finishRead` called at the end of the read. */
  readBegun(stream: Http2UpstreamStream): void;
  /** Sends the head of a request; sets identifier and window of the stream. Returns the number of bytes. */
  sendRequest(stream: Http2UpstreamStream, head: string, ended: boolean): number;
  /** Whether the peer permits extended CONNECT (RFC 8441 3); null: its settings have not arrived. */
  readonly connectProtocol: boolean | null;
  /** Has `settingsReceived` called when the settings of the peer have arrived. */
  awaitSettings(stream: Http2UpstreamStream): void;
  /** Sends RST_STREAM. */
  resetStream(stream: Http2UpstreamStream, code: number): void;
  /** The peer has refused a stream. Returns whether it may accept the request on another connection. */
  streamRefused(): boolean;
  streamOver(stream: Http2UpstreamStream): void;
}

// States of a stream.
const WAITING = 0;
const READING_HEAD = 1;
const READING_BODY = 2;
const OVER = 3;
/** The request has opened a tunnel. */
const TUNNEL = 4;

const EMPTY = Buffer.alloc(0);

export class Http2UpstreamStream implements UpstreamStream, UpstreamHead, SendingStream, TunnelledStream {
  /** Identifier; 0 until the request is sent. */
  number = 0;
  nextInTable: Http2UpstreamStream | null = null;
  readonly sendWindow = new SendWindow(0);
  readonly output: RequestOutput;
  private state = WAITING;
  /** Head of the request, until it is sent; null afterwards. */
  private unsentHead: string | null = '';
  private bodiless = false;
  private headLimit = 0;
  private connectionBytes = 0;
  private acceptedBefore = 0;

  // The response.
  status = 0;
  readonly reason = '';
  readonly version = 20;
  headers = new HeaderBlock();
  headBegun = false;
  declaredLength = -1;
  readonly mayHaveTrailers = true;
  bodyLength = 0;
  trailers = '';
  private readonly window = new ReceiveWindow(STREAM_WINDOW);
  /** Bytes of the body that must follow; -1: unknown. */
  private bodyLeft = -1;
  private paused = false;
  /** Received bytes of the body that wait for `resume`. */
  private readonly queue = new ByteQueue();
  /** Whether the peer has ended the response. */
  private ended = false;
  /** RST_STREAM frames received after the end of the response. */
  private resets = 0;
  /** Whether `onRead` was called and `onReadEnd` is due. */
  private reading = false;
  private released = false;
  /** Key of the handshake of a WebSocket, which is sent as an extended CONNECT; null for other requests. */
  key: string | null = null;
  private tunnel: UpstreamTunnel | null = null;

  constructor(
    private readonly session: StreamSession,
    public user: StreamUser | null,
  ) {
    this.output = new RequestOutput(this, session);
  }

  /** A place among the concurrent streams was assigned. */
  start(): void {
    this.state = READING_HEAD;
    this.acceptedBefore = this.session.bytesAccepted;
  }

  get ready(): boolean {
    return this.state !== WAITING;
  }
  get handshaking(): boolean {
    return this.state === WAITING && this.session.transport.handshaking;
  }
  get open(): boolean {
    return this.state !== OVER && !this.session.transport.closed;
  }
  /** Whether it counts among the concurrent streams. */
  get started(): boolean {
    return this.state !== WAITING && this.state !== OVER;
  }

  // -- the request

  begin(head: string, _bodyLength: number, bodiless: boolean, headLimit: number): void {
    this.unsentHead = head;
    this.bodiless = bodiless;
    this.headLimit = headLimit;
    this.key = requestedKey(head);
  }

  sendText(text: string, last: boolean): boolean {
    if (!this.started) return true;
    if (text === '') return this.sendNothing(last);
    this.sendHead(false);
    return this.output.sendText(text, last);
  }

  send(bytes: Buffer, last: boolean): boolean {
    if (!this.started) return true;
    if (bytes.length === 0) return this.sendNothing(last);
    this.sendHead(false);
    return this.output.send(bytes, 0, bytes.length, last, false);
  }

  sendBorrowed(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (!this.started) return true;
    if (start === end) return this.sendNothing(last);
    this.sendHead(false);
    return this.output.send(bytes, start, end, last, true);
  }

  flush(): void {
    if (this.started) this.sendHead(false);
  }

  end(): void {
    if (this.started) this.sendNothing(true);
  }

  /** Sends the head, and the end if `last`. */
  private sendNothing(last: boolean): boolean {
    if (this.output.ended) return true;
    if (this.key !== null) {
      // The stream stays open for the tunnel.
      this.sendHead(false);
      return true;
    }
    if (this.unsentHead !== null) this.sendHead(last);
    else if (last) return this.output.send(EMPTY, 0, 0, true, false);
    return true;
  }

  private sendHead(last: boolean): void {
    const head = this.unsentHead;
    if (head === null || (this.key !== null && !this.maySendHandshake())) return;
    this.unsentHead = null;
    if (last) this.output.ended = true;
    this.connectionBytes += this.session.sendRequest(this, head, last);
  }

  /** Whether the peer permits extended CONNECT; if that is not known yet, the head is sent when it is. */
  private maySendHandshake(): boolean {
    const { session } = this;
    if (session.connectProtocol === true) return true;
    if (session.connectProtocol === null) session.awaitSettings(this);
    else setImmediate(() => this.fail('invalid head', 'upstream does not support WebSockets over HTTP/2'));
    return false;
  }

  /** The settings of the peer are known. */
  settingsReceived(): void {
    if (this.started) this.sendHead(false);
  }

  outputDrained(): void {
    if (this.tunnel !== null) this.tunnel.transport.onDrain();
    else this.user?.onDrain();
  }

  get bytesSent(): number {
    return this.connectionBytes + this.output.bytesSent;
  }
  get pending(): number {
    return this.open ? this.output.queued + this.session.transport.pending : 0;
  }
  get writable(): boolean {
    return this.open && this.session.transport.writable;
  }
  madeProgress(): boolean {
    const { bytesAccepted } = this.session;
    const progress = bytesAccepted > this.acceptedBefore;
    this.acceptedBefore = bytesAccepted;
    return progress;
  }
  whenFlushed(then: () => void): void {
    if (!this.open) then();
    else this.output.whenSent(() => this.session.transport.whenFlushed(then));
  }

  // -- the response

  get head(): UpstreamHead {
    return this;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const { queue } = this;
    if (this.reading || this.state !== READING_BODY || (queue.length === 0 && !this.ended)) return;
    this.reading = true;
    // These bytes were reported when they were received.
    this.user?.onRead(0);
    this.finishRead();
  }

  private deliverQueue(): void {
    const { queue } = this;
    while (!this.paused && this.state === READING_BODY && queue.length > 0) {
      const bytes = queue.first();
      this.user?.onData(bytes, 0, bytes.length);
      if (this.state !== READING_BODY) return;
      queue.drop(bytes.length);
      this.consumed(bytes.length);
    }
  }

  /** Reports received bytes before their events. */
  beginRead(length: number): void {
    if (this.reading) {
      this.user?.onReadMore(length);
      return;
    }
    this.reading = true;
    this.session.readBegun(this);
    this.user?.onRead(length);
  }

  /** All frames of a read were examined. */
  finishRead(): void {
    if (this.state === READING_BODY) this.deliverQueue();
    if (this.ended) this.complete();
    this.reading = false;
    this.user?.onReadEnd();
    if (this.released) this.user = null;
  }

  /** Maximum bytes of the head or the trailers. */
  get fieldLimit(): number {
    return this.headLimit;
  }
  /** Whether the next fields are trailers. */
  get expectsTrailers(): boolean {
    return this.state === READING_BODY;
  }

  receiveFields(fields: UpstreamFields, ended: boolean): void {
    if (this.ended) this.failClosed();
    else if (this.state === READING_BODY) this.receiveTrailers(fields, ended);
    else if (this.state === READING_HEAD) this.receiveHead(fields, ended);
  }

  private receiveHead(fields: UpstreamFields, ended: boolean): void {
    const { user, headers } = this;
    this.headBegun = true;
    const error = fields.end();
    if (error !== null) {
      this.failInvalid(error);
      return;
    }
    this.status = fields.status;
    fields.fill(headers);
    const { key } = this;
    const opens = key !== null && this.status >= 200 && this.status < 300;
    if (opens) {
      this.status = 101;
      this.headers = acceptedFields(headers, key);
    }
    user?.onFields(this);
    if (this.state !== READING_HEAD) return;
    if (opens) {
      this.ended = ended;
      this.state = TUNNEL;
      user?.onUpgrade(EMPTY, 0, 0);
      return;
    }
    if (this.status < 200) {
      this.headBegun = false;
      if (ended) this.failInvalid('upstream prematurely closed stream');
      else user?.onInterim(this);
      return;
    }
    const framing = responseFraming(this);
    if (typeof framing === 'string') {
      this.failInvalid(framing);
      return;
    }
    this.declaredLength = framing >= 0 ? framing : -1;
    const empty = this.bodiless || this.status === 204 || this.status === 304;
    this.bodyLeft = empty ? 0 : this.declaredLength;
    this.state = READING_BODY;
    if (ended && !empty && this.declaredLength < 0) this.declaredLength = 0;
    user?.onHead();
    if (ended) this.peerEnded();
  }

  private receiveTrailers(fields: UpstreamFields, ended: boolean): void {
    const error = fields.end();
    if (error !== null) this.failInvalid(error.includes('trailer') ? error : 'upstream sent invalid trailer');
    else if (!ended) this.failInvalid('upstream sent trailer without end stream flag');
    else {
      this.trailers = fields.lines;
      this.peerEnded();
    }
  }

  receiveData(bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    const { window } = this;
    if (this.tunnel !== null) {
      const code = this.tunnel.receive(bytes, start, end, counted, ended);
      if (code !== 0) this.failInvalid('upstream violated the protocol in a tunnel', code);
    } else if (this.ended) this.failClosed();
    else if (this.state === READING_HEAD) this.failInvalid('upstream sent unexpected http2 frame: 0');
    else if (this.state !== READING_BODY) return;
    else if (!window.receive(counted)) {
      const sizes = `received ${counted} bytes with window ${window.available}`;
      this.failInvalid(`upstream violated stream flow control, ${sizes}`, ErrorCode.FlowControlError);
    } else if (this.bodyLeft >= 0 && end - start > this.bodyLeft) {
      this.failInvalid('upstream sent response body larger than indicated content length');
    } else {
      if (this.bodyLeft > 0) this.bodyLeft -= end - start;
      this.bodyLength += end - start;
      this.passOn(bytes, start, end, counted);
      if (ended) this.peerEnded();
    }
  }

  private passOn(bytes: Buffer, start: number, end: number, counted: number): void {
    if (this.paused || this.queue.length > 0) {
      this.queue.push(bytes, start, end);
      this.consumed(counted - (end - start));
      return;
    }
    if (start < end) this.user?.onData(bytes, start, end);
    this.consumed(counted);
  }

  /** Received bytes no longer take memory. */
  private consumed(bytes: number): void {
    if (bytes === 0 || this.ended || this.state === OVER) return;
    const increment = this.window.consume(bytes);
    if (increment > 0) this.session.writer.windowUpdate(this.number, increment);
  }

  /** The response has ended; it is completed when all frames of the same read were examined, as in nginx. */
  private peerEnded(): void {
    if (this.state === READING_BODY) this.ended = true;
  }

  /** The peer will not process the request. `fresh`: on another connection it may. */
  failUnprocessed(text: string, fresh: boolean): void {
    if (this.headBegun) this.fail(this.state === READING_BODY ? 'invalid body' : 'invalid head', text);
    else this.fail('unprocessed', { text, fresh });
  }

  /** The connection has failed because of invalid data. */
  failConnection(text: string): void {
    if (this.number === 0) this.failUnprocessed(text, true);
    else this.fail(this.state === READING_BODY ? 'invalid body' : 'invalid head', text);
  }

  /** Completes a response that has ended, unless some of it waits for `resume`. */
  complete(): void {
    if (this.state !== READING_BODY || this.queue.length > 0) return;
    if (this.bodyLeft > 0) {
      this.failInvalid('upstream prematurely closed stream');
      return;
    }
    // The response may be complete before the request (RFC 9113 8.1).
    const isWhole = this.output.finished || this.resets > 0;
    this.leave();
    if (!isWhole) this.session.resetStream(this, ErrorCode.NoError);
    this.session.streamOver(this);
    this.user?.onEnd(null);
  }

  /** RST_STREAM was received. */
  receiveReset(code: number): void {
    const { tunnel } = this;
    if (tunnel !== null) {
      this.finish();
      tunnel.transport.onReset(code);
      return;
    }
    if (this.ended && code === ErrorCode.NoError && ++this.resets === 1) {
      this.output.stop();
      return;
    }
    if (this.resets > 1) this.failClosed();
    else this.rejected(code);
  }

  private rejected(code: number): void {
    const text = `upstream rejected request with error ${code}`;
    this.resets = 1;
    if (code !== ErrorCode.RefusedStream || this.headBegun) {
      this.fail(this.state === READING_BODY ? 'invalid body' : 'invalid head', text);
    } else this.fail('unprocessed', { text, fresh: this.session.streamRefused() });
  }

  private failClosed(): void {
    this.failInvalid(`upstream sent frame for closed stream ${this.number}`);
  }

  /** Fails because of invalid data. */
  failInvalid(text: string, code: number = ErrorCode.ProtocolError): void {
    if (this.number !== 0 && this.resets === 0 && this.started) this.session.resetStream(this, code);
    this.resets++;
    this.fail(this.state === READING_BODY ? 'invalid body' : 'invalid head', text);
  }

  /** Ends the stream, whose session knows that it is over for the peer. */
  fail<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    if (this.state === OVER) return;
    this.leave();
    this.session.streamOver(this);
    if (this.tunnel !== null) this.tunnel.transport.lost(cause instanceof Error ? cause : null);
    else this.user?.onFailure(kind, cause);
  }

  cancel(): void {
    if (this.state === OVER) return;
    const isSent = this.number !== 0 && !(this.ended && this.output.finished);
    this.leave();
    if (isSent) this.session.resetStream(this, ErrorCode.Cancel);
    this.session.streamOver(this);
  }

  // -- the tunnel

  detach(): Transport {
    if (this.state !== TUNNEL) throw new Error('the stream is no tunnel');
    // A tunnel may last for hours and must not keep its request's configuration alive.
    this.user = null;
    this.tunnel = new UpstreamTunnel(this, this.ended);
    return this.tunnel.transport;
  }

  get connectionTransport(): Transport {
    return this.session.transport;
  }
  get receiveWindow(): ReceiveWindow {
    return this.window;
  }

  openWindow(increment: number): void {
    if (this.state !== OVER) this.session.writer.windowUpdate(this.number, increment);
  }

  reset(code: number): void {
    if (this.state !== OVER) this.session.resetStream(this, code);
  }

  finish(): void {
    if (this.state === OVER) return;
    this.leave();
    this.session.streamOver(this);
  }

  private leave(): void {
    this.state = OVER;
    this.output.stop();
    this.queue.clear();
  }

  release(): void {
    this.cancel();
    if (this.reading) this.released = true;
    else this.user = null;
  }
}
