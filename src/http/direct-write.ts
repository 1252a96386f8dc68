/**
 * Writes to a socket's handle without the stream machinery in front of it. Nearly all writes of a proxy are taken by the
 * kernel at once; the queue, callback and next tick that `net.Socket` prepares for the others cost more than the rest of
 * the write (10% of a proxied request, measured). Only writes that the kernel does not take at once leave anything here.
 *
 * Node shows the class of its write requests to nobody, so it is learned from the first write of the process; where that
 * fails, everything goes through the stream.
 */
import { getSystemErrorName } from 'node:util';

/** A handle of a TCP or unix socket, as far as it is used. */
export interface StreamHandle {
  /** Returns 0 or a negative errno. */
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** Node's write request. One that was taken at once was never used, and serves again. */
export interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Told when the write is complete. */
  waiter?: WriteWaiter;
  /** What the kernel still reads from. */
  slab?: Buffer | null;
}

/** Told about writes that the kernel did not take at once. */
export interface WriteWaiter {
  written(status: number, slab: Buffer | null): void;
}

let Request: (new () => WriteRequest) | null = null;
let spare: WriteRequest | null = null;

/** True once the class is known. */
export function canWriteDirectly(): boolean {
  return Request !== null;
}

/** Learns the class of requests from the next write of a string on this handle. */
export function learnFrom(handle: StreamHandle): void {
  const own = handle as { writeLatin1String?: StreamHandle['writeLatin1String'] };
  own.writeLatin1String = function learning(this: StreamHandle, request, text) {
    delete own.writeLatin1String;
    const found = (request as object).constructor;
    if (found !== Object) Request = found as new () => WriteRequest;
    return this.writeLatin1String(request, text);
  };
}

/** A request for the next write. */
export function writeRequest(): WriteRequest {
  if (spare === null) {
    if (Request === null) throw new Error('no write request was seen yet');
    spare = new Request();
  }
  return spare;
}

/** Says that the write with `request` is under way: `waiter` is told its end. */
export function underWay(request: WriteRequest, waiter: WriteWaiter, slab: Buffer | null): void {
  spare = null;
  request.waiter = waiter;
  request.slab = slab;
  request.oncomplete = complete;
}

function complete(this: WriteRequest, status: number): void {
  this.waiter?.written(status, this.slab ?? null);
}

/** The error of a failed write, as `net.Socket` would have made it. */
export function writeError(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: 'write' });
}
