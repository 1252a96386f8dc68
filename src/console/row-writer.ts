/**
 * Writes rows into one buffer, without allocating objects. Texts are byte strings, which readers decode as UTF-8.
 * Nothing here needs Node, so that browsers can use it.
 */
import {
  COMPRESSED,
  FROM_UPSTREAM,
  MASKED,
  ROW_HEAD,
  ROW_TYPES,
  type SenderCounts,
  SIDES,
  type TryRow,
  WITHHELD,
  type Withheld,
} from './feed-format.js';

const INITIAL_SIZE = 16 << 10;
/** Size of a buffer above which it is replaced by a small one after use. */
const MAX_KEPT = 256 << 10;
/** Length of a payload up to which a loop copies it faster than `set`. */
const MAX_LOOP = 128;
/** Longest text in a row, bytes. */
const MAX_TEXT = 8192;

const TYPE = Object.fromEntries(ROW_TYPES.map((type, number) => [type, number])) as Readonly<
  Record<(typeof ROW_TYPES)[number], number>
>;

const HIDDEN = WITHHELD.indexOf('hidden') + 1;

export class RowWriter {
  private bytes = new Uint8Array(INITIAL_SIZE);
  /** The buffer of the batch before, which is used next. */
  private spare = new Uint8Array(INITIAL_SIZE);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  /** Start of the row that is being written. */
  private start = 0;

  /** Bytes of the rows that were not taken. */
  get length(): number {
    return this.at;
  }

  /** Takes whole rows of at most `limit` bytes, but at least one row. They are valid until the next call. */
  take(limit: number): Uint8Array {
    const { bytes, spare } = this;
    if (this.at <= limit) {
      const taken = bytes.subarray(0, this.at);
      this.use(spare.length > MAX_KEPT ? new Uint8Array(INITIAL_SIZE) : spare);
      this.spare = bytes;
      return taken;
    }
    let end = 0;
    for (let next = this.endOf(0); next <= limit; next = this.endOf(next)) end = next;
    if (end === 0) end = this.endOf(0);
    const taken = bytes.slice(0, end);
    bytes.copyWithin(0, end, this.at);
    this.at -= end;
    return taken;
  }

  private use(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.at = 0;
  }

  private endOf(row: number): number {
    return row + ROW_HEAD + this.view.getUint32(row + 1, true);
  }

  clear(): void {
    this.use(new Uint8Array(INITIAL_SIZE));
    this.spare = new Uint8Array(INITIAL_SIZE);
  }

  // -- rows: `begin`, the fields in the order in which `row-decoder.ts` reads them, `end`

  private begin(type: number, time: number): void {
    this.start = this.at;
    this.reserve(ROW_HEAD + 8);
    this.bytes[this.at] = type;
    this.view.setFloat64(this.at + ROW_HEAD, time, true);
    this.at += ROW_HEAD + 8;
  }

  end(): void {
    this.view.setUint32(this.start + 1, this.at - this.start - ROW_HEAD, true);
  }

  /** Removes what was written of the current row. */
  cancel(): void {
    this.at = this.start;
  }

  dropped(time: number, count: number): void {
    this.begin(TYPE.dropped, time);
    this.number(count);
    this.end();
  }

  /** Begins a row about a request. */
  row(type: Exclude<keyof typeof TYPE, 'dropped' | 'frame'>, id: string, time: number): void {
    this.begin(TYPE[type], time);
    this.text(id);
  }

  /** Begins the row of a frame; its payload follows. `first`: FIN, the reserved bits, opcode. `mask`: null if it is not masked. */
  frame(
    id: string,
    time: number,
    fromClient: boolean,
    first: number,
    compressed: boolean,
    mask: number | null,
    length: number,
  ): void {
    this.begin(TYPE.frame, time);
    this.text(id);
    this.reserve(14);
    const { bytes, view, at } = this;
    bytes[at] = first;
    bytes[at + 1] = (fromClient ? 0 : FROM_UPSTREAM) | (compressed ? COMPRESSED : 0) | (mask === null ? 0 : MASKED);
    view.setFloat64(at + 2, length, true);
    this.at = at + 10;
    if (mask === null) return;
    view.setUint32(at + 10, mask >>> 0, true);
    this.at = at + 14;
  }

  // -- fields

  private reserve(size: number): void {
    const needed = this.at + size;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  side(side: (typeof SIDES)[number]): void {
    this.byte(SIDES.indexOf(side));
  }

  number(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A byte string. */
  text(value: string): void {
    const length = Math.min(value.length, MAX_TEXT);
    this.reserve(2 + length);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = length & 0xff;
    bytes[at++] = length >> 8;
    for (let i = 0; i < length; i++) bytes[at++] = value.charCodeAt(i);
    this.at = at;
  }

  payload(payload: Uint8Array, length: number): void {
    this.reserve(5 + length);
    this.bytes[this.at] = 0;
    this.view.setUint32(this.at + 1, length, true);
    if (length > MAX_LOOP)
      this.bytes.set(length === payload.length ? payload : payload.subarray(0, length), this.at + 5);
    else {
      const { bytes } = this;
      for (let i = 0, at = this.at + 5; i < length; i++, at++) bytes[at] = payload[i] as number;
    }
    this.at += 5 + length;
  }

  withheld(reason: Withheld): void {
    // Searching is slow compared to the rest of a row, and most rows have the same reason.
    this.byte(reason === 'hidden' ? HIDDEN : WITHHELD.indexOf(reason) + 1);
  }

  counts({ messages, frames, bytes }: SenderCounts): void {
    this.number(messages);
    this.number(frames);
    this.number(bytes);
  }

  tries(tries: readonly TryRow[]): void {
    const count = Math.min(tries.length, 255);
    this.byte(count);
    for (let i = 0; i < count; i++) {
      const { address, status, start, queue, connect, head, done, sent, received } = tries[i] as TryRow;
      this.text(address);
      this.uint16(status);
      for (const value of [start, queue, connect, head, done, sent, received]) this.number(value);
    }
  }
}
