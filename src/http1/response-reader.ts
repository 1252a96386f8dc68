/** Reader of upstream response heads (RFC 9112 4), fed with chunks of any size. */
import { ACCEPTED, parseFieldLine } from '../http/field-line.js';
import { Field } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { CHUNKED, UNTIL_CLOSE } from './body-decoder.js';
import { HeadBytes } from './head-bytes.js';
import { COMPLETE, MORE, parseContentLength, REFUSED } from './request-reader.js';

const START = 'HTTP/';
/** Maximum length of a head whose parse result is reused for an identical one. */
const MAX_CACHED = 4096;
const LF = 10;
/** Distance from the end of a head to the last byte of its last value. */
const LAST_VALUE = 5;

export class ResponseReader {
  status = 0;
  /** Reason phrase as received; may be empty. */
  reason = '';
  /** 10 or 11. */
  version = 11;
  headers = new HeaderBlock();
  /** Reason for rejecting the head, for the log. */
  refusal = '';
  /** Length of a complete head including the empty line. */
  length = 0;
  /** The received text, once the head is complete or rejected; before that it is in `partial`. */
  private text = '';
  private readonly partial = new HeadBytes();
  private position = 0;
  private inFields = false;

  /** The last head, as long as its parse result is available. */
  private cached = '';
  private cachedLimit = 0;
  /** Whether `framing` and `persistent` are known: they are those of the last head if it is repeated. */
  private evaluated = false;
  private knownFraming: number | string = 0;
  private knownPersistent = false;

  /** Ends the last head. Its parse result is reused if the upstream sends the same head again. */
  reset(): void {
    if (this.idle) return;
    const { text, length } = this;
    this.partial.clear();
    this.text = '';
    if (length > 0 && length <= MAX_CACHED && this.headers.reusable) this.cached = text.slice(0, length);
    else this.forget();
  }

  private forget(): void {
    this.cached = '';
    this.status = 0;
    this.length = 0;
    this.position = 0;
    this.inFields = false;
    this.evaluated = false;
    this.headers.clear();
  }

  /** Framing of the body that follows a complete head; see `responseFraming`. */
  get framing(): number | string {
    if (!this.evaluated) this.evaluate();
    return this.knownFraming;
  }

  /** Whether a complete head allows another request on the connection, if the end of the body is known. */
  get persistent(): boolean {
    if (!this.evaluated) this.evaluate();
    return this.knownPersistent;
  }

  private evaluate(): void {
    this.evaluated = true;
    this.knownFraming = responseFraming(this);
    // As in nginx an HTTP/1.0 connection is not reused, whatever fields the response has.
    this.knownPersistent = this.version >= 11 && connectionOptions(this.headers, this.version).keepAlive;
  }

  /** Whether no byte of a head has been received. */
  get idle(): boolean {
    return this.receivedLength === 0;
  }
  get received(): string {
    return this.partial.with(this.text);
  }
  get receivedLength(): number {
    return this.partial.length + this.text.length;
  }

  /**
   * Reads the head if bytes `from` to `end` begin with the last one: instead of `feed`, which does the same. Only its length is
   * converted, because V8 compares a part of a string several times slower than a whole one.
   */
  repeats(bytes: Buffer, from: number, end: number, limit: number): boolean {
    const { cached } = this;
    if (!this.mayRepeat(bytes, from, end, limit)) return false;
    const { length } = cached;
    const text = bytes.latin1Slice(from, from + length);
    if (text !== cached) return false;
    this.text = text;
    this.headers.restore();
    return true;
  }

  /** Whether `repeats` is likely: most other heads differ in length, or at the end of the last value. */
  mayRepeat(bytes: Buffer, from: number, end: number, limit: number): boolean {
    const { cached } = this;
    const { length } = cached;
    if (length === 0 || length > end - from || limit !== this.cachedLimit || !this.idle) return false;
    const lastByte = length - LAST_VALUE;
    return bytes[from + length - 1] === LF && bytes[from + lastByte] === cached.charCodeAt(lastByte);
  }

  /** Feeds the next bytes; `limit` is the maximum size of a head (`proxy_buffer_size`). */
  feed(text: string, limit: number): number {
    if (this.cached.length > 0 && this.idle) {
      const { cached } = this;
      if (limit === this.cachedLimit && text.slice(0, cached.length) === cached) {
        this.text = text;
        this.headers.restore();
        return COMPLETE;
      }
      this.forget();
    }
    this.cachedLimit = limit;
    const result = this.read(text, limit);
    if (result === MORE) this.partial.append(text);
    else {
      this.text = this.partial.with(text);
      this.partial.clear();
      this.headers.settle(this.text);
    }
    return result;
  }

  /** Reads the next chunk; everything before it was read. */
  private read(piece: string, limit: number): number {
    if (this.inFields) return this.readFields(piece, limit);
    const base = this.partial.length;
    if (base < START.length && !START.startsWith(this.partial.with(piece).slice(0, START.length))) {
      return this.refuse('upstream sent no valid HTTP/1.0 header');
    }
    const eol = piece.indexOf('\n');
    // Bytes after the limit are not examined, so that the result does not depend on how many arrived at once.
    if (eol < 0 || base + eol >= limit) return this.incomplete(base + piece.length, limit);
    if (!this.readStatusLine(this.partial.with(piece), base + eol)) {
      return this.refuse('upstream sent no valid HTTP/1.0 header');
    }
    this.position = base + eol + 1;
    this.inFields = true;
    return this.readFields(piece, limit);
  }

  private incomplete(length: number, limit: number): number {
    return length < limit ? MORE : this.refuse('upstream sent too big header');
  }

  /**
   * Parses `HTTP/1.1 200 OK`; the reason may be missing, and the three-digit status may have a part after a dot (IIS).
   */
  private readStatusLine(text: string, eol: number): boolean {
    let end = eol;
    if (text.charCodeAt(end - 1) === 13) end--;
    if (!text.startsWith('HTTP/') || text.charCodeAt(5) === 48) return false;
    let p = 5;
    let major = 0;
    for (; isDigit(text.charCodeAt(p)) && major <= 99; p++) major = major * 10 + text.charCodeAt(p) - 48;
    if (p === 5 || text.charCodeAt(p) !== 46) return false;
    const minorStart = ++p;
    let minor = 0;
    for (; isDigit(text.charCodeAt(p)) && minor <= 99; p++) minor = minor * 10 + text.charCodeAt(p) - 48;
    if (p === minorStart || text.charCodeAt(p) !== 32) return false;
    while (text.charCodeAt(p) === 32) p++;
    let status = 0;
    for (let digits = 0; digits < 3; digits++, p++) {
      if (!isDigit(text.charCodeAt(p))) return false;
      status = status * 10 + text.charCodeAt(p) - 48;
    }
    if (text.charCodeAt(p) === 46) while (p < end && text.charCodeAt(p) !== 32) p++;
    if (p < end && text.charCodeAt(p) !== 32) return false;
    const reason = p < end ? text.slice(p + 1, end) : '';
    if (reason.includes('\r')) return false;
    this.status = status;
    this.version = major > 1 || minor > 0 ? 11 : 10;
    this.reason = reason;
    return true;
  }

  private readFields(piece: string, limit: number): number {
    const { headers, partial } = this;
    // The text to parse: the chunk, or the incomplete line and the chunk. It starts at offset `base` of the head.
    let text = piece;
    let base = partial.length;
    headers.text = text;
    headers.base = base;
    for (;;) {
      const start = this.position;
      let eol = text.indexOf('\n', Math.max(0, start - base));
      if (eol < 0 || base + eol >= limit) return this.incomplete(base + text.length, limit);
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
      this.position = base + eol + 1;
      if (end === from) {
        this.length = this.position;
        return COMPLETE;
      }
      // IIS may send a second status line; nginx ignores it.
      if (text.charCodeAt(from) === 72 && text.startsWith(START, from)) {
        headers.canonical = false;
        continue;
      }
      const result = parseFieldLine(headers, from, end, true, false);
      if (result !== ACCEPTED) {
        const byte = text.charCodeAt(result).toString(16).padStart(2, '0');
        return this.refuse(`upstream sent invalid header: "${text.slice(from, result)}\\x${byte}..."`);
      }
    }
  }

  private refuse(why: string): number {
    this.refusal = why;
    return REFUSED;
  }
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/**
 * Determines the framing of a response body (RFC 9112 6.3): length, CHUNKED or UNTIL_CLOSE; or the reason it is
 * invalid.
 */
export function responseFraming({ headers }: { readonly headers: HeaderBlock }): number | string {
  const length = headers.indexOf(Field.ContentLength);
  const coding = headers.indexOf(Field.TransferEncoding);
  if (length < 0 && coding < 0) return UNTIL_CLOSE;
  if (length >= 0) {
    const again = headers.indexOf(Field.ContentLength, length + 1);
    if (again >= 0) return duplicate(headers, length, again);
  }
  if (coding >= 0) {
    const again = headers.indexOf(Field.TransferEncoding, coding + 1);
    if (again >= 0) return duplicate(headers, coding, again);
    const value = headers.value(coding);
    if (value.toLowerCase() !== 'chunked') return `upstream sent unknown "Transfer-Encoding": "${value}"`;
    if (length >= 0) return 'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time';
    return CHUNKED;
  }
  const bytes = parseContentLength(headers.value(length));
  return bytes < 0 ? `upstream sent invalid "Content-Length" header: "${fieldLine(headers, length)}"` : bytes;
}

function fieldLine(headers: HeaderBlock, i: number): string {
  return `${headers.name(i)}: ${headers.value(i)}`;
}

function duplicate(headers: HeaderBlock, first: number, second: number): string {
  return `upstream sent duplicate header line: "${fieldLine(headers, second)}", previous value: "${fieldLine(headers, first)}"`;
}
