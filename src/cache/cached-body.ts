/** Sends the body of an entry, or parts of it. */
import { read } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import type { BodyPart } from '../http/response-head.js';
import { giveSlab, takeSlab } from '../net/slabs.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { OpenEntry } from './entry-file.js';

/** Bytes read at once. */
const BUFFER_SIZE = 65_536;

/** Sends the body for an exchange whose head was sent, and closes the entry. */
export function sendEntry(x: Exchange, entry: OpenEntry): void {
  const { parts: chosen, seekable } = x.response;
  const parts = seekable && chosen !== null ? chosen : [{ text: '', start: 0, end: entry.bodyLength }];
  if (entry.fd < 0) sendBytes(x, entry, parts);
  else new CachedBody(x, entry, parts).resume();
}

function sendBytes(x: Exchange, entry: OpenEntry, parts: readonly BodyPart[]): void {
  const { bytes, bodyStart } = entry;
  for (const { text, start, end } of parts) {
    if (text !== '') x.write(text);
    if (end > start) x.writeBytes(bytes, bodyStart + start, bodyStart + end);
  }
  entry.close();
  x.end();
}

/** Reads the file at the client's pace. */
class CachedBody implements Producer {
  private readonly buffer = takeSlab(BUFFER_SIZE);
  private part = 0;
  private offset: number;
  private textSent = false;
  private reading = false;
  /** Whether sending has ended; the entry is closed as soon as no read uses it. */
  private over = false;

  constructor(
    private readonly x: Exchange,
    private readonly entry: OpenEntry,
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
        this.read(Math.min(BUFFER_SIZE, part.end - this.offset));
        return;
      }
      this.part++;
      this.offset = this.parts[this.part]?.start ?? 0;
      this.textSent = false;
    }
  }

  private read(length: number): void {
    const { entry, buffer } = this;
    this.reading = true;
    read(entry.fd, buffer, 0, length, entry.bodyStart + this.offset, (error, count) => {
      this.reading = false;
      if (this.over) {
        this.release();
        return;
      }
      if (error !== null || count === 0) {
        this.failed(error);
        return;
      }
      this.offset += count;
      if (this.x.writeBytes(buffer, 0, count)) this.resume();
    });
  }

  private failed(error: Error | null): void {
    const { x, entry } = this;
    this.finish();
    x.producer = null;
    if (error === null) logError(x, 'alert', `cache file "${entry.path}" was truncated while it was sent`);
    else logError(x, 'crit', `read() "${entry.path}" failed (${errnoText(error)})`);
    x.abort();
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
    this.entry.close();
    giveSlab(this.buffer);
  }
}
