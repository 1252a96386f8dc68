/** Messages of a WebSocket from the rows about its frames. Nothing here needs Node, so that browsers can use it. */
import type { FeedRow, FrameRow, MessageRow, Withheld } from './feed-format.js';

/** A message, reassembled from its frames and decompressed, or a control frame. */
export interface WebSocketMessage {
  readonly from: 'client' | 'upstream';
  /** Times of the first and the last frame, ms since 1970. */
  readonly started: number;
  readonly time: number;
  /** 1 text, 2 binary, 8 close, 9 ping, 10 pong; 0: the first frame was not seen. */
  readonly opcode: number;
  readonly frames: number;
  readonly compressed: boolean;
  /** Length of the payloads of its frames, compressed; -1: they were not seen. */
  readonly wireLength: number;
  /** Length of the whole message, decompressed; -1: not known. */
  readonly length: number;
  /** The beginning of the message as far as it is known; null if it is withheld. */
  readonly payload: Uint8Array | null;
  readonly withheld: Withheld | null;
}

/** Lowest opcode of control frames. */
const CONTROL = 8;

/** Message that has begun. */
interface Begun {
  readonly started: number;
  readonly opcode: number;
  readonly compressed: boolean;
  readonly parts: Uint8Array[];
  frames: number;
  length: number;
  /** Whether a part is missing; later parts are then ignored. */
  cut: boolean;
  withheld: Withheld | null;
}

/** Reads the rows of one WebSocket in order; other rows are ignored. */
export class MessageAssembler {
  private readonly begun: { client: Begun | null; upstream: Begun | null } = { client: null, upstream: null };
  /** A compressed message whose frames are complete; its row follows. */
  private readonly compressed: { client: WebSocketMessage | null; upstream: WebSocketMessage | null } = {
    client: null,
    upstream: null,
  };

  /** Adds a row; returns the message that it completes. */
  add(row: FeedRow): WebSocketMessage | null {
    if (row.type === 'message') return this.decompressed(row);
    return row.type === 'frame' ? this.frame(row) : null;
  }

  private frame(row: FrameRow): WebSocketMessage | null {
    const { from, opcode, time, payload, withheld, length } = row;
    if (opcode >= CONTROL) {
      return {
        ...{ from, started: time, time, opcode, frames: 1, compressed: false },
        ...{ wireLength: length, length, payload, withheld },
      };
    }
    let message = this.begun[from];
    if (opcode !== 0 || message === null) {
      message = {
        ...{ started: time, opcode, compressed: row.compressed, parts: [], frames: 0 },
        ...{ length: 0, cut: false, withheld: null },
      };
      this.begun[from] = message;
    }
    message.frames++;
    message.length += length;
    message.withheld ??= withheld;
    if (payload !== null && !message.cut) message.parts.push(payload);
    if (payload === null || payload.length < length) message.cut = true;
    if (!row.fin) return null;
    this.begun[from] = null;
    const whole: WebSocketMessage = {
      from,
      started: message.started,
      time,
      opcode: message.opcode,
      frames: message.frames,
      compressed: message.compressed,
      wireLength: message.length,
      length: message.length,
      payload: message.withheld === null ? joined(message.parts) : null,
      withheld: message.withheld,
    };
    if (!message.compressed) return whole;
    this.compressed[from] = whole;
    return null;
  }

  private decompressed({ from, time, opcode, length, payload, withheld }: MessageRow): WebSocketMessage {
    const seen = this.compressed[from];
    this.compressed[from] = null;
    return {
      ...{ from, started: seen?.started ?? time, time, opcode, frames: seen?.frames ?? 1, compressed: true },
      ...{ wireLength: seen?.wireLength ?? -1, length, payload, withheld },
    };
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** All messages of one WebSocket. */
export function messagesOf(rows: Iterable<FeedRow>): WebSocketMessage[] {
  const assembler = new MessageAssembler();
  const messages: WebSocketMessage[] = [];
  for (const row of rows) {
    const message = assembler.add(row);
    if (message !== null) messages.push(message);
  }
  return messages;
}
