/** Sends a request body to a peer: configured text, a buffered body, or a body that is still being received. */
import { errnoText } from '../diagnostics/errno.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { BufferedBody } from '../exchange/request-body.js';
import type { UpstreamStream } from '../http/upstream-session.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { BodySink } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { ForwardingRules } from './forwarding-rules.js';

/** Bytes of a body file read at once. */
const FILE_READ_SIZE = 131072;
/** Maximum bytes of a body sent in one string with the head. */
const MAX_JOINED = 4096;

/** Shared read buffer for all files; writes from it are borrowed. */
let readBuffer: Buffer | null = null;

/** Notified about the progress of sending. */
export interface SendingRequest {
  /** Bytes were written to the peer. `more`: it accepts further ones. */
  progressed(more: boolean): void;
  /** The whole request was written. */
  sent(): void;
  /** The body cannot be read completely; the exchange ends with `status`. */
  bodyFailed(status: number): void;
}

export class RequestSender implements BodySink {
  /** Whether the body is forwarded as it arrives, so that the request cannot be repeated. */
  streaming = false;
  /** Whether it is sent in chunks because its length is unknown. */
  chunked = false;
  /** Whether all of it was sent. */
  complete = false;
  private stream: UpstreamStream | null = null;
  /** Part of a streamed body received before the request was sent. */
  private readonly prelude = new ByteQueue();
  private collecting = false;
  private bodyRequested = false;
  private position = 0;
  /** Body that replaces the client's, or null. */
  private replacement: string | null = null;

  constructor(
    private readonly x: HttpExchange,
    private readonly protocol: ForwardingRules,
    private readonly request: SendingRequest,
  ) {}

  /** Creates the sender of a request, or returns null if there is no body. */
  static for(x: HttpExchange, protocol: ForwardingRules, request: SendingRequest): RequestSender | null {
    if (!protocol.setsBody && x.contentLength === 0 && (x.body === null || x.body.length === 0)) return null;
    return new RequestSender(x, protocol, request);
  }

  /** Reads what is required before selecting a peer (the whole body if buffered), then calls back. */
  prepare(then: () => void): void {
    const { x, protocol } = this;
    const { passBody, setsBody, chunks, settings } = protocol;
    // The replacement may contain the client's body, `$request_body`.
    const ready = () => {
      if (setsBody) this.replacement = protocol.requestBody(x);
      then();
    };
    // HTTP/1.0 has no chunked coding: the length must be known.
    const buffered = settings.requestBuffering || (x.contentLength < 0 && !chunks);
    if (x.contentLength === 0 || x.body !== null) ready();
    else if (buffered || setsBody || !passBody) x.readBody(ready);
    else {
      this.streaming = true;
      this.chunked = x.contentLength < 0;
      if (x.client.bodyWaits) this.collectAvailable(then);
      else then();
    }
  }

  /**
   * Collects bytes that have already arrived, to send them with the head. If the body is complete and within the memory
   * limit, the request counts as buffered.
   */
  private collectAvailable(then: () => void): void {
    const { x } = this;
    this.collecting = true;
    x.streamBody(this);
    queueMicrotask(() => {
      if (!this.collecting || x.finished) return;
      this.collecting = false;
      if (this.complete && this.prelude.length <= x.location.settings.clientBodyBufferSize) {
        x.body = BufferedBody.of(x, this.prelude.takeAll());
        this.streaming = false;
        this.chunked = false;
        this.complete = false;
      }
      then();
    });
  }

  /** Length of the body in bytes, -1 if unknown. */
  get length(): number {
    if (this.replacement !== null) return this.replacement.length;
    if (this.streaming) return this.x.contentLength;
    // A length without a body would turn the next request on the connection into part of this one.
    return this.protocol.passBody ? (this.x.body?.length ?? 0) : 0;
  }

  /** Sends the available part of the body; calls `sent` when all of it is written. The stream has begun. */
  send(stream: UpstreamStream): void {
    this.stream = stream;
    if (this.streaming) this.sendPrelude(stream);
    else {
      this.position = 0;
      this.complete = false;
      this.sendWhole(stream);
    }
    if (this.complete) this.request.sent();
    else if (this.streaming) {
      if (this.bodyRequested) this.x.client.resumeBody();
      else this.x.streamBody(this);
    }
  }

  private sendWhole(stream: UpstreamStream): void {
    const body = this.protocol.passBody ? this.x.body : null;
    if (this.replacement !== null) stream.sendText(this.replacement, true);
    else if (body === null || body.length === 0) stream.end();
    else if (body.memory === null) {
      this.sendFile(stream);
      return;
    } else if (body.length <= MAX_JOINED) stream.sendText(body.memory.latin1Slice(), true);
    else stream.send(body.memory, true);
    this.complete = true;
  }

  private sendPrelude(stream: UpstreamStream): void {
    const { complete } = this;
    const data = this.prelude.takeAll();
    if (data.length <= MAX_JOINED) stream.sendText(data.latin1Slice(), complete);
    else stream.send(data, complete);
  }

  /** Sends the rest of the file. */
  private sendFile(stream: UpstreamStream): void {
    const { body } = this.x;
    if (body === null) return;
    readBuffer ??= Buffer.allocUnsafeSlow(FILE_READ_SIZE);
    while (this.position < body.length) {
      let n = 0;
      try {
        n = body.read(readBuffer, this.position);
        if (n === 0) throw new Error('it was truncated');
      } catch (error) {
        // With less than announced, the next request on the connection would become part of this one.
        logError(this.x, 'crit', `reading a client request body from "${body.file}" failed (${errnoText(error)})`);
        this.request.bodyFailed(500);
        return;
      }
      this.position += n;
      const more = stream.sendBorrowed(readBuffer, 0, n, this.position === body.length);
      this.request.progressed(more);
      if (!more || !stream.writable) return;
    }
    this.complete = true;
  }

  /** The peer accepts more data. */
  drained(): void {
    const { stream } = this;
    if (this.complete || stream === null) return;
    if (this.streaming) {
      this.x.client.resumeBody();
      return;
    }
    this.sendFile(stream);
    if (this.complete) this.request.sent();
  }

  bodyChunk(chunk: Buffer, last: boolean): boolean {
    const { stream } = this;
    if (stream === null) {
      this.bodyRequested = true;
      this.prelude.push(chunk, 0, chunk.length);
      return this.collecting && this.prelude.length < this.x.location.settings.clientBodyBufferSize;
    }
    const more = stream.sendBorrowed(chunk, 0, chunk.length, last);
    this.request.progressed(more);
    return more;
  }

  bodyEnd(): void {
    this.complete = true;
    if (this.stream === null) return;
    this.stream.end();
    this.request.sent();
  }

  bodyFailed(status: number): void {
    this.collecting = false;
    this.request.bodyFailed(status);
  }

  /** Releases unsent data. */
  release(): void {
    this.prelude.clear();
  }
}
