/** Large streams of position-dependent bytes, for a fast sender and a slow reader. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';

/** Repeated pattern; its length is no power of two, so that a lost, doubled or displaced piece is detected. */
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

/** Progress of a flood. */
export interface Flood {
  given: number;
}

/** Sends the first `total` bytes as fast as the socket accepts them; `frame` wraps each piece. */
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
