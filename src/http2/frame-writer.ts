/**
 * Writes frames to a connection. All frames of one turn of the event loop leave in one write: payloads are copied into
 * the connection's output buffer, because the frames of 16 KiB that most peers accept cost less to copy than to write
 * one by one. A connection without output has no buffer.
 */
import { BLOCK, type ByteQueue } from '../net/byte-queue.js';
import { atEndOfCallback } from '../net/microtask.js';
import { atReadEnd, type ReadEndListener, staysUntilReadEnd } from '../net/read-buffer.js';
import { giveSlab, READ_SIZE, takeSlab } from '../net/slabs.js';
import type { Transport } from '../net/transport.js';
import { DEFAULT_FRAME_SIZE, Flag, FRAME_HEADER, FrameType } from './frame-types.js';
import { atTurnEnd, type TurnEndListener } from './turn-end.js';

/** Size of the output buffer, bytes; it is written when it is full, even within a turn. */
const MAX_OUTPUT = READ_SIZE;
/**
 * Bytes from which the output is written at the end of the callback instead of the turn: few buffers are then in use at once,
 * which stay in the processor's cache.
 */
const LARGE = READ_SIZE / 4;

/** Minimum payload that is written without a copy, as a piece of its own, bytes. */
const MIN_BORROWED = 4096;
/** Maximum number of pieces of one write. */
const MAX_PIECES = 64;

export class FrameWriter implements TurnEndListener, ReadEndListener {
  /** Maximum payload that the peer accepts (its SETTINGS_MAX_FRAME_SIZE), bytes. */
  maxFrameSize = DEFAULT_FRAME_SIZE;
  private out: Buffer | null = null;
  private length = 0;
  /** Offset of the last frame in the output buffer, or -1. */
  private last = -1;
  private scheduled = false;
  /** Whether the output is written at the end of the callback. */
  private flushing = false;
  private readonly flushLarge = (): void => {
    this.flushing = false;
    if (this.length >= LARGE) this.flush();
  };

  /** Pieces of the next write, if it has payloads that are not copied: output, payload, output, payload … */
  private readonly pieces: Buffer[] = [];
  /** Bytes of the payloads among `pieces`. */
  private borrowedBytes = 0;
  /** Offset of the output that is not yet among `pieces`. */
  private outFrom = 0;

  constructor(private readonly transport: Transport) {}

  /** Bytes written here that the kernel has not accepted. */
  get pending(): number {
    return this.length + this.borrowedBytes + this.transport.pending;
  }

  /** Whether the peer is slow: DATA should wait for the transport's `onDrain`. */
  get waiting(): boolean {
    return this.transport.waiting;
  }

  /** Bytes of all frames so far, including the buffered ones. */
  get bytesWritten(): number {
    return this.length + this.borrowedBytes + this.transport.bytesWritten;
  }

  /** The client's preface. */
  text(text: string): void {
    const at = this.reserve(text.length);
    this.out?.latin1Write(text, at);
  }

  /** HEADERS, followed by CONTINUATION if the block does not fit into one frame; copies the block. */
  headers(stream: number, block: Buffer, start: number, end: number, ended: boolean): void {
    let from = start;
    let type: number = FrameType.Headers;
    let flags: number = ended ? Flag.EndStream : 0;
    do {
      const to = Math.min(end, from + this.maxFrameSize);
      if (to === end) flags |= Flag.EndHeaders;
      const at = this.begin(type, flags, stream, to - from);
      if (this.out !== null) block.copy(this.out, at, from, to);
      type = FrameType.Continuation;
      flags = 0;
      from = to;
    } while (from < end);
  }

  /**
   * DATA with bytes `start` to `end`, which are copied, in as many frames as needed; an empty frame if there are none.
   * The caller has taken the bytes from both windows. Returns false if further DATA should wait for `onDrain`.
   */
  data(stream: number, bytes: Buffer, start: number, end: number, ended: boolean): boolean {
    let from = start;
    do {
      const to = Math.min(end, from + this.maxFrameSize, from + MAX_OUTPUT - FRAME_HEADER);
      const flags = ended && to === end ? Flag.EndStream : 0;
      if (to - from >= MIN_BORROWED && this.borrows(bytes)) this.dataBorrowed(flags, stream, bytes, from, to);
      else {
        const at = this.begin(FrameType.Data, flags, stream, to - from);
        if (this.out !== null) bytes.copy(this.out, at, from, to);
      }
      from = to;
    } while (from < end);
    return !this.transport.waiting;
  }

  /** Whether a payload may be written at the end of the read, without a copy. */
  private borrows(bytes: Buffer): boolean {
    return this.transport.writePieces !== null && this.pieces.length < MAX_PIECES && staysUntilReadEnd(bytes);
  }

  /** Appends a frame whose payload is not copied. */
  private dataBorrowed(flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    this.begin(FrameType.Data, flags, stream, end - start, 0);
    const { out, pieces } = this;
    if (out === null) return;
    if (pieces.length === 0) atReadEnd(this);
    pieces.push(out.subarray(this.outFrom, this.length), bytes.subarray(start, end));
    this.outFrom = this.length;
    this.borrowedBytes += end - start;
  }

  readEnded(): void {
    if (this.pieces.length > 0) this.flush();
  }

  /** A DATA frame with the first `length` bytes of a queue, at most `maxFrameSize`; they are not removed. */
  dataQueued(stream: number, queue: ByteQueue, length: number, ended: boolean): void {
    const at = this.begin(FrameType.Data, ended ? Flag.EndStream : 0, stream, length);
    if (this.out !== null) queue.copyFront(this.out, at, length);
  }

  /** As `data`, for characters `start` to `end` of a byte string. */
  dataText(stream: number, text: string, start: number, end: number, ended: boolean): boolean {
    let from = start;
    do {
      const to = Math.min(end, from + this.maxFrameSize, from + MAX_OUTPUT - FRAME_HEADER);
      const at = this.begin(FrameType.Data, ended && to === end ? Flag.EndStream : 0, stream, to - from);
      const piece = from === 0 && to === text.length ? text : text.slice(from, to);
      this.out?.latin1Write(piece, at);
      from = to;
    } while (from < end);
    return !this.transport.waiting;
  }

  /**
   * Sets END_STREAM on the last frame, which saves an empty one. Returns false if that frame belongs to another stream or was
   * passed to the transport.
   */
  endStream(stream: number): boolean {
    const { out, last } = this;
    if (out === null || last < 0) return false;
    const type = out[last + 3] as number;
    if ((type !== FrameType.Data && type !== FrameType.Headers) || out.readUInt32BE(last + 5) !== stream) return false;
    out[last + 4] = (out[last + 4] as number) | Flag.EndStream;
    return true;
  }

  /** RST_STREAM. */
  reset(stream: number, code: number): void {
    this.uint32(this.begin(FrameType.RstStream, 0, stream, 4), code);
  }

  /** SETTINGS with pairs of identifiers and values. */
  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    let at = this.begin(FrameType.Settings, 0, 0, pairs.length * 6);
    for (const [id, value] of pairs) {
      this.uint32(at + 2, value);
      this.uint16(at, id);
      at += 6;
    }
  }

  settingsAck(): void {
    this.begin(FrameType.Settings, Flag.Ack, 0, 0);
  }

  ping(high: number, low: number): void {
    this.pingFrame(0, high, low);
  }

  pingAck(high: number, low: number): void {
    this.pingFrame(Flag.Ack, high, low);
  }

  private pingFrame(flags: number, high: number, low: number): void {
    const at = this.begin(FrameType.Ping, flags, 0, 8);
    this.uint32(at, high);
    this.uint32(at + 4, low);
  }

  /** GOAWAY; `last` is the last stream that was or may be processed. */
  goaway(last: number, code: number, debug = ''): void {
    const at = this.begin(FrameType.Goaway, 0, 0, 8 + debug.length);
    this.uint32(at, last);
    this.uint32(at + 4, code);
    this.out?.latin1Write(debug, at + 8);
  }

  /** WINDOW_UPDATE of a stream, or of the connection (0). */
  windowUpdate(stream: number, increment: number): void {
    this.uint32(this.begin(FrameType.WindowUpdate, 0, stream, 4), increment);
  }

  /** Passes the buffered frames to the transport. Returns false if it is slow. */
  flush(): boolean {
    const { out, length, transport } = this;
    if (out === null) return !transport.waiting;
    this.out = null;
    this.length = 0;
    this.last = -1;
    const more = this.pieces.length === 0 ? transport.writeBorrowed(out, 0, length) : this.writePieces(out, length);
    giveSlab(out);
    return more;
  }

  private writePieces(out: Buffer, length: number): boolean {
    const { pieces, transport, borrowedBytes } = this;
    if (this.outFrom < length) pieces.push(out.subarray(this.outFrom, length));
    this.outFrom = 0;
    this.borrowedBytes = 0;
    const more = transport.writePieces?.(pieces, length + borrowedBytes) ?? true;
    pieces.length = 0;
    return more;
  }

  turnEnded(): void {
    this.scheduled = false;
    this.flush();
  }

  /** Appends a frame header; returns the offset of the payload. */
  private begin(type: number, flags: number, stream: number, length: number, copied = length): number {
    const at = this.reserve(FRAME_HEADER + copied);
    const { out } = this;
    if (out === null) return 0;
    this.last = at;
    out[at] = length >>> 16;
    out[at + 1] = length >>> 8;
    out[at + 2] = length;
    out[at + 3] = type;
    out[at + 4] = flags;
    out[at + 5] = stream >>> 24;
    out[at + 6] = stream >>> 16;
    out[at + 7] = stream >>> 8;
    out[at + 8] = stream;
    return at + FRAME_HEADER;
  }

  private uint16(at: number, value: number): void {
    const { out } = this;
    if (out === null) return;
    out[at] = value >>> 8;
    out[at + 1] = value;
  }

  private uint32(at: number, value: number): void {
    const { out } = this;
    if (out === null) return;
    out[at] = value >>> 24;
    out[at + 1] = value >>> 16;
    out[at + 2] = value >>> 8;
    out[at + 3] = value;
  }

  /** Makes space for bytes; returns their offset in `out`, which is not null afterwards. */
  private reserve(bytes: number): number {
    const { out, length } = this;
    if (out === null || length + bytes > out.length) this.enlarge(bytes);
    const at = this.length;
    this.length = at + bytes;
    if (!this.scheduled) {
      this.scheduled = true;
      atTurnEnd(this);
    }
    if (this.length >= LARGE && !this.flushing) {
      this.flushing = true;
      atEndOfCallback(this.flushLarge);
    }
    return at;
  }

  private enlarge(bytes: number): void {
    const { out, length } = this;
    // The pieces are views of the memory that would be replaced.
    if (out !== null && (length + bytes > MAX_OUTPUT || this.pieces.length > 0)) this.flush();
    const previous = this.out;
    const needed = this.length + bytes;
    // More than a block is a response, of which more follows.
    const larger = takeSlab(needed > BLOCK ? Math.max(needed, MAX_OUTPUT) : needed);
    if (previous !== null) {
      previous.copy(larger, 0, 0, length);
      giveSlab(previous);
    }
    this.out = larger;
  }
}
