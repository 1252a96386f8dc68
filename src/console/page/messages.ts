/** Messages of WebSockets, reassembled from their frames. */
import type { DroppedRow, FrameRow, MessageRow, Withheld } from '../feed-format.js';
import { type Numbered, RowLog } from './row-log.js';

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 128 << 20;
/** Longest message that is reassembled, bytes. */
const MAX_MESSAGE = 16 << 20;
/** Incomplete messages: more are only possible if ends were dropped. */
const MAX_INCOMPLETE = 10_000;
const CONTROL = 8;

export interface MessageEntry extends Numbered {
  readonly kind: 'message';
  /** Id of the tunnel. */
  readonly id: string;
  /** Times of the first and the last frame. */
  readonly time: number;
  readonly end: number;
  readonly from: 'client' | 'upstream';
  /** Opcode of the first frame. */
  readonly opcode: number;
  /** Number of frames; 0: they were not seen. */
  readonly frames: number;
  readonly compressed: boolean;
  /** Bytes of the payloads of its frames, and of the message; -1: not known. */
  readonly wireLength: number;
  readonly length: number;
  readonly payload: Uint8Array | null;
  readonly withheld: Withheld | null;
  readonly gap: number;
}

export interface MessageGap extends Numbered {
  readonly kind: 'gap';
  readonly row: DroppedRow;
}

interface Incomplete {
  readonly first: FrameRow;
  frames: number;
  length: number;
  retained: number;
  /** Null if one of them was not given. */
  payloads: Uint8Array[] | null;
  withheld: Withheld | null;
  /** All frames were seen; the decompressed message follows. */
  complete: boolean;
}

export class Messages {
  readonly log = new RowLog<MessageEntry | MessageGap>({
    rows: MAX_MESSAGES,
    bytes: MAX_BYTES,
    sizeOf: (entry) => (entry.kind === 'gap' ? 100 : 200 + (entry.payload?.length ?? 0)),
  });
  private readonly incomplete = new Map<string, Incomplete>();
  private readonly last = new Map<string, number>();

  clear(): void {
    this.log.clear();
    this.incomplete.clear();
    this.last.clear();
  }

  addGap(row: DroppedRow): void {
    if (this.last.size === 0) return;
    this.incomplete.clear();
    this.log.push({ kind: 'gap', seq: 0, row });
  }

  addFrame(frame: FrameRow): void {
    if (frame.opcode >= CONTROL) {
      this.push(
        frame,
        frame.time,
        { frames: 1, wireLength: frame.length, length: frame.length },
        frame.payload,
        frame.withheld,
      );
      return;
    }
    const key = `${frame.id} ${frame.from}`;
    let message = this.incomplete.get(key);
    if (frame.opcode !== 0) {
      if (frame.fin && !frame.compressed) {
        this.push(
          frame,
          frame.time,
          { frames: 1, wireLength: frame.length, length: frame.length },
          frame.payload,
          frame.withheld,
        );
        return;
      }
      if (this.incomplete.size >= MAX_INCOMPLETE) this.incomplete.clear();
      message = { first: frame, frames: 0, length: 0, retained: 0, payloads: [], withheld: null, complete: false };
      this.incomplete.set(key, message);
    } else if (message === undefined) return;
    message.frames++;
    message.length += frame.length;
    this.keep(message, frame);
    if (!frame.fin) return;
    if (message.first.compressed) {
      message.complete = true;
      return;
    }
    this.incomplete.delete(key);
    const { frames, length, payloads, withheld } = message;
    this.push(
      message.first,
      frame.time,
      { frames, wireLength: length, length },
      payloads && concat(payloads),
      withheld,
    );
  }

  private keep(message: Incomplete, { payload, withheld }: FrameRow): void {
    if (message.first.compressed) return;
    if (payload === null) {
      message.payloads = null;
      message.withheld ??= withheld;
    }
    if (message.payloads === null || payload === null) return;
    message.retained += payload.length;
    if (message.retained > MAX_MESSAGE) {
      message.payloads = null;
      message.withheld = 'too long';
    } else message.payloads.push(payload);
  }

  /** The decompressed form of a message whose frames have been seen. */
  addMessage(row: MessageRow): void {
    const key = `${row.id} ${row.from}`;
    const message = this.incomplete.get(key);
    const first = message?.complete === true ? message.first : { ...row, compressed: true };
    if (message?.complete === true) this.incomplete.delete(key);
    const frames = message?.frames ?? 0;
    this.push(
      first,
      row.time,
      { frames, wireLength: message?.length ?? -1, length: row.length },
      row.payload,
      row.withheld,
    );
  }

  private push(
    { id, time, from, opcode, compressed }: Pick<FrameRow, 'id' | 'time' | 'from' | 'opcode' | 'compressed'>,
    end: number,
    sizes: Pick<MessageEntry, 'frames' | 'wireLength' | 'length'>,
    payload: Uint8Array | null,
    withheld: Withheld | null,
  ): void {
    const before = this.last.get(id);
    this.last.set(id, time);
    const gap = before === undefined ? -1 : time - before;
    const fields = { id, time, end, from, opcode, compressed, payload, withheld, gap };
    this.log.push({ kind: 'message', seq: 0, ...fields, ...sizes });
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
