/** A transport as a stream of Node, for `node:http` and `ws`. */
import { Duplex } from 'node:stream';
import type { Transport, TransportOwner } from './transport.js';

/** Longest first chunk that is joined with the second. */
const MAX_HEADER = 64;

export class TransportStream extends Duplex implements TransportOwner {
  private readonly transport: Transport;
  private written: (() => void) | null = null;
  /** Whether the peer has ended its side. */
  private ended = false;

  /** `connect` opens the connection, or takes one over; it may throw. */
  constructor(connect: (owner: TransportOwner) => Transport) {
    super({ allowHalfOpen: true });
    this.transport = connect(this);
  }

  onConnected(_transport: Transport): void {}

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    if (!this.push(Buffer.from(bytes.subarray(0, length)))) this.transport.pause();
  }

  onEnd(): void {
    this.ended = true;
    this.push(null);
  }

  onDrain(): void {
    const { written } = this;
    this.written = null;
    written?.();
  }

  /** Received bytes that the consumer has not read yet precede the end, as for sockets of Node. */
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (error !== null || !this.ended || this.readableEnded) this.destroy(error ?? undefined);
    else this.once('end', () => this.destroy());
  }

  override _read(): void {
    this.transport.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.transport.writeBorrowed(chunk, 0, chunk.length)) done();
    else this.written = done;
  }

  /** Writes a short first chunk, such as the header of a frame, in one system call with the second. */
  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    const [first, second] = chunks;
    let more = true;
    let next = 0;
    if (first !== undefined && second !== undefined && first.chunk.length <= MAX_HEADER) {
      const header = first.chunk.latin1Slice();
      more = this.transport.writeFramed(header, second.chunk, 0, second.chunk.length, '');
      next = 2;
    }
    for (const { chunk } of chunks.slice(next)) more = this.transport.writeBorrowed(chunk, 0, chunk.length);
    if (more) done();
    else this.written = done;
  }

  override _final(done: () => void): void {
    this.transport.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.transport.destroy();
    done(error);
  }
}
