/** Frames as bytes, and the events that a reader reports for them as lines of text. */
import type { FrameListener } from '../../src/http2/frame-listener.js';
import { FrameReader, type FrameReaderOptions } from '../../src/http2/frame-reader.js';
import { FrameType } from '../../src/http2/frame-types.js';

/** A frame with a payload of bytes. */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

export function settingsFrame(pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = pairs.map(([id, value]) => {
    const bytes = Buffer.alloc(6);
    bytes.writeUInt16BE(id);
    bytes.writeUInt32BE(value, 2);
    return bytes;
  });
  return frame(FrameType.Settings, 0, 0, Buffer.concat(payload));
}

/**
 * Records events as lines. Pieces of a DATA frame are joined, so that the record does not depend on how the bytes
 * arrived.
 */
export class EventRecord implements FrameListener {
  readonly lines: string[] = [];
  /** Bytes that count against flow control. */
  counted = 0;
  private data = '';
  private dataOf = -1;

  onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean, dependency: number): void {
    const on = dependency < 0 ? '' : ` on ${dependency}`;
    this.add(`headers ${stream} ${block.toString('hex', start, end)}${ended ? ' ended' : ''}${on}`);
  }
  onData(stream: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    if (this.dataOf !== stream) this.flush();
    this.dataOf = stream;
    this.data += bytes.latin1Slice(start, end);
    this.counted += counted;
    if (!ended) return;
    this.data += ' ended';
    this.flush();
  }
  onReset(stream: number, code: number): void {
    this.add(`reset ${stream} ${code}`);
  }
  onSetting(id: number, value: number): void {
    this.add(`setting ${id} ${value}`);
  }
  onSettings(): void {
    this.add('settings');
  }
  onSettingsAck(): void {
    this.add('settings ack');
  }
  onPing(high: number, low: number): void {
    this.add(`ping ${high} ${low}`);
  }
  onPingAck(high: number, low: number): void {
    this.add(`ping ack ${high} ${low}`);
  }
  onGoaway(last: number, code: number, debug: string): void {
    this.add(`goaway ${last} ${code} ${debug}`);
  }
  onWindowUpdate(stream: number, increment: number): void {
    this.add(`window ${stream} ${increment}`);
  }
  onStreamError(stream: number, code: number, reason: string): void {
    this.add(`stream error ${stream} ${code}: ${reason}`);
  }
  onConnectionError(code: number, reason: string): void {
    this.add(`connection error ${code}: ${reason}`);
  }

  private add(line: string): void {
    this.flush();
    this.lines.push(line);
  }

  flush(): void {
    if (this.dataOf >= 0) this.lines.push(`data ${this.dataOf} ${this.data}`);
    this.dataOf = -1;
    this.data = '';
  }
}

export const CLIENT: FrameReaderOptions = { peer: 'client', preface: false, maxBlock: 65536 };

/** Events of pieces read one after another, each in a buffer that is overwritten afterwards. */
export function eventsOf(pieces: readonly Buffer[], options = CLIENT): EventRecord {
  const record = new EventRecord();
  const reader = new FrameReader(record, options);
  for (const piece of pieces) {
    const borrowed = Buffer.from(piece);
    reader.feed(borrowed, 0, borrowed.length);
    borrowed.fill(0xee);
  }
  record.flush();
  return record;
}
