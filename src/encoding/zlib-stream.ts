/**
 * A compressor or decompressor of `node:zlib` that can be used synchronously, or in the thread pool.
 *
 * The public interface has no synchronous call for a part of a stream, and every call of `gzipSync` allocates and clears
 * a new state of 268 KiB. Therefore `step` uses the native handle of the stream, as `node:zlib` itself does for its
 * synchronous functions; everything that depends on its shape is in this file. Measured with Node 20 and 64 KiB of JSON
 * at level 1: 205 µs of CPU time with a reused handle, 271 µs with `gzipSync`. If a version of Node has no such handle,
 * `synchronous` is false, and only `run` can be used.
 */
import type { Transform } from 'node:stream';
import type { Zlib } from 'node:zlib';

/** Processes data as it is convenient for the algorithm. */
export const PROCESS = 0;
/** Produces all output that belongs to the data so far. */
export const FLUSH = 1;
/** Ends the stream. */
export const FINISH = 2;
export type Operation = typeof PROCESS | typeof FLUSH | typeof FINISH;

/** The three operations as constants of one library (`Z_SYNC_FLUSH`, `BROTLI_OPERATION_FLUSH`, `ZSTD_e_flush`). */
export type FlushModes = readonly [process: number, flush: number, finish: number];

/** The native part of a stream. */
interface Handle {
  writeSync(
    flush: number,
    input: Buffer,
    inputAt: number,
    inputLength: number,
    output: Buffer,
    outputAt: number,
    outputLength: number,
  ): void;
  reset(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

interface Internals {
  readonly _handle?: Partial<Handle> | null;
  /** Available output and available input after the last call. */
  readonly _writeState?: unknown;
}

const NOTHING = Buffer.alloc(0);

export class ZlibStream {
  /** Whether `step` can be used. */
  readonly synchronous: boolean;
  /** Number of the first error, negative; 0 for none. */
  errno = 0;
  /** Input bytes consumed by the last step. */
  consumed = 0;
  /** Offset after the output of the last step. */
  outputEnd = 0;
  private readonly handle: Handle | null;
  private readonly state: Uint32Array;
  /** Whether `run` was called: the public stream is then in use, and cannot be reset. */
  private streaming = false;
  private output: Buffer[] = [];

  constructor(
    private readonly stream: Transform & Zlib,
    private readonly modes: FlushModes,
  ) {
    const { _handle: native, _writeState: state } = stream as unknown as Internals;
    this.synchronous =
      typeof native?.writeSync === 'function' &&
      typeof native.reset === 'function' &&
      state instanceof Uint32Array &&
      state.length === 2;
    this.handle = this.synchronous ? (native as Handle) : null;
    this.state = this.synchronous ? (state as Uint32Array) : new Uint32Array(2);
    if (this.handle !== null) {
      const { handle } = this;
      const { onerror } = handle;
      handle.onerror = (message, errno, code) => {
        this.failed(errno);
        // Without a call of `run` nothing waits for an event of the stream.
        if (this.streaming) onerror.call(handle, message, errno, code);
      };
    }
    stream.on('error', (error: NodeJS.ErrnoException) => this.failed(error.errno ?? -1));
  }

  private unfailed(): boolean {
    return this.errno === 0;
  }

  private failed(errno: number): void {
    if (this.errno === 0) this.errno = errno === 0 ? -1 : errno;
  }

  /**
   * Processes bytes `start` to `end` in this thread, and writes output to `into` from `at` on. Returns true if `into` is
   * full: there may be more output, so the caller repeats the call with the input that was not consumed.
   */
  step(operation: Operation, bytes: Buffer, start: number, end: number, into: Buffer, at: number): boolean {
    const { handle, state } = this;
    if (handle === null) throw new Error('this version of Node.js has no synchronous interface of a zlib stream');
    handle.writeSync(this.modes[operation], bytes, start, end - start, into, at, into.length - at);
    const [free = 0, unread = 0] = state;
    this.consumed = end - start - unread;
    this.outputEnd = into.length - free;
    return free === 0 && this.errno === 0;
  }

  /** Continues or ends the stream without new input; see `step`. */
  stepEmpty(operation: Operation, into: Buffer, at: number): boolean {
    return this.step(operation, NOTHING, 0, 0, into, at);
  }

  /** Processes `bytes`, which must not change meanwhile, in the thread pool; `done` receives the output. */
  run(operation: Operation, bytes: Buffer | null, done: (output: readonly Buffer[]) => void): void {
    const { stream } = this;
    if (!this.streaming) {
      this.streaming = true;
      stream.on('data', (chunk: Buffer) => this.output.push(chunk));
    }
    const finished = (): void => {
      // Output that the stream has buffered is emitted by reading it.
      while (!stream.destroyed && stream.read() !== null);
      const { output } = this;
      this.output = [];
      done(output);
    };
    stream.once('error', finished);
    const succeeded = (): void => {
      stream.off('error', finished);
      finished();
    };
    if (operation === FINISH) {
      stream.once('end', succeeded);
      if (bytes === null) stream.end();
      else stream.end(bytes);
      return;
    }
    const written = (error?: Error | null): void => {
      if (error === undefined || error === null) succeeded();
    };
    if (operation === PROCESS) stream.write(bytes ?? NOTHING, written);
    else {
      if (bytes !== null) stream.write(bytes);
      stream.flush(this.modes[FLUSH], written);
    }
  }

  /** Prepares for new data with the same parameters; false if that is impossible. */
  reset(): boolean {
    if (this.streaming || this.handle === null || this.errno !== 0) return false;
    this.handle.reset();
    // Node.js 26 refuses to reset a compressor whose stream was not ended.
    return this.unfailed();
  }

  /** Frees the state, as soon as the thread pool no longer uses it. */
  close(): void {
    this.stream.destroy();
  }
}
