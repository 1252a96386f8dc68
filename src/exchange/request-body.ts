/** Buffered request body: in memory up to `client_body_buffer_size`, then in a file. */

import { closeSync, readSync, writeSync, writevSync } from 'node:fs';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { openTemporaryFile, removeName } from '../files/temporary-file.js';
import { buffersFull, reserve } from '../net/buffer-limit.js';
import { ByteQueue } from '../net/byte-queue.js';
import { atReadEnd, type ReadEndListener, staysUntilReadEnd } from '../net/read-buffer.js';
import type { BodySink, RequestBody } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { SettingsKey } from '../program/settings-key.js';
import type { EngineExchange } from './engine-exchange.js';

/**
 * Placeholder for an unavailable body: it was streamed, refused or incomplete, and later users (a proxied error page)
 * must not announce a length without content, which would turn the next request into part of this one.
 */
export const NO_BODY: RequestBody = {
  length: 0,
  memory: Buffer.alloc(0),
  file: null,
  read: () => 0,
  release(): void {},
};

/** Files of request bodies. */
export interface BodyFiles {
  /** `client_body_in_file_only`: whether all bodies are written to files, which are kept, or removed (`clean`). */
  readonly only: 'off' | 'on' | 'clean';
  /** `client_body_temp_path`. */
  readonly directory: TemporaryPath;
}

export const BODY_FILES = new SettingsKey<BodyFiles>('body files', {
  only: 'off',
  directory: { path: '', levels: [] },
});

/** Collects a body and calls back when it is complete; failures end the exchange. */
export class BufferedBody implements RequestBody, BodySink, ReadEndListener {
  length = 0;
  memory: Buffer | null = null;
  file: string | null = null;
  /** Bytes not yet in the file: all of them until `limit` is exceeded. */
  private readonly queue = new ByteQueue();
  /** Bytes behind these, borrowed until the end of the read, to be written to the file together. */
  private readonly pieces: Buffer[] = [];
  private descriptor = -1;
  /** Bytes kept in memory before the file is used. */
  private readonly limit: number;

  constructor(
    private readonly exchange: EngineExchange,
    private readonly then: () => void,
  ) {
    const { contentLength, client, location, version } = exchange;
    const { clientBodyBufferSize: size } = location.settings;
    // As in nginx a buffer is enlarged by up to a quarter if the rest of the body then fits, but not in HTTP/2.
    const enlarged = version === 20 ? size + 1 : size + (size >> 2);
    const fits = contentLength >= 0 && contentLength - client.bodyPreread < enlarged;
    this.limit = fits ? contentLength : size;
  }

  /** Creates a body that is in memory and stays there: nginx writes no file with `proxy_request_buffering off`. */
  static of(x: EngineExchange, bytes: Buffer): RequestBody {
    const body = new BufferedBody(x, () => {});
    body.length = bytes.length;
    body.keep(bytes);
    return body;
  }

  private keep(bytes: Buffer): void {
    this.memory = bytes;
    reserve(bytes.length);
  }

  bodyChunk(chunk: Buffer): boolean {
    const { queue, pieces } = this;
    this.length += chunk.length;
    // As in nginx the file is written in units of the buffer size, however the body arrives.
    const fits = queue.length + chunk.length <= this.limit && !buffersFull();
    if (fits && pieces.length === 0) queue.push(chunk, 0, chunk.length);
    else if (!staysUntilReadEnd(chunk)) return this.toFile(chunk);
    else if (pieces.push(chunk) === 1) atReadEnd(this);
    return true;
  }

  readEnded(): void {
    if (this.pieces.length > 0) this.toFile();
  }

  bodyEnd(): void {
    const x = this.exchange;
    if (this.descriptor >= 0 || this.pieces.length > 0 || x.location.settings.get(BODY_FILES).only !== 'off') {
      if (!this.toFile()) return;
    } else this.keep(this.queue.takeAll());
    x.body = this;
    this.then();
  }

  bodyCut(): void {
    if (this.pieces.length > 0 && !this.toFile()) return;
    if (this.descriptor < 0) this.keep(this.queue.takeAll());
    this.exchange.body = this;
  }

  bodyFailed(status: number): void {
    this.release();
    this.exchange.body = NO_BODY;
    this.exchange.finalize(status);
  }

  read(into: Buffer, position: number): number {
    if (this.memory !== null) return this.memory.copy(into, 0, position);
    if (this.descriptor < 0) return 0;
    return readSync(this.descriptor, into, 0, into.length, position);
  }

  release(): void {
    this.queue.clear();
    this.pieces.length = 0;
    if (this.memory !== null) reserve(-this.memory.length);
    this.memory = null;
    // A `post_action` may have borrowed a body that is released because it is incomplete.
    this.length = 0;
    if (this.descriptor >= 0) {
      closeSync(this.descriptor);
      this.descriptor = -1;
      if (this.file !== null && this.exchange.location.settings.get(BODY_FILES).only === 'clean') removeName(this.file);
    }
  }

  /** Moves the content of the memory to the file, and then `chunk`; returns false if that failed and ended the exchange. */
  private toFile(chunk: Buffer | null = null): boolean {
    const { queue, pieces } = this;
    try {
      if (this.descriptor < 0) this.open();
      while (queue.length > 0) queue.drop(this.write(queue.front(queue.length)));
      while (pieces.length > 0) dropFront(pieces, this.write(pieces));
      for (let at = 0; chunk !== null && at < chunk.length; ) at += this.writeChunk(chunk, at);
    } catch (error) {
      logError(this.exchange, 'crit', (error as Error).message); // both calls throw nginx's message
      this.release();
      this.exchange.body = NO_BODY;
      this.exchange.finalize(500);
      return false;
    }
    return true;
  }

  private open(): void {
    const { directory, only } = this.exchange.location.settings.get(BODY_FILES);
    const { fd, path } = openTemporaryFile(directory, only !== 'off');
    this.file = path;
    this.descriptor = fd;
    const level = only === 'off' ? 'warn' : 'notice';
    logError(this.exchange, level, `a client request body is buffered to a temporary file ${path}`);
  }

  private write(pieces: readonly Buffer[]): number {
    try {
      return writevSync(this.descriptor, pieces);
    } catch (error) {
      throw this.writeError(error);
    }
  }

  /** Writes the bytes of a chunk from offset `at` on. */
  private writeChunk(chunk: Buffer, at: number): number {
    try {
      return writeSync(this.descriptor, chunk, at);
    } catch (error) {
      throw this.writeError(error);
    }
  }

  private writeError(error: unknown): Error {
    return new Error(`pwrite() "${this.file}" failed (${errnoText(error)})`);
  }
}

/** Removes the first `count` bytes. */
function dropFront(pieces: Buffer[], count: number): void {
  let left = count;
  let whole = 0;
  for (; whole < pieces.length && left >= (pieces[whole] as Buffer).length; whole++)
    left -= (pieces[whole] as Buffer).length;
  pieces.splice(0, whole);
  if (left > 0) pieces[0] = (pieces[0] as Buffer).subarray(left);
}

/** Ends an exchange whose body is larger than its location allows; returns true in that case. */
export function refusesBody(x: EngineExchange): boolean {
  const limit = x.location.settings.clientMaxBodySize;
  if (limit === 0 || x.contentLength <= limit || x.bodyDiscarded) return false;
  logError(x, 'error', `client intended to send too large body: ${x.contentLength} bytes`);
  x.bodyDiscarded = true;
  x.body ??= NO_BODY;
  x.finalize(413);
  return true;
}

/** Reads the whole body into `x.body`, then calls back; not called on failure. */
export function readBody(x: EngineExchange, then: () => void): void {
  if (x.body !== null) {
    then();
    return;
  }
  if (x.contentLength === 0 || x.bodyDiscarded) {
    x.body = NO_BODY;
    then();
    return;
  }
  x.client.readBody(new BufferedBody(x, then));
}
