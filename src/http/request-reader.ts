/**
 * Reads request heads (RFC 9112 2 and 3) as strictly as nginx does. It is fed pieces of any size and says after each
 * whether the head is complete; lines are checked as they complete, so that rubbish is refused before a blank line comes.
 */
import { Field } from './field-names.js';
import { ACCEPTED, DROPPED, parseFieldLine } from './field-line.js';
import { HeaderBlock } from './header-block.js';

export const MORE = 0;
export const COMPLETE = 1;
export const REFUSED = 2;

const LINE = 0;
const FIELDS = 1;

/** What a reader enforces. Sizes in bytes. */
export interface HeadLimits {
  /** A request line or field line may have this size (`large_client_header_buffers` size). */
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

export class RequestReader {
  method = '';
  /** The target in origin-form; `/` where an absolute-form target has no path. */
  target = '/';
  /** 9, 10 or 11. */
  version = 11;
  /** The authority of an absolute-form or authority-form target as written; null for the usual form. */
  authority: string | null = null;
  /** The path holds something that has to be normalised. */
  complex = false;
  /** Offset of `?` in target, or -1. */
  query = -1;
  requestLine = '';
  readonly headers = new HeaderBlock();
  /** The status with which a refused head is answered, and the reason for the log. */
  status = 0;
  reason = '';
  /** Length of the head, the blank line included; where complete. */
  length = 0;
  /** Blank lines that came before the request line. */
  private text = '';
  private position = 0;
  private state = LINE;
  /** Field lines that were dropped, for the log. */
  dropped: string[] | null = null;

  /** Forgets the last head. */
  reset(): void {
    this.text = '';
    this.position = 0;
    this.state = LINE;
    this.status = 0;
    this.length = 0;
    this.authority = null;
    this.complex = false;
    this.query = -1;
    this.requestLine = '';
    this.dropped = null;
    this.headers.clear();
  }

  /** True before the first byte of a head. */
  get idle(): boolean {
    return this.text.length === 0;
  }

  /** All that was read of the present head. */
  get received(): string {
    return this.text;
  }

  /** The request line as far as it was read, for a refused request. */
  get partialLine(): string {
    if (this.requestLine !== '') return this.requestLine;
    const text = this.text.slice(this.position);
    const end = text.search(/[\r\n]/);
    return end < 0 ? text : text.slice(0, end);
  }

  /** Takes the next bytes of the head. Bytes behind the head are not touched; see `length`. */
  feed(text: string, limits: HeadLimits): number {
    this.text = this.text.length === 0 ? text : this.text + text;
    if (this.state === LINE) {
      const result = this.readLine(limits);
      if (result !== COMPLETE) return result;
      this.state = FIELDS;
    }
    return this.readFields(limits);
  }

  private refuse(status: number, reason: string): number {
    this.status = status;
    this.reason = reason;
    return REFUSED;
  }

  private readLine(limits: HeadLimits): number {
    const { text } = this;
    let p = this.position;
    // Line breaks before a request line are skipped (RFC 9112 2.2).
    while (p < text.length && (text.charCodeAt(p) === 13 || text.charCodeAt(p) === 10)) p++;
    if (p > 0) {
      this.text = text.slice(p);
      this.position = 0;
      return this.text.length === 0 ? MORE : this.readLine(limits);
    }
    const eol = text.indexOf('\n', p);
    const end = eol < 0 ? text.length : eol;
    const result = this.parseLine(p, end, eol >= 0);
    if (result === REFUSED) return result;
    if (end - p > limits.line) return this.refuse(414, 'client sent too long URI');
    if (eol < 0) return MORE;
    if (result === MORE) return this.refuse(400, 'client sent invalid request');
    this.position = eol + 1;
    this.headers.begin(this.text);
    // HTTP/0.9 has no fields.
    if (this.version === 9) {
      this.length = this.position;
      this.state = FIELDS;
    }
    return COMPLETE;
  }

  /** Parses the request line in [p, end); `whole` when its line feed was seen. */
  private parseLine(start: number, end: number, whole: boolean): number {
    const { text } = this;
    let p = start;
    let c = 0;
    for (; p < end; p++) {
      c = text.charCodeAt(p);
      if (c === 32) break;
      if ((c < 65 || c > 90) && c !== 95 && c !== 45) return this.refuse(400, 'client sent invalid method');
    }
    if (p === start && p < end) return this.refuse(400, 'client sent invalid method');
    if (p === end) return whole ? this.refuse(400, 'client sent invalid request') : MORE;
    const methodEnd = p;
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p === end) return whole ? this.refuse(400, 'client sent invalid request') : MORE;
    let targetStart = p;
    c = text.charCodeAt(p);
    const method = text.slice(start, methodEnd);
    let emptyPath = false;
    if (c !== 47) {
      const authority = this.parseAuthority(p, end, method === 'CONNECT');
      if (authority < 0) return this.refuse(400, 'client sent invalid request');
      if (authority === end && !whole) return MORE;
      targetStart = authority;
      p = authority;
      emptyPath = text.charCodeAt(p) !== 47;
    }
    // The target runs to a space or the end of the line.
    let complex = false;
    let query = -1;
    let slash = false;
    for (; p < end; p++) {
      c = text.charCodeAt(p);
      if (c === 32 || c === 13) break;
      if (c < 32 || c === 127) return this.refuse(400, 'client sent invalid request');
      if (c === 35) complex = true;
      if (query < 0) {
        if (c === 63) query = p;
        else if (c === 37 || (slash && (c === 47 || c === 46))) complex = true;
      }
      slash = c === 47;
    }
    const targetEnd = p;
    if (p === end && !whole) return MORE;
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p === end && !whole) return MORE;
    let version = 9;
    if (p < end && text.charCodeAt(p) !== 13) {
      version = this.parseVersion(p, end, whole);
      if (version < 0) return version === -505 ? this.refuse(505, 'client sent invalid version') : this.refuse(400, 'client sent invalid request');
      if (version === 0) return MORE;
    } else if (p < end - 1 && text.charCodeAt(p) === 13) {
      return this.refuse(400, 'client sent invalid request');
    }
    if (!whole) return MORE;
    if (version === 9 && method !== 'GET') return this.refuse(400, 'client sent invalid method in HTTP/0.9 request');
    this.method = method;
    this.version = version;
    const path = text.slice(targetStart, targetEnd);
    this.target = emptyPath ? `/${path}` : path;
    this.query = query < 0 ? -1 : query - targetStart + (emptyPath ? 1 : 0);
    this.complex = complex;
    let lineEnd = end;
    if (text.charCodeAt(lineEnd - 1) === 13) lineEnd--;
    this.requestLine = text.slice(start, lineEnd);
    return COMPLETE;
  }

  /** Reads `scheme://host:port` (or `host:port` of CONNECT); the offset behind it, `end` when cut, or -1. */
  private parseAuthority(start: number, end: number, connect: boolean): number {
    const { text } = this;
    let p = start;
    if (!connect) {
      for (; p < end; p++) {
        const c = text.charCodeAt(p);
        const l = c | 32;
        if (l >= 97 && l <= 122) continue;
        if (p > start && ((c >= 48 && c <= 57) || c === 43 || c === 45 || c === 46)) continue;
        break;
      }
      if (p === end) return end;
      if (p === start) return -1;
      for (const expected of '://') {
        if (p === end) return end;
        if (text[p] !== expected) return -1;
        p++;
      }
    }
    const hostStart = p;
    for (; p < end; p++) {
      const c = text.charCodeAt(p);
      if (c === 47 || c === 63 || c === 32 || c === 13) break;
      if (c < 32 || c === 35 || c === 127) return -1;
    }
    if (p === end) return end;
    if (p === hostStart) return -1;
    const authority = text.slice(hostStart, p);
    if (!/^(?:[A-Za-z0-9.-]+|\[[^\]]+\]):?[0-9]*$/.test(authority)) return -1;
    if (connect && !/:[0-9]+$/.test(authority)) return -1;
    this.authority = authority;
    return p;
  }

  /** `HTTP/1.x` and spaces: 10 or 11; 0 when cut; -400 or -505. */
  private parseVersion(start: number, end: number, whole: boolean): number {
    const { text } = this;
    let p = start;
    for (const expected of 'HTTP/') {
      if (p === end) return whole ? -400 : 0;
      if (text[p] !== expected) return -400;
      p++;
    }
    const digits = (from: number): number => {
      let q = from;
      while (q < end && text.charCodeAt(q) >= 48 && text.charCodeAt(q) <= 57) q++;
      return q;
    };
    const majorEnd = digits(p);
    if (majorEnd === end && !whole) return 0;
    const major = text.slice(p, majorEnd);
    if (major === '' || major.startsWith('0') || text[majorEnd] !== '.') return -400;
    if (major !== '1') return -505;
    p = majorEnd + 1;
    const minorEnd = digits(p);
    if (minorEnd === end && !whole) return 0;
    const minor = minorEnd - p;
    if (minor === 0 || minor > 2) return -400;
    const number = Number(text.slice(p, minorEnd));
    p = minorEnd;
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p < end && !(text.charCodeAt(p) === 13 && p === end - 1)) return text.charCodeAt(p) === 13 && !whole ? 0 : -400;
    return number === 0 ? 10 : 11;
  }

  private readFields(limits: HeadLimits): number {
    const { text, headers } = this;
    if (this.version === 9) return COMPLETE;
    headers.text = text;
    for (;;) {
      const start = this.position;
      const eol = text.indexOf('\n', start);
      if (eol < 0) {
        if (text.length - start > limits.line) return this.refuse(494, 'client sent too long header line');
        if (text.length > limits.total) return this.refuse(494, 'client sent too large request');
        return MORE;
      }
      let end = eol;
      if (end > start && text.charCodeAt(end - 1) === 13) end--;
      else headers.canonical = false;
      if (end === start) {
        this.position = eol + 1;
        this.length = eol + 1;
        return COMPLETE;
      }
      if (end - start > limits.line) return this.refuse(494, 'client sent too long header line');
      if (eol > limits.total) return this.refuse(494, 'client sent too large request');
      const result = parseFieldLine(headers, start, end, limits.underscores, limits.dropInvalid);
      if (result === DROPPED) (this.dropped ??= []).push(text.slice(start, end));
      else if (result !== ACCEPTED) return this.refuseLine(start, result);
      this.position = eol + 1;
      if (headers.count > limits.fields) return this.refuse(494, 'client sent too many header lines');
    }
  }

  private refuseLine(start: number, at: number): number {
    const byte = this.text.charCodeAt(at).toString(16).padStart(2, '0');
    return this.refuse(400, `client sent invalid header line: "${this.text.slice(start, at)}\\x${byte}..."`);
  }
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

/** Decides the framing (RFC 9112 6): anything that two readers could see differently is refused. */
export function requestFraming(headers: HeaderBlock, version: number): RequestFraming {
  const length = headers.indexOf(Field.ContentLength);
  const coding = headers.indexOf(Field.TransferEncoding);
  if (length < 0 && coding < 0) return NO_BODY;
  const refused = (status: number, reason: string): RequestFraming => ({ length: 0, status, reason });
  if (length >= 0 && headers.indexOf(Field.ContentLength, length + 1) >= 0) {
    return refused(400, 'client sent duplicate header line: "Content-Length"');
  }
  if (coding >= 0 && headers.indexOf(Field.TransferEncoding, coding + 1) >= 0) {
    return refused(400, 'client sent duplicate header line: "Transfer-Encoding"');
  }
  let bytes = 0;
  if (length >= 0) {
    const value = headers.value(length);
    bytes = /^[0-9]+$/.test(value) ? Number(value) : -1;
    if (bytes < 0 || !Number.isSafeInteger(bytes)) return refused(400, 'client sent invalid "Content-Length" header');
  }
  if (coding < 0) return { length: bytes, status: 0, reason: '' };
  if (version < 11) return refused(400, 'client sent HTTP/1.0 request with "Transfer-Encoding" header');
  const value = headers.value(coding);
  if (value.toLowerCase() !== 'chunked') return refused(501, `client sent unknown "Transfer-Encoding": "${value}"`);
  if (length >= 0) return refused(400, 'client sent "Content-Length" and "Transfer-Encoding" headers at the same time');
  return CHUNKED;
}
