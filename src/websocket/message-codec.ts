/**
 * Compression or decompression of the messages of one sender (RFC 7692, 7.2), one after the other, with one zlib stream.
 *
 * It takes place in the event loop, in slices: for messages of up to 16 KiB the thread pool takes more CPU time. Output is written
 * to buffers of messages, which are reused. The public stream of `node:zlib` would allocate a buffer for each message, and V8 frees
 * such memory only when tens of MiB of it are garbage (measured: 2.2 MiB for each of 20 connections with a slow receiver).
 */
import { FLUSH, PROCESS, type ZlibStream } from '../net/zlib-stream.js';
import { MAX_HEADER } from './frame-writer.js';
import { enlarge, INITIAL_SIZE, messageBuffer, recycle } from './message-buffers.js';

/** Result: a message, bytes MAX_HEADER to `end` of a buffer to be recycled, or the status code of a Close frame with its reason. */
export type Coded =
  | { readonly bytes: Buffer; readonly end: number }
  | { readonly code: number; readonly reason: string };

/** Bytes of input and of output of one call of zlib. */
const INPUT_SLICE = 16_384;
const OUTPUT_SLICE = 65_536;
/** Bytes of input and output in one turn of the event loop, for all WebSockets; more are processed in later turns. */
const MAX_PER_TURN = 262_144;
/** Bytes as which the call for a message counts in addition. */
const CALL = 512;
/** End of a message, which the sender removes (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** Bytes that incompressible data needs in addition, as a start: a header for each block, and TAIL. */
const BLOCK_HEADERS = 64;
const NOTHING = Buffer.alloc(0);

/** Bytes processed in this turn of the event loop. */
let processed = 0;
let scheduled = false;
/** Codecs that continue in a later turn. */
let waiting: MessageCodec[] = [];

function count(bytes: number): void {
  processed += bytes;
  if (scheduled) return;
  scheduled = true;
  setImmediate(nextTurn);
}

function nextTurn(): void {
  scheduled = false;
  processed = 0;
  const due = waiting;
  waiting = [];
  for (const codec of due) codec.advance();
}

export interface CodecOptions {
  readonly inflates: boolean;
  /** Whether a message may refer to earlier ones. */
  readonly contextTakeover: boolean;
  /** Maximum length of a decompressed message, bytes. */
  readonly maxMessage: number;
  create(): ZlibStream;
}

export class MessageCodec {
  private stream: ZlibStream | null = null;
  /** Bytes `at` to `end` of the input are not processed yet. */
  private input: Buffer = NOTHING;
  private at = 0;
  private end = 0;
  private output: Buffer = NOTHING;
  private outputEnd = MAX_HEADER;
  /** Called with the result; null: there is no message in progress. */
  private done: ((coded: Coded) => void) | null = null;
  private closed = false;

  constructor(private readonly options: CodecOptions) {}

  /** Processes a message. `data` must not change until `done` is called, possibly before this call returns. */
  run(data: Buffer, done: (coded: Coded) => void): void {
    const { inflates, maxMessage } = this.options;
    const { length } = data;
    this.input = data;
    this.at = 0;
    this.end = length;
    const expected = inflates ? Math.min(2 * length, maxMessage) : length + BLOCK_HEADERS;
    this.output = messageBuffer(Math.max(expected, INITIAL_SIZE));
    this.outputEnd = MAX_HEADER;
    this.done = done;
    count(CALL);
    this.advance();
  }

  /** Frees the state of zlib. A message in progress ends with an error. */
  close(): void {
    this.closed = true;
    this.stream?.close();
    this.stream = null;
  }

  /** Continues with the message in progress, until it is complete or the turn of the event loop has to end. */
  advance(): void {
    do {
      if (processed > MAX_PER_TURN) {
        waiting.push(this);
        return;
      }
    } while (!this.step());
  }

  /** Processes one slice; returns true if the message is complete. */
  private step(): boolean {
    const { options, input, at, end, outputEnd } = this;
    if (this.closed) return this.fail(1011, 'WebSocket is over');
    this.stream ??= options.create();
    const { stream, output } = this;
    const to = Math.min(end, at + INPUT_SLICE);
    const isLast = to === end && (!options.inflates || input === TAIL);
    const space = outputEnd + OUTPUT_SLICE;
    const into = output.length > space ? output.subarray(0, space) : output;
    const isFull = stream.step(isLast ? FLUSH : PROCESS, input, at, to, into, outputEnd);
    this.at += stream.consumed;
    this.outputEnd = stream.outputEnd;
    count(stream.consumed + stream.outputEnd - outputEnd);
    if (stream.errno !== 0) {
      return options.inflates ? this.fail(1007, 'invalid compressed data') : this.fail(1011, 'compression failed');
    }
    if (options.inflates && this.outputEnd - MAX_HEADER > options.maxMessage) return this.fail(1009, 'message too big');
    if (isFull) {
      if (this.outputEnd === output.length) this.output = enlarge(output, this.outputEnd, this.nextSize());
      return false;
    }
    // A last block (BFINAL) ends the stream, and nothing of it is used for the next message.
    if (this.at < to) return this.complete(true);
    if (this.at < end) return false;
    if (isLast) return this.complete(!options.contextTakeover);
    this.input = TAIL;
    this.at = 0;
    this.end = TAIL.length;
    return false;
  }

  /** Payload for which a larger buffer for output has space: at most one byte more than a message may have. */
  private nextSize(): number {
    const { inflates, maxMessage } = this.options;
    const doubled = 2 * (this.output.length - MAX_HEADER);
    return inflates ? Math.min(doubled, maxMessage + 1) : doubled;
  }

  private complete(restarts: boolean): true {
    const { output, outputEnd, options } = this;
    // A compressor forgets earlier data when it is flushed: see `CodecOptions.create`.
    if (restarts && options.inflates) this.restart();
    let end = outputEnd;
    if (!options.inflates) {
      // zlib writes nothing for an empty message after a flush. The empty block continues with the tail (RFC 7692, 7.2.3.6).
      if (end === MAX_HEADER) output.fill(0, end, (end += 1 + TAIL.length));
      end -= TAIL.length;
    }
    this.finish({ bytes: output, end });
    return true;
  }

  private fail(code: number, reason: string): true {
    recycle(this.output);
    this.stream?.close();
    this.stream = null;
    this.finish({ code, reason });
    return true;
  }

  private restart(): void {
    if (this.stream?.reset() === true) return;
    this.stream?.close();
    this.stream = null;
  }

  private finish(coded: Coded): void {
    const { done } = this;
    this.done = null;
    this.input = NOTHING;
    this.output = NOTHING;
    done?.(coded);
  }
}
