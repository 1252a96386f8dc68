/**
 * Reader of request heads (RFC 9112 2 and 3), as strict as nginx. Fed with chunks of any size, it reports after each
 * whether the head is complete; lines are checked as they complete, so that invalid data is rejected before the end of
 * the head.
 */

import { DROPPED, parseFieldLine, UnfinishedLine } from '../http/field-line.js';
import { Field, fieldSet } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import { knownHost } from '../http/host.js';
import type { RequestHead } from '../http/request-head.js';
import { buffersFull } from '../net/buffer-limit.js';
import { COMPLETE, isDigit, MORE, REFUSED, RequestLineReader } from './request-line.js';

export { COMPLETE, MORE, REFUSED } from './request-line.js';

const LINE = 0;
const FIELDS = 1;

/**
 * Maximum length of a head whose parse result is reused for an identical one; longer heads are not worth the memory per
 * idle connection.
 */
const MAX_CACHED = 4096;

/** Maximum length of a too long line in the log. */
const MAX_LOGGED = 1748;

/** Limits enforced by a reader. Sizes in bytes. */
export interface HeadLimits {
  /** Size of the first buffer of a head (`client_header_buffer_size`). */
  readonly first: number;
  /**
   * Number and size of further buffers (`large_client_header_buffers`). A line does not continue from one to the next.
   */
  readonly number: number;
  readonly size: number;
  /** Maximum number of field lines (`max_headers`). */
  readonly fields: number;
  /** Whether field lines with unusual characters in their name are dropped (`ignore_invalid_headers`). */
  readonly dropInvalid: boolean;
  /** Whether `_` is a valid character of names (`underscores_in_headers`). */
  readonly underscores: boolean;
}

/**
 * Receives parts of the head before it is complete. The methods return the limits for the rest of the head; a call of
 * `reader.refuse` rejects the head.
 */
export interface HeadListener {
  /** The request line was read. */
  lineRead(): HeadLimits;
  /** The Host field was read; `reader.headers` contains the fields up to it. */
  hostRead(value: string): HeadLimits;
  /** A field line was dropped (`ignore_invalid_headers`); see `RequestReader.expose`. */
  lineDropped(line: string): void;
}

/** Fields that may occur once in a request; recipients could interpret duplicates differently. */
export const SINGLE_FIELDS = fieldSet(
  Field.Host,
  Field.IfModifiedSince,
  Field.IfUnmodifiedSince,
  Field.IfMatch,
  Field.IfNoneMatch,
  Field.IfRange,
  Field.ContentLength,
  Field.ContentRange,
  Field.TransferEncoding,
  Field.Expect,
  Field.Authorization,
  Field.ProxyAuthorization,
);

const NO_LIMITS: HeadLimits = { first: 0, number: 0, size: 0, fields: 0, dropInvalid: true, underscores: false };

export class RequestReader extends RequestLineReader implements RequestHead {
  readonly headers = new HeaderBlock();
  /** Set by `readFraming`. */
  contentLength = 0;
  /** Length of a complete head including the empty line, in `received`. */
  length = 0;
  /** Dropped field lines. */
  dropped: string[] | null = null;
  /** The current chunk; once the head is complete or rejected, all received text. Earlier chunks are in `partial`. */
  private text = '';
  /** Offset of the first line not parsed yet. */
  private position = 0;
  /** Offset of the previous field line, or -1. */
  private previousLine = -1;
  private state = LINE;
  private limits = NO_LIMITS;
  /** Number of buffers in use besides the first. */
  private buffers = 0;
  private readonly unfinished = new UnfinishedLine();

  /** The last head, as long as its parse result is available. */
  private cached = '';
  private cachedLimits: HeadLimits | null = null;
  /** Value of its Host field, once it was repeated: the same string is recognized without a comparison. */
  private cachedHost = '';

  /** Ends the last head. Its parse result is kept: clients often repeat the same head on a persistent connection. */
  reset(): void {
    if (this.idle) return;
    const { text, length } = this;
    this.partial.clear();
    this.text = '';
    const keeps = length > 0 && length <= MAX_CACHED && this.status === 0 && this.dropped === null;
    if (keeps && this.headers.reusable) this.cached = text.length === length ? text : text.slice(0, length);
    else this.forget();
  }

  /** Discards the parse result of the last head. */
  private forget(): void {
    this.cached = '';
    this.cachedHost = '';
    this.position = 0;
    this.previousLine = -1;
    this.state = LINE;
    this.status = 0;
    this.length = 0;
    this.dropped = null;
    this.headers.clear();
    this.beginLine();
  }

  /** Whether no byte of a head has been received. */
  get idle(): boolean {
    return this.receivedLength === 0;
  }

  /** The current head as received, and the bytes after it; without empty lines before it. */
  get received(): string {
    return this.partial.with(this.text);
  }
  get receivedLength(): number {
    return this.partial.length + this.text.length;
  }

  /** Whether the request line has not been accepted yet. */
  get inLine(): boolean {
    return this.state === LINE;
  }

  /** Length of the lines read; for a complete head its whole length. */
  get parsedLength(): number {
    return this.position;
  }

  /** Space behind a complete head in nginx's buffer of its last line. */
  get bufferRoom(): number {
    return Math.max(0, this.bufferEnd - this.length);
  }

  /** The request line as far as it was read, for a rejected request. */
  get partialLine(): string {
    if (this.requestLine !== '') return this.requestLine;
    const text = this.received.slice(0, this.bufferEnd);
    const end = text.search(/[\r\n]/);
    return end < 0 ? text : text.slice(0, end);
  }

  /**
   * Feeds the next bytes of the head; `limits` apply at its start. Bytes after the head are not consumed; see `length`.
   */
  feed(text: string, limits: HeadLimits, listener: HeadListener | null = null): number {
    if (this.idle) {
      const { cached } = this;
      if (cached.length > 0) {
        if (limits === this.cachedLimits && (text === cached || text.slice(0, cached.length) === cached)) {
          this.text = text;
          return listener === null ? COMPLETE : this.reuseCached(listener);
        }
        this.forget();
      }
      this.cachedLimits = limits;
      this.limits = limits;
      this.bufferEnd = limits.first;
      this.buffers = 0;
    }
    const piece = this.partial.length === 0 ? withoutBlankLines(text) : text;
    if (piece.length === 0) return MORE;
    this.text = piece;
    let result = this.read(piece, listener);
    if (result === MORE && buffersFull()) result = this.refuse(503, 'worker_buffer_limit is reached');
    if (result === MORE) {
      this.partial.append(piece);
      this.text = '';
    } else this.settle();
    return result;
  }

  /** Determines the framing of the body of a complete head. */
  readFraming(): RequestFraming {
    const framing = requestFraming(this.headers, this.version);
    this.contentLength = framing.length;
    return framing;
  }

  /** Ends feeding: makes the received text available as a whole. */
  settle(): void {
    if (this.partial.length > 0) {
      this.text = this.received;
      this.partial.clear();
    }
    this.headers.settle(this.text);
  }

  /** Makes the fields read so far readable, for a listener. */
  expose(): void {
    this.headers.settle(this.received);
  }

  /** The last head was received again. */
  private reuseCached(listener: HeadListener): number {
    listener.lineRead();
    const host = this.headers.indexOf(Field.Host);
    if (host >= 0 && this.status === 0) {
      if (this.cachedHost === '') this.cachedHost = knownHost(this.headers.value(host));
      listener.hostRead(this.cachedHost);
    }
    return this.status === 0 ? COMPLETE : REFUSED;
  }

  /** Reads the next chunk; everything before it was read. */
  private read(piece: string, listener: HeadListener | null): number {
    if (this.state === LINE) {
      // The LF must be among the first bytes; bytes after the limit are not examined, however many arrived at once.
      const { first, size } = this.limits;
      const result = this.readLine(piece, size);
      if (result !== COMPLETE) return result;
      if (this.lineLength > first) this.buffers = 1;
      this.position = this.lineLength;
      if (listener !== null) {
        this.limits = listener.lineRead();
        if (this.status !== 0) return REFUSED;
      }
      this.state = FIELDS;
      // HTTP/0.9 has no fields.
      if (this.version === 9) this.length = this.position;
    }
    return this.version === 9 ? COMPLETE : this.readFields(piece, listener);
  }

  private readFields(piece: string, listener: HeadListener | null): number {
    const { headers, partial } = this;
    // The text to parse: the chunk, or the incomplete line and the chunk. It starts at offset `base` of the head.
    let text = piece;
    let base = partial.length;
    headers.text = text;
    headers.base = base;
    for (;;) {
      const start = this.position;
      let eol = text.indexOf('\n', Math.max(0, start - base));
      const last = base + (eol < 0 ? text.length : eol);
      // As with the request line, bytes after the end of the last buffer are not examined, so that the result does not
      // depend on how many arrived at once.
      while (last >= this.bufferEnd) if (!this.nextBuffer(start)) return this.refuseSize(piece, start);
      if (eol < 0) return this.readUnfinished(piece, start);
      if (start < base) {
        // The line started in an earlier chunk.
        text = partial.with(piece, start);
        eol += base - start;
        base = start;
        headers.text = text;
        headers.base = base;
      }
      const from = start - base;
      let end = eol;
      if (end > from && text.charCodeAt(end - 1) === 13) end--;
      else headers.canonical = false;
      if (end === from) {
        this.position = base + eol + 1;
        this.length = this.position;
        return COMPLETE;
      }
      const { underscores, dropInvalid, fields } = this.limits;
      const result = parseFieldLine(headers, from, end, underscores, dropInvalid);
      if (result >= 0) return this.refuseLine(text, from, result);
      this.position = base + eol + 1;
      this.previousLine = start;
      if (result === DROPPED) {
        const line = text.slice(from, end);
        (this.dropped ??= []).push(line);
        listener?.lineDropped(line);
      } else if (headers.count > fields) {
        headers.dropLast();
        return this.refuse(494, 'client sent too many header lines');
      } else if (!this.processField(listener)) return REFUSED;
      headers.text = text;
      headers.base = base;
    }
  }

  /** Takes another buffer for the line from `start` on; returns false if it fits in none. */
  private nextBuffer(start: number): boolean {
    const { number, size } = this.limits;
    if (this.bufferEnd - start >= size || this.buffers >= number) return false;
    this.buffers++;
    this.bufferEnd = start + size;
    return true;
  }

  /** Processes a field that takes effect immediately; returns false if the head is rejected. */
  private processField(listener: HeadListener | null): boolean {
    const { headers } = this;
    const last = headers.count - 1;
    const id = headers.id(last);
    if (SINGLE_FIELDS[id] !== true) return true;
    const first = headers.indexOf(id);
    if (first < last) {
      this.expose();
      const what = id === Field.Host ? 'host header' : 'header line';
      const line = (i: number): string => `"${headers.name(i)}: ${headers.value(i)}"`;
      this.refuse(400, `client sent duplicate ${what}: ${line(last)}, previous value: ${line(first)}`);
      if (id === Field.Host) headers.dropLast();
    } else if (id === Field.Host && listener !== null) {
      this.expose();
      this.limits = listener.hostRead(headers.value(last));
    }
    return this.status === 0;
  }

  /** Checks the incomplete line from `start` on; it is rejected at its first invalid byte. */
  private readUnfinished(piece: string, start: number): number {
    const { partial, unfinished, bufferEnd } = this;
    const base = partial.length;
    const from = Math.max(0, start - base);
    if (start >= base) unfinished.begin();
    if (unfinished.valid(piece, from, Math.min(piece.length, bufferEnd - base))) return MORE;
    const line = start < base ? partial.with(piece, start) : piece.slice(from);
    return this.refuseLine(line, 0, unfinished.invalidAt(line));
  }

  private refuseSize(piece: string, start: number): number {
    const result = this.readUnfinished(piece, start);
    if (result === REFUSED) return result;
    const { bufferEnd } = this;
    const from = start < bufferEnd ? start : this.previousLine;
    if (from < 0) return this.refuse(494, 'client sent too large request');
    const shown = this.received.slice(from, Math.min(bufferEnd, from + MAX_LOGGED));
    return this.refuse(494, `client sent too long header line: "${shown}..."`);
  }

  private refuseLine(text: string, start: number, at: number): number {
    const byte = text.charCodeAt(at).toString(16).padStart(2, '0');
    return this.refuse(400, `client sent invalid header line: "${text.slice(start, at)}\\x${byte}..."`);
  }
}

/** Skips empty lines before a request line (RFC 9112 2.2). */
function withoutBlankLines(text: string): string {
  let blank = 0;
  for (; blank < text.length; blank++) {
    const c = text.charCodeAt(blank);
    if (c !== 13 && c !== 10) break;
  }
  return blank === 0 ? text : text.slice(blank);
}

/** Framing of a request body. */
export interface RequestFraming {
  /** Bytes; 0 for none, -1 for chunked. */
  readonly length: number;
  /** Response status of a rejected request, or 0. */
  readonly status: number;
  readonly reason: string;
}

const NO_BODY: RequestFraming = { length: 0, status: 0, reason: '' };
const CHUNKED: RequestFraming = { length: -1, status: 0, reason: '' };

function refused(status: number, reason: string): RequestFraming {
  return { length: 0, status, reason };
}

/**
 * Determines the framing (RFC 9112 6); ambiguous messages are rejected. The reader has ensured that neither field is
 * duplicated.
 */
export function requestFraming(headers: HeaderBlock, version: number): RequestFraming {
  const length = headers.indexOf(Field.ContentLength);
  const coding = headers.indexOf(Field.TransferEncoding);
  if (length < 0 && coding < 0) return NO_BODY;
  let bytes = 0;
  if (length >= 0) {
    bytes = parseContentLength(headers.value(length));
    if (bytes < 0) return refused(400, 'client sent invalid "Content-Length" header');
  }
  if (coding < 0) return bytes === 0 ? NO_BODY : { length: bytes, status: 0, reason: '' };
  if (version < 11) return refused(400, 'client sent HTTP/1.0 request with "Transfer-Encoding" header');
  const value = headers.value(coding);
  if (value.toLowerCase() !== 'chunked') return refused(501, `client sent unknown "Transfer-Encoding": "${value}"`);
  if (length >= 0) {
    return refused(400, 'client sent "Content-Length" and "Transfer-Encoding" headers at the same time');
  }
  return CHUNKED;
}

/** Parses a Content-Length: digits only, at most 2^53 - 1; -1 if invalid. */
export function parseContentLength(value: string): number {
  if (value.length === 0) return -1;
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (!isDigit(c)) return -1;
    bytes = bytes * 10 + (c - 48);
    if (bytes > Number.MAX_SAFE_INTEGER) return -1;
  }
  return bytes;
}
