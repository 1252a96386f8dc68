/** The two ends of a connection without a network between them. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Transport, type TransportOwner } from '../http/transport.js';

/** The addresses of a connection, as a socket tells them. */
export interface Ends {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What `Transport` uses of a socket. What is written is handed on at once; what arrives goes to the transport's owner. */
class MemorySocket extends Duplex {
  readonly connecting = false;
  readonly _handle = null;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;

  constructor(
    ends: Ends,
    private readonly taken: (bytes: Buffer) => void,
  ) {
    super({ allowHalfOpen: true, writableHighWaterMark: 1 << 20 });
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
    this.localAddress = ends.localAddress;
    this.localPort = ends.localPort;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.taken(bytes);
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

/** A transport over no network; `taken` gets what is written to it. */
export function memoryTransport(ends: Ends, owner: TransportOwner, taken: (bytes: Buffer) => void): Transport {
  // It has what `Transport` asks of a socket; the rest of `Socket` is not asked for.
  return Transport.over(new MemorySocket(ends, taken) as unknown as Socket, owner);
}
