/**
 * Short frames of WebSockets until the end of the event loop's turn. They are published together: the code of a row is then
 * executed many times in succession, which takes less time than between system calls, with cold caches.
 */
import type { PublishedFrame } from './published-rows.js';

/** Frames that are queued at most. */
const CAPACITY = 256;
/** Longest payload whose length is in the second byte of a header. */
const MAX_SHORT = 125;
/** Bytes of the queue for each payload. */
const SLOT = 128;
/** Numbers of the queue for each frame. */
const NUMBERS = 3;

/** First bytes of unfragmented, uncompressed messages (RFC 6455, 5.2). */
const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;

/** Set in the first number of a frame, above its length: it is from the upstream; it is masked. */
const FROM_UPSTREAM = 0x100;
const MASKED = 0x200;

export class FrameQueue {
  private count = 0;
  private readonly ids: (string | null)[] = new Array<string | null>(CAPACITY).fill(null);
  /** First byte of the header, length and flags, and masking key of each frame. */
  private readonly numbers = new Int32Array(NUMBERS * CAPACITY);
  /** Beginnings of the payloads, masked as they are; null until one is needed. */
  private payloads: Buffer | null = null;
  /** Bytes of each payload that are queued. */
  private payloadSize = 0;
  private time = 0;
  /** The payload of the row, unmasked. */
  private readonly payload = Buffer.allocUnsafe(SLOT);
  /** The row, which is used again for each frame. */
  private readonly row: { -readonly [K in keyof PublishedFrame]: PublishedFrame[K] };
  private scheduled = false;
  private readonly turnEnds = (): void => {
    this.scheduled = false;
    this.flush();
  };

  /** `publish`: receives the rows, which are valid for the call only. */
  constructor(private readonly publish: (row: PublishedFrame) => void) {
    this.row = {
      type: 'frame',
      id: '',
      time: 0,
      from: 'client',
      opcode: 0,
      fin: true,
      rsv: 0,
      compressed: false,
      mask: null,
      length: 0,
      payload: this.payload,
      size: 0,
    };
  }

  /**
   * Queues the complete, unfragmented, uncompressed messages of at most 125 bytes, the most frequent kind, with which the bytes
   * begin. No message may be in progress. Returns the end of the last one. `payloadSize`: bytes of a payload that are needed.
   */
  add(id: string, fromClient: boolean, payloadSize: number, bytes: Buffer, start: number, end: number): number {
    const { ids, numbers } = this;
    let at = start;
    while (end - at >= 2) {
      const first = bytes[at] as number; // before `end`, as all bytes below
      if (first !== FINAL_TEXT && first !== FINAL_BINARY) break;
      const second = bytes[at + 1] as number;
      const length = second & 0x7f;
      const head = second < 0x80 ? 2 : 6;
      const next = at + head + length;
      if (length > MAX_SHORT || next > end) break;
      if (this.count === 0 || this.count === CAPACITY || payloadSize !== this.payloadSize) this.begin(payloadSize);
      const { count } = this;
      ids[count] = id;
      const i = NUMBERS * count;
      numbers[i] = first;
      numbers[i + 1] = length | (fromClient ? 0 : FROM_UPSTREAM) | (head === 6 ? MASKED : 0);
      if (head === 6) {
        numbers[i + 2] =
          ((bytes[at + 2] as number) << 24) |
          ((bytes[at + 3] as number) << 16) |
          ((bytes[at + 4] as number) << 8) |
          (bytes[at + 5] as number);
      }
      if (this.payloads !== null && payloadSize > 0) {
        const { payloads } = this;
        const size = Math.min(length, payloadSize);
        for (let from = at + head, to = SLOT * count, last = from + size; from < last; from++, to++)
          payloads[to] = bytes[from] as number;
      }
      this.count = count + 1;
      at = next;
    }
    return at;
  }

  /** Prepares the queue for the first frame of a turn, or for one with more or less payload. */
  private begin(payloadSize: number): void {
    this.flush();
    this.time = Date.now();
    this.payloadSize = payloadSize;
    if (payloadSize > 0) this.payloads ??= Buffer.allocUnsafe(SLOT * CAPACITY);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.turnEnds);
  }

  /** Publishes the queued frames. To be called before the subscribers change, and before other rows are published. */
  flush(): void {
    const { count, ids, numbers, row } = this;
    if (count === 0) return;
    this.count = 0;
    row.time = this.time;
    for (let n = 0; n < count; n++) {
      const first = numbers[NUMBERS * n] as number;
      const flags = numbers[NUMBERS * n + 1] as number;
      const length = flags & 0xff;
      const mask = numbers[NUMBERS * n + 2] as number;
      row.id = ids[n] as string;
      ids[n] = null;
      row.from = (flags & FROM_UPSTREAM) === 0 ? 'client' : 'upstream';
      row.opcode = first & 0xf;
      row.mask = (flags & MASKED) === 0 ? null : mask >>> 0;
      row.length = length;
      row.size = Math.min(length, this.payloadSize);
      if (row.size > 0) this.unmask(n, row.size, (flags & MASKED) === 0 ? 0 : mask);
      this.publish(row);
    }
  }

  private unmask(n: number, size: number, mask: number): void {
    const { payload, payloads } = this;
    if (payloads === null) return;
    for (let i = 0, from = SLOT * n, shift = 24; i < size; i++, from++, shift = (shift + 24) & 31)
      payload[i] = (payloads[from] as number) ^ (mask >>> shift);
  }
}
