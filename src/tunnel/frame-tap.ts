/** The frames of a WebSocket for the traffic tap. Created only while frames are needed. */
import type { PublishedFrame } from '../tap/published-rows.js';
import type { Tap } from '../tap/tap.js';
import { applyMask, type FrameReader } from '../websocket/frame-reader.js';
import { MessageInflater } from '../websocket/message-inflater.js';
import { BINARY, CONTINUATION, CONTROL, TEXT } from '../websocket/opcodes.js';

/** RSV1: the message is compressed by permessage-deflate (RFC 7692, 6). */
const COMPRESSED = 4;
const EMPTY = Buffer.alloc(0);
const FINAL_TEXT = 0x80 | TEXT;
const FINAL_BINARY = 0x80 | BINARY;
/** Longest payload whose length is in the second byte of a header. */
const MAX_SHORT = 125;
/** Payload of a frame that arrives whole, while it is published. */
const scratch = Buffer.allocUnsafe(16 << 10);

/** Frames of one sender. */
export class FrameTap {
  /** Second reader of the same stream; the tunnel's own reader reads the same bytes later. */
  private readonly reader: FrameReader;
  /** Epoch of the tap for which it was created. */
  private readonly epoch: number;
  /** The needed beginning of the current frame's payload; null if the frame gets no row. */
  private payload: Buffer | null = null;
  private filled = 0;
  /** Bytes of the payload that are needed. */
  private size = 0;
  private compressed = false;
  /** Opcode of the current message. */
  private opcode = 0;
  private inflater: MessageInflater | null = null;
  /** The row, which is used again for each frame. */
  private readonly row: { -readonly [K in keyof PublishedFrame]: PublishedFrame[K] };

  /** `frames`: the tunnel's reader. A frame that it is reading gets no row. */
  constructor(
    private readonly tap: Tap,
    id: string,
    from: 'client' | 'upstream',
    frames: FrameReader,
    /** Whether reserved bits are those of permessage-deflate. */
    private readonly deflates = false,
  ) {
    this.reader = frames.copy();
    this.epoch = tap.epoch;
    this.row = {
      type: 'frame',
      id,
      time: 0,
      from,
      opcode: 0,
      fin: false,
      rsv: 0,
      compressed: false,
      mask: null,
      length: 0,
      payload: EMPTY,
      size: 0,
    };
  }

  /** Whether it has followed the stream without interruption. */
  get isCurrent(): boolean {
    return this.epoch === this.tap.epoch;
  }

  push(bytes: Buffer, start: number, end: number): void {
    const { reader } = this;
    for (let at = start; at < end; ) {
      if (reader.betweenMessages) {
        at = this.pushShort(bytes, at, end);
        if (at === end) return;
      }
      const from = at;
      if (reader.inPayload) {
        const offset = reader.payloadSeen;
        at = reader.next(bytes, at, end);
        if (this.payload !== null) this.collect(this.payload, bytes, from, at, offset);
      } else {
        at = reader.next(bytes, at, end);
        if (reader.inPayload || reader.betweenFrames) this.begin(end - at);
      }
    }
  }

  /**
   * Publishes complete, unfragmented, uncompressed messages of at most 125 bytes, the most frequent kind, without the reader.
   * Returns the end of the last one.
   */
  private pushShort(bytes: Buffer, start: number, end: number): number {
    const { row, tap } = this;
    let at = start;
    while (end - at >= 2) {
      const first = bytes[at] as number;
      if (first !== FINAL_TEXT && first !== FINAL_BINARY) break;
      const second = bytes[at + 1] as number;
      const length = second & 0x7f;
      const head = second < 0x80 ? 2 : 6;
      const next = at + head + length;
      if (length > MAX_SHORT || next > end) break;
      row.time = Date.now();
      row.opcode = first & 0xf;
      row.fin = true;
      row.rsv = 0;
      row.compressed = false;
      row.length = length;
      row.size = Math.min(length, tap.payloadSize);
      row.mask = head === 2 ? null : bytes.readUInt32BE(at + 2);
      row.payload = scratch;
      for (let i = 0, from = at + head; i < row.size; i++) {
        const byte = bytes[from + i] as number;
        scratch[i] = head === 2 ? byte : byte ^ (bytes[at + 2 + (i & 3)] as number);
      }
      tap.publish(row);
      at = next;
    }
    row.payload = EMPTY;
    return at;
  }

  /** `available`: bytes that have arrived after the header. */
  private begin(available: number): void {
    const { reader } = this;
    if (reader.opcode < CONTROL && reader.opcode !== CONTINUATION) {
      this.compressed = (reader.rsv & COMPRESSED) !== 0;
      this.opcode = reader.opcode;
    }
    const size = Number.isFinite(reader.length) ? Math.min(reader.length, this.needed()) : 0;
    if (size === 0) this.payload = EMPTY;
    else if (size <= available && size <= scratch.length && !this.inflates) this.payload = scratch;
    else this.payload = Buffer.allocUnsafe(size);
    this.size = size;
    this.filled = 0;
    if (size === 0) this.publish(EMPTY);
  }

  /** Whether the payload is kept for the decompression of its message. */
  private get inflates(): boolean {
    return this.inflater !== null && this.compressed && this.reader.opcode < CONTROL;
  }

  /** Bytes of the payload that are needed: all of a message that is decompressed. */
  private needed(): number {
    const { tap, reader } = this;
    if (!tap.messages) this.inflater = null;
    else if (this.compressed && this.deflates && reader.opcode < CONTROL) {
      if (reader.opcode !== CONTINUATION) this.inflater ??= new MessageInflater();
      if (this.inflater !== null) return Math.max(tap.payloadSize, this.inflater.room);
    }
    return tap.payloadSize;
  }

  private collect(payload: Buffer, bytes: Buffer, start: number, end: number, offset: number): void {
    const { filled } = this;
    this.filled += bytes.copy(payload, filled, start, Math.min(end, start + this.size - filled));
    if (this.reader.masked) applyMask(payload, filled, this.filled, this.reader.mask, offset);
    if (this.filled === this.size) this.publish(payload);
  }

  private publish(payload: Buffer): void {
    const { reader, row } = this;
    const { opcode, length } = reader;
    this.payload = null;
    row.time = Date.now();
    row.opcode = opcode;
    row.fin = reader.fin;
    row.rsv = reader.rsv;
    row.compressed = opcode < CONTROL && this.compressed;
    row.mask = reader.masked ? reader.mask >>> 0 : null;
    row.length = Number.isFinite(length) ? length : -1;
    row.payload = payload;
    row.size = Math.min(this.size, this.tap.payloadSize);
    this.tap.publish(row);
    row.payload = EMPTY;
    if (row.compressed && this.inflater !== null) this.inflate(this.inflater, payload);
  }

  private inflate(inflater: MessageInflater, payload: Buffer): void {
    const { id, time, from, length, fin } = this.row;
    inflater.add(this.size === length ? payload : null);
    if (!fin) return;
    const message = inflater.end();
    this.tap.publish({
      type: 'message',
      id,
      time,
      from,
      opcode: this.opcode,
      length: typeof message === 'string' ? -1 : message.length,
      payload: message,
    });
  }
}
