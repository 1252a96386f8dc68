/** Undocumented parts of Node: the handle of a `net.Socket`, and the latin1 coding of strings. */
import type { AcceptedSocket } from './accepted-socket.js';
import type { StreamHandle } from './direct-write.js';

declare global {
  interface Buffer {
    /** Node's own latin1 decoder, without the argument checks of `toString`; available since version 0.x. */
    latin1Slice(start?: number, end?: number): string;
    /** Node's latin1 encoder; returns the number of bytes written. */
    latin1Write(text: string, offset: number): number;
  }
}

/** Internal parts of net.Socket for moving a handle; undocumented, available since version 0.x. */
export interface HandleHolder {
  _handle: (StreamHandle & { readonly bytesWritten: number; readonly fd?: number }) | null;
  _server: unknown;
  server: unknown;
}

/** Descriptor of an accepted socket; -1 if it is closed or the platform does not expose it. */
export function descriptorOf(accepted: AcceptedSocket): number {
  return (accepted as unknown as HandleHolder)._handle?.fd ?? -1;
}

/** Whether an accepted socket was reset or destroyed before it was handled. */
export function lostBeforeUse(accepted: AcceptedSocket): boolean {
  return (accepted as unknown as HandleHolder)._handle === null || accepted.destroyed;
}
