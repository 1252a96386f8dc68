/**
 * The chunked transfer coding (RFC 9112 7.1): a decoder, fed with chunks of any size, and the framing for encoding. As in nginx every line ends with
 * CRLF; a bare LF is rejected. Data of several chunks is joined, because each write costs a system call and the sender
 * determines the chunk size.
 */

import { parseFieldLine } from '../http/field-line.js';
import { HeaderBlock } from '../http/header-block.js';
import { ByteQueue } from '../net/byte-queue.js';
import { READ_SIZE } from '../net/slabs.js';

const SIZE_START = 0;
const SIZE = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILER_START = 7;
const TRAILER = 8;
const TRAILER_LF = 9;
const LAST_LF = 10;
const DONE = 11;
const BROKEN = 12;
const TOO_LARGE = 13;

/** Maximum length of a chunk-size line, and of the whole trailer section, bytes. */
const MAX_EXTRA = 16384;
/** Maximum chunk size to which another digit may be appended: no chunk exceeds 2^53 - 1 bytes. */
const MAX_SIZE = (Number.MAX_SAFE_INTEGER - 15) / 16;

/** Buffers of READ_SIZE bytes for joined data. More than one is in use only if a sink runs another decoder. */
const joinBuffers: Buffer[] = [];
const CRLF = Buffer.from('\r\n');
/** Maximum number of bytes for which a loop is faster than `copy`. */
const MAX_LOOP = 24;

/** Receives chunk data. */
export interface ChunkedSink {
  /**
   * Receives bytes `start` to `end` of `bytes`, valid until the call returns: the data of one call of `decode`. Called
   * more than once per `decode` only if that was given more than one read.
   */
  chunkData(bytes: Buffer, start: number, end: number): void;
}

export class ChunkedDecoder {
  /** Size of the current chunk, as far as known; if `tooLarge`, the size of the rejected chunk. */
  size = 0;
  private state = SIZE_START;
  private extra = 0;
  /** Number of data bytes still allowed. */
  private allowed = Number.POSITIVE_INFINITY;
  private trailer: ByteQueue | null = null;

  /** `keepsTrailers`: the trailer section is stored for `trailers`. */
  constructor(private readonly keepsTrailers = true) {}

  get done(): boolean {
    return this.state === DONE;
  }
  get broken(): boolean {
    return this.state === BROKEN;
  }
  /** Whether a chunk exceeds the allowed amount of data; none of it was read. */
  get tooLarge(): boolean {
    return this.state === TOO_LARGE;
  }
  /** Whether decoding is between two chunks, without errors so far. */
  get atBoundary(): boolean {
    return this.state === SIZE_START;
  }
  /** The trailer section: `Name: value` and CRLF for each valid field line. */
  get trailers(): string {
    if (this.trailer === null) return '';
    const block = new HeaderBlock();
    const text = Buffer.concat(this.trailer.front(this.trailer.length)).latin1Slice();
    block.begin(text);
    // Header blocks reject a head with an invalid line; here the rest of the message has already been passed on.
    block.canonical = false;
    for (let start = 0, end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', start)) {
      parseFieldLine(block, start, end, true, false);
      start = end + 2;
    }
    return block.lines(null);
  }

  reset(): void {
    this.state = SIZE_START;
    this.size = 0;
    this.extra = 0;
    this.allowed = Number.POSITIVE_INFINITY;
    this.trailer?.clear();
    this.trailer = null;
  }

  /** Allows `bytes` more data: a chunk that exceeds them is rejected once its size is known. */
  allow(bytes: number): void {
    this.allowed = this.state === DATA ? bytes - this.size : bytes;
  }

  /**
   * Decodes bytes `start` to `end`; returns the offset after the last byte of the body. Afterwards all bytes are
   * consumed, or `done`, `broken` or `tooLarge` is set.
   */
  decode(bytes: Buffer, start: number, end: number, sink: ChunkedSink): number {
    let p = start;
    // Data found so far: bytes `from` to `to` of `bytes` or, for several chunks, of `joined`.
    let joined: Buffer | null = null;
    let from = 0;
    let to = 0;
    while (p < end && this.state < DONE) {
      if (this.state !== DATA) {
        this.step(bytes, p++);
        continue;
      }
      const count = Math.min(this.size, end - p);
      this.size -= count;
      if (this.size === 0) this.state = DATA_CR;
      if (to > from && to - from + count > READ_SIZE) {
        sink.chunkData(joined ?? bytes, from, to);
        from = to;
      }
      if (to === from) {
        from = p;
        to = p + count;
        // Data too large to be joined may already have been passed on.
        if (joined !== null) joinBuffers.push(joined);
        joined = null;
      } else {
        if (joined === null) {
          joined = joinBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE);
          to = bytes.copy(joined, 0, from, to);
          from = 0;
        }
        append(bytes, p, count, joined, to);
        to += count;
      }
      p += count;
    }
    if (to > from) sink.chunkData(joined ?? bytes, from, to);
    if (joined !== null) joinBuffers.push(joined);
    return p;
  }

  /** Processes the byte at `p`, which is not chunk data. */
  private step(bytes: Buffer, p: number): void {
    const c = bytes[p] as number;
    switch (this.state) {
      case SIZE_START: {
        const digit = hexDigit(c);
        this.size = digit;
        this.extra = 0;
        this.state = digit < 0 ? BROKEN : SIZE;
        return;
      }
      case SIZE: {
        const digit = hexDigit(c);
        if (digit >= 0) {
          // Leading zeros count as well, so that a chunk size cannot be endless.
          if (this.size > MAX_SIZE || ++this.extra > MAX_EXTRA) this.state = BROKEN;
          else this.size = this.size * 16 + digit;
        } else if (c === 13) this.state = SIZE_LF;
        else if (c === 59 || c === 32 || c === 9) this.state = EXTENSION;
        else this.state = BROKEN;
        return;
      }
      case EXTENSION:
        if (c === 13) this.state = SIZE_LF;
        else if (c === 10 || ++this.extra > MAX_EXTRA) this.state = BROKEN;
        return;
      case SIZE_LF:
        if (c !== 10) this.state = BROKEN;
        else if (this.size > this.allowed) this.state = TOO_LARGE;
        else if (this.size > 0) {
          this.allowed -= this.size;
          this.state = DATA;
        } else {
          this.extra = 0;
          this.state = TRAILER_START;
        }
        return;
      case DATA_CR:
        this.state = c === 13 ? DATA_LF : BROKEN;
        return;
      case DATA_LF:
        this.state = c === 10 ? SIZE_START : BROKEN;
        return;
      case TRAILER_START:
        if (c === 13) this.state = LAST_LF;
        else this.trailerByte(bytes, p);
        return;
      case TRAILER:
        if (c === 13) this.state = TRAILER_LF;
        else this.trailerByte(bytes, p);
        return;
      case TRAILER_LF:
        if (c === 10) {
          if (this.keepsTrailers) this.trailer?.push(CRLF, 0, 2);
          this.state = TRAILER_START;
        } else this.state = BROKEN;
        return;
      case LAST_LF:
        this.state = c === 10 ? DONE : BROKEN;
        return;
    }
  }

  private trailerByte(bytes: Buffer, p: number): void {
    if (bytes[p] === 10 || ++this.extra > MAX_EXTRA) this.state = BROKEN;
    else {
      if (this.keepsTrailers) (this.trailer ??= new ByteQueue()).push(bytes, p, p + 1);
      this.state = TRAILER;
    }
  }
}

/** Copies `count` bytes from offset `p` to offset `at` of `into`. */
function append(bytes: Buffer, p: number, count: number, into: Buffer, at: number): void {
  if (count > MAX_LOOP) bytes.copy(into, at, p, p + count);
  else for (let i = 0; i < count; i++) into[at + i] = bytes[p + i] as number;
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const l = c | 32;
  return l >= 97 && l <= 102 ? l - 87 : -1;
}

/** Encoding of a chunk: `chunkStart`, the data, CHUNK_END. */
export const CHUNK_END = '\r\n';
/** End of a chunked body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Line before a chunk of `length` bytes, which is not 0. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}
