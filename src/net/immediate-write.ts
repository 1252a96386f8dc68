/**
 * Writes synchronously to a socket's descriptor and returns the number of bytes accepted by the kernel. The rest stays
 * with the caller: a handle would read it from the caller's memory later, so borrowed bytes would have to be copied
 * before each write. Node treats these as file writes, which is why they return the number of bytes written.
 */
import { writeSync, writevSync } from 'node:fs';

/** Holds text around the bytes during a write; longer text gets its own memory. */
const texts = Buffer.allocUnsafeSlow(16384);

/**
 * Writes bytes `start` to `end` with text (one byte per character) before and after them, in one system call. Returns
 * the number of bytes accepted by the kernel, 0 if its buffer is full, or the negative errno of a failed connection.
 */
export function writeImmediately(
  descriptor: number,
  before: string,
  bytes: Buffer,
  start: number,
  end: number,
  after: string,
): number {
  try {
    if (before.length + after.length === 0) return writeSync(descriptor, bytes, start, end - start);
    return writevSync(descriptor, pieces(before, bytes.subarray(start, end), after));
  } catch (error) {
    return refused(error);
  }
}

/** As `writeImmediately`, for several pieces. */
export function writePiecesImmediately(descriptor: number, all: readonly Buffer[]): number {
  try {
    return writevSync(descriptor, all);
  } catch (error) {
    return refused(error);
  }
}

/** Copies the bytes of all pieces after the first `skipped` ones. */
export function copyEnd(all: readonly Buffer[], skipped: number, to: Buffer): void {
  let left = skipped;
  let at = 0;
  for (const piece of all) {
    const from = Math.min(left, piece.length);
    left -= from;
    at += piece.copy(to, at, from);
  }
}

/** Result of a write that has thrown an exception: 0 if the kernel accepts no bytes now, or the negative errno. */
function refused(error: unknown): number {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) throw error;
  return code === 'EAGAIN' || code === 'ENOBUFS' ? 0 : errno;
}

function pieces(before: string, bytes: Buffer, after: string): Buffer[] {
  const length = before.length + after.length;
  const memory = length <= texts.length ? texts : Buffer.allocUnsafeSlow(length);
  const middle = memory.latin1Write(before, 0);
  const first = memory.subarray(0, middle);
  if (after.length === 0) return [first, bytes];
  const last = memory.subarray(middle, middle + memory.latin1Write(after, middle));
  return middle === 0 ? [bytes, last] : [first, bytes, last];
}
