/** Sends the body of a request to a peer: a text of the configuration's, a body that was read, or one that still comes. */
import { errnoText } from '../diagnostics/errno.js';
import type { BodySink } from '../exchange/client-side.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { BufferedBody } from '../exchange/request-body.js';
import { ByteQueue } from '../http/byte-queue.js';
import type { Transport } from '../http/transport.js';
import type { ForwardingRules } from './forwarding-rules.js';

/** How much of a file that holds a body is read at once. */
const FILE_PIECE = 65536;
/** Up to this many bytes a body leaves in one string with the head. */
const JOIN_MAX = 4096;
const LAST_CHUNK = '0\r\n\r\n';

/** Read into from every file: what is written from it is only lent. */
let piece: Buffer | null = null;

/** Told how sending goes. */
export interface SendingRequest {
  /** Bytes were given to the peer. `more`: it can take further ones. */
  progressed(bytes: number, more: boolean): void;
  /** The whole request was given to the peer. */
  sent(): void;
  /** The whole body cannot be had: the status that the exchange ends with. */
  bodyFailed(status: number): void;
}

export class RequestSender implements BodySink {
  /** The body goes on as it comes, so that the request cannot be sent twice. */
  streaming = false;
  /** It is sent in chunks, because its length is not known. */
  chunked = false;
  /** Nothing of it is left to send. */
  complete = false;
  private transport: Transport | null = null;
  /** What arrived of a streamed body before the request was sent. */
  private readonly prelude = new ByteQueue();
  private lastChunkSent = false;
  private gathering = false;
  private asked = false;
  private position = 0;
  /** A body that stands in the place of the client's, or null. */
  private own: string | null = null;

  constructor(
    private readonly x: Exchange,
    private readonly protocol: ForwardingRules,
    private readonly request: SendingRequest,
  ) {}

  /** The sender of a request, or null where there is no body to send. */
  static for(x: Exchange, protocol: ForwardingRules, request: SendingRequest): RequestSender | null {
    if (!protocol.setsBody && x.contentLength === 0 && (x.body === null || x.body.length === 0)) return null;
    return new RequestSender(x, protocol, request);
  }

  /** Reads what has to be there before a peer is asked, then calls back: all of the body where it is buffered. */
  prepare(then: () => void): void {
    const { x, protocol } = this;
    const { passBody, setsBody, chunks, settings } = protocol;
    // It may hold the client's body, `$request_body`.
    const ready = () => {
      if (setsBody) this.own = protocol.requestBody(x);
      then();
    };
    // HTTP/1.0 has no chunks: the length must be known.
    const buffered = settings.requestBuffering || (x.contentLength < 0 && !chunks);
    if (x.contentLength === 0 || x.body !== null) ready();
    else if (buffered || setsBody || !passBody) x.readBody(ready);
    else {
      this.streaming = true;
      this.chunked = x.contentLength < 0;
      if (x.client.bodyWaits) this.gather(then);
      else then();
    }
  }

  /**
   * Bytes that have arrived already leave with the head; where that is all of it, and not more than is buffered in memory, the
   * request is a buffered one.
   */
  private gather(then: () => void): void {
    const { x } = this;
    this.gathering = true;
    x.streamBody(this);
    queueMicrotask(() => {
      if (!this.gathering || x.finished) return;
      this.gathering = false;
      if (this.complete && this.prelude.length <= x.location.settings.clientBodyBufferSize) {
        x.body = BufferedBody.of(x, this.prelude.takeAll());
        this.streaming = false;
        this.chunked = false;
        this.complete = false;
      }
      then();
    });
  }

  /** Bytes of the body, -1 where that is not known. */
  get length(): number {
    if (this.own !== null) return this.own.length;
    if (this.streaming) return this.x.contentLength;
    // A length without its body would make the next request on the connection part of this one.
    return this.protocol.passBody ? (this.x.body?.length ?? 0) : 0;
  }

  /** Sends the head and what there is of the body; calls `sent` when all of it went. */
  send(transport: Transport, head: string): void {
    this.transport = transport;
    if (this.streaming) this.sendPrelude(transport, head);
    else {
      this.position = 0;
      this.complete = false;
      this.sendWhole(transport, head);
    }
    if (this.complete) this.request.sent();
    else if (this.streaming) {
      if (this.asked) this.x.client.resumeBody();
      else this.x.streamBody(this);
    }
  }

  private sendWhole(transport: Transport, head: string): void {
    const body = this.protocol.passBody ? this.x.body : null;
    if (this.own !== null) transport.writeText(head + this.own);
    else if (body === null || body.length === 0) transport.writeText(head);
    else if (body.memory === null) {
      this.sendFile(transport, head);
      return;
    } else if (body.length <= JOIN_MAX) transport.writeText(head + body.memory.latin1Slice());
    else transport.write(body.memory, head);
    this.complete = true;
  }

  private sendPrelude(transport: Transport, head: string): void {
    const data = this.prelude.takeAll();
    if (this.chunked && data.length > 0) this.writeChunk(transport, head, data, this.complete);
    else if (this.chunked && this.complete) transport.writeText(head + LAST_CHUNK);
    else if (data.length <= JOIN_MAX) transport.writeText(head + data.latin1Slice());
    else transport.write(data, head);
  }

  /** Sends what is left of the file, behind `head`. */
  private sendFile(transport: Transport, head: string): void {
    const { body } = this.x;
    if (body === null) return;
    let before = head;
    piece ??= Buffer.allocUnsafeSlow(FILE_PIECE);
    while (this.position < body.length) {
      let n = 0;
      try {
        n = body.read(piece, this.position);
        if (n === 0) throw new Error('it was truncated');
      } catch (error) {
        // With less than was announced the next request on the connection would become part of this one.
        logError(this.x, 'crit', `reading a client request body from "${body.file}" failed (${errnoText(error)})`);
        this.request.bodyFailed(500);
        return;
      }
      this.position += n;
      const more = transport.writeFramed(before, piece, 0, n, '');
      before = '';
      this.request.progressed(n, more);
      if (!more || transport.deaf) return;
    }
    this.complete = true;
  }

  /** The peer takes bytes again. */
  drained(): void {
    const { transport } = this;
    if (this.complete || transport === null) return;
    if (this.streaming) {
      this.x.client.resumeBody();
      return;
    }
    this.sendFile(transport, '');
    if (this.complete) this.request.sent();
  }

  bodyChunk(chunk: Buffer, last: boolean): boolean {
    const { transport } = this;
    if (transport === null) {
      this.asked = true;
      this.prelude.push(chunk, 0, chunk.length);
      return this.gathering && this.prelude.length < this.x.location.settings.clientBodyBufferSize;
    }
    const before = transport.bytesWritten;
    let more: boolean;
    if (this.chunked) {
      more = this.writeChunk(transport, '', chunk, last);
      if (last) this.lastChunkSent = true;
    } else more = transport.writeBorrowed(chunk, 0, chunk.length);
    this.request.progressed(transport.bytesWritten - before, more);
    return more;
  }

  /** Writes a chunk in one write, behind `head`, and with the last chunk behind it where it is the `last` one with data. */
  private writeChunk(transport: Transport, head: string, data: Buffer, last: boolean): boolean {
    const before = `${head}${data.length.toString(16)}\r\n`;
    return transport.writeFramed(before, data, 0, data.length, last ? `\r\n${LAST_CHUNK}` : '\r\n');
  }

  bodyEnd(): void {
    this.complete = true;
    if (this.transport === null) return;
    if (this.chunked && !this.lastChunkSent) {
      this.transport.writeText(LAST_CHUNK);
      this.request.progressed(LAST_CHUNK.length, true);
    }
    this.request.sent();
  }

  bodyFailed(status: number): void {
    this.gathering = false;
    this.request.bodyFailed(status);
  }

  /** Frees what was not sent. */
  release(): void {
    this.prelude.clear();
  }
}
