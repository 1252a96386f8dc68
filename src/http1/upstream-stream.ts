/** A request and its response on an HTTP/1 session: reads heads, decodes and encodes bodies, decides about keep-alive. */
import type { StreamFailures, StreamUser, UpstreamHead, UpstreamStream } from '../http/upstream-session.js';
import { isTlsRecord } from '../net/tls-record.js';
import type { Transport } from '../net/transport.js';
import { BodyDecoder, CHUNKED, UNTIL_CLOSE } from './body-decoder.js';
import { CHUNK_END, type ChunkedSink, chunkStart, LAST_CHUNK } from './chunked.js';
import { COMPLETE, MORE } from './request-reader.js';
import { ResponseReader } from './response-reader.js';

/** The stream's session. */
export interface StreamSession {
  readonly transport: Transport;
  readonly connected: boolean;
  /** The stream is over. `reusable`: the connection can be used for another request. */
  streamOver(reusable: boolean): void;
  /** The stream takes over the transport. */
  detach(): Transport;
}

// States of a stream.
const OVER = 0;
const READING_HEAD = 1;
const READING_BODY = 2;
const UPGRADED = 3;

export class Http1UpstreamStream implements UpstreamStream, ChunkedSink {
  user: StreamUser | null = null;
  private state = OVER;
  private session: StreamSession | null = null;
  /** Non-null exactly while the stream is open. */
  private transport: Transport | null = null;
  private reader = new ResponseReader();
  private readonly body = new BodyDecoder(this, true);
  /** Head of the request, until it is sent. */
  private unsentHead = '';
  private chunked = false;
  private requestEnded = false;
  private bodiless = false;
  private headLimit = 0;
  /** Framing that the response's head declares; see responseFraming. */
  private framing = 0;
  /** Whether the head allows another request on the connection. */
  private persistent = false;
  /** Bytes that the transport had sent before this stream; bytes of this stream once it is over. */
  private sentBefore = 0;
  private sentTotal = 0;
  /** Whether received bytes are being processed. */
  private reading = false;
  /** Whether `release` was called meanwhile. */
  private released = false;

  /** Begins another stream. */
  attach(session: StreamSession, user: StreamUser): void {
    const { transport } = session;
    this.user = user;
    this.session = session;
    this.transport = transport;
    this.state = READING_HEAD;
    this.unsentHead = '';
    this.requestEnded = false;
    this.framing = 0;
    this.sentBefore = transport.bytesWritten;
    this.sentTotal = 0;
    this.body.begin(0);
  }

  get ready(): boolean {
    return this.session?.connected === true;
  }

  get handshaking(): boolean {
    return this.transport?.handshaking === true;
  }

  get open(): boolean {
    return this.transport !== null && !this.transport.closed;
  }

  // -- the request

  begin(head: string, bodyLength: number, bodiless: boolean, headLimit: number): void {
    this.unsentHead = head;
    this.chunked = bodyLength < 0;
    this.bodiless = bodiless;
    this.headLimit = headLimit;
  }

  sendText(text: string, last: boolean): boolean {
    const { transport } = this;
    if (transport === null) return true;
    let out = this.takeHead(last);
    if (this.chunked) {
      if (text.length > 0) out += chunkStart(text.length) + text + CHUNK_END;
      if (last) out += LAST_CHUNK;
    } else out += text;
    return out === '' || transport.writeText(out);
  }

  send(bytes: Buffer, last: boolean): boolean {
    const { transport } = this;
    if (transport === null) return true;
    if (this.chunked) return this.sendBorrowed(bytes, 0, bytes.length, last);
    return transport.write(bytes, this.takeHead(last));
  }

  sendBorrowed(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const { transport } = this;
    if (transport === null) return true;
    const head = this.takeHead(last);
    if (this.chunked) {
      const before = head + chunkStart(end - start);
      return transport.writeFramed(before, bytes, start, end, last ? CHUNK_END + LAST_CHUNK : CHUNK_END);
    }
    return head === ''
      ? transport.writeBorrowed(bytes, start, end)
      : transport.writeFramed(head, bytes, start, end, '');
  }

  flush(): void {
    this.sendText('', false);
  }

  end(): void {
    if (!this.requestEnded) this.sendText('', true);
  }

  private takeHead(last: boolean): string {
    const head = this.unsentHead;
    this.unsentHead = '';
    if (last) this.requestEnded = true;
    return head;
  }

  get bytesSent(): number {
    return this.transport === null ? this.sentTotal : this.transport.bytesWritten - this.sentBefore;
  }
  get pending(): number {
    return this.transport?.pending ?? 0;
  }
  get writable(): boolean {
    return this.transport?.writable === true;
  }
  madeProgress(): boolean {
    return this.transport?.madeProgress() === true;
  }
  whenFlushed(then: () => void): void {
    if (this.transport === null) then();
    else this.transport.whenFlushed(then);
  }

  // -- the response

  get head(): UpstreamHead {
    return this.reader;
  }
  get headBegun(): boolean {
    return !this.reader.idle;
  }
  get declaredLength(): number {
    return this.framing >= 0 ? this.framing : -1;
  }
  get mayHaveTrailers(): boolean {
    return this.framing === CHUNKED;
  }
  get bodyLength(): number {
    return this.body.length;
  }
  get trailers(): string {
    return this.body.trailers;
  }
  pause(): void {
    this.transport?.pause();
  }
  resume(): void {
    this.transport?.resume();
  }

  received(bytes: Buffer, length: number): void {
    const { user } = this;
    if (user === null) return;
    this.reading = true;
    user.onRead(length);
    const from = this.state === READING_HEAD ? this.readHead(user, bytes, length) : 0;
    if (from >= 0 && this.state === READING_BODY) this.readBody(bytes, from, length);
    user.onReadEnd();
    this.reading = false;
    if (this.released) this.release();
  }

  /** Feeds the reader; returns the offset after the final head, or -1 if the bytes need no further processing. */
  private readHead(user: StreamUser, bytes: Buffer, length: number): number {
    const { headLimit } = this;
    if (this.reader.idle) this.reader = readerFor(this.reader, bytes, length, headLimit);
    const { reader } = this;
    let from = 0;
    while (this.state === READING_HEAD) {
      const before = reader.receivedLength;
      const end = Math.min(length, from + headLimit - Math.min(before, headLimit) + 1);
      const repeated = reader.repeats(bytes, from, end, headLimit);
      const result = repeated ? COMPLETE : reader.feed(bytes.latin1Slice(from, end), headLimit);
      if (result === MORE) return -1;
      if (result !== COMPLETE) {
        const secure = before === 0 && isTlsRecord(bytes, length) ? ' but a TLS record' : '';
        this.fail('invalid head', reader.refusal + secure);
        return -1;
      }
      from += reader.length - before;
      user.onFields(reader);
      const { status } = reader;
      if (status >= 200) return this.acceptHead(user, from === length) ? from : -1;
      if (status === 101) {
        this.state = UPGRADED;
        user.onUpgrade(bytes, from, length);
        return -1;
      }
      user.onInterim(reader);
      if (this.state !== READING_HEAD) return -1;
      reader.reset();
      if (from >= length) return -1;
    }
    return -1;
  }

  /** Evaluates the final head; returns true if a body follows. `clean`: no bytes follow the head. */
  private acceptHead(user: StreamUser, clean: boolean): boolean {
    const { reader, bodiless } = this;
    const { framing } = reader;
    if (typeof framing === 'string') {
      this.fail('invalid head', framing);
      return false;
    }
    const empty = bodiless || reader.status === 204 || reader.status === 304;
    this.framing = framing;
    this.persistent = (empty || framing !== UNTIL_CLOSE) && reader.persistent;
    this.body.begin(empty ? 0 : framing);
    this.state = READING_BODY;
    user.onHead();
    if (this.state !== READING_BODY) return false;
    if (!this.body.done) return true;
    this.complete(clean, null);
    return false;
  }

  private readBody(bytes: Buffer, from: number, length: number): void {
    const { body } = this;
    const end = body.decode(bytes, from, length);
    if (this.state !== READING_BODY) return;
    if (body.broken) this.fail('invalid body', 'upstream sent invalid chunked response');
    else if (body.done) this.complete(end === length, end === length ? null : this.excess);
  }

  /** nginx's message for bytes after the end of the body. */
  private get excess(): string {
    return this.framing === CHUNKED
      ? 'upstream sent data after final chunk'
      : 'upstream sent more data than specified in "Content-Length" header';
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    if (start < end && this.state === READING_BODY) this.user?.onData(bytes, start, end);
  }

  /** The whole response was read. `clean`: no bytes follow it. */
  private complete(clean: boolean, excess: string | null): void {
    this.close(clean && this.persistent && this.requestEnded && this.pending === 0);
    this.user?.onEnd(excess);
  }

  /** The peer has ended its side of the connection. */
  peerEnded(): void {
    if (this.state === READING_BODY && this.body.endsWithConnection) this.complete(false, null);
    else if (this.state === READING_BODY || this.state === READING_HEAD) this.fail('closed', null);
  }

  /** The connection is closed. */
  connectionClosed(error: NodeJS.ErrnoException | null, connected: boolean): void {
    if (!connected) this.fail('connect', error);
    else if (error === null) this.fail('closed', null);
    else this.fail('receive', error);
  }

  fail<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    if (this.state === OVER) return;
    this.close(false);
    this.user?.onFailure(kind, cause);
  }

  cancel(): void {
    if (this.state !== OVER) this.close(false);
  }

  detach(): Transport {
    const { session, transport } = this;
    if (session === null || transport === null) throw new Error('the stream is over');
    this.leave(transport);
    // A tunnel may last for hours and must not keep its request's configuration alive.
    this.user = null;
    return session.detach();
  }

  /** Ends the stream; `reusable`: the session may begin another one. */
  private close(reusable: boolean): void {
    const { session, transport } = this;
    if (session === null || transport === null) return;
    this.leave(transport);
    session.streamOver(reusable);
  }

  private leave(transport: Transport): void {
    this.sentTotal = transport.bytesWritten - this.sentBefore;
    this.state = OVER;
    this.session = null;
    this.transport = null;
  }

  /** For a released stream: swaps its reader for `own` if the reader may have read the same head before. Returns the reader to use. */
  exchangeReader(own: ResponseReader, bytes: Buffer, length: number, limit: number): ResponseReader {
    const { reader } = this;
    if (!reader.mayRepeat(bytes, 0, length, limit)) return own;
    this.reader = own;
    return reader;
  }

  release(): void {
    this.cancel();
    this.released = this.reading;
    if (this.reading) return;
    this.user = null;
    this.reader.reset();
    if (spare.length < MAX_SPARE) spare.push(this);
  }
}

/** Released streams. The cached fields of their readers often match the next response. */
const spare: Http1UpstreamStream[] = [];
const MAX_SPARE = 64;

/** Number of released readers that are searched for one that has read the same head before. */
const MAX_SEARCHED = 4;

/**
 * Returns the reader for a response that begins with these bytes: `own`, unless another one has read the same head before.
 * Locations with different responses often alternate on an upstream.
 */
function readerFor(own: ResponseReader, bytes: Buffer, length: number, limit: number): ResponseReader {
  if (own.mayRepeat(bytes, 0, length, limit)) return own;
  for (let i = spare.length - 1, last = Math.max(0, spare.length - MAX_SEARCHED); i >= last; i--) {
    const released = spare[i] as Http1UpstreamStream;
    const other = released.exchangeReader(own, bytes, length, limit);
    if (other !== own) return other;
  }
  return own;
}

/** Returns a stream that is over. */
export function takeStream(): Http1UpstreamStream {
  return spare.pop() ?? new Http1UpstreamStream();
}
