/**
 * Parser of the request line (RFC 9112 3), as strict as nginx: fed with chunks of any size, it rejects the line at the
 * first invalid byte. Each byte is examined once, regardless of the number of chunks.
 */
import { HeadBytes } from './head-bytes.js';

export const MORE = 0;
export const COMPLETE = 1;
export const REFUSED = 2;

/** Parts of a request line; the state is the part that contains the next byte. */
const METHOD = 0;
const BEFORE_TARGET = 1;
const SCHEME = 2;
const SLASHES = 3;
const HOST_START = 4;
const LITERAL = 5;
const HOST = 6;
const HOST_END = 7;
const PORT = 8;
const TARGET = 9;
const AFTER_TARGET = 10;
const PROTOCOL = 11;
const MAJOR = 12;
const DOT = 13;
const MINOR_START = 14;
const MINOR = 15;
const AFTER_VERSION = 16;
const LAST_CR = 17;

/** Parts in which the line may end. */
const MAY_END: ReadonlySet<number> = new Set([TARGET, AFTER_TARGET, MINOR, AFTER_VERSION, LAST_CR]);

/** Bytes allowed between the brackets of an IP literal. */
const LITERAL_BYTE = new Uint8Array(256);
for (const c of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:-._~!$&'()*+,;=") {
  LITERAL_BYTE[c.charCodeAt(0)] = 1;
}

function isLetter(c: number): boolean {
  const lower = c | 32;
  return lower >= 97 && lower <= 122;
}
export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** Base class of the request reader, so that a reader stays one object. */
export abstract class RequestLineReader {
  method = '';
  /** The target in origin-form; `/` if an absolute-form target has no path. */
  target = '/';
  /** 9, 10 or 11; 10 until known. */
  version = 10;
  /** The authority of an absolute-form or authority-form target as written; null for origin-form. */
  authority: string | null = null;
  /** Whether the path needs normalisation. */
  complex = false;
  /** Offset of `?` in target, or -1. */
  query = -1;
  requestLine = '';
  /** Response status of a rejected head; `reason` is the log message. */
  status = 0;
  reason = '';
  /** Length of the line including its line break. */
  protected lineLength = 0;
  /** Offset in the head at which nginx's read buffer would end. */
  protected bufferEnd = 0;
  /** Earlier chunks of an incomplete head. */
  protected readonly partial = new HeadBytes();

  // -- the request line read so far; offsets relative to its start
  private part = METHOD;
  private hostStart = 0;
  private targetStart = 0;
  private targetEnd = 0;
  private queryStart = -1;
  /** Whether an absolute-form target has no path, or the target is in authority-form. */
  emptyPath = false;
  private fragment = false;
  /** Whether the previous byte is a slash of the target. */
  private slash = false;
  /** Number of bytes of `://` or `HTTP/` read so far, or offset of the port. */
  private mark = 0;
  private minor = -1;

  /** Resets the state for a new line. */
  protected beginLine(): void {
    this.method = '';
    this.version = 10;
    this.authority = null;
    this.complex = false;
    this.query = -1;
    this.requestLine = '';
    this.status = 0;
    this.part = METHOD;
    this.queryStart = -1;
    this.emptyPath = false;
    this.fragment = false;
    this.slash = false;
    this.minor = -1;
  }

  /** Rejects the head; returns REFUSED. */
  refuse(status: number, reason: string): number {
    this.status = status;
    this.reason = reason;
    return REFUSED;
  }

  /**
   * Continues reading with a chunk. A line that does not end within the buffer (`bufferEnd`) is moved to one of `size`
   * bytes, which must contain its LF.
   */
  protected readLine(piece: string, size: number): number {
    const base = this.partial.length;
    const eol = piece.indexOf('\n');
    const edge = Math.max(this.bufferEnd, size);
    const whole = eol >= 0 && base + eol < edge;
    const end = whole ? eol : Math.min(piece.length, edge - base);
    const room = this.bufferEnd - base;
    let result = this.scanLine(piece, 0, Math.min(end, room));
    if (result === REFUSED) return result;
    if (room <= end) {
      this.bufferEnd = edge;
      result = this.scanLine(piece, room, end);
      if (result === REFUSED) return result;
    }
    if (!whole) return base + piece.length < edge ? MORE : this.refuse(414, 'client sent too long URI');
    if (!MAY_END.has(this.part)) return this.part === METHOD ? this.invalidMethod() : this.invalid();
    return this.lineEnds(this.partial.with(piece.slice(0, eol)));
  }

  private lineEnds(line: string): number {
    if (this.part === TARGET) this.targetEnd = line.length;
    this.version = this.minor < 0 ? 9 : this.minor === 0 ? 10 : 11;
    if (this.version === 9 && this.method !== 'GET') {
      return this.refuse(400, 'client sent invalid method in HTTP/0.9 request');
    }
    const { targetStart, queryStart, emptyPath } = this;
    const path = line.slice(targetStart, this.targetEnd);
    this.target = emptyPath ? `/${path}` : path;
    this.query = queryStart < 0 ? -1 : queryStart - targetStart + (emptyPath ? 1 : 0);
    this.requestLine = line.charCodeAt(line.length - 1) === 13 ? line.slice(0, -1) : line;
    this.lineLength = line.length + 1;
    return COMPLETE;
  }

  /** Reads bytes `from` to `end` of a chunk, which contain no LF. Returns REFUSED, or MORE if they are valid. */
  private scanLine(piece: string, from: number, end: number): number {
    const base = this.partial.length;
    for (let p = from; p < end; ) {
      const c = piece.charCodeAt(p);
      switch (this.part) {
        case METHOD:
          if (c === 32 && base + p > 0) {
            // Set now, so that a rejected HEAD request gets a response without a body.
            this.method = this.partial.with(piece.slice(0, p));
            this.part = BEFORE_TARGET;
          } else if ((c < 65 || c > 90) && c !== 95 && c !== 45) return this.invalidMethod();
          p++;
          break;
        case BEFORE_TARGET:
          if (c === 32) {
            p++;
            break;
          }
          this.targetStart = base + p;
          if (this.method === 'CONNECT') this.part = HOST_START;
          else if (c === 47) this.part = TARGET;
          else if (isLetter(c)) this.part = SCHEME;
          else return this.invalid();
          break;
        case SCHEME:
          if (isLetter(c) || isDigit(c) || c === 43 || c === 45 || c === 46) p++;
          else {
            this.part = SLASHES;
            this.mark = 0;
          }
          break;
        case SLASHES:
          if (c !== '://'.charCodeAt(this.mark)) return this.invalid();
          if (++this.mark === 3) this.part = HOST_START;
          p++;
          break;
        case HOST_START:
          this.hostStart = base + p;
          this.part = c === 91 ? LITERAL : HOST;
          if (c === 91) p++;
          break;
        case LITERAL:
          if (c === 93) this.part = HOST_END;
          else if (LITERAL_BYTE[c] !== 1) return this.invalid();
          p++;
          break;
        case HOST:
          if (isLetter(c) || isDigit(c) || c === 46 || c === 45) p++;
          else this.part = HOST_END;
          break;
        case HOST_END:
          if (c === 58) {
            this.part = PORT;
            this.mark = base + ++p;
          } else if (this.method === 'CONNECT' || !this.authorityEnds(piece, p)) return this.invalid();
          break;
        case PORT:
          if (isDigit(c)) p++;
          else if (this.method === 'CONNECT' && base + p === this.mark) return this.invalid();
          else if (!this.authorityEnds(piece, p)) return this.invalid();
          break;
        case TARGET:
          p = this.scanTarget(piece, p, end);
          if (p < 0) return this.invalid();
          break;
        case AFTER_TARGET:
          if (c === 32) p++;
          else if (c === 13) {
            this.part = LAST_CR;
            p++;
          } else {
            this.part = PROTOCOL;
            this.mark = 0;
          }
          break;
        case PROTOCOL:
          if (c !== 'HTTP/'.charCodeAt(this.mark)) return this.invalid();
          if (++this.mark === 5) this.part = MAJOR;
          p++;
          break;
        case MAJOR:
          if (c < 49 || c > 57) return this.invalid();
          if (c !== 49) return this.unsupported();
          this.part = DOT;
          p++;
          break;
        case DOT:
          if (isDigit(c)) return this.unsupported();
          if (c !== 46) return this.invalid();
          this.part = MINOR_START;
          p++;
          break;
        case MINOR_START:
          if (!isDigit(c)) return this.invalid();
          this.minor = 0;
          this.part = MINOR;
          break;
        case MINOR:
          if (!isDigit(c)) this.part = AFTER_VERSION;
          else if (this.minor > 99) return this.invalid();
          else {
            this.minor = this.minor * 10 + c - 48;
            p++;
          }
          break;
        case AFTER_VERSION:
          if (c === 13) this.part = LAST_CR;
          else if (c !== 32) return this.invalid();
          p++;
          break;
        default:
          // Only LF may follow the CR.
          return this.invalid();
      }
    }
    return MORE;
  }

  /**
   * Ends the authority at offset `p` of a chunk: `scheme://host:port` before `/`, `?` or a space, or the `host:port` of
   * CONNECT before a space. Whether the host is valid is checked later by `validHost`.
   */
  private authorityEnds(piece: string, p: number): boolean {
    const c = piece.charCodeAt(p);
    if (c !== 32 && (this.method === 'CONNECT' || (c !== 47 && c !== 63))) return false;
    const before = this.partial.with(piece.slice(0, p));
    this.authority = before.slice(this.hostStart);
    this.targetStart = before.length;
    this.emptyPath = c !== 47;
    this.part = TARGET;
    return true;
  }

  /** Reads the target from offset `from` to a space, a CR or `end`; returns the offset reached, or -1. */
  private scanTarget(piece: string, from: number, end: number): number {
    const base = this.partial.length;
    let { complex, fragment, queryStart, slash } = this;
    let p = from;
    for (; p < end; p++) {
      const c = piece.charCodeAt(p);
      if (c === 32 || c === 13) {
        this.targetEnd = base + p;
        this.part = AFTER_TARGET;
        break;
      }
      if (c < 32 || c === 127) return -1;
      if (c === 35) complex = fragment = true;
      if (queryStart < 0 && !fragment) {
        if (c === 63) queryStart = base + p;
        else if (c === 37 || (slash && (c === 47 || c === 46))) complex = true;
      }
      slash = c === 47;
    }
    this.complex = complex;
    this.fragment = fragment;
    this.queryStart = queryStart;
    this.slash = slash;
    return p;
  }

  /** Whether the reader has reached the version. */
  get atVersion(): boolean {
    const { part } = this;
    return this.minor >= 0 || (part > PROTOCOL && part <= MINOR_START) || (part === PROTOCOL && this.mark > 0);
  }

  private invalid(): number {
    return this.refuse(400, 'client sent invalid request');
  }
  private invalidMethod(): number {
    return this.refuse(400, 'client sent invalid method');
  }
  private unsupported(): number {
    return this.refuse(505, 'client sent invalid version');
  }
}
