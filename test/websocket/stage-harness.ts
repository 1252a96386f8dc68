/** Streams of frames for stages, and what a stage passes on. */
import fc from 'fast-check';
import { applyMask, FrameReader } from '../../src/websocket/frame-reader.js';
import { MAX_HEADER, writeHeader } from '../../src/websocket/frame-writer.js';
import type { Stage, StageHost } from '../../src/websocket/stage.js';

/** A frame as written by a peer. */
export interface TestFrame {
  readonly opcode: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly payload?: string | Buffer;
}

export function encode({ opcode, fin = true, rsv = 0, payload = '' }: TestFrame, masked: boolean): Buffer {
  const data = Buffer.from(payload as string);
  const bytes = Buffer.concat([Buffer.alloc(MAX_HEADER), data]);
  const from = writeHeader(bytes, MAX_HEADER, bytes.length, (fin ? 0x80 : 0) | (rsv << 4) | opcode, masked);
  return bytes.subarray(from);
}

/** Decodes complete frames; `rest` is what follows the last one. */
export function decode(bytes: Buffer): { frames: Required<TestFrame>[]; rest: Buffer } {
  const reader = new FrameReader();
  const frames: Required<TestFrame>[] = [];
  let at = 0;
  let complete = 0;
  let payload = Buffer.alloc(0);
  while (at < bytes.length) {
    const inPayload = reader.inPayload;
    const seen = reader.payloadSeen;
    const next = reader.next(bytes, at, bytes.length);
    if (inPayload) {
      const piece = Buffer.from(bytes.subarray(at, next));
      applyMask(piece, 0, piece.length, reader.mask, seen);
      payload = Buffer.concat([payload, piece]);
    } else payload = Buffer.alloc(0);
    at = next;
    if (!reader.betweenFrames) continue;
    frames.push({ opcode: reader.opcode, fin: reader.fin, rsv: reader.rsv, payload });
    complete = at;
  }
  return { frames, rest: bytes.subarray(complete) };
}

/** Host of one stage: stores what is passed on, and is slow if told so. */
export class RecordingHost implements StageHost {
  private readonly pieces: Buffer[] = [];
  closed: { code: number; reason: string } | null = null;
  paused = false;
  idles = 0;
  /** Bytes passed on when the WebSocket was closed. */
  lengthAtClose = -1;
  /** Whether `pass` reports a slow receiver. */
  slow = false;

  pass(bytes: Buffer, start: number, end: number): boolean {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    return !this.slow;
  }
  pauseSender(): void {
    this.paused = true;
  }
  resumeSender(): void {
    this.paused = false;
  }
  idle(): void {
    this.idles++;
  }
  close(code: number, reason: string): void {
    this.closed = { code, reason };
    this.lengthAtClose = this.output.length;
  }
  get output(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

/** Pushes bytes in pieces that end at the given positions, each in a buffer that is overwritten afterwards. */
export function pushAll(stage: Stage, bytes: Buffer, cuts: readonly number[]): void {
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (to === from) continue;
    const borrowed = Buffer.from(bytes.subarray(from, to));
    stage.push(borrowed, 0, borrowed.length);
    borrowed.fill(0xff);
    from = to;
  }
}

/** Random sequences of messages in fragments, with control frames between them. */
export const frameSequences: fc.Arbitrary<TestFrame[]> = fc
  .array(
    fc.record({
      binary: fc.boolean(),
      parts: fc.array(fc.tuple(fc.string({ maxLength: 300 }), fc.boolean()), { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 6 },
  )
  .map((messages) =>
    messages.flatMap(({ binary, parts }) =>
      parts.flatMap(([payload, ping], i): TestFrame[] => [
        { opcode: i === 0 ? (binary ? 2 : 1) : 0, fin: i === parts.length - 1, payload },
        ...(ping ? [{ opcode: 9, payload: payload.slice(0, 50) }] : []),
      ]),
    ),
  );
