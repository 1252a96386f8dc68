/** Writes a response to a private temporary file, which becomes the cached file when it is complete. */
import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { moveFile } from '../files/move-file.js';
import { nativePath } from '../files/native-path.js';
import { openTemporaryFile, removeName } from '../files/temporary-file.js';
import { createFile } from '../files/trusted-files.js';
import { giveSlab, takeSlab } from '../net/slabs.js';
import { checksumOf } from './entry-checksum.js';
import type { EntryHead } from './entry-head.js';
import { sizeOnDisk } from './entry-path.js';
import { encodeHead } from './head-format.js';

/** Bytes that are collected before they are written. A response that fits is written at once. */
const BUFFER_SIZE = 65_536;
/** Digits at the end of the name of a temporary file beside its target, as in nginx. */
const DIGITS = 10;
/** Number of failures after which it is assumed that no other process took the name or removed the directory. */
const MAX_TRIES = 100;
/** Permissions of directories. */
const PRIVATE = 0o700;

export interface EntryPlace {
  /** Path of the cached file, which also depends on the response if that has a `Vary`. */
  readonly path: string;
  /** Directory for files that are not complete; null: beside their targets (`use_temp_path=off`). */
  readonly temporary: TemporaryPath | null;
}

/**
 * One response. Writing blocks until the page cache has the bytes, as in nginx. Errors are thrown with nginx's message;
 * after one of them nothing can be written, and `discard` must be called.
 */
export class EntryWriter {
  /** Path of the temporary file; empty while everything is in memory. */
  path = '';
  /** Where the body begins in the file. */
  readonly bodyStart: number;
  /** Bytes of the body that can be read from the temporary file. */
  available = 0;
  private readonly headBytes: Buffer;
  private fd = -1;
  private buffer: Buffer | null = null;
  private used = 0;
  /** Bytes of the body so far. */
  length = 0;

  constructor(
    private readonly place: EntryPlace,
    private readonly head: EntryHead,
  ) {
    const bytes = encodeHead(head, -1, null);
    if (bytes === null) throw new Error(`the header of the response for cache file "${place.path}" is too big`);
    this.headBytes = bytes;
    this.bodyStart = bytes.length;
  }

  /** Appends bytes `start` to `end` to the body. */
  write(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      this.buffer ??= takeSlab(BUFFER_SIZE);
      const count = Math.min(end - at, BUFFER_SIZE - this.used);
      bytes.copy(this.buffer, this.used, at, at + count);
      this.used += count;
      this.length += count;
      at += count;
      if (this.used === BUFFER_SIZE) this.flush();
    }
  }

  /** Writes everything to the temporary file, for those who read it while it grows. */
  flush(): void {
    if (this.fd < 0) {
      this.open();
      this.writeAt(this.headBytes, this.headBytes.length, 0);
    }
    const { buffer, used } = this;
    if (buffer === null || used === 0) return;
    this.used = 0;
    this.writeAt(buffer, used, this.bodyStart + this.length - used);
    this.available = this.length;
  }

  /** The body is complete: moves the file to its path. Returns its size on the disk. */
  finish(): number {
    const { place, head, buffer, length } = this;
    const whole = this.available === 0;
    const checksum = whole && buffer !== null ? checksumOf(padded(buffer, length), 0, length) : null;
    const bytes = encodeHead(head, length, checksum, this.bodyStart);
    if (bytes === null) throw new Error('a head that has another length'); // the same head as in the constructor
    if (this.fd < 0) {
      this.open();
      if (buffer === null) this.writeAt(bytes, bytes.length, 0);
      else this.writeWhole(bytes, buffer, length);
    } else {
      this.flush();
      // Last, so that the file is not taken for complete before.
      this.writeAt(bytes, bytes.length, 0);
    }
    closeSync(this.fd);
    this.fd = -1;
    try {
      moveFile(this.path, place.path, PRIVATE);
    } catch (error) {
      throw new Error(`rename() "${this.path}" to "${place.path}" failed (${errnoText(error)})`);
    }
    this.path = '';
    this.discard();
    return sizeOnDisk(this.bodyStart + length);
  }

  /** Removes the temporary file, if any. */
  discard(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
    if (this.path !== '') removeName(this.path);
    this.path = '';
    if (this.buffer !== null) giveSlab(this.buffer);
    this.buffer = null;
  }

  private open(): void {
    const { path, temporary } = this.place;
    const { fd, path: name } = temporary === null ? openBeside(path) : openTemporaryFile(temporary, true);
    this.fd = fd;
    this.path = name;
  }

  /** One write for head and body. */
  private writeWhole(head: Buffer, body: Buffer, length: number): void {
    if (head.length + length > body.length) {
      this.writeAt(head, head.length, 0);
      this.writeAt(body, length, head.length);
      return;
    }
    body.copyWithin(head.length, 0, length);
    head.copy(body, 0);
    this.writeAt(body, head.length + length, 0);
  }

  private writeAt(bytes: Buffer, length: number, position: number): void {
    try {
      for (let at = 0; at < length; ) at += writeSync(this.fd, bytes, at, length - at, position + at);
    } catch (error) {
      throw new Error(`pwrite() "${this.path}" failed (${errnoText(error)})`);
    }
  }
}

/** The buffer, with zeros after `length` up to the next word. */
function padded(buffer: Buffer, length: number): Buffer {
  return buffer.fill(0, length, Math.min(buffer.length, Math.ceil(length / 4) * 4));
}

/** Creates a file beside `path`, and its directories. Throws nginx's error message. */
function openBeside(path: string): { readonly fd: number; readonly path: string } {
  for (let tries = 0; ; tries++) {
    const number = process.getBuiltinModule('node:crypto').randomInt(10 ** DIGITS);
    const name = `${path}.${String(number).padStart(DIGITS, '0')}`;
    try {
      return { fd: createFile(name), path: name };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && tries < MAX_TRIES) makeDirectory(dirname(path));
      else if (code !== 'EEXIST' || tries >= MAX_TRIES)
        throw new Error(`open() "${name}" failed (${errnoText(error)})`);
    }
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(nativePath(path), { recursive: true, mode: PRIVATE });
  } catch (error) {
    throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
  }
}
