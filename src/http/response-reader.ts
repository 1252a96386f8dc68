/** Reads response heads of an upstream (RFC 9112 4), fed in pieces of any size. */
import { ACCEPTED, parseFieldLine } from './field-line.js';
import { Field } from './field-names.js';
import { HeaderBlock } from './header-block.js';
import { COMPLETE, MORE, REFUSED } from './request-reader.js';

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

  reset(): void {
    this.status = 0;
    this.length = 0;
    this.text = '';
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
    this.text = this.text.length === 0 ? text : this.text + text;
    if (!this.inFields) {
      const eol = this.text.indexOf('\n');
      if (eol < 0) {
        if (!'HTTP/'.startsWith(this.text.slice(0, 5))) return this.refuse('upstream sent no valid HTTP/1.0 header');
        return this.text.length > limit ? this.refuse('upstream sent too big header') : MORE;
      }
      if (!this.readStatusLine(eol)) return this.refuse('upstream sent no valid HTTP/1.0 header');
      this.position = eol + 1;
      this.headers.begin(this.text);
      this.inFields = true;
    }
    return this.readFields(limit);
  }

  /** `HTTP/1.1 200 OK`; offsets are fixed but for the version, of which only one digit each is usual. */
  private readStatusLine(eol: number): boolean {
    const { text } = this;
    let end = eol;
    if (end > 0 && text.charCodeAt(end - 1) === 13) end--;
    if (!text.startsWith('HTTP/')) return false;
    let p = 5;
    let major = 0;
    let minor = 0;
    let digits = 0;
    for (; isDigit(text.charCodeAt(p)) && digits < 3; p++, digits++) major = major * 10 + text.charCodeAt(p) - 48;
    if (digits === 0 || text.charCodeAt(p) !== 46) return false;
    p++;
    digits = 0;
    for (; isDigit(text.charCodeAt(p)) && digits < 3; p++, digits++) minor = minor * 10 + text.charCodeAt(p) - 48;
    if (digits === 0 || text.charCodeAt(p) !== 32) return false;
    while (text.charCodeAt(p) === 32) p++;
    let status = 0;
    for (digits = 0; digits < 3; digits++, p++) {
      if (!isDigit(text.charCodeAt(p))) return false;
      status = status * 10 + text.charCodeAt(p) - 48;
    }
    if (p < end && text.charCodeAt(p) !== 32) return false;
    this.status = status;
    this.version = major > 1 || (major === 1 && minor > 0) ? 11 : 10;
    this.reason = p < end ? text.slice(p + 1, end) : '';
    return true;
  }

  private readFields(limit: number): number {
    const { text, headers } = this;
    headers.text = text;
    for (;;) {
      const start = this.position;
      const eol = text.indexOf('\n', start);
      if (eol < 0) return text.length > limit ? this.refuse('upstream sent too big header') : MORE;
      let end = eol;
      if (end > start && text.charCodeAt(end - 1) === 13) end--;
      else headers.canonical = false;
      this.position = eol + 1;
      if (end === start) {
        if (eol >= limit) return this.refuse('upstream sent too big header');
        this.length = eol + 1;
        return COMPLETE;
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
  if (length >= 0 && headers.indexOf(Field.ContentLength, length + 1) >= 0) {
    return `upstream sent duplicate header line: "Content-Length: ${headers.value(headers.indexOf(Field.ContentLength, length + 1))}", previous value: "Content-Length: ${headers.value(length)}"`;
  }
  if (coding >= 0) {
    if (headers.indexOf(Field.TransferEncoding, coding + 1) >= 0) {
      return 'upstream sent duplicate header line: "Transfer-Encoding"';
    }
    const value = headers.value(coding);
    if (value.toLowerCase() !== 'chunked') return `upstream sent unknown "Transfer-Encoding": "${value}"`;
    if (length >= 0) return 'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time';
    return CHUNKED;
  }
  const value = headers.value(length);
  if (value.length === 0 || value.length > 15) return `upstream sent invalid "Content-Length" header: "${value}"`;
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (!isDigit(c)) return `upstream sent invalid "Content-Length" header: "${value}"`;
    bytes = bytes * 10 + c - 48;
  }
  return bytes;
}
