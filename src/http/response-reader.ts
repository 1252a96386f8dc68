/** Reads response heads of an upstream (RFC 9112 4), fed in pieces of any size. */
import { ACCEPTED, parseFieldLine } from './field-line.js';
import { Field } from './field-names.js';
import { HeadBytes } from './head-bytes.js';
import { HeaderBlock } from './header-block.js';
import { COMPLETE, MORE, parseContentLength, REFUSED } from './request-reader.js';

const START = 'HTTP/';
/** A head that is longer is parsed again when it comes again. */
const KNOWN_MAX = 4096;

export class ResponseReader {
  status = 0;
  /** Reason phrase as sent; may be empty. */
  reason = '';
  /** 10 or 11. */
  version = 11;
  headers = new HeaderBlock();
  /** Why a head was refused, for the log. */
  refusal = '';
  /** Length of the head, blank line included; where complete. */
  length = 0;
  /** The received text, once the head is complete or refused; before that it is in `partial`. */
  private text = '';
  private readonly partial = new HeadBytes();
  private position = 0;
  private inFields = false;

  /** The head that was read last, as long as what it was parsed to is still here. */
  private known = '';
  private knownLimit = 0;

  /** Ends with the last head. An upstream that answers the same again is not parsed again. */
  reset(): void {
    if (this.idle) return;
    const { text, length } = this;
    this.partial.clear();
    this.text = '';
    if (length > 0 && length <= KNOWN_MAX && this.headers.reusable) this.known = text.slice(0, length);
    else this.forget();
  }

  private forget(): void {
    this.known = '';
    this.status = 0;
    this.length = 0;
    this.position = 0;
    this.inFields = false;
    this.headers.clear();
  }

  /** True before the first byte. */
  get idle(): boolean {
    return this.receivedLength === 0;
  }
  get received(): string {
    return this.partial.with(this.text);
  }
  get receivedLength(): number {
    return this.partial.length + this.text.length;
  }

  /** Takes the next bytes; `limit` is the size that a head may have (`proxy_buffer_size`). */
  feed(text: string, limit: number): number {
    if (this.known.length > 0 && this.idle) {
      const { known } = this;
      if (limit === this.knownLimit && text.slice(0, known.length) === known) {
        this.text = text;
        this.headers.restore();
        return COMPLETE;
      }
      this.forget();
    }
    this.knownLimit = limit;
    const result = this.read(text, limit);
    if (result === MORE) this.partial.append(text);
    else {
      this.text = this.partial.with(text);
      this.partial.clear();
      this.headers.settle(this.text);
    }
    return result;
  }

  /** Reads the next piece; everything before it was read. */
  private read(piece: string, limit: number): number {
    if (this.inFields) return this.readFields(piece, limit);
    const base = this.partial.length;
    if (base < START.length && !START.startsWith(this.partial.with(piece).slice(0, START.length))) {
      return this.refuse('upstream sent no valid HTTP/1.0 header');
    }
    const eol = piece.indexOf('\n');
    // Bytes behind the limit are never looked at, so that the verdict does not depend on how many came at once.
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

  /** `HTTP/1.1 200 OK`; the reason may be missing, and a status of three digits may have a part behind a dot (IIS). */
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
    // The text that is looked at: the piece, or the line under way and the piece. It begins at offset `base` of the head.
    let text = piece;
    let base = partial.length;
    headers.text = text;
    headers.base = base;
    for (;;) {
      const start = this.position;
      let eol = text.indexOf('\n', Math.max(0, start - base));
      if (eol < 0 || base + eol >= limit) return this.incomplete(base + text.length, limit);
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
      // IIS may send a second status line; nginx passes over it.
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

/** The body of an answer ends with the connection. */
export const UNTIL_CLOSE = -2;
/** The body of an answer is chunked. */
export const CHUNKED = -1;

/** How the body of an answer is framed (RFC 9112 6.3): bytes, CHUNKED or UNTIL_CLOSE; or why it cannot be told. */
export function responseFraming(reader: ResponseReader): number | string {
  const { headers } = reader;
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
