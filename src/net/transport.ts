/**
 * A bidirectional byte stream on the data path: a TCP or unix socket (`socket-transport.ts`), or one end of an in-memory
 * connection (`memory-transport.ts`). `test/net/transport-contract.ts` checks this contract for each implementation.
 *
 * Hot code calls these methods for every read and write. Each implementation is one class without subclasses, so that
 * the calls stay monomorphic in a process that only uses one.
 */
import type net from 'node:net';

/**
 * Receives the events of a transport, one owner at a time: a tunnel takes over from a connection by assigning
 * `transport.owner`. Events are never emitted within a call of the transport's own methods, except that `resume` may
 * deliver bytes.
 *
 * Order: `onConnected` first (outgoing transports only), then any number of `onBytes` and `onDrain`, `onEnd` at most once
 * and after the last `onBytes`, and `onClosed` exactly once and last, for whatever reason the transport closes.
 */
export interface TransportOwner {
  /** Bytes 0 to `length` of `bytes` were received; borrowed until the call returns. Never called while paused. */
  onBytes(transport: Transport, bytes: Buffer, length: number): void;
  /** The peer has ended its side (FIN). Writing is still possible: the transport is half-closed. */
  onEnd(transport: Transport): void;
  /** Nothing is pending any more, after a write that returned false. */
  onDrain(transport: Transport): void;
  /**
   * The transport is closed. `error`: the first error, such as ECONNRESET for a reset by the peer, or null after an
   * orderly end or a local `destroy` or `reset`.
   */
  onClosed(transport: Transport, error: NodeJS.ErrnoException | null): void;
  /** An outgoing connection is established. */
  onConnected(transport: Transport): void;
}

/**
 * Writes return false if the writer should wait for `onDrain`. Data written nevertheless is queued, not lost. Writes
 * after the transport has failed or closed are ignored and return true, so that no writer waits for an event that does
 * not come; `onClosed` reports the failure.
 */
export interface Transport {
  owner: TransportOwner;
  /** Whether `onClosed` was called. */
  readonly closed: boolean;
  /** Whether the transport is closed or closing: `onClosed` is called only at the end of the event loop's turn. */
  readonly closing: boolean;
  /**
   * Whether written data may still reach the peer. False after a failed write, even if data received before is still
   * delivered: an upstream may have responded before it closed.
   */
  readonly writable: boolean;
  /** Whether a write returned false and `onDrain` is due. */
  readonly waiting: boolean;
  readonly paused: boolean;
  /** Bytes passed to owners. */
  readonly bytesRead: number;
  /** Bytes passed to write methods, including pending ones. */
  readonly bytesWritten: number;
  /** Bytes pending in this process: written, but not accepted by the kernel. */
  readonly pending: number;
  /** Addresses are empty and ports 0 for unix sockets, and after the transport has closed. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Whether the bytes are encrypted (TLS). */
  readonly secure: boolean;
  /** Whether the socket is connected, but the handshake of TLS is not complete. */
  readonly handshaking: boolean;

  /** Writes a byte string (one byte per character). */
  writeText(text: string): boolean;
  /** Writes borrowed bytes: those that stay pending are copied. */
  writeBorrowed(bytes: Buffer, start: number, end: number): boolean;
  /** As `writeBorrowed`, in one write with byte strings before and after the bytes. */
  writeFramed(before: string, bytes: Buffer, start: number, end: number, after: string): boolean;
  /**
   * Writes borrowed pieces, `length` bytes in total, in one write; bytes that stay pending are copied. Null if the transport copies
   * all bytes in any case.
   */
  readonly writePieces: ((pieces: readonly Buffer[], length: number) => boolean) | null;
  /** Writes bytes that no longer change (they are not copied), in one write with a byte string before them. */
  write(bytes: Buffer, before?: string): boolean;
  /** Calls back once when all data written so far is no longer pending, or the transport is closed; possibly at once. */
  whenFlushed(then: () => void): void;
  /** Whether the kernel has accepted bytes since the last call: distinguishes a slow peer from one that does not read. */
  madeProgress(): boolean;

  /** Stops `onBytes` and `onEnd`. The peer is slowed down by flow control. */
  pause(): void;
  resume(): void;

  /** Ends the writing side when all data is written (FIN); reading continues. Closes once the peer has ended as well. */
  end(): void;
  /** Closes when all data is written. */
  destroySoon(): void;
  /** Closes; pending data is dropped. */
  destroy(): void;
  /** Closes with a reset if possible, else as `destroy`: the peer cannot mistake the end for an orderly one. */
  reset(): void;
  /**
   * Whether the peer of an idle connection has closed it, reset it or sent data, including what the event loop has not
   * reported yet. Unrequested data may be lost; the connection must not be used then.
   */
  peerLeft(): boolean;

  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean): void;
}

/** Target of an outgoing connection. */
export type ConnectTarget = net.NetConnectOpts & {
  /** Byte string sent before everything else, also before a TLS handshake: a PROXY protocol header. */
  readonly preface?: string;
};

/** Opens an outgoing connection. `onConnected` or `onClosed` follows; earlier writes are queued. */
export type Connect = (target: ConnectTarget, owner: TransportOwner) => Transport;

let open = 0;

/** Number of open transports with a descriptor, to clients and upstreams. */
export function openTransports(): number {
  return open;
}

/** Adds to that number; called by implementations that use a descriptor. */
export function countTransports(change: 1 | -1): void {
  open += change;
}
