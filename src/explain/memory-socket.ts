/** In-memory connections. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Transport, type TransportOwner } from '../net/transport.js';

/** Addresses of a connection, as in `net.Socket`. */
export interface Endpoints {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The part of `net.Socket` that `Transport` uses. Written bytes are passed to `onWrite` synchronously. */
class MemorySocket extends Duplex {
  readonly connecting = false;
  readonly _handle = null;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;

  constructor(
    endpoints: Endpoints,
    private readonly onWrite: (bytes: Buffer) => void,
  ) {
    super({ allowHalfOpen: true, writableHighWaterMark: 1 << 20 });
    this.remoteAddress = endpoints.remoteAddress;
    this.remotePort = endpoints.remotePort;
    this.localAddress = endpoints.localAddress;
    this.localPort = endpoints.localPort;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.onWrite(bytes);
    done();
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

/** A transport without a network; `onWrite` receives the bytes written to it. */
export function memoryTransport(
  endpoints: Endpoints,
  owner: TransportOwner,
  onWrite: (bytes: Buffer) => void,
): Transport {
  // MemorySocket implements all members of `Socket` that `Transport` uses.
  return Transport.over(new MemorySocket(endpoints, onWrite) as unknown as Socket, owner);
}
