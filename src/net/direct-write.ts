/**
 * Writes to a socket's handle, bypassing the stream. The kernel accepts nearly all writes of a proxy immediately; the
 * queue, callback and next tick that `net.Socket` prepares for other writes cost more than the rest of the write
 * (measured: 10% of a proxied request). Only writes that are not accepted immediately allocate here.
 *
 * The handle's interface is undocumented and differs: up to Node 24 the caller passes a request whose class is not
 * exported; Node 26 takes none and returns one if the kernel did not accept all bytes. The variant and the class are
 * detected at the first write of the process; if neither applies, all writes use the stream.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** Handle of a TCP or unix socket, as used here. */
export interface StreamHandle {
  writeLatin1String(request: WriteRequest | null, text: string): number | WriteRequest;
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest;
  /** Bytes not yet accepted by the kernel. */
  readonly writeQueueSize: number;
}

/** Node's write request. */
export interface WriteRequest {
  /** Negative unless a write is in flight with this request. */
  getAsyncId(): number;
  /** If requests are returned: status of a write that completed synchronously, or null. */
  writeStatus?: number | null;
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Notified when the write is complete. */
  waiter?: WriteWaiter;
  /** Returned to the pool when the write is complete. */
  slab?: Buffer | null;
  /** Memory the kernel still reads from. */
  buffer?: Uint8Array | null;
}

/** Notified about completed asynchronous writes. */
export interface WriteWaiter {
  /** `slab` is free again. */
  written(status: number, slab: Buffer | null): void;
}

const UNKNOWN = 0;
const CALLER_CREATES_REQUEST = 1;
const HANDLE_CREATES_REQUEST = 2;
const UNSUPPORTED = 3;

let requestStyle = UNKNOWN;
let Request: (new () => WriteRequest) | null = null;
/** A request whose write completed synchronously is unused and can be reused. */
let spare: WriteRequest | null = null;

/** Whether the handle's interface was detected. */
export function canWriteDirectly(): boolean {
  return requestStyle === CALLER_CREATES_REQUEST || requestStyle === HANDLE_CREATES_REQUEST;
}

/**
 * Detects the interface without writing: by a stream whose handle is an object that only records how it is called. For
 * handles without a stream.
 */
export function probeWithoutHandle(): void {
  if (requestStyle !== UNKNOWN) return;
  const handle = {
    writeLatin1String(request: WriteRequest | null): number {
      if (request === null || request === undefined) requestStyle = HANDLE_CREATES_REQUEST;
      else if (typeof request.getAsyncId === 'function') {
        Request = request.constructor as new () => WriteRequest;
        requestStyle = new Request().getAsyncId() < 0 ? CALLER_CREATES_REQUEST : UNSUPPORTED;
      } else requestStyle = UNSUPPORTED;
      return 0;
    },
    readStart: () => 0,
    readStop: () => 0,
    close: () => {},
  };
  try {
    const socket = new Socket({ handle, manualStart: true } as SocketConstructorOpts);
    socket.on('error', () => {});
    socket.write('x', 'latin1');
  } catch {
    // Only the call matters, not its result.
  }
  if (requestStyle === UNKNOWN) requestStyle = UNSUPPORTED;
}

/** Detects the interface from the next write of a string on this handle. */
export function probeHandle(handle: StreamHandle): void {
  if (requestStyle !== UNKNOWN) return;
  const own = handle as { writeLatin1String?: StreamHandle['writeLatin1String'] };
  own.writeLatin1String = function learning(this: StreamHandle, request, text) {
    delete own.writeLatin1String;
    const result = this.writeLatin1String(request, text);
    if (request === null) {
      const known = typeof result === 'number' || (typeof result === 'object' && 'writeStatus' in result);
      requestStyle = known ? HANDLE_CREATES_REQUEST : UNSUPPORTED;
    } else if (typeof result === 'number' && typeof request?.getAsyncId === 'function') {
      Request = request.constructor as new () => WriteRequest;
      requestStyle = new Request().getAsyncId() < 0 ? CALLER_CREATES_REQUEST : UNSUPPORTED;
    } else requestStyle = UNSUPPORTED;
    return result;
  };
}

/**
 * Writes; returns 0 if the kernel accepted all bytes, a negative errno, or the request in flight (see `trackWrite`).
 */
export function writeLatin1(handle: StreamHandle, text: string): number | WriteRequest {
  if (Request === null) return returned(handle.writeLatin1String(null, text));
  spare ??= new Request();
  return given(spare, handle.writeLatin1String(spare, text) as number);
}

/** As `writeLatin1`; the bytes must not change until the request is complete. */
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
  // An empty queue of the handle is not sufficient: a write may be in flight whose completion has not been reported.
  if (request.getAsyncId() < 0) return errno;
  spare = null;
  return errno === 0 ? request : errno;
}

/** Sets the object to notify when the write is complete, the memory to retain until then, and the slab to return. */
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

/** Creates the error of a failed write, as `net.Socket` does. */
export function writeError(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: 'write' });
}
