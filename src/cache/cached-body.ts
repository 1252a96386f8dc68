/** Sends the body of an entry, or parts of it. */
import { readSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import type { BodyPart } from '../http/response-head.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { OpenEntry } from './entry-file.js';

/** Bytes after which other connections get their turn, even if this client accepts more. */
const BURST = 1 << 20;

/** Sends the body for an exchange whose head was sent, and closes the entry. */
export function sendEntry(x: Exchange, entry: OpenEntry): void {
  const { parts, seekable } = x.response;
  if (!entry.isWhole) {
    const all = seekable && parts !== null ? parts : [{ text: '', start: 0, end: entry.bodyLength }];
    new CachedBody(x, entry, all).resume();
    return;
  }
  const { bytes, bodyStart, length } = entry;
  if (!seekable || parts === null) {
    if (length > bodyStart) {
      const { text } = entry;
      if (text === null) x.writeBytes(bytes, bodyStart, length);
      else x.write(text);
    }
  } else {
    for (const { text, start, end } of parts) {
      if (text !== '') x.write(text);
      if (end > start) x.writeBytes(bytes, bodyStart + start, bodyStart + end);
    }
  }
  entry.close();
  x.end();
}

/**
 * Reads the file at the client's pace. As nginx's without `aio`, reads block: a read from the page cache takes a fraction of the
 * time that the thread pool needs.
 */
class CachedBody implements Producer {
  private part = 0;
  private offset: number;
  private textSent = false;
  private over = false;
  private paused = false;
  /** Bytes of the body at the beginning that were read when the file was opened; 0 when the buffer has others. */
  private early: number;

  constructor(
    private readonly x: Exchange,
    private readonly entry: OpenEntry,
    private readonly parts: readonly BodyPart[],
  ) {
    this.offset = parts[0]?.start ?? 0;
    this.early = Math.max(0, entry.early - entry.bodyStart);
    x.producer = this;
  }

  resume(): void {
    let burst = 0;
    while (!this.over && !this.paused) {
      const part = this.parts[this.part];
      if (part === undefined) {
        this.finish();
        this.x.end();
        return;
      }
      if (!this.textSent) {
        this.textSent = true;
        if (part.text !== '' && !this.x.write(part.text)) return;
      } else if (this.offset >= part.end) {
        this.part++;
        this.offset = this.parts[this.part]?.start ?? 0;
        this.textSent = false;
      } else {
        const before = this.offset;
        if (!this.sendSome(part.end)) return;
        burst += this.offset - before;
        if (burst >= BURST) this.pause();
      }
    }
  }

  /** Sends bytes up to `end`, as many as the buffer has; returns false to wait for the client. */
  private sendSome(end: number): boolean {
    const { x, entry, offset, early } = this;
    const { bytes, bodyStart } = entry;
    if (offset < early) {
      this.offset = Math.min(early, end);
      return x.writeBytes(bytes, bodyStart + offset, bodyStart + this.offset);
    }
    this.early = 0;
    let count: number;
    try {
      count = readSync(entry.fd, bytes, 0, Math.min(bytes.length, end - offset), bodyStart + offset);
    } catch (error) {
      this.failed('crit', `read() "${entry.path}" failed (${errnoText(error)})`);
      return false;
    }
    if (count === 0) {
      this.failed('alert', `cache file "${entry.path}" was truncated while it was sent`);
      return false;
    }
    this.offset += count;
    return x.writeBytes(bytes, 0, count);
  }

  private pause(): void {
    this.paused = true;
    setImmediate(() => {
      this.paused = false;
      this.resume();
    });
  }

  private failed(level: 'crit' | 'alert', message: string): void {
    const { x } = this;
    this.finish();
    x.producer = null;
    logError(x, level, message);
    x.abort();
  }

  abort(): void {
    this.finish();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.entry.close();
  }
}
