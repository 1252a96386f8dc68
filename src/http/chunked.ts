/**
 * The chunked coding (RFC 9112 7.1): a decoder that takes pieces of any size. As in nginx every line ends with CRLF, a
 * bare line feed is refused. The data of several chunks leaves the decoder in one piece, because every piece costs a system
 * call later, and its sender chooses how small its chunks are.
 */
import { ByteQueue } from './byte-queue.js';
import { parseFieldLine } from './field-line.js';
import { HeaderBlock } from './header-block.js';
import { READ_SIZE } from './slabs.js';

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

/** The line of a chunk's size, and the whole trailer section, may take this many bytes. */
const EXTRA_MAX = 16384;
/** A size that may be followed by one more digit: no chunk has more than 2^53 - 1 bytes. */
const SIZE_MAX = (Number.MAX_SAFE_INTEGER - 15) / 16;

/** READ_SIZE bytes for the joined data of several chunks. More than one is in use only while a sink makes another decoder run. */
const joinBuffers: Buffer[] = [];
const CRLF = Buffer.from('\r\n');
/** Up to this many bytes a loop is faster than a call of `copy`. */
const LOOP_MAX = 24;

/** Takes the data of chunks. */
export interface ChunkedSink {
  /**
   * Bytes `start` to `end` of `bytes`, valid until the call returns: the data of one call of `decode`. More than one call
   * follows only where that was given more than one read brings.
   */
  chunkData(bytes: Buffer, start: number, end: number): void;
}

export class ChunkedDecoder {
  /** Size of the chunk that is read, as far as it is known; where `tooLarge`, the size of the refused chunk. */
  size = 0;
  private state = SIZE_START;
  private extra = 0;
  /** Bytes of data that may still come. */
  private allowed = Number.POSITIVE_INFINITY;
  private trailer: ByteQueue | null = null;

  /** `keepsTrailers`: the trailer section is kept for `trailers`. */
  constructor(private readonly keepsTrailers = true) {}

  get done(): boolean {
    return this.state === DONE;
  }
  get broken(): boolean {
    return this.state === BROKEN;
  }
  /** A chunk was announced with more data than is allowed; nothing of it was read. */
  get tooLarge(): boolean {
    return this.state === TOO_LARGE;
  }
  /** Between two chunks of a body whose framing is in order so far. */
  get atBoundary(): boolean {
    return this.state === SIZE_START;
  }
  /** The trailer section: a line `Name: value` and CRLF for each line of it that is a field line. */
  get trailers(): string {
    if (this.trailer === null) return '';
    const block = new HeaderBlock();
    const text = Buffer.concat(this.trailer.front(this.trailer.length)).latin1Slice();
    block.begin(text);
    // The blocks of heads drop what is no field line as a whole; here the rest of the message has long been passed on.
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

  /** Allows `bytes` of data from here on: a chunk that exceeds them is refused when its size is known. */
  allow(bytes: number): void {
    this.allowed = this.state === DATA ? bytes - this.size : bytes;
  }

  /**
   * Decodes bytes `start` to `end`; returns the offset behind the last byte that belongs to the body. After it either
   * all was taken, or `done`, `broken` or `tooLarge`.
   */
  decode(bytes: Buffer, start: number, end: number, sink: ChunkedSink): number {
    let p = start;
    // The data found so far: bytes `from` to `to` of `bytes` or, where it is that of several chunks, of `joined`.
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
        // Too much data to be joined may have left already.
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

  /** Takes the byte at `p`, which is not data. */
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
          // Zeros in front count too: nothing may come for ever without a chunk.
          if (this.size > SIZE_MAX || ++this.extra > EXTRA_MAX) this.state = BROKEN;
          else this.size = this.size * 16 + digit;
        } else if (c === 13) this.state = SIZE_LF;
        else if (c === 59 || c === 32 || c === 9) this.state = EXTENSION;
        else this.state = BROKEN;
        return;
      }
      case EXTENSION:
        if (c === 13) this.state = SIZE_LF;
        else if (c === 10 || ++this.extra > EXTRA_MAX) this.state = BROKEN;
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
    if (bytes[p] === 10 || ++this.extra > EXTRA_MAX) this.state = BROKEN;
    else {
      if (this.keepsTrailers) (this.trailer ??= new ByteQueue()).push(bytes, p, p + 1);
      this.state = TRAILER;
    }
  }
}

/** Copies `count` bytes from offset `p` to offset `at` of `into`. */
function append(bytes: Buffer, p: number, count: number, into: Buffer, at: number): void {
  if (count > LOOP_MAX) bytes.copy(into, at, p, p + count);
  else for (let i = 0; i < count; i++) into[at + i] = bytes[p + i] as number;
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const l = c | 32;
  return l >= 97 && l <= 102 ? l - 87 : -1;
}
