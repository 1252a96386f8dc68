/** Temporary files: for what memory is too small for, while it waits. nginx: ngx_create_temp_file. */
import { close, mkdirSync, openSync, read, unlinkSync, writev } from 'node:fs';
import { dirname } from 'node:path';
import { DIGITS, type TemporaryPath } from '../config/temporary-path-argument.js';
import { errnoText } from '../diagnostics/errno.js';

let serial = 0;

/** A path that was not given out before by this process; the last digits of its number name the subdirectories. */
function nextPath({ path, levels }: TemporaryPath): string {
  const number = String(++serial % 10 ** DIGITS).padStart(DIGITS, '0');
  let out = path;
  let end = DIGITS;
  for (const length of levels) {
    out += `/${number.slice(end - length, end)}`;
    end -= length;
  }
  return `${out}/${number}`;
}

/** Makes a file that nobody else has, for reading and writing. Throws nginx's sentence where that fails. */
export function openTemporaryFile(place: TemporaryPath): { readonly fd: number; readonly path: string } {
  let path = nextPath(place);
  let made = false;
  for (;;) {
    try {
      return { fd: openSync(Buffer.from(path, 'latin1'), 'wx+', 0o600), path };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') {
        // Another process, or one before this, counts as well: a leap gets away from its numbers.
        serial += Math.floor(Math.random() * 1e6);
        path = nextPath(place);
      } else if (code === 'ENOENT' && !made) {
        makeDirectory(dirname(path));
        made = true;
      } else throw new Error(`open() "${path}" failed (${errnoText(error)})`);
    }
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(Buffer.from(path, 'latin1'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
  }
}

/** A file that has no name any more, so that it goes with its descriptor, whatever becomes of the process. */
export class TemporaryFile {
  /** Bytes from its beginning that were written. */
  length = 0;
  private operations = 0;
  private closed = false;

  private constructor(
    /** Where it was, for the log. */
    readonly path: string,
    private readonly fd: number,
  ) {}

  /** Throws nginx's sentence where that fails. */
  static create(place: TemporaryPath): TemporaryFile {
    const { fd, path } = openTemporaryFile(place);
    const file = new TemporaryFile(path, fd);
    try {
      unlinkSync(Buffer.from(path, 'latin1'));
    } catch {
      // Somebody else took it away; that is what was wanted.
    }
    return file;
  }

  /**
   * Writes behind what there is. The pieces must stay as they are until `then` is called: with how many bytes were written,
   * and null where these are all. One call at a time; `then` is not called where the file was closed before.
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
      const left = behind(pieces, count);
      if (left.length === 0) then(null, before + count);
      else {
        this.operations++;
        this.writeOn(left, before + count, then);
      }
    });
  }

  /** Reads up to `into.length` bytes from `position` on; at least one, or there is an error. */
  read(into: Buffer, position: number, then: (error: Error | null, count: number) => void): void {
    this.operations++;
    read(this.fd, into, 0, into.length, position, (error, count) => {
      if (this.operationEnded()) return;
      if (error !== null) then(new Error(`pread() "${this.path}" failed (${errnoText(error)})`), 0);
      else if (count === 0) then(new Error(`"${this.path}" was truncated`), 0);
      else then(null, count);
    });
  }

  /** All that was written has been read: the next bytes take its place. Not while something is read or written. */
  rewind(): void {
    this.length = 0;
  }

  /** Closes it, as soon as nothing is being read or written any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.operations === 0) close(this.fd);
  }

  /** True where the file was closed meanwhile. */
  private operationEnded(): boolean {
    this.operations--;
    if (this.closed && this.operations === 0) close(this.fd);
    return this.closed;
  }
}

/** What is left of pieces when `count` bytes are taken off their front. */
function behind(pieces: readonly Buffer[], count: number): Buffer[] {
  const left: Buffer[] = [];
  let skip = count;
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip === 0 ? piece : piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return left;
}
