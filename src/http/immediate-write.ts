/**
 * Writes to a socket's descriptor what the kernel takes now, and says how much that was. The rest stays with the caller: a
 * handle would read it from the caller's memory later, so that bytes that are only lent would have to be copied in front of
 * each write. These writes are ones to a file for Node, which is why they say how far they got.
 */
import { writeSync, writevSync } from 'node:fs';

/** Holds the text around bytes for the length of a write; longer text has memory of its own. */
const texts = Buffer.allocUnsafeSlow(16384);

/**
 * Writes bytes `start` to `end` with text (a character for each byte) in front of them and behind them, in one system call.
 * Returns how many bytes the kernel took, 0 where it has no room, or the negative errno of a connection that failed.
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
    const { code, errno } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    return code === 'EAGAIN' || code === 'ENOBUFS' ? 0 : errno;
  }
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
