/** The chunked coding (RFC 9112 7.1): a decoder that takes pieces of any size, strict about what ends a line. */

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

/** Extensions and trailers may take this many bytes in all. */
const EXTRA_MAX = 16384;
/** Digits of a size: 2^52 bytes is more than anybody sends. */
const DIGITS_MAX = 13;

/** Takes the data of chunks. */
export interface ChunkedSink {
  /** Bytes `start` to `end` of what was given to `decode`. */
  chunkData(bytes: Buffer, start: number, end: number): void;
}

export class ChunkedDecoder {
  private state = SIZE_START;
  private size = 0;
  private digits = 0;
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
  /** The trailer section, each line ended by CRLF. */
  get trailers(): string {
    return this.trailer.join('');
  }

  reset(): void {
    this.state = SIZE_START;
    this.size = 0;
    this.digits = 0;
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
      case SIZE_START:
        this.size = 0;
        this.digits = 0;
        if (hexDigit(c) < 0) this.state = BROKEN;
        else {
          this.size = hexDigit(c);
          this.digits = 1;
          this.state = SIZE;
        }
        return;
      case SIZE: {
        const digit = hexDigit(c);
        if (digit >= 0) {
          if (++this.digits > DIGITS_MAX) this.state = BROKEN;
          else this.size = this.size * 16 + digit;
        } else if (c === 13) this.state = SIZE_LF;
        else if (c === 10) this.sizeRead();
        else if (c === 59 || c === 32 || c === 9) this.state = EXTENSION;
        else this.state = BROKEN;
        return;
      }
      case EXTENSION:
        if (c === 13) this.state = SIZE_LF;
        else if (c === 10) this.sizeRead();
        else if (++this.extra > EXTRA_MAX || (c < 32 && c !== 9)) this.state = BROKEN;
        return;
      case SIZE_LF:
        if (c === 10) this.sizeRead();
        else this.state = BROKEN;
        return;
      case DATA_CR:
        if (c === 13) this.state = DATA_LF;
        else if (c === 10) this.state = SIZE_START;
        else this.state = BROKEN;
        return;
      case DATA_LF:
        this.state = c === 10 ? SIZE_START : BROKEN;
        return;
      case TRAILER_START:
        if (c === 13) this.state = LAST_LF;
        else if (c === 10) this.state = DONE;
        else {
          this.trailer.push(String.fromCharCode(c));
          this.state = TRAILER;
        }
        return;
      case TRAILER:
        if (c === 13) this.state = TRAILER_LF;
        else if (c === 10) this.trailerRead();
        else if (++this.extra > EXTRA_MAX) this.state = BROKEN;
        else this.trailer.push(String.fromCharCode(c));
        return;
      case TRAILER_LF:
        if (c === 10) this.trailerRead();
        else this.state = BROKEN;
        return;
      case LAST_LF:
        this.state = c === 10 ? DONE : BROKEN;
        return;
    }
  }

  private sizeRead(): void {
    this.state = this.size === 0 ? TRAILER_START : DATA;
  }

  private trailerRead(): void {
    this.trailer.push('\r\n');
    this.state = TRAILER_START;
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const l = c | 32;
  return l >= 97 && l <= 102 ? l - 87 : -1;
}
