/** Temporary files for buffered data that exceeds memory limits. nginx: ngx_create_temp_file. */
import { close, closeSync, read, unlinkSync, writev } from 'node:fs';
import { DIGITS, type TemporaryPath } from '../config/temporary-path-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from './native-path.js';
import { createFile, openDirectory } from './trusted-files.js';

/** Number of failures after which it is assumed that no other process took the name or removed the directory. */
const MAX_TRIES = 100;

/** Returns an unpredictable random path; the last digits of its number name the subdirectories. */
function randomPath({ path, levels }: TemporaryPath): { readonly path: string; readonly directories: string[] } {
  const number = String(process.getBuiltinModule('node:crypto').randomInt(10 ** DIGITS)).padStart(DIGITS, '0');
  const directories = [path];
  let last = path;
  let end = DIGITS;
  for (const length of levels) {
    last += `/${number.slice(end - length, end)}`;
    directories.push(last);
    end -= length;
  }
  return { path: `${last}/${number}`, directories };
}

/**
 * Creates a file for reading and writing by this user only. Unless `named`, its name is removed before this returns: it
 * cannot be opened by others, and nothing is left withoutFront when the process ends. Throws nginx's error message on
 * failure.
 */
export function openTemporaryFile(
  place: TemporaryPath,
  named: boolean,
): { readonly fd: number; readonly path: string } {
  let { path, directories } = randomPath(place);
  for (let tries = 0; ; tries++) {
    try {
      const fd = createFile(path);
      if (!named) removeName(path);
      return { fd, path };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (tries < MAX_TRIES && code === 'EEXIST') ({ path, directories } = randomPath(place));
      else if (tries < MAX_TRIES && code === 'ENOENT') makeDirectories(directories);
      else throw new Error(`open() "${path}" failed (${errnoText(error)})`);
    }
  }
}

function makeDirectories(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      closeSync(openDirectory(path));
    } catch (error) {
      throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
    }
  }
}

/** Removes the name of a temporary file. */
export function removeName(path: string): void {
  try {
    unlinkSync(nativePath(path));
  } catch {
    // Already removed by another process, which is the desired result.
  }
}

/** A file without a name, which disappears with its descriptor even if the process crashes. */
export class TemporaryFile {
  /** Bytes written, from the beginning of the file. */
  length = 0;
  private operations = 0;
  private closed = false;

  private constructor(
    /** Former path, for the log. */
    readonly path: string,
    private readonly fd: number,
  ) {}

  /** Throws nginx's error message on failure. */
  static create(place: TemporaryPath): TemporaryFile {
    const { fd, path } = openTemporaryFile(place, false);
    return new TemporaryFile(path, fd);
  }

  /**
   * Appends data. The buffers must not change until `then` is called with the number of bytes written, and null if
   * these are all. One call at a time; `then` is not called if the file was closed before.
   */
  append(pieces: readonly Buffer[], then: (error: Error | null, written: number) => void): void {
    this.operations++;
    this.writeOn(pieces, 0, then);
  }

  private writeOn(
    pieces: readonly Buffer[],
    before: number,
    then: (error: Error | null, written: number) => void,
  ): void {
    writev(this.fd, pieces, this.length, (error, count) => {
      if (this.operationEnded()) return;
      if (error !== null) {
        then(new Error(`pwritev() "${this.path}" failed (${errnoText(error)})`), before);
        return;
      }
      this.length += count;
      const left = withoutFront(pieces, count);
      if (left.length === 0) then(null, before + count);
      else {
        this.operations++;
        this.writeOn(left, before + count, then);
      }
    });
  }

  /** Reads up to `into.length` bytes from `position`; at least one, or reports an error. */
  read(into: Buffer, position: number, then: (error: Error | null, count: number) => void): void {
    this.operations++;
    read(this.fd, into, 0, into.length, position, (error, count) => {
      if (this.operationEnded()) return;
      if (error !== null) then(new Error(`pread() "${this.path}" failed (${errnoText(error)})`), 0);
      else if (count === 0) then(new Error(`"${this.path}" was truncated`), 0);
      else then(null, count);
    });
  }

  /** Resets the write position after all data was read. Must not be called during a read or write. */
  rewind(): void {
    this.length = 0;
  }

  /** Closes the file as soon as no read or write is in progress. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.operations === 0) close(this.fd);
  }

  /** Returns true if the file was closed meanwhile. */
  private operationEnded(): boolean {
    this.operations--;
    if (this.closed && this.operations === 0) close(this.fd);
    return this.closed;
  }
}

/** Returns the rest of the buffers after removing the first `count` bytes. */
function withoutFront(pieces: readonly Buffer[], count: number): Buffer[] {
  const left: Buffer[] = [];
  let skip = count;
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip === 0 ? piece : piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return left;
}
