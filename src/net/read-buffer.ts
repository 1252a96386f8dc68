/**
 * The buffer into which all TCP and unix sockets read. Nobody changes it, so that what is in it stays until the read is over, which
 * is longer than the call in which it is borrowed: whoever sends it on may do so when all of it was handled, without a copy.
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

/** A read begins: its bytes are in the buffer. */
export function beginRead(): void {
  reading = true;
}

/** All bytes of the read were handled, and will be overwritten by the next one. */
export function endRead(): void {
  reading = false;
  // Mostly there are none.
  while (listeners.length > 0) {
    try {
      listeners.pop()?.readEnded();
    } catch (error) {
      // The others are called nevertheless.
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
