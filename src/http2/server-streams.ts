/**
 * The streams of a client's connection: receives its frames, begins a stream for each request, and passes the other frames to
 * their streams. Rules and messages are nginx's, codes those of RFC 9113 where it is more precise.
 */
import type { ClientInfo } from '../exchange/client-info.js';
import type { ConnectionHost } from '../exchange/connection.js';
import { HttpExchange } from '../exchange/exchange.js';
import { callbackTime } from '../http/clock.js';
import { TIMED_OUT } from '../http1/client-timeouts.js';
import { expectsContinue } from '../http1/request-checks.js';
import type { Accepted } from '../net/accept-step.js';
import type { Refusal } from '../program/admission.js';
import { type Arrived, ConfigLease } from '../program/config-lease.js';
import { logError } from '../program/error-context.js';
import { ErrorCode } from './error-codes.js';
import { ReceiveWindow } from './flow-window.js';
import type { FrameListener } from './frame-listener.js';
import { DEFAULT_WINDOW, MAX_WINDOW } from './frame-types.js';
import type { FrameWriter } from './frame-writer.js';
import { HpackDecoder, INVALID, TOO_LARGE } from './hpack/decoder.js';
import type { Http2Settings } from './http2-settings.js';
import { RecentStreams } from './recent-streams.js';
import { RepeatedRequest } from './repeated-request.js';
import { RequestFields } from './request-fields.js';
import { Http2Stream, type StreamConnection } from './server-stream.js';
import { PeerSettings, Setting } from './settings.js';
import { StreamTable } from './stream-table.js';

/** Minimum number of refused streams after which a connection is closed. */
const MIN_REFUSED = 100;
/** Number of streams that a client may reset, beyond half of all, before its connection is slowed down. */
const MAX_RESETS = 100;

/** The connection as seen by its streams as a whole. */
export interface StreamsHost extends StreamConnection {
  readonly info: ClientInfo;
  readonly host: ConnectionHost;
  readonly arrived: Arrived;
  readonly acceptResults: Accepted | null;
  readonly http2: Http2Settings;
  readonly writer: FrameWriter;
  /** Whether streams may begin; if not, those that the client begins are ignored. */
  readonly acceptsStreams: boolean;
  /** A stream begins. */
  streamBegins(number: number): void;
  /** The client has reset a stream whose request was in progress, as most of its streams. */
  streamReset(): void;
  /** The last stream has ended. */
  streamsEnded(): void;
  /** The client has acknowledged a PING. */
  pingAcknowledged(low: number): void;
  /** Ends the connection; `reason` is logged. */
  failWith(code: number, reason: string): void;
  /** Logs about the connection. */
  log(message: string): void;
}

export class ServerStreams implements FrameListener {
  /** Streams that have begun on the connection. */
  requests = 0;
  /** The last stream that has begun. */
  last = 0;
  /** Streams that have begun in the current read. */
  begun = 0;
  /** Bytes of received header blocks and bodies. */
  payloadBytes = 0;
  readonly decoder = new HpackDecoder('client');
  private readonly open = new StreamTable<Http2Stream>();
  private readonly fields = new RequestFields();
  private readonly peer = new PeerSettings('client');
  private readonly window = new ReceiveWindow(DEFAULT_WINDOW);
  private readonly recent = new RecentStreams();
  private readonly previous = new RepeatedRequest();
  /** `HpackDecoder.changes` before the last block that was decoded. */
  private changesBefore = 0;
  /** Initial window of streams, whose changes apply to all of them. */
  private initialWindow = DEFAULT_WINDOW;
  private settingsAcknowledged = false;
  private refused = 0;
  /** Streams whose request was in progress when the client has reset them. */
  private resets = 0;
  /** Stream whose header block was not complete in time. */
  private late = 0;

  constructor(private readonly connection: StreamsHost) {}

  /** Enlarges the window of the connection to its maximum, as nginx does; those of the streams bound what is kept. */
  openWindow(): void {
    this.connection.writer.windowUpdate(0, this.window.resize(MAX_WINDOW));
  }

  /** Allows extended CONNECT, which the server has announced. */
  allowProtocol(): void {
    this.fields.allowsProtocol = true;
  }

  /** Number of open streams. */
  get count(): number {
    return this.open.size;
  }

  /** Request of the first open stream, for descriptions. */
  get firstExchange(): HttpExchange | null {
    for (const { exchange } of this.open.all()) if (exchange !== null) return exchange;
    return null;
  }

  /** The client is gone: ends all streams. */
  lose(): void {
    for (const stream of this.open.all()) stream.lost();
  }

  // -- header blocks

  onHeaders(number: number, block: Buffer, start: number, end: number, ended: boolean, dependency: number): void {
    const open = this.open.get(number);
    const repeats = open === undefined && this.previous.matches(block, start, end, this.decoder.changes);
    if (!repeats && !this.decode(block, start, end)) return;
    if (open !== undefined) this.readTrailers(open, ended);
    else if (this.connection.acceptsStreams && this.accepts(number, ended, dependency))
      this.begin(number, block, start, end, ended, repeats);
    this.fields.clear();
  }

  /** Decodes a block; returns false if that ends the connection. */
  private decode(block: Buffer, start: number, end: number): boolean {
    const { fields, decoder, connection } = this;
    fields.begin();
    this.changesBefore = decoder.changes;
    const result = decoder.decode(block, start, end, fields);
    if (result === INVALID) connection.failWith(decoder.code, decoder.reason);
    else if (result === TOO_LARGE) {
      connection.failWith(ErrorCode.EnhanceYourCalm, 'client sent too large header');
    }
    return result !== INVALID && result !== TOO_LARGE;
  }

  /** Whether a stream may begin. nginx: ngx_http_v2_state_headers. */
  private accepts(number: number, ended: boolean, dependency: number): boolean {
    const { last, connection } = this;
    const { http2 } = connection;
    if (number % 2 === 0 || number <= last) {
      // Reset by this side, or refused because its header block was late.
      if (this.recent.hasReset(number) || number === this.late) return false;
      const late = this.recent.hasEnded(number);
      const reason = `client sent HEADERS frame with incorrect identifier ${number}, the last was ${last}`;
      this.connection.failWith(late ? ErrorCode.StreamClosed : ErrorCode.ProtocolError, reason);
      return false;
    }
    this.last = number;
    if (dependency === number) {
      this.connection.failWith(
        ErrorCode.ProtocolError,
        `client sent HEADERS frame for stream ${number} with incorrect dependency`,
      );
      return false;
    }
    if (this.open.size >= http2.maxConcurrentStreams) {
      return this.refuseStream(number, `concurrent streams exceeded ${this.open.size}`);
    }
    if (this.begun++ >= 2 * http2.maxConcurrentStreams) {
      return this.refuseStream(number, 'client sent too many streams at once');
    }
    if (!this.settingsAcknowledged && !ended && http2.prereadSize < DEFAULT_WINDOW) {
      return this.refuseStream(number, 'client sent stream with data before settings were acknowledged');
    }
    return true;
  }

  private refuseStream(number: number, reason: string): false {
    this.connection.log(reason);
    if (this.refused++ > Math.max(this.connection.http2.maxConcurrentStreams, MIN_REFUSED)) {
      this.connection.failWith(ErrorCode.NoError, 'client sent too many refused streams');
    } else this.reset(number, ErrorCode.RefusedStream);
    return false;
  }

  /** Begins a request: its fields were read, unless it `repeats` the previous one. */
  private begin(number: number, block: Buffer, start: number, end: number, ended: boolean, repeats: boolean): void {
    const { previous, fields, decoder } = this;
    this.connection.streamBegins(number);
    const { x, stream } = this.createStream(number, end - start, ended);
    this.payloadBytes += end - start;
    const { program } = stream.lease;
    let refusal: Refusal | null;
    if (repeats && previous.isFor(x, ended)) refusal = previous.apply(x, program);
    else {
      if (repeats) this.decode(block, start, end);
      refusal = fields.apply(x, program, ended);
      stream.extendedConnect = fields.protocol !== null;
      if (refusal === null && fields.repeatable && decoder.changes === this.changesBefore) {
        previous.keep(fields, x, ended, block, start, end, decoder.changes);
      }
    }
    if (refusal !== null) {
      this.refuse(x, stream, refusal);
      return;
    }
    // DATA after an extended CONNECT is kept for its tunnel.
    stream.body.begin(x, stream.extendedConnect ? -1 : x.contentLength);
    stream.body.expectContinue = expectsContinue(x);
    x.start();
  }

  private createStream(number: number, length: number, ended: boolean): { x: HttpExchange; stream: Http2Stream } {
    const { connection } = this;
    const { host, arrived, info, acceptResults, http2 } = connection;
    // The table in force: requests of one connection may use different ones.
    const lease = new ConfigLease(host, arrived, info.localAddress, acceptResults);
    lease.acquire();
    const { table, program } = lease;
    const requests = ++this.requests;
    const stream = new Http2Stream(number, connection, lease, requests, this.initialWindow, http2.prereadSize);
    const x = new HttpExchange(stream, this.fields.headers, program, table.slots());
    x.generation = table.generation;
    x.startTime = callbackTime();
    x.version = 20;
    this.open.add(stream);
    stream.open(x, length, ended);
    return { x, stream };
  }

  /** The rest of a header block did not arrive in time: its stream is refused, and the connection stays open. */
  headTimedOut(number: number): void {
    this.late = number;
    this.last = number;
    this.connection.streamBegins(number);
    const { x, stream } = this.createStream(number, 0, true);
    logError(x, 'info', `${TIMED_OUT} while reading client request headers`);
    x.response.status = 408;
    stream.headTimedOut();
  }

  private refuse(x: HttpExchange, stream: Http2Stream, { status, reason }: Refusal): void {
    stream.body.begin(x, 0);
    stream.malformed = status === 400;
    if (reason === '') {
      x.response.status = status;
      x.abort();
      return;
    }
    logError(x, 'info', `${reason} while reading client request headers`);
    x.contentLength = 0;
    x.finalize(status);
  }

  /** Trailers end a body; as in nginx, they are not forwarded. */
  private readTrailers(stream: Http2Stream, ended: boolean): void {
    if (stream.body.ended) {
      this.terminate(stream, ErrorCode.StreamClosed, 'client sent HEADERS frame for half-closed stream');
    } else if (!ended || this.fields.hasPseudoFields) {
      this.terminate(stream, ErrorCode.ProtocolError, 'client sent invalid trailers on stream');
    } else stream.received(NO_BYTES, 0, 0, 0, true);
  }

  // -- other frames

  onData(number: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    const { window } = this;
    if (!window.receive(counted)) {
      const lengths = `received DATA frame length ${counted}, available window ${window.available}`;
      this.connection.failWith(ErrorCode.FlowControlError, `client violated connection flow control: ${lengths}`);
      return;
    }
    const increment = window.consume(counted);
    if (increment > 0) this.connection.writer.windowUpdate(0, increment);
    this.payloadBytes += end - start;
    const stream = this.open.get(number);
    if (stream === undefined) this.lateFrame(number, 'DATA', true);
    else if (!stream.body.window.receive(counted)) {
      const lengths = `received DATA frame length ${counted}, available window ${stream.body.window.available}`;
      this.terminate(stream, ErrorCode.FlowControlError, `client violated flow control: ${lengths} for stream`);
    } else if (stream.body.ended) {
      this.terminate(stream, ErrorCode.StreamClosed, 'client sent DATA frame for half-closed stream');
    } else stream.received(bytes, start, end, counted, ended);
  }

  /** Checks a frame of a stream that is not open: it may have ended meanwhile, but must have begun. */
  private lateFrame(number: number, name: string, data = false): void {
    if (number > this.last || number % 2 === 0) {
      if (this.connection.acceptsStreams || number % 2 === 0) {
        this.connection.failWith(ErrorCode.ProtocolError, `client sent ${name} frame for idle stream ${number}`);
      }
    } else if (data && this.recent.hasEnded(number)) this.reset(number, ErrorCode.StreamClosed);
  }

  onReset(number: number, code: number): void {
    const stream = this.open.get(number);
    if (stream === undefined) {
      this.lateFrame(number, 'RST_STREAM');
      return;
    }
    if (++this.resets > MAX_RESETS + this.requests / 2) this.connection.streamReset();
    const { exchange: x } = stream;
    // A tunnel logs its own end.
    if (x !== null && !x.tunnelled) {
      const activity = x.producer?.activity ?? (x.response.upstream !== null ? 'sending to client' : '');
      logError(x, 'info', `${resetText(number, code)}${activity === '' ? '' : ` while ${activity}`}`);
    }
    stream.lost(code);
  }

  onSetting(id: number, value: number): void {
    const code = this.peer.apply(id, value);
    if (code !== 0) {
      this.connection.failWith(code, this.peer.reason);
      return;
    }
    if (id === Setting.HeaderTableSize) this.connection.encoder.setMaxTable(value);
    else if (id === Setting.MaxFrameSize) this.connection.writer.maxFrameSize = value;
  }

  onSettings(): void {
    this.connection.writer.settingsAck();
    const difference = this.peer.initialWindow - this.initialWindow;
    this.initialWindow = this.peer.initialWindow;
    if (difference === 0) return;
    for (const stream of this.open.all()) {
      if (stream.output.window.add(difference)) stream.output.windowOpened();
      else
        this.terminate(
          stream,
          ErrorCode.FlowControlError,
          'client violated flow control: overflow of window of stream',
        );
    }
  }

  onSettingsAck(): void {
    this.settingsAcknowledged = true;
  }

  onPing(high: number, low: number): void {
    this.connection.writer.pingAck(high, low);
  }

  onPingAck(_high: number, low: number): void {
    this.connection.pingAcknowledged(low);
  }

  onGoaway(): void {}

  onWindowUpdate(number: number, increment: number): void {
    if (number === 0) {
      const { scheduler } = this.connection;
      const { window } = scheduler;
      if (window.add(increment)) scheduler.run();
      else {
        const update = `received WINDOW_UPDATE frame with window increment ${increment}`;
        this.connection.failWith(
          ErrorCode.FlowControlError,
          `client violated connection flow control: ${update} not allowed for window ${window.available}`,
        );
      }
      return;
    }
    const stream = this.open.get(number);
    if (stream === undefined) this.lateFrame(number, 'WINDOW_UPDATE');
    else if (stream.output.window.add(increment)) stream.output.windowOpened();
    else {
      const update = `received WINDOW_UPDATE frame with window increment ${increment}`;
      const reason = `client violated flow control: ${update} not allowed for window ${stream.output.window.available} of stream`;
      this.terminate(stream, ErrorCode.FlowControlError, reason);
    }
  }

  onStreamError(number: number, code: number, reason: string): void {
    const stream = this.open.get(number);
    if (stream !== undefined) this.terminate(stream, code, reason);
    else {
      this.connection.log(reason);
      this.reset(number, code);
    }
  }

  onConnectionError(code: number, reason: string): void {
    this.connection.failWith(code, reason);
  }

  // -- streams

  /** Resets a stream whose client has violated the protocol; its number is appended to `reason`. */
  private terminate(stream: Http2Stream, code: number, reason: string): void {
    this.connection.log(`${reason} ${stream.number}`);
    this.reset(stream.number, code);
    stream.lost();
  }

  private reset(number: number, code: number): void {
    this.recent.addReset(number);
    this.connection.writer.reset(number, code);
  }

  resetStream(stream: Http2Stream, code: number): void {
    this.reset(stream.number, code);
    stream.close();
    this.closed(stream);
  }

  /** A stream has ended. */
  closed(stream: Http2Stream): void {
    if (!this.open.delete(stream)) return;
    stream.close();
    this.recent.addEnded(stream.number);
    if (this.open.size === 0) this.connection.streamsEnded();
  }
}

const NO_BYTES = Buffer.alloc(0);

function resetText(number: number, code: number): string {
  if (code === ErrorCode.Cancel) return `client canceled stream ${number}`;
  if (code === ErrorCode.InternalError) return `client terminated stream ${number} due to internal error`;
  return `client terminated stream ${number} with status ${code}`;
}
