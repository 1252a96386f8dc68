/** Many bytes, whose order can be told: what a fast side sends while a slow one does not read. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';

/** What is repeated; its length is no power of two, so that a piece that is lost, doubled or moved shows. */
const PATTERN = (() => {
  const bytes = Buffer.alloc(65_521);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
})();

/** Bytes `from` to `to` of an endless body. */
export function patternBytes(from: number, to: number): Buffer {
  const out = Buffer.allocUnsafe(to - from);
  for (let at = from; at < to; ) {
    const start = at % PATTERN.length;
    at += PATTERN.copy(out, at - from, start, start + to - at);
  }
  return out;
}

/** A digest of the first `length` bytes. */
export function patternDigest(length: number): string {
  const hash = createHash('md5');
  for (let at = 0; at < length; at += PATTERN.length) hash.update(PATTERN.subarray(0, length - at));
  return hash.digest('hex');
}

/** How much was given to a socket. */
export interface Flood {
  given: number;
}

/** Sends the first `total` bytes as fast as the socket takes them; each piece framed by `frame`. */
export function flood(socket: Socket, total: number, frame = (piece: Buffer): Buffer => piece, size = 65_536): Flood {
  const state: Flood = { given: 0 };
  const more = (): void => {
    while (state.given < total && !socket.destroyed) {
      const end = Math.min(total, state.given + size);
      const piece = frame(patternBytes(state.given, end));
      state.given = end;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more);
  more();
  return state;
}

/** A chunk of the chunked coding. */
export function chunkOf(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
}
