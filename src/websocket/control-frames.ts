/** Control frames that the proxy generates (RFC 6455, 5.5). */
import { maySend } from './close-codes.js';
import { CLOSE, PING } from './opcodes.js';

/** Largest payload of a control frame. */
const PAYLOAD_LIMIT = 125;

/** Masking key of a frame: four bytes, required for frames of a client; null for those of a server. */
type Mask = Uint8Array | null;

function controlFrame(opcode: number, payload: Uint8Array, mask: Mask): Buffer {
  if (payload.length > PAYLOAD_LIMIT) throw new RangeError(`payload of ${payload.length} bytes in a control frame`);
  const start = mask === null ? 2 : 6;
  const frame = Buffer.allocUnsafe(start + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = mask === null ? payload.length : 0x80 | payload.length;
  if (mask !== null) frame.set(mask, 2);
  frame.set(payload, start);
  if (mask !== null)
    for (let i = 0; i < payload.length; i++) frame[start + i] = byteOf(payload, i) ^ byteOf(mask, i & 3);
  return frame;
}

function byteOf(bytes: Uint8Array, index: number): number {
  return bytes[index] as number; // within its length
}

/** The longest beginning of a text that fits into a Close frame as its reason: 123 bytes in UTF-8. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  let end = PAYLOAD_LIMIT - 2;
  if (bytes.length <= end) return text;
  // A continuation byte would belong to a character that does not fit.
  while (((bytes[end] as number) & 0xc0) === 0x80) end--; // below the length
  return bytes.toString('utf8', 0, end);
}

/** A Close frame. `reason`: UTF-8, at most 123 bytes: see `closeReason`. */
export function closeFrame(code: number, mask: Mask, reason = ''): Buffer {
  if (!maySend(code)) throw new RangeError(`status code ${code} in a Close frame`);
  const text = Buffer.from(reason, 'utf8');
  return controlFrame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), text]), mask);
}

/** A Ping frame, which its receiver answers with a Pong frame with the same payload. */
export function pingFrame(payload: Uint8Array, mask: Mask): Buffer {
  return controlFrame(PING, payload, mask);
}
