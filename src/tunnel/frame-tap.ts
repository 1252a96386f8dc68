/** The frames of a WebSocket for the traffic tap. Created only while frames are needed. */
import type { PublishedFrame } from '../tap/published-rows.js';
import type { Tap } from '../tap/tap.js';
import { applyMask, type FrameReader } from '../websocket/frame-reader.js';
import { MessageInflater } from '../websocket/message-inflater.js';
import { CONTINUATION, CONTROL } from '../websocket/opcodes.js';

/** RSV1: the message is compressed by permessage-deflate (RFC 7692, 6). */
const COMPRESSED = 4;
const EMPTY = Buffer.alloc(0);
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
        at = this.tap.publishShortFrames(this.row.id, this.row.from === 'client', bytes, at, end);
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
