/** Cached files: opening with verification, and new validity after a revalidation. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { removeName } from '../files/temporary-file.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { giveSlab, READ_SIZE, takeSlab } from '../net/slabs.js';
import { checksumOf } from './entry-checksum.js';
import type { EntryHead } from './entry-head.js';
import { sizeOnDisk } from './entry-path.js';
import { type EntryPlace, EntryWriter } from './entry-writer.js';
import { BadEntry, decodeHead, encodeHead, headLength, type StoredHead } from './head-format.js';
import { storedResponse } from './stored-fields.js';

/** Bytes read when a file is opened: a smaller file is read wholly. */
const FIRST_READ = 81_920;
/** Longest body that is kept as a string, bytes. */
const MAX_TEXT = 4096;
/** O_NONBLOCK, because opening a named pipe would otherwise block until there is a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);
const UPDATE_FLAGS = constants.O_RDWR | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);
/** Tries to read a head that another process may be replacing at this moment. */
const READ_TRIES = 3;

/** Receives lines of the error log. */
export type CacheLog = (level: 'info' | 'error' | 'crit', message: string) => void;

/** A cached file that was verified. */
export class OpenEntry {
  private closed = false;
  private name = '';
  private parsed: UpstreamHead | null = null;
  private bodyText: string | null = null;

  constructor(
    readonly path: string,
    readonly stored: StoredHead,
    /** -1 if the body is in `bytes`. */
    readonly fd: number,
    /** Bytes of the file, from its beginning; the whole file, or more than its head. Borrowed until `close`. */
    readonly bytes: Buffer,
    /** Length of the file. */
    readonly length: number,
    /** Whether the buffer is returned to the pool; otherwise several requests may use it, after `close` as well. */
    private readonly pooled = true,
  ) {}

  /** Hash of the key, or of the variant: the name of the file. */
  get hash(): string {
    if (this.name === '') this.name = this.path.slice(this.path.lastIndexOf('/') + 1);
    return this.name;
  }
  /** The response as it was stored; its fields may be changed until the next call. */
  get response(): UpstreamHead {
    if (this.parsed === null) this.parsed = storedResponse(this.head);
    else this.parsed.headers.restore();
    return this.parsed;
  }
  get head(): EntryHead {
    return this.stored.head;
  }
  get bodyStart(): number {
    return this.stored.bodyStart;
  }
  get bodyLength(): number {
    return this.stored.bodyLength;
  }
  /** The body as a byte string, if it is short and several requests use it: it is sent in one write with the head. */
  get text(): string | null {
    if (this.pooled || this.bodyLength > MAX_TEXT) return null;
    this.bodyText ??= this.bytes.toString('latin1', this.bodyStart, this.length);
    return this.bodyText;
  }
  /** Whether the whole file is in memory. */
  get isWhole(): boolean {
    return this.fd < 0;
  }
  /** Bytes of the file that are in `bytes`, if those were not overwritten. */
  get early(): number {
    return this.stored.bodyStart > FIRST_READ ? 0 : Math.min(this.length, FIRST_READ);
  }
  /** Bytes on the disk. */
  get size(): number {
    return sizeOnDisk(this.length);
  }

  close(): void {
    if (this.closed || !this.pooled) return;
    this.closed = true;
    if (this.fd >= 0) closeSync(this.fd);
    giveSlab(this.bytes);
  }
}

/**
 * Opens the file of a key; null if there is none that can be used. A damaged, truncated or foreign file is logged and
 * removed; a file of another key with the same hash is logged only. As in nginx, this blocks on the disk. A small file
 * needs three system calls: it is read at once, and its body is verified as well.
 */
export function openEntry(path: string, key: string, log: CacheLog): OpenEntry | null {
  let fd: number;
  try {
    fd = openSync(nativePath(path), OPEN_FLAGS);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    log('crit', `open() "${path}" failed (${errnoText(error)})`);
    return null;
  }
  const bytes = takeSlab(READ_SIZE);
  try {
    const entry = readEntry(fd, path, bytes);
    if (entry.head.key === key) return entry;
    entry.close();
    log('crit', `cache file "${path}" has md5 collision`);
    return null;
  } catch (error) {
    closeSync(fd);
    giveSlab(bytes);
    if (error instanceof BadEntry) {
      log('crit', `cache file "${path}" ${error.message}`);
      removeName(path);
    } else log('crit', `read() "${path}" failed (${errnoText(error)})`);
    return null;
  }
}

/** Throws BadEntry, or the system's error. */
function readEntry(fd: number, path: string, bytes: Buffer): OpenEntry {
  for (let tries = 1; ; tries++) {
    try {
      return readOnce(fd, path, bytes);
    } catch (error) {
      if (!(error instanceof BadEntry) || tries === READ_TRIES) throw error;
    }
  }
}

function readOnce(fd: number, path: string, bytes: Buffer): OpenEntry {
  const count = readSync(fd, bytes, 0, FIRST_READ, 0);
  const start = headLength(bytes, count);
  if (start === null) throw new BadEntry('is too small');
  const stored = decodeHead(start <= count ? bytes : readHead(fd, start));
  const whole = count < FIRST_READ;
  const length = whole ? count : fstatSync(fd).size;
  const { bodyLength, bodyChecksum } = stored;
  if (start + bodyLength !== length) throw new BadEntry(bodyLength < 0 ? 'is not complete' : 'has an invalid length');
  if (!whole) return new OpenEntry(path, stored, fd, bytes, length);
  if (bodyChecksum !== null) {
    bytes.fill(0, count, (count + 3) & ~3);
    if (checksumOf(bytes, start, count) !== bodyChecksum) throw new BadEntry('has an invalid checksum');
  }
  closeSync(fd);
  return new OpenEntry(path, stored, -1, bytes, length);
}

/** A head that is larger than the first read. */
function readHead(fd: number, start: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(start);
  for (let at = 0; at < start; ) {
    const count = readSync(fd, bytes, at, start - at, at);
    if (count === 0) throw new BadEntry('is too small');
    at += count;
  }
  return bytes;
}

/**
 * Head of a file that is still written, and its descriptor; null if the head is not there yet. Throws BadEntry or the
 * system's error.
 */
export function openGrowing(path: string): { readonly fd: number; readonly stored: StoredHead } | null {
  const fd = openSync(nativePath(path), OPEN_FLAGS);
  try {
    const stored = storedHead(fd);
    if (stored !== null) return { fd, stored };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return null;
}

/** Null: the file is too short. */
function storedHead(fd: number): StoredHead | null {
  const first = Buffer.allocUnsafeSlow(4096);
  const count = readSync(fd, first, 0, first.length, 0);
  const start = headLength(first, count);
  if (start === null || fstatSync(fd).size < start) return null;
  return decodeHead(start <= count ? first : readHead(fd, start));
}

/**
 * Replaces the head of a stored response, after a revalidation; returns the size on the disk, null if the file is not the
 * one that was opened any more. A head that does not fit before the body is written to a new file with a copy of the body.
 * Throws nginx's error message.
 */
export function rewriteHead(entry: OpenEntry, head: EntryHead, place: EntryPlace): number | null {
  const { path, stored } = entry;
  let fd: number;
  try {
    fd = openSync(nativePath(path), UPDATE_FLAGS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
  try {
    if (storedHead(fd)?.checksum !== stored.checksum) return null;
    const bytes = encodeHead(head, stored.bodyLength, stored.bodyChecksum, stored.bodyStart);
    if (bytes === null) return copyWith(fd, entry, head, place);
    writeSync(fd, bytes, 0, bytes.length, 0);
    return entry.size;
  } catch (error) {
    if (error instanceof BadEntry) return null;
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(`pwrite() "${path}" failed (${errnoText(error)})`);
  } finally {
    closeSync(fd);
  }
}

function copyWith(fd: number, { stored, length }: OpenEntry, head: EntryHead, place: EntryPlace): number {
  const writer = new EntryWriter(place, head);
  const buffer = takeSlab(READ_SIZE);
  try {
    for (let at = stored.bodyStart; at < length; ) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), at);
      if (count === 0) throw new BadEntry('is too small');
      writer.write(buffer, 0, count);
      at += count;
    }
    return writer.finish();
  } finally {
    writer.discard();
    giveSlab(buffer);
  }
}
