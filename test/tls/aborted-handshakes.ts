/** Handshakes that clients abort after a random number of bytes; the suite runs some, `bench/tls-handshakes.ts` many. */
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';

/** A client's stream that ends or resets the connection once it has sent `limit` bytes. */
class Cut extends Duplex {
  private sent = 0;
  constructor(
    private readonly socket: Socket,
    private readonly limit: number,
    private readonly resets: boolean,
  ) {
    super();
    socket.on('data', (bytes) => this.push(bytes));
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
    socket.on('error', () => this.destroy());
  }
  override _read(): void {}
  override _write(bytes: Buffer, _encoding: BufferEncoding, then: (error?: Error | null) => void): void {
    const part = bytes.subarray(0, this.limit - this.sent);
    this.sent += part.length;
    this.socket.write(part, () => {
      if (this.sent >= this.limit) {
        if (this.resets) this.socket.resetAndDestroy();
        else this.socket.destroy();
      }
      then();
    });
  }
}

/** Aborts one handshake after `limit` bytes of the client; resolves when the connection is closed. */
export function abortHandshake(port: number, limit: number, resets: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      const client = tls.connect({
        socket: new Cut(socket, limit, resets),
        servername: 'localhost',
        rejectUnauthorized: false,
      });
      client.on('error', () => {});
      // The client has no more bytes than these.
      client.on('secureConnect', () => client.write('GET / HTTP/1.1\r\n', () => socket.destroy()));
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

/** Aborts `count` handshakes, several at a time; `next` returns random numbers below its argument. */
export async function abortHandshakes(port: number, count: number, next: (below: number) => number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await abortHandshake(port, 1 + next(900), next(2) === 0);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
