/**
 * The buffer into which all TCP and unix sockets read. Only a read changes it: received bytes stay unchanged until the end of the
 * read, when all of them have been handled, and not only during the call that passes them on. They can be written then, without a
 * copy.
 */
import { READ_SIZE } from './slabs.js';

export const readBuffer = Buffer.allocUnsafeSlow(READ_SIZE);
const memory = readBuffer.buffer;

/** Called at the end of a read. */
export interface ReadEndListener {
  readEnded(): void;
}

let reading = false;
const listeners: ReadEndListener[] = [];

/** Called at the beginning of a read, when its bytes are in the buffer. */
export function beginRead(): void {
  reading = true;
}

/** Called when all bytes of a read were handled: the next read overwrites them. */
export function endRead(): void {
  reading = false;
  while (listeners.length > 0) {
    try {
      listeners.pop()?.readEnded();
    } catch (error) {
      // Thrown later, so that the other listeners are called.
      process.nextTick(() => {
        throw error;
      });
    }
  }
}

/** Whether bytes stay as they are until the end of the current read. */
export function staysUntilReadEnd(bytes: Uint8Array): boolean {
  return reading && bytes.buffer === memory;
}

/** Calls `listener.readEnded` once at the end of the current read. */
export function atReadEnd(listener: ReadEndListener): void {
  listeners.push(listener);
}
