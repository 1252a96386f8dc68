/** Sends a file, or parts of it, as a response body. */
import { close, closeSync, read, readSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import type { BodyPart } from '../http/response-head.js';
import { giveSlab, takeSlab } from '../net/slabs.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';

/** Bytes read at once; a slow client has at most a few of these buffers pending in memory. */
const BUFFER_SIZE = 64 * 1024;

/** Shared read buffer for small files: chunks are borrowed, so it is free again when `write` returns. */
let sharedBuffer: Buffer | null = null;

/**
 * Reads the file and writes it to the exchange, whose head was sent; always closes the descriptor. Content that fits in
 * one buffer is read synchronously and sent together with the head; a longer file is read in the thread pool, buffer by
 * buffer, at the client's pace.
 */
export function sendFile(x: Exchange, fd: number, path: string, size: number): void {
  const { parts: chosen, seekable } = x.response;
  // If a filter needs the whole file (to convert it), the range filter after it selects the parts.
  const parts = seekable && chosen !== null ? chosen : [{ text: '', start: 0, end: size }];
  if (parts.reduce((sum, part) => sum + part.end - part.start, 0) <= BUFFER_SIZE) sendAtOnce(x, fd, path, parts);
  else new FileProducer(x, fd, path, parts).resume();
}

function sendAtOnce(x: Exchange, fd: number, path: string, parts: readonly BodyPart[]): void {
  sharedBuffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
  try {
    for (const { text, start, end } of parts) {
      if (text !== '') x.write(text);
      let at = start;
      while (at < end) {
        const count = readSync(fd, sharedBuffer, 0, end - at, at);
        if (count === 0) {
          truncated(x, path);
          return;
        }
        at += count;
        x.write(count === sharedBuffer.length ? sharedBuffer : sharedBuffer.subarray(0, count));
      }
    }
  } catch (error) {
    readFailed(x, path, error);
    return;
  } finally {
    closeSync(fd);
  }
  x.end();
}

function truncated(x: Exchange, path: string): void {
  logError(x, 'alert', `file "${path}" was truncated while it was sent`);
  x.abort();
}

function readFailed(x: Exchange, path: string, error: unknown): void {
  logError(x, 'crit', `read() "${path}" failed (${errnoText(error)})`);
  x.abort();
}

class FileProducer implements Producer {
  private readonly buffer = takeSlab(BUFFER_SIZE);
  private part = 0;
  private offset: number;
  private textSent = false;
  private reading = false;
  /** Whether sending has ended; the descriptor is closed as soon as no read uses it. */
  private over = false;

  constructor(
    private readonly x: Exchange,
    private readonly fd: number,
    private readonly path: string,
    private readonly parts: readonly BodyPart[],
  ) {
    this.offset = parts[0]?.start ?? 0;
    x.producer = this;
  }

  resume(): void {
    if (this.reading || this.over) return;
    for (;;) {
      const part = this.parts[this.part];
      if (part === undefined) {
        this.finish();
        this.x.end();
        return;
      }
      if (!this.textSent) {
        this.textSent = true;
        if (part.text !== '' && !this.x.write(part.text)) return;
        if (this.over) return;
      }
      if (this.offset < part.end) {
        this.readOn(Math.min(BUFFER_SIZE, part.end - this.offset));
        return;
      }
      this.part++;
      this.offset = this.parts[this.part]?.start ?? 0;
      this.textSent = false;
    }
  }

  private readOn(length: number): void {
    this.reading = true;
    read(this.fd, this.buffer, 0, length, this.offset, (error, count) => {
      this.reading = false;
      if (this.over) {
        this.release();
        return;
      }
      if (error !== null || count === 0) {
        this.finish();
        this.x.producer = null;
        if (error !== null) readFailed(this.x, this.path, error);
        else truncated(this.x, this.path);
        return;
      }
      this.offset += count;
      if (this.x.write(this.buffer.subarray(0, count))) this.resume();
    });
  }

  abort(): void {
    this.finish();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    if (!this.reading) this.release();
  }

  private release(): void {
    close(this.fd);
    giveSlab(this.buffer);
  }
}
