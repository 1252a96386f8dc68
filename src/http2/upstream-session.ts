/** HTTP/2 to a server: a connection with as many concurrent streams as its owner and the peer permit. */
import type { OpenSession, SessionHost, StreamUser, UpstreamSession } from '../http/upstream-session.js';
import type { Connect, ConnectTarget, Transport, TransportOwner } from '../net/transport.js';
import { ErrorCode } from './error-codes.js';
import { ReceiveWindow, SendWindow } from './flow-window.js';
import type { FrameListener } from './frame-listener.js';
import { FrameReader } from './frame-reader.js';
import { DEFAULT_WINDOW, FRAME_HEADER, MAX_WINDOW, PREFACE } from './frame-types.js';
import { FrameWriter } from './frame-writer.js';
import { HpackDecoder, INVALID } from './hpack/decoder.js';
import { HpackEncoder } from './hpack/encoder.js';
import { convertRequestHead } from './request-conversion.js';
import type { RequestOutput } from './request-output.js';
import { PeerSettings, Setting } from './settings.js';
import { StreamTable } from './stream-table.js';
import { UpstreamFields } from './upstream-fields.js';
import { Http2UpstreamStream, STREAM_WINDOW, type StreamSession } from './upstream-stream.js';

/** Maximum bytes of an encoded header block; the fields of a head are limited by its stream. */
const MAX_BLOCK = 1_048_576;
/** Bytes of answers to control frames that may wait for a peer that does not read, in addition to other output. */
const MAX_PENDING_CONTROL = 1_048_576;

const SETTINGS = [
  [Setting.EnablePush, 0],
  [Setting.InitialWindowSize, STREAM_WINDOW],
] as const;

export class Http2UpstreamSession implements UpstreamSession, StreamSession, TransportOwner, FrameListener {
  readonly transport: Transport;
  readonly writer: FrameWriter;
  readonly sendWindow = new SendWindow(DEFAULT_WINDOW);
  private readonly reader: FrameReader;
  private readonly decoder = new HpackDecoder('upstream');
  private readonly encoder = new HpackEncoder();
  private readonly fields = new UpstreamFields();
  private readonly peer = new PeerSettings('upstream');
  /** The bytes that the peer may send are limited by the windows of the streams. */
  private readonly window = new ReceiveWindow(MAX_WINDOW);
  /** Streams whose requests were sent, by identifier. */
  private readonly streams = new StreamTable<Http2UpstreamStream>();
  /** Streams that wait until another one ends, or for the connection. */
  private readonly queue: Http2UpstreamStream[] = [];
  /** Outputs that wait for the connection. */
  private readonly blocked: RequestOutput[] = [];
  /** Streams that have received something in the current read. */
  private readonly reading: Http2UpstreamStream[] = [];
  /** Streams that count towards the limit. */
  private readonly started: Http2UpstreamStream[] = [];
  /** Limit after the peer has refused a stream. */
  private refusedLimit = Number.POSITIVE_INFINITY;
  private lastId = -1;
  private settingsKnown = false;
  /** Streams that wait for the settings of the peer; null once these have arrived. */
  private awaitingSettings: Set<Http2UpstreamStream> | null = null;
  private connected = false;
  /** Whether no further stream is opened. */
  private closing = false;
  private closed = false;

  static readonly open: OpenSession = (host, user, target, connect) => {
    const session = new Http2UpstreamSession(host, target, connect);
    return { session, stream: session.open(user) };
  };

  private constructor(
    private readonly host: SessionHost,
    target: ConnectTarget,
    connect: Connect,
  ) {
    this.transport = connect(target, this);
    this.writer = new FrameWriter(this.transport);
    this.reader = new FrameReader(this, { peer: 'upstream', preface: false, maxBlock: MAX_BLOCK });
  }

  private get limit(): number {
    return Math.min(this.host.maxStreams, this.peer.maxConcurrentStreams, this.refusedLimit);
  }

  get available(): boolean {
    if (this.closing || this.closed || this.transport.closing) return false;
    return this.started.length + this.queue.length < this.limit;
  }
  get idle(): boolean {
    return this.started.length === 0 && this.queue.length === 0;
  }
  get waiting(): number {
    return this.closing || this.closed || this.transport.closing ? -1 : this.queue.length;
  }

  peerLeft(): boolean {
    return this.transport.peerLeft();
  }

  open(user: StreamUser): Http2UpstreamStream {
    const stream = new Http2UpstreamStream(this, user);
    if (this.connected && this.started.length < this.limit) this.start(stream);
    else this.queue.push(stream);
    return stream;
  }

  private start(stream: Http2UpstreamStream): void {
    this.started.push(stream);
    stream.start();
  }

  /** Starts streams that wait, as far as the limit permits. */
  private startWaiting(): void {
    while (this.queue.length > 0 && this.started.length < this.limit && this.connected && !this.closing) {
      const stream = this.queue.shift();
      if (stream === undefined) return;
      this.start(stream);
      stream.user?.onReady();
    }
  }

  destroy(): void {
    if (this.closed) return;
    this.leave();
    this.closeTransport();
  }

  /** The session is over for its owner. */
  private leave(): void {
    this.closed = true;
    this.reader.stop();
    this.host.onClosed(this);
  }

  private closeTransport(): void {
    const { transport } = this;
    if (!this.connected) transport.destroy();
    else {
      this.writer.flush();
      transport.destroySoon();
    }
  }

  // -- streams

  get bytesAccepted(): number {
    return this.transport.bytesWritten - this.transport.pending;
  }

  sendRequest(stream: Http2UpstreamStream, head: string, ended: boolean): number {
    const { encoder, writer } = this;
    this.lastId += 2;
    stream.number = this.lastId;
    stream.sendWindow.available = this.peer.initialWindow;
    this.streams.add(stream);
    encoder.begin();
    convertRequestHead(head, this.transport.secure, encoder, stream.key !== null);
    writer.headers(stream.number, encoder.block, 0, encoder.length, ended);
    // Identifiers are exhausted (RFC 9113 5.1.1).
    if (this.lastId >= MAX_WINDOW - 2) this.closing = true;
    return encoder.length + FRAME_HEADER;
  }

  get connectProtocol(): boolean | null {
    return this.settingsKnown ? this.peer.connectProtocol : null;
  }

  awaitSettings(stream: Http2UpstreamStream): void {
    this.awaitingSettings ??= new Set();
    this.awaitingSettings.add(stream);
  }

  resetStream(stream: Http2UpstreamStream, code: number): void {
    if (!this.closed && stream.number !== 0) this.writer.reset(stream.number, code);
  }

  streamRefused(): boolean {
    // It may accept them one after the other; other connections have their own limits.
    this.refusedLimit = Math.max(1, this.started.length - 1);
    return this.host.maxStreams > 1;
  }

  streamOver(stream: Http2UpstreamStream): void {
    if (stream.number !== 0) this.streams.delete(stream);
    const at = this.queue.indexOf(stream);
    const wasAvailable = this.available;
    if (at >= 0) this.queue.splice(at, 1);
    else this.forget(stream);
    if (this.closed) return;
    this.startWaiting();
    if (this.idle) {
      if (this.closing || !this.connected || !this.transport.writable || !this.host.onAvailable(this)) this.destroy();
    } else if (!wasAvailable) this.announce();
  }

  /** Removes a stream from those that count; their order does not matter. */
  private forget(stream: Http2UpstreamStream): void {
    const { started } = this;
    const at = started.indexOf(stream);
    const last = at < 0 ? undefined : started.pop();
    if (last !== undefined && last !== stream) started[at] = last;
  }

  /** Another stream can be opened. */
  private announce(): void {
    if (this.available && !this.host.onAvailable(this)) this.closing = true;
  }

  block(output: RequestOutput): void {
    this.blocked.push(output);
  }

  /** Continues the outputs that wait, in turn, until the connection accepts no more. */
  private continueOutputs(): void {
    const { blocked, writer, sendWindow } = this;
    while (blocked.length > 0 && sendWindow.available > 0 && !writer.waiting && !this.closed) {
      blocked.shift()?.continue();
    }
  }

  readBegun(stream: Http2UpstreamStream): void {
    this.reading.push(stream);
  }

  /** Ends the session, and fails its streams. */
  private fail(failStream: (stream: Http2UpstreamStream) => void): void {
    if (this.closed) return;
    // Before the streams are notified: a request that is repeated must not use this session.
    this.leave();
    const streams = [...this.started.splice(0), ...this.queue.splice(0)];
    this.streams.clear();
    for (const stream of streams) failStream(stream);
    this.closeTransport();
  }

  /** The peer has sent invalid data. */
  private failConnection(code: number, reason: string): void {
    if (this.closed) return;
    this.writer.goaway(0, code);
    this.fail((stream) => stream.failConnection(reason));
  }

  // -- the transport

  onConnected(): void {
    this.connected = true;
    const refusal = this.host.refusal(this.transport);
    if (refusal !== null) {
      this.fail((stream) => stream.fail('refused', refusal));
      return;
    }
    this.writer.text(PREFACE);
    this.writer.settings(SETTINGS);
    this.writer.windowUpdate(0, MAX_WINDOW - DEFAULT_WINDOW);
    this.startWaiting();
    if (!this.closed) this.announce();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.reader.feed(bytes, 0, length);
    const { reading } = this;
    for (let i = 0; i < reading.length; i++) (reading[i] as Http2UpstreamStream).finishRead();
    reading.length = 0;
  }

  onEnd(): void {
    this.fail((stream) => stream.fail('closed', null));
  }

  onDrain(): void {
    this.continueOutputs();
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    const { connected } = this;
    this.fail((stream) => {
      if (!connected) stream.fail('connect', error);
      else if (error === null) stream.fail('closed', null);
      else stream.fail('receive', error);
    });
  }

  // -- frames

  /** Returns the stream of a frame; undefined if it is over, or has never existed, which is an error. */
  private streamOf(id: number): Http2UpstreamStream | undefined {
    const stream = this.streams.get(id);
    if (stream === undefined && (id > this.lastId || id % 2 === 0)) {
      this.failConnection(ErrorCode.ProtocolError, `upstream sent frame for unknown stream ${id}`);
    }
    return stream;
  }

  onHeaders(id: number, block: Buffer, start: number, end: number, ended: boolean): void {
    const stream = this.streamOf(id);
    const { fields, decoder } = this;
    fields.begin(stream?.expectsTrailers === true, stream?.fieldLimit ?? 0);
    if (decoder.decode(block, start, end, fields) === INVALID) this.failConnection(decoder.code, decoder.reason);
    else if (stream !== undefined) {
      stream.beginRead(FRAME_HEADER + end - start);
      stream.receiveFields(fields, ended);
    }
  }

  onData(id: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    const { window } = this;
    if (!window.receive(counted)) {
      const sizes = `received ${counted} bytes with window ${window.available}`;
      this.failConnection(ErrorCode.FlowControlError, `upstream violated connection flow control, ${sizes}`);
      return;
    }
    const increment = window.consume(counted);
    if (increment > 0) this.writer.windowUpdate(0, increment);
    const stream = this.streamOf(id);
    if (stream === undefined) return;
    stream.beginRead(FRAME_HEADER + counted);
    stream.receiveData(bytes, start, end, counted, ended);
  }

  onReset(id: number, code: number): void {
    this.streamOf(id)?.receiveReset(code);
  }

  onSetting(id: number, value: number): void {
    const { peer, writer, encoder } = this;
    const { initialWindow } = peer;
    const code = peer.apply(id, value);
    if (code !== 0) this.failConnection(code, peer.reason);
    else if (id === Setting.HeaderTableSize) encoder.setMaxTable(value);
    else if (id === Setting.MaxFrameSize) writer.maxFrameSize = value;
    else if (id === Setting.InitialWindowSize) {
      for (const { sendWindow } of this.streams.all()) {
        if (sendWindow.add(value - initialWindow)) continue;
        this.failConnection(ErrorCode.FlowControlError, 'upstream sent too large initial window');
        return;
      }
    }
  }

  onSettings(): void {
    const wasAvailable = this.available;
    this.writer.settingsAck();
    this.boundAnswers();
    this.settingsKnown = true;
    const { awaitingSettings } = this;
    this.awaitingSettings = null;
    if (awaitingSettings !== null) for (const stream of awaitingSettings) stream.settingsReceived();
    for (const { output } of this.streams.all()) if (!output.blocked) output.continue();
    this.startWaiting();
    if (!wasAvailable && !this.closed) this.announce();
  }

  onSettingsAck(): void {}

  onPing(high: number, low: number): void {
    this.writer.pingAck(high, low);
    this.boundAnswers();
  }

  onPingAck(): void {}

  /** Ends the connection of a peer that causes answers without reading them. */
  private boundAnswers(): void {
    if (this.transport.pending < MAX_PENDING_CONTROL) return;
    this.failConnection(ErrorCode.EnhanceYourCalm, 'upstream sent too many control frames');
  }

  onGoaway(last: number, code: number): void {
    this.closing = true;
    const text = `upstream sent goaway with error ${code}`;
    const fresh = code === ErrorCode.NoError;
    for (const stream of [...this.started, ...this.queue]) {
      if (stream.number > last || stream.number === 0) stream.failUnprocessed(text, fresh || stream.number === 0);
    }
    if (this.idle) this.destroy();
  }

  onWindowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (this.sendWindow.add(increment)) this.continueOutputs();
      else this.failConnection(ErrorCode.FlowControlError, 'upstream sent too large window update');
      return;
    }
    const stream = this.streamOf(id);
    if (stream === undefined) return;
    if (!stream.sendWindow.add(increment)) {
      stream.failInvalid('upstream sent too large window update', ErrorCode.FlowControlError);
    } else if (!stream.output.blocked) stream.output.continue();
  }

  onStreamError(id: number, code: number, reason: string): void {
    this.streamOf(id)?.failInvalid(reason, code);
  }

  onConnectionError(code: number, reason: string): void {
    this.failConnection(code, reason);
  }
}
