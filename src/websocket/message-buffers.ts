/** Buffers of messages, which are reused. Each begins with space for a header, so that its message can be sent as a frame. */
import { MAX_HEADER } from './frame-writer.js';

/** Payload for which the buffer in which a message begins has space, bytes. Larger ones follow as needed. */
export const INITIAL_SIZE = 4096;
/**
 * Payloads for which buffers are reused, bytes: V8 collects buffers only when tens of MiB of them are garbage. Free buffers of
 * one size have at most MAX_SPARE bytes.
 */
const SIZES = [INITIAL_SIZE, 32_768, 65_536, 131_072, 262_144, 524_288];
const MAX_SPARE = 524_288;
const spare: readonly Buffer[][] = SIZES.map(() => []);

/** Reuses a buffer of a message that is no longer needed. */
export function recycle(bytes: Buffer): void {
  const size = bytes.length - MAX_HEADER;
  const free = spare[SIZES.indexOf(size)];
  if (free !== undefined && (free.length + 1) * size <= MAX_SPARE) free.push(bytes);
}

/** Returns a buffer with space for a header and a payload of that size, or larger. It is never a part of another buffer. */
export function messageBuffer(payload: number): Buffer {
  const index = SIZES.findIndex((size) => payload <= size);
  return spare[index]?.pop() ?? Buffer.allocUnsafeSlow(MAX_HEADER + (SIZES[index] ?? payload));
}

/** Replaces a buffer by one with space for a payload of that size, which begins with the same bytes up to `end`. */
export function enlarge(bytes: Buffer, end: number, payload: number): Buffer {
  const larger = messageBuffer(payload);
  bytes.copy(larger, MAX_HEADER, MAX_HEADER, end);
  recycle(bytes);
  return larger;
}

/** Copies a payload into such a buffer, to `end`. */
export function withSpace(data: Buffer): { readonly bytes: Buffer; readonly end: number } {
  const end = MAX_HEADER + data.length;
  const bytes = messageBuffer(data.length);
  data.copy(bytes, MAX_HEADER);
  return { bytes, end };
}
