/** Reads response heads of an upstream (RFC 9112 4), fed in pieces of any size. */
import { ACCEPTED, parseFieldLine } from './field-line.js';
import { Field } from './field-names.js';
import { HeaderBlock } from './header-block.js';
import { COMPLETE, MORE, parseContentLength, REFUSED } from './request-reader.js';

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
  private text = '';
  private position = 0;
  private inFields = false;

  /** The head that was read last, as long as what it was parsed to is still here. */
  private known = '';
  private knownLimit = 0;

  /** Ends with the last head. An upstream that answers the same again is not parsed again. */
  reset(): void {
    if (this.text.length === 0) return;
    if (this.length > 0) this.known = this.text.slice(0, this.length);
    else this.forget();
    this.text = '';
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
    return this.text.length === 0;
  }
  get received(): string {
    return this.text;
  }

  /** Takes the next bytes; `limit` is the size that a head may have (`proxy_buffer_size`). */
  feed(text: string, limit: number): number {
    if (this.text.length === 0 && this.known.length > 0) {
      const { known } = this;
      this.text = text;
      if (limit === this.knownLimit && text.slice(0, known.length) === known) {
        this.headers.restore();
        return COMPLETE;
      }
      this.forget();
    } else this.text = this.text.length === 0 ? text : this.text + text;
    this.knownLimit = limit;
    if (!this.inFields) {
      const { text } = this;
      const eol = text.indexOf('\n');
      if (!'HTTP/'.startsWith(text.slice(0, 5))) return this.refuse('upstream sent no valid HTTP/1.0 header');
      // Bytes behind the limit are never looked at, so that the verdict does not depend on how many came at once.
      if (eol < 0 || eol >= limit) return text.length < limit ? MORE : this.refuse('upstream sent too big header');
      if (!this.readStatusLine(eol)) return this.refuse('upstream sent no valid HTTP/1.0 header');
      this.position = eol + 1;
      this.headers.begin(this.text);
      this.inFields = true;
    }
    return this.readFields(limit);
  }

  /** `HTTP/1.1 200 OK`; the reason may be missing, and a status of three digits may have a part behind a dot (IIS). */
  private readStatusLine(eol: number): boolean {
    const { text } = this;
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

  private readFields(limit: number): number {
    const { text, headers } = this;
    headers.text = text;
    for (;;) {
      const start = this.position;
      const eol = text.indexOf('\n', start);
      if (eol < 0 || eol >= limit) return text.length < limit ? MORE : this.refuse('upstream sent too big header');
      let end = eol;
      if (end > start && text.charCodeAt(end - 1) === 13) end--;
      else headers.canonical = false;
      this.position = eol + 1;
      if (end === start) {
        this.length = eol + 1;
        return COMPLETE;
      }
      // IIS may send a second status line; nginx passes over it.
      if (text.charCodeAt(start) === 72 && text.startsWith('HTTP/', start)) {
        headers.canonical = false;
        continue;
      }
      const result = parseFieldLine(headers, start, end, true, false);
      if (result !== ACCEPTED) {
        const byte = text.charCodeAt(result).toString(16).padStart(2, '0');
        return this.refuse(`upstream sent invalid header: "${text.slice(start, result)}\\x${byte}..."`);
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
