/**
 * Reads request heads (RFC 9112 2 and 3) as strictly as nginx does. It is fed pieces of any size and says after each
 * whether the head is complete; lines are checked as they complete, so that rubbish is refused before a blank line comes.
 */

import { buffersFull } from './buffer-limit.js';
import { ACCEPTED, DROPPED, parseFieldLine } from './field-line.js';
import { Field } from './field-names.js';
import { COMPLETE, isDigit, MORE, RequestLineReader } from './request-line.js';

export { COMPLETE, MORE, REFUSED } from './request-line.js';

import { HeaderBlock } from './header-block.js';

const LINE = 0;
const FIELDS = 1;

/** A head that is longer is parsed again when it comes again: it is not worth keeping for each idle connection. */
const KNOWN_MAX = 4096;

/** As much of a line that is too long goes to the log. */
const SHOWN_MAX = 1748;

/** What a reader enforces. Sizes in bytes. */
export interface HeadLimits {
  /** A request line or field line may have this size, its line break included (`large_client_header_buffers` size). */
  readonly line: number;
  /** The whole head. */
  readonly total: number;
  /** Number of field lines (`max_headers`). */
  readonly fields: number;
  /** Field lines with odd characters in their name are dropped instead of passed on (`ignore_invalid_headers`). */
  readonly dropInvalid: boolean;
  /** `_` counts as a usual character of a name (`underscores_in_headers`). */
  readonly underscores: boolean;
}

export class RequestReader extends RequestLineReader {
  readonly headers = new HeaderBlock();
  /** Length of the head, the blank line included, counted in `received`; where complete. */
  length = 0;
  /** Field lines that were dropped, for the log. */
  dropped: string[] | null = null;
  /** What was received, once the head is complete or refused; before, `partial` has it. */
  private text = '';
  /** Offset of the first line that is not parsed. */
  private position = 0;
  private state = LINE;

  /** The head that was read last, as long as what it was parsed to is still here. */
  private known = '';
  private knownLimits: HeadLimits | null = null;

  /** Ends with the last head. A client that sends the same again (as many do on a kept connection) is not parsed again. */
  reset(): void {
    if (this.idle) return;
    const { text, length } = this;
    this.partial.clear();
    this.text = '';
    const keeps = length > 0 && length <= KNOWN_MAX && this.status === 0 && this.dropped === null;
    if (keeps && this.headers.reusable) this.known = text.length === length ? text : text.slice(0, length);
    else this.forget();
  }

  /** Forgets what is known of the last head. */
  private forget(): void {
    this.known = '';
    this.position = 0;
    this.state = LINE;
    this.status = 0;
    this.length = 0;
    this.dropped = null;
    this.headers.clear();
    this.beginLine();
  }

  /** True before the first byte of a head. */
  get idle(): boolean {
    return this.receivedLength === 0;
  }

  /** All that was read of the present head, and what came behind it; blank lines in front of it are not kept. */
  get received(): string {
    return this.partial.with(this.text);
  }
  get receivedLength(): number {
    return this.partial.length + this.text.length;
  }

  /** The request line as far as it was read, for a refused request. */
  get partialLine(): string {
    if (this.requestLine !== '') return this.requestLine;
    const text = this.received.slice(this.position);
    const end = text.search(/[\r\n]/);
    return end < 0 ? text : text.slice(0, end);
  }

  /** Takes the next bytes of the head. Bytes behind the head are not touched; see `length`. */
  feed(text: string, limits: HeadLimits): number {
    if (this.known.length > 0 && this.idle) {
      const { known } = this;
      if (limits === this.knownLimits && (text === known || text.slice(0, known.length) === known)) {
        this.text = text;
        return COMPLETE;
      }
      this.forget();
    }
    this.knownLimits = limits;
    const piece = this.partial.length === 0 ? withoutBlankLines(text) : text;
    if (piece.length === 0) return MORE;
    let result = this.read(piece, limits);
    if (result === MORE && buffersFull()) {
      result = this.refuse(503, 'worker_buffer_limit is reached while reading client request headers');
    }
    if (result === MORE) this.partial.append(piece);
    else this.settle(piece);
    return result;
  }

  /** Nothing more is fed: what was received can be looked at as a whole. */
  settle(piece = ''): void {
    if (this.text.length > 0) return;
    this.text = this.partial.with(piece);
    this.partial.clear();
    this.headers.settle(this.text);
  }

  /** Reads the next piece; everything before it was read. */
  private read(piece: string, limits: HeadLimits): number {
    if (this.state === LINE) {
      // The line feed must stand among the first bytes; what lies behind them is not looked at, however much came at once.
      const result = this.readLine(piece, Math.min(limits.line, limits.total));
      if (result !== COMPLETE) return result;
      this.state = FIELDS;
      this.position = this.lineLength;
      // HTTP/0.9 has no fields.
      if (this.version === 9) this.length = this.position;
    }
    return this.version === 9 ? COMPLETE : this.readFields(piece, limits);
  }

  private readFields(piece: string, limits: HeadLimits): number {
    const { headers, partial } = this;
    // The text that is looked at: the piece, or the line under way and the piece. It begins at offset `base` of the head.
    let text = piece;
    let base = partial.length;
    headers.text = text;
    headers.base = base;
    for (;;) {
      const start = this.position;
      let eol = text.indexOf('\n', Math.max(0, start - base));
      // As with the request line: bytes behind the edge are never looked at, so that the verdict does not depend on how
      // many came at once.
      const edge = Math.min(start + limits.line, limits.total);
      if (eol < 0 || base + eol >= edge) {
        return base + text.length < edge
          ? MORE
          : this.refuseSize(partial.with(piece), start, start + limits.line, edge);
      }
      if (start < base) {
        // The line began in an earlier piece.
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
      this.position = base + eol + 1;
      if (end === from) {
        this.length = this.position;
        return COMPLETE;
      }
      const result = parseFieldLine(headers, from, end, limits.underscores, limits.dropInvalid);
      if (result === DROPPED) (this.dropped ??= []).push(text.slice(from, end));
      else if (result !== ACCEPTED) return this.refuseLine(text, from, result);
      if (headers.count > limits.fields) return this.refuse(494, 'client sent too many header lines');
    }
  }

  private refuseSize(text: string, start: number, lineEdge: number, edge: number): number {
    if (lineEdge > edge) return this.refuse(494, 'client sent too large request');
    const shown = text.slice(start, Math.min(edge, start + SHOWN_MAX));
    return this.refuse(494, `client sent too long header line: "${shown}..."`);
  }

  private refuseLine(text: string, start: number, at: number): number {
    const byte = text.charCodeAt(at).toString(16).padStart(2, '0');
    return this.refuse(400, `client sent invalid header line: "${text.slice(start, at)}\\x${byte}..."`);
  }
}

/** Line breaks before a request line are skipped (RFC 9112 2.2). */
function withoutBlankLines(text: string): string {
  let blank = 0;
  for (; blank < text.length; blank++) {
    const c = text.charCodeAt(blank);
    if (c !== 13 && c !== 10) break;
  }
  return blank === 0 ? text : text.slice(blank);
}

/** How the body of a request is framed. */
export interface RequestFraming {
  /** Bytes; 0 for none, -1 for chunked. */
  readonly length: number;
  /** The status with which it is refused, or 0. */
  readonly status: number;
  readonly reason: string;
}

const NO_BODY: RequestFraming = { length: 0, status: 0, reason: '' };
const CHUNKED: RequestFraming = { length: -1, status: 0, reason: '' };

function refused(status: number, reason: string): RequestFraming {
  return { length: 0, status, reason };
}

function duplicate(headers: HeaderBlock, first: number, second: number): RequestFraming {
  const line = (i: number): string => `${headers.name(i)}: ${headers.value(i)}`;
  return refused(400, `client sent duplicate header line: "${line(second)}", previous value: "${line(first)}"`);
}

/** Decides the framing (RFC 9112 6): anything that two readers could see differently is refused. */
export function requestFraming(headers: HeaderBlock, version: number): RequestFraming {
  const length = headers.indexOf(Field.ContentLength);
  const coding = headers.indexOf(Field.TransferEncoding);
  if (length < 0 && coding < 0) return NO_BODY;
  if (length >= 0) {
    const again = headers.indexOf(Field.ContentLength, length + 1);
    if (again >= 0) return duplicate(headers, length, again);
  }
  if (coding >= 0) {
    const again = headers.indexOf(Field.TransferEncoding, coding + 1);
    if (again >= 0) return duplicate(headers, coding, again);
  }
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

/** The number of bytes that a Content-Length names: digits only, at most 2^53 - 1; -1 for anything else. */
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
