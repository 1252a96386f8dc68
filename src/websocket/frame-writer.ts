/** Frames with the payloads of whole messages (RFC 6455, 5.2). */
import { applyMask } from './frame-reader.js';
import { randomMask } from './mask-source.js';

/** Longest header: two bytes, eight of the length, four of the mask. */
export const MAX_HEADER = 14;

/**
 * Writes the header of a frame before its payload, bytes `start` to `end`, with at least MAX_HEADER bytes before them. `first`: FIN,
 * reserved bits and opcode. `masked`: the payload is masked in place. Returns the start of the frame.
 */
export function writeHeader(bytes: Buffer, start: number, end: number, first: number, masked: boolean): number {
  const length = end - start;
  let at = start;
  if (masked) {
    const mask = randomMask();
    applyMask(bytes, start, end, mask, 0);
    at -= 4;
    bytes.writeInt32BE(mask, at);
  }
  const bit = masked ? 0x80 : 0;
  if (length < 126) {
    bytes[--at] = bit | length;
  } else if (length < 65536) {
    at -= 2;
    bytes.writeUInt16BE(length, at);
    bytes[--at] = bit | 126;
  } else {
    at -= 8;
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), at);
    bytes.writeUInt32BE(length % 2 ** 32, at + 4);
    bytes[--at] = bit | 127;
  }
  bytes[--at] = first;
  return at;
}
