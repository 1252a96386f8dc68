/**
 * The chunked coding (RFC 9112 7.1): a decoder that takes pieces of any size. As in nginx every line ends with CRLF, a
 * bare line feed is refused.
 */
import { parseFieldLine } from './field-line.js';
import { HeaderBlock } from './header-block.js';

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

/** The line of a chunk's size, and the whole trailer section, may take this many bytes. */
const EXTRA_MAX = 16384;
/** A size that may be followed by one more digit: no chunk has more than 2^53 - 1 bytes. */
const SIZE_MAX = (Number.MAX_SAFE_INTEGER - 15) / 16;

/** Takes the data of chunks. */
export interface ChunkedSink {
  /** Bytes `start` to `end` of what was given to `decode`. */
  chunkData(bytes: Buffer, start: number, end: number): void;
}

export class ChunkedDecoder {
  private state = SIZE_START;
  private size = 0;
  private extra = 0;
  private readonly trailer: string[] = [];

  get done(): boolean {
    return this.state === DONE;
  }
  get broken(): boolean {
    return this.state === BROKEN;
  }
  /** Between two chunks of a body whose framing is in order so far. */
  get atBoundary(): boolean {
    return this.state === SIZE_START;
  }
  /** The trailer section: a line `Name: value` and CRLF for each line of it that is a field line. */
  get trailers(): string {
    if (this.trailer.length === 0) return '';
    const block = new HeaderBlock();
    const text = this.trailer.join('');
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
    this.trailer.length = 0;
  }

  /**
   * Decodes bytes `start` to `end`; returns the offset behind the last byte that belongs to the body. After it either
   * all was taken, or `done`, or `broken`.
   */
  decode(bytes: Buffer, start: number, end: number, sink: ChunkedSink): number {
    let p = start;
    while (p < end) {
      if (this.state === DATA) {
        const n = Math.min(this.size, end - p);
        sink.chunkData(bytes, p, p + n);
        p += n;
        this.size -= n;
        if (this.size === 0) this.state = DATA_CR;
        continue;
      }
      if (this.state >= DONE) return p;
      this.step(bytes[p] as number);
      p++;
      if (this.state === BROKEN) return p;
    }
    return p;
  }

  private step(c: number): void {
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
        else if (this.size > 0) this.state = DATA;
        else {
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
        else this.trailerByte(c);
        return;
      case TRAILER:
        if (c === 13) this.state = TRAILER_LF;
        else this.trailerByte(c);
        return;
      case TRAILER_LF:
        if (c === 10) {
          this.trailer.push('\r\n');
          this.state = TRAILER_START;
        } else this.state = BROKEN;
        return;
      case LAST_LF:
        this.state = c === 10 ? DONE : BROKEN;
        return;
    }
  }

  private trailerByte(c: number): void {
    if (c === 10 || ++this.extra > EXTRA_MAX) this.state = BROKEN;
    else {
      this.trailer.push(String.fromCharCode(c));
      this.state = TRAILER;
    }
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const l = c | 32;
  return l >= 97 && l <= 102 ? l - 87 : -1;
}
