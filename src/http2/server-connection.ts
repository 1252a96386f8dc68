/**
 * A client's HTTP/2 connection: reads frames, has a stream handle each request, and ends when its streams have ended. What nginx
 * logs about a connection is logged in its words, and errors end it with the same codes.
 */
import { formatAddress } from '../config/address.js';
import { notifyClientClosed } from '../exchange/client-bound.js';
import { ClientInfo } from '../exchange/client-info.js';
import type { Connection, ConnectionHost } from '../exchange/connection.js';
import { CLOSING, type ConnectionCounts, CountedState, WAITING } from '../exchange/connection-counts.js';
import type { ConnectionDescription } from '../exchange/open-connections.js';
import { TIMED_OUT } from '../http1/client-timeouts.js';
import { logs } from '../logging/error-log.js';
import type { Accepted } from '../net/accept-step.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { awaitProgress, extendWithProgress } from '../net/send-timeout.js';
import type { Transport } from '../net/transport.js';
import { type Arrived, ConfigLease } from '../program/config-lease.js';
import type { LocationSettings } from '../program/settings.js';
import { ErrorCode } from './error-codes.js';
import { FrameReader } from './frame-reader.js';
import { DEFAULT_FRAME_SIZE, MAX_FRAME_SIZE, MAX_WINDOW } from './frame-types.js';
import { FrameWriter } from './frame-writer.js';
import { HpackEncoder } from './hpack/encoder.js';
import { HTTP2, type Http2Settings } from './http2-settings.js';
import { PacedInput, type PacedInputOwner, REQUEST_COST, RESET_COST } from './paced-input.js';
import type { Http2Stream } from './server-stream.js';
import { ServerStreams, type StreamsHost } from './server-streams.js';
import { Setting } from './settings.js';
import { OutputScheduler } from './stream-output.js';
import { atTurnEnd, type TurnEndListener } from './turn-end.js';

/** Bytes of frames beyond payload that nginx tolerates before it takes a connection for a flood. */
const FLOOD = 1_048_576;
/** Maximum bytes of answers to control frames that a client does not read. */
const MAX_PENDING = 1_048_576;
/** Time that a client has to acknowledge that the connection ends, ms. */
const SHUTDOWN_TIMEOUT = 1000;
/** Timeout for the first request of a new connection whose listener was removed, ms. */
const FIRST_REQUEST_TIMEOUT = 2000;

// States of a connection; the deadline stands for the event that each of them waits for.
/** Streams may begin. */
const OPEN = 0;
/** The client was told that the connection ends; its streams up to then are still handled. */
const ANNOUNCED = 1;
/** GOAWAY with the last stream was sent: no stream may begin. */
const GOING_AWAY = 2;
/** Discarding what the client still sends. */
const LINGERING = 3;
const CLOSED = 4;

export class Http2Connection implements Connection, StreamsHost, Timed, TurnEndListener, PacedInputOwner {
  deadline = 0;
  deadlineIndex = -1;
  usedAt: number;
  moved = false;
  before: Connection | null = null;
  after: Connection | null = null;
  readonly info: ClientInfo;
  readonly writer: FrameWriter;
  readonly encoder = new HpackEncoder();
  readonly scheduler: OutputScheduler;
  private readonly reader: FrameReader;
  private readonly input: PacedInput;
  private readonly streams: ServerStreams;
  private readonly lease: ConfigLease;
  private readonly counted: CountedState;
  private readonly openedAt: number;
  private state = OPEN;
  /** Bytes of all frames, in both directions, as nginx counts them to detect floods. */
  private totalBytes = 0;
  private writtenBefore = 0;
  /** Streams whose frames are to be accepted by the kernel. */
  private flushing: Http2Stream[] = [];
  private flushScheduled = false;
  /** Streams with small pieces of bodies that have arrived in the current read. */
  private postponed: Http2Stream[] = [];
  /** Stream of a header block that is incomplete; 0 for none. */
  private headStream = 0;
  /** Whether the deadline is that of sending. */
  private sending = false;
  private lingerUntil = 0;

  constructor(
    readonly transport: Transport,
    readonly host: ConnectionHost,
    readonly arrived: Arrived,
    readonly acceptResults: Accepted | null,
  ) {
    this.info = new ClientInfo(transport, arrived.listening.path, acceptResults);
    this.counted = new CountedState(host.counts);
    this.counted.set(WAITING);
    this.lease = new ConfigLease(host, arrived, this.info.localAddress, acceptResults);
    const { number, size } = this.lease.program.defaultServer.largeClientHeaderBuffers;
    this.streams = new ServerStreams(this);
    this.streams.decoder.maxListBytes = number * size;
    const maxBlock = number * size + BLOCK_OVERHEAD;
    // A field that does not fit into a frame of the default size may be sent in one frame. nginx announces 2^24 - 1.
    const maxFrameSize = size > DEFAULT_FRAME_SIZE ? Math.min(maxBlock, MAX_FRAME_SIZE) : DEFAULT_FRAME_SIZE;
    this.reader = new FrameReader(this.streams, {
      peer: 'client',
      preface: true,
      maxFrameSize,
      maxBlock,
    });
    this.input = new PacedInput(this.reader, transport, this);
    this.writer = new FrameWriter(transport);
    this.scheduler = new OutputScheduler(this.writer);
    watch(this);
    this.openedAt = now();
    this.usedAt = this.openedAt;
    this.deadline = this.openedAt + this.lease.program.defaultServer.clientHeaderTimeout;
    const { maxConcurrentStreams, prereadSize, extendedConnect } = this.http2;
    const announced = extendedConnect && this.lease.program.defaultServer.opensWebSockets;
    if (announced) this.streams.allowProtocol();
    this.writer.settings([
      [Setting.MaxConcurrentStreams, maxConcurrentStreams],
      [Setting.InitialWindowSize, prereadSize],
      ...(maxFrameSize > DEFAULT_FRAME_SIZE ? [[Setting.MaxFrameSize, maxFrameSize] as const] : []),
      ...(announced ? [[Setting.EnableConnectProtocol, 1] as const] : []),
    ]);
    this.streams.openWindow();
  }

  get counts(): ConnectionCounts {
    return this.host.counts;
  }
  get closed(): boolean {
    return this.state === CLOSED;
  }
  get keeps(): boolean {
    return this.host.keeps(this.arrived);
  }
  /** Settings of the server of the connection: the default server of the address, or with TLS the one that was named. */
  private get settings(): LocationSettings {
    return this.lease.program.defaultServer.base.settings;
  }
  get http2(): Http2Settings {
    return this.settings.get(HTTP2);
  }

  // -- as seen by the server

  get idle(): boolean {
    return this.state <= ANNOUNCED && this.streams.count === 0 && this.reader.betweenFrames && !this.input.unread;
  }

  drain(): void {
    if (this.state !== OPEN) return;
    this.lease.reserve();
    this.announceEnd(this.streams.requests === 0 ? FIRST_REQUEST_TIMEOUT : SHUTDOWN_TIMEOUT);
  }

  /**
   * Tells the client that the connection ends. Requests that it has sent meanwhile are handled: only its acknowledgment, or the
   * timeout, says that it begins no more (RFC 9113 6.8).
   */
  private announceEnd(timeout: number): void {
    this.state = ANNOUNCED;
    this.writer.goaway(MAX_WINDOW, ErrorCode.NoError);
    this.writer.ping(0, SHUTDOWN_PING);
    this.setDeadline(timeout);
  }

  destroy(): void {
    if (this.state === CLOSED) return;
    if (this.state < GOING_AWAY) {
      this.writer.goaway(this.streams.last, ErrorCode.NoError);
      this.writer.flush();
    }
    this.transport.destroy();
  }

  describe(): ConnectionDescription {
    const { info, state, streams } = this;
    const { id, since, remoteAddress: ip, remotePort, localAddress, localPort, unixPath } = info;
    const x = streams.firstExchange;
    return {
      id,
      client: unixPath === null ? formatAddress({ host: ip, port: remotePort }) : ip,
      local: unixPath === null ? formatAddress({ host: localAddress, port: localPort }) : localAddress,
      since,
      requests: streams.requests,
      state: x !== null ? 'handling' : state >= LINGERING ? 'closing' : this.headStream !== 0 ? 'reading' : 'idle',
      request: x && { method: x.method, host: x.host, target: x.target, location: x.location.name },
    };
  }

  // -- events of the transport

  onConnected(): void {}

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    if (this.state >= LINGERING) {
      if (this.state === LINGERING) this.extendLingering();
      return;
    }
    this.streams.begun = 0;
    this.totalBytes += length;
    this.input.receive(bytes, length);
  }

  /** Some of the received frames were read. */
  inputRead(): void {
    if (this.postponed.length > 0) this.deliverPostponed();
    if (this.state >= LINGERING) return;
    const { writer } = this;
    const written = writer.bytesWritten;
    this.totalBytes += written - this.writtenBefore;
    this.writtenBefore = written;
    const payload = this.streams.payloadBytes + this.scheduler.payloadBytes;
    if (this.totalBytes / 8 > payload + FLOOD || writer.pending > MAX_PENDING) {
      this.log('http2 flood detected');
      this.fail(ErrorCode.NoError);
      return;
    }
    this.watchHead();
  }

  postponeDelivery(stream: Http2Stream): void {
    this.postponed.push(stream);
  }

  private deliverPostponed(): void {
    const { postponed } = this;
    this.postponed = [];
    for (const { body } of postponed) body.deliverPostponed();
  }

  /** Starts and stops the timeout for the rest of a header block. */
  private watchHead(): void {
    const { openBlock } = this.reader;
    if (openBlock === this.headStream) return;
    this.headStream = openBlock;
    if (this.sending) return;
    this.deadline = 0;
    if (openBlock !== 0) this.setDeadline(this.headTimeout);
    else this.settle();
  }

  private get headTimeout(): number {
    return this.lease.program.defaultServer.clientHeaderTimeout;
  }

  onDrain(): void {
    this.sent();
    this.scheduler.run();
  }

  onEnd(): void {
    if (this.state === LINGERING) {
      this.transport.destroySoon();
      return;
    }
    if (this.streams.count > 0 || !this.reader.betweenFrames) this.log('client prematurely closed connection');
    this.lose();
    this.transport.destroySoon();
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (error !== null && this.streams.count > 0) this.log('client prematurely closed connection');
    this.state = CLOSED;
    unwatch(this);
    this.deadline = 0;
    this.host.forget(this);
    notifyClientClosed(this.info.id);
    this.lose();
    this.counted.set(CLOSING);
    this.lease.release();
  }

  /** The client is gone: ends all streams. */
  private lose(): void {
    this.reader.stop();
    this.input.drop();
    this.streams.lose();
  }

  // -- streams

  get acceptsStreams(): boolean {
    return this.state < GOING_AWAY;
  }

  streamBegins(number: number): void {
    this.reader.budget -= REQUEST_COST;
    // Without a stream of its own, the connection would retain the table with which it was opened.
    if (this.state === OPEN) this.lease.rebind();
    if (!this.sending && this.state === OPEN) this.deadline = 0;
    this.counted.set(CLOSING);
    const { settings, streams } = this;
    const { keepaliveTimeout, keepaliveRequests, keepaliveTime } = settings;
    const last = keepaliveTimeout === 0 || streams.requests + 1 >= keepaliveRequests;
    if (this.state !== OPEN || (!last && now() - this.openedAt <= keepaliveTime)) return;
    // A client with concurrent requests may have sent more of them, which would be lost.
    if (streams.count > 0) this.announceEnd(SHUTDOWN_TIMEOUT);
    else {
      this.state = GOING_AWAY;
      this.writer.goaway(number, ErrorCode.NoError);
    }
  }

  streamReset(): void {
    this.reader.controlBudget -= RESET_COST;
  }

  resetStream(stream: Http2Stream, code: number): void {
    this.streams.resetStream(stream, code);
  }

  streamClosed(stream: Http2Stream): void {
    this.streams.closed(stream);
  }

  streamsEnded(): void {
    if (this.state >= LINGERING) return;
    this.usedAt = now();
    this.moved = true;
    this.counted.set(WAITING);
    this.settle();
  }

  pingAcknowledged(low: number): void {
    if (this.state === ANNOUNCED && low === SHUTDOWN_PING) this.goAway();
  }

  /**
   * The last stream has ended, or everything was sent: waits for the next request, or closes. As in nginx, `keepalive_timeout` also
   * applies to the rest of a header block that was late.
   */
  private settle(): void {
    if (this.streams.count > 0 || this.state >= LINGERING) return;
    if (this.state === GOING_AWAY) this.lingerSoon();
    else if (this.state === ANNOUNCED) {
      if (this.deadline === 0) this.setDeadline(SHUTDOWN_TIMEOUT);
    } else if (!this.keeps) this.drain();
    else if (this.headStream <= this.streams.last) this.setDeadline(this.settings.keepaliveTimeout);
    else if (this.deadline === 0) this.setDeadline(this.headTimeout);
  }

  whenFlushed(stream: Http2Stream): void {
    this.flushing.push(stream);
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    atTurnEnd(this);
  }

  turnEnded(): void {
    this.flushScheduled = false;
    this.writer.flush();
    const { flushing, transport } = this;
    this.flushing = [];
    if (transport.pending === 0) {
      notifyFlushed(flushing);
      return;
    }
    this.awaitSending();
    transport.whenFlushed(() => {
      this.sent();
      notifyFlushed(flushing);
    });
  }

  awaitSending(): void {
    if (this.sending || this.state >= LINGERING) return;
    this.sending = true;
    awaitProgress(this, this.transport, this.settings.sendTimeout);
  }

  /** The transport has no pending bytes. */
  private sent(): void {
    if (!this.sending || this.transport.pending > 0) return;
    this.sending = false;
    this.deadline = 0;
    if (this.headStream !== 0 && this.state < GOING_AWAY) this.setDeadline(this.headTimeout);
    this.settle();
  }

  // -- the end of the connection

  private setDeadline(timeout: number): void {
    if (!this.sending) this.deadline = now() + timeout;
  }

  timedOut(): void {
    if (this.sending && extendWithProgress(this, this.transport, this.settings.sendTimeout)) return;
    if (this.state === LINGERING) this.transport.destroy();
    else if (this.sending) {
      if (this.settings.resetTimedoutConnection) this.transport.reset();
      else this.transport.destroy();
    } else if (this.headStream !== 0) this.headTimedOut();
    else if (this.state === ANNOUNCED) this.goAway();
    else if (this.streams.requests === 0) {
      this.log(TIMED_OUT);
      this.fail(ErrorCode.ProtocolError);
    } else this.fail(ErrorCode.NoError);
  }

  /** The rest of a header block did not arrive in time. */
  private headTimedOut(): void {
    const number = this.headStream;
    if (number <= this.streams.last || number % 2 === 0 || this.state >= GOING_AWAY) {
      this.fail(ErrorCode.ProtocolError);
      return;
    }
    this.deadline = 0;
    this.streams.headTimedOut(number);
  }

  /** Sends GOAWAY with the last stream: those that the client begins later are not handled, and it may repeat them. */
  private goAway(): void {
    this.state = GOING_AWAY;
    this.writer.goaway(this.streams.last, ErrorCode.NoError);
    this.deadline = 0;
    this.settle();
  }

  failWith(code: number, reason: string): void {
    if (this.state >= LINGERING) return;
    this.log(reason);
    this.fail(code);
  }

  /** Ends the connection: all streams are lost. nginx: ngx_http_v2_finalize_connection. */
  private fail(code: number): void {
    if (this.state >= LINGERING) return;
    if (this.state < GOING_AWAY) this.writer.goaway(this.streams.last, code);
    this.state = LINGERING;
    this.lose();
    this.linger();
  }

  /** Closes at the end of the turn, when all frames have been written. */
  private lingerSoon(): void {
    this.state = LINGERING;
    this.linger();
  }

  /** Reads and discards for a while, so that the client receives everything. nginx: ngx_http_v2_lingering_close. */
  private linger(): void {
    const { transport, settings } = this;
    this.reader.stop();
    this.writer.flush();
    this.sending = false;
    this.lingerUntil = now() + settings.lingeringTime;
    if (settings.lingeringClose === 'off') {
      this.deadline = now() + settings.sendTimeout;
      transport.destroySoon();
      return;
    }
    this.extendLingering();
    transport.end();
    transport.resume();
  }

  private extendLingering(): void {
    this.deadline = Math.min(now() + this.settings.lingeringTimeout, this.lingerUntil);
  }

  // -- the log

  /** Logs about the connection. */
  log(message: string): void {
    const { info, arrived, lease } = this;
    const { errorLog } = lease.program.defaultServer.base.settings;
    if (!logs(errorLog, 'info')) return;
    const context = `client: ${info.remoteAddress}, server: ${arrived.listening.key}`;
    errorLog.write('info', `*${info.id} ${message} while processing HTTP/2 connection, ${context}`);
  }
}

/** Payload of the PING after the announcement of the end, its last 32 bits; the first are 0. */
const SHUTDOWN_PING = 0x474f4157;
/** Encoded bytes of a block beyond those of its fields. */
const BLOCK_OVERHEAD = 16_384;

function notifyFlushed(streams: readonly Http2Stream[]): void {
  for (const stream of streams) stream.flushed();
}
