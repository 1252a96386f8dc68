/**
 * Writes to a socket's handle without the stream machinery in front of it. Nearly all writes of a proxy are taken by the
 * kernel at once; the queue, callback and next tick that `net.Socket` prepares for the others cost more than the rest of
 * the write (10% of a proxied request, measured). Only writes that the kernel does not take at once leave anything here.
 *
 * How a handle is written to is documented nowhere and differs: up to Node 24 the caller brings a request, whose class is
 * shown to nobody; Node 26 takes none and returns one where the kernel did not take all. Which of the two it is, and the
 * class, is learned from the first write of the process; where it is neither, everything goes through the stream.
 */
import { getSystemErrorName } from 'node:util';

/** A handle of a TCP or unix socket, as far as it is used. */
export interface StreamHandle {
  writeLatin1String(request: WriteRequest | null, text: string): number | WriteRequest;
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest;
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** Node's write request. */
export interface WriteRequest {
  /** Negative as long as no write is under way with this request. */
  getAsyncId(): number;
  /** Where requests are returned: the status of a write that was complete before it was returned, or null. */
  writeStatus?: number | null;
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Told when the write is complete. */
  waiter?: WriteWaiter;
  /** To be given back when the write is complete. */
  slab?: Buffer | null;
  /** What the kernel still reads from. */
  buffer?: Uint8Array | null;
}

/** Told about writes that the kernel did not take at once. */
export interface WriteWaiter {
  /** `slab` is free again. */
  written(status: number, slab: Buffer | null): void;
}

const UNKNOWN = 0;
const GIVEN = 1;
const RETURNED = 2;
const NEITHER = 3;

let requests = UNKNOWN;
let Request: (new () => WriteRequest) | null = null;
/** A request whose write was taken at once was never used, and serves again. */
let spare: WriteRequest | null = null;

/** True once it is known how. */
export function canWriteDirectly(): boolean {
  return requests === GIVEN || requests === RETURNED;
}

/** Learns how from the next write of a string on this handle. */
export function probeHandle(handle: StreamHandle): void {
  if (requests !== UNKNOWN) return;
  const own = handle as { writeLatin1String?: StreamHandle['writeLatin1String'] };
  own.writeLatin1String = function learning(this: StreamHandle, request, text) {
    delete own.writeLatin1String;
    const result = this.writeLatin1String(request, text);
    if (request === null) {
      const known = typeof result === 'number' || (typeof result === 'object' && 'writeStatus' in result);
      requests = known ? RETURNED : NEITHER;
    } else if (typeof result === 'number' && typeof request?.getAsyncId === 'function') {
      Request = request.constructor as new () => WriteRequest;
      requests = new Request().getAsyncId() < 0 ? GIVEN : NEITHER;
    } else requests = NEITHER;
    return result;
  };
}

/** Writes; 0 where the kernel took all, a negative errno, or the request that is under way (see `underWay`). */
export function writeLatin1(handle: StreamHandle, text: string): number | WriteRequest {
  if (Request === null) return returned(handle.writeLatin1String(null, text));
  spare ??= new Request();
  return given(spare, handle.writeLatin1String(spare, text) as number);
}

/** As `writeLatin1`; the bytes must stay as they are until the request is complete. */
export function writeBytes(handle: StreamHandle, bytes: Uint8Array): number | WriteRequest {
  if (Request === null) return returned(handle.writeBuffer(null, bytes));
  spare ??= new Request();
  return given(spare, handle.writeBuffer(spare, bytes) as number);
}

function returned(result: number | WriteRequest): number | WriteRequest {
  if (typeof result === 'number') return result;
  return result.writeStatus === null || result.writeStatus === undefined ? result : result.writeStatus;
}

function given(request: WriteRequest, errno: number): number | WriteRequest {
  // That nothing waits in the handle does not say so: a write may be under way with its end yet to be told.
  if (request.getAsyncId() < 0) return errno;
  spare = null;
  return errno === 0 ? request : errno;
}

/** Says who is told when the write with `request` is complete, what is kept until then, and what is given back. */
export function trackWrite(
  request: WriteRequest,
  waiter: WriteWaiter,
  bytes: Uint8Array | null,
  slab: Buffer | null,
): void {
  request.waiter = waiter;
  request.buffer = bytes;
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
