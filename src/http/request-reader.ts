/**
 * Reads request heads (RFC 9112 2 and 3) as strictly as nginx does. It is fed pieces of any size and says after each
 * whether the head is complete; lines are checked as they complete, so that rubbish is refused before a blank line comes.
 */

import { ACCEPTED, DROPPED, parseFieldLine } from './field-line.js';
import { Field } from './field-names.js';
import { HeaderBlock } from './header-block.js';

export const MORE = 0;
export const COMPLETE = 1;
export const REFUSED = 2;

const LINE = 0;
const FIELDS = 1;

/** Results of the parts of a request line, beside offsets and versions. */
const CUT = 0;
const BAD = -1;
const UNSUPPORTED = -2;

/** As much of a line that is too long goes to the log. */
const SHOWN_MAX = 1748;

/** Bytes between the brackets of an IP literal. */
const LITERAL_BYTE = new Uint8Array(256);
for (const c of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:-._~!$&'()*+,;=") {
  LITERAL_BYTE[c.charCodeAt(0)] = 1;
}

function isLetter(c: number): boolean {
  const lower = c | 32;
  return lower >= 97 && lower <= 122;
}
function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

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
  /** Length of the head, the blank line included, counted in `received`; where complete. */
  length = 0;
  private text = '';
  private position = 0;
  private hostStart = 0;
  private state = LINE;
  /** Field lines that were dropped, for the log. */
  dropped: string[] | null = null;

  /** The head that was read last, as long as what it was parsed to is still here. */
  private known = '';
  private knownLimits: HeadLimits | null = null;

  /** Ends with the last head. A client that sends the same again (as many do on a kept connection) is not parsed again. */
  reset(): void {
    if (this.text.length === 0) return;
    if (this.length > 0 && this.status === 0 && this.dropped === null) {
      this.known = this.text.length === this.length ? this.text : this.text.slice(0, this.length);
    } else this.forget();
    this.text = '';
  }

  /** Forgets what is known of the last head. */
  private forget(): void {
    this.known = '';
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

  /** All that was read of the present head, and what came behind it; blank lines in front of it are not kept. */
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
    if (this.text.length === 0 && this.known.length > 0) {
      const { known } = this;
      this.text = text;
      if (limits === this.knownLimits && (text === known || text.slice(0, known.length) === known)) return COMPLETE;
      this.forget();
    } else this.text = this.text.length === 0 ? text : this.text + text;
    this.knownLimits = limits;
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
    // Line breaks before a request line are skipped (RFC 9112 2.2).
    let blank = 0;
    for (; blank < this.text.length; blank++) {
      const c = this.text.charCodeAt(blank);
      if (c !== 13 && c !== 10) break;
    }
    if (blank > 0) this.text = this.text.slice(blank);
    const { text } = this;
    if (text.length === 0) return MORE;
    const eol = text.indexOf('\n');
    // The line feed must stand among the first bytes; what lies behind them is not looked at, however much came at once.
    const edge = Math.min(limits.line, limits.total);
    const whole = eol >= 0 && eol < edge;
    const result = this.parseLine(whole ? eol : Math.min(text.length, edge), whole);
    if (result === REFUSED) return result;
    if (!whole) return text.length < edge ? MORE : this.refuse(414, 'client sent too long URI');
    this.position = eol + 1;
    // HTTP/0.9 has no fields.
    if (this.version === 9) this.length = this.position;
    this.headers.begin(text);
    return COMPLETE;
  }

  /** Parses the request line in [0, end); `whole` when a line feed stands at `end`. */
  private parseLine(end: number, whole: boolean): number {
    const { text } = this;
    let p = 0;
    let c = 0;
    this.method = '';
    this.version = 10;
    for (; p < end; p++) {
      c = text.charCodeAt(p);
      if (c === 32) break;
      if ((c < 65 || c > 90) && c !== 95 && c !== 45) return this.refuse(400, 'client sent invalid method');
    }
    if (p === 0 || (p === end && whole)) return this.refuse(400, 'client sent invalid method');
    if (p === end) return MORE;
    const method = text.slice(0, p);
    // Known from here on, so that a refused HEAD is answered without a body.
    this.method = method;
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p === end) return whole ? this.invalid() : MORE;
    let targetStart = p;
    let emptyPath = false;
    if (text.charCodeAt(p) !== 47 || method === 'CONNECT') {
      const authority = this.parseAuthority(p, end, method === 'CONNECT');
      if (authority === BAD) return this.invalid();
      if (authority === CUT) return whole ? this.invalid() : MORE;
      this.authority = text.slice(this.hostStart, authority);
      targetStart = authority;
      p = authority;
      emptyPath = text.charCodeAt(p) !== 47;
    }
    // The target runs to a space or the end of the line.
    let complex = false;
    let fragment = false;
    let query = -1;
    let slash = false;
    for (; p < end; p++) {
      c = text.charCodeAt(p);
      if (c === 32 || c === 13) break;
      if (c < 32 || c === 127) return this.invalid();
      if (c === 35) complex = fragment = true;
      if (query < 0 && !fragment) {
        if (c === 63) query = p;
        else if (c === 37 || (slash && (c === 47 || c === 46))) complex = true;
      }
      slash = c === 47;
    }
    const targetEnd = p;
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p === end && !whole) return MORE;
    let version = 9;
    if (p < end && text.charCodeAt(p) !== 13) {
      version = this.parseVersion(p, end, whole);
      if (version === UNSUPPORTED) return this.refuse(505, 'client sent invalid version');
      if (version === BAD) return this.invalid();
    } else if (p < end - 1) return this.invalid();
    if (!whole) return MORE;
    if (version === 9 && method !== 'GET') return this.refuse(400, 'client sent invalid method in HTTP/0.9 request');
    this.version = version;
    const path = text.slice(targetStart, targetEnd);
    this.target = emptyPath ? `/${path}` : path;
    this.query = query < 0 ? -1 : query - targetStart + (emptyPath ? 1 : 0);
    this.complex = complex;
    this.requestLine = text.slice(0, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    return COMPLETE;
  }

  /**
   * Reads `scheme://host:port` up to `/`, `?` or a space, or `host:port` and a space of CONNECT. The offset behind it,
   * BAD, or CUT where it runs into `end`. Which names are valid hosts is decided later, by `validHost`.
   */
  private parseAuthority(start: number, end: number, connect: boolean): number {
    const { text } = this;
    let p = start;
    if (!connect) {
      for (; p < end; p++) {
        const c = text.charCodeAt(p);
        if (!isLetter(c) && (p === start || !(isDigit(c) || c === 43 || c === 45 || c === 46))) break;
      }
      if (p === end) return CUT;
      if (p === start) return BAD;
      for (let i = 0; i < 3; i++, p++) {
        if (p === end) return CUT;
        if (text.charCodeAt(p) !== '://'.charCodeAt(i)) return BAD;
      }
      if (p === end) return CUT;
    }
    this.hostStart = p;
    if (text.charCodeAt(p) === 91) {
      for (p++; p < end && text.charCodeAt(p) !== 93; p++) {
        if (LITERAL_BYTE[text.charCodeAt(p)] !== 1) return BAD;
      }
      p++;
    } else {
      for (; p < end; p++) {
        const c = text.charCodeAt(p);
        if (!isLetter(c) && !isDigit(c) && c !== 46 && c !== 45) break;
      }
    }
    if (p >= end) return CUT;
    if (text.charCodeAt(p) === 58) {
      const port = ++p;
      while (p < end && isDigit(text.charCodeAt(p))) p++;
      if (p === end) return CUT;
      if (connect && p === port) return BAD;
    } else if (connect) return BAD;
    const c = text.charCodeAt(p);
    return c === 32 || (!connect && (c === 47 || c === 63)) ? p : BAD;
  }

  /** `HTTP/1.x`, spaces and a CR: 10 or 11; CUT, BAD or UNSUPPORTED. */
  private parseVersion(start: number, end: number, whole: boolean): number {
    const { text } = this;
    const cut = whole ? BAD : CUT;
    let p = start;
    for (let i = 0; i < 5; i++, p++) {
      if (p === end) return cut;
      if (text.charCodeAt(p) !== 'HTTP/'.charCodeAt(i)) return BAD;
    }
    if (p === end) return cut;
    let c = text.charCodeAt(p++);
    if (c < 49 || c > 57) return BAD;
    if (c !== 49) return UNSUPPORTED;
    if (p === end) return cut;
    c = text.charCodeAt(p++);
    if (isDigit(c)) return UNSUPPORTED;
    if (c !== 46) return BAD;
    if (p === end) return cut;
    if (!isDigit(text.charCodeAt(p))) return BAD;
    let minor = 0;
    for (; p < end && isDigit(text.charCodeAt(p)); p++) {
      if (minor > 99) return BAD;
      minor = minor * 10 + text.charCodeAt(p) - 48;
    }
    while (p < end && text.charCodeAt(p) === 32) p++;
    if (p < end && (text.charCodeAt(p) !== 13 || p !== end - 1)) return BAD;
    return minor === 0 ? 10 : 11;
  }

  private invalid(): number {
    return this.refuse(400, 'client sent invalid request');
  }

  private readFields(limits: HeadLimits): number {
    const { text, headers } = this;
    if (this.version === 9) return COMPLETE;
    headers.text = text;
    for (;;) {
      const start = this.position;
      const eol = text.indexOf('\n', start);
      // As with the request line: bytes behind the edge are never looked at, so that the verdict does not depend on how
      // many came at once.
      const edge = Math.min(start + limits.line, limits.total);
      if (eol < 0 || eol >= edge) return text.length < edge ? MORE : this.refuseSize(start, start + limits.line, edge);
      let end = eol;
      if (end > start && text.charCodeAt(end - 1) === 13) end--;
      else headers.canonical = false;
      if (end === start) {
        this.position = eol + 1;
        this.length = eol + 1;
        return COMPLETE;
      }
      const result = parseFieldLine(headers, start, end, limits.underscores, limits.dropInvalid);
      if (result === DROPPED) (this.dropped ??= []).push(text.slice(start, end));
      else if (result !== ACCEPTED) return this.refuseLine(start, result);
      this.position = eol + 1;
      if (headers.count > limits.fields) return this.refuse(494, 'client sent too many header lines');
    }
  }

  private refuseSize(start: number, lineEdge: number, edge: number): number {
    if (lineEdge > edge) return this.refuse(494, 'client sent too large request');
    const shown = this.text.slice(start, Math.min(edge, start + SHOWN_MAX));
    return this.refuse(494, `client sent too long header line: "${shown}..."`);
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
