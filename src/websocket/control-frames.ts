/** Control frames that the proxy generates (RFC 6455, 5.5). */
import { maySend } from './close-codes.js';
import { applyMask } from './frame-reader.js';
import { CLOSE, PING } from './opcodes.js';

/** Largest payload of a control frame. */
const PAYLOAD_LIMIT = 125;

/** Masking key of a frame as in `FrameReader.mask`, required for frames of a client; null for those of a server. */
type Mask = number | null;

function controlFrame(opcode: number, payload: Uint8Array, mask: Mask): Buffer {
  if (payload.length > PAYLOAD_LIMIT) throw new RangeError(`payload of ${payload.length} bytes in a control frame`);
  const frame = Buffer.allocUnsafe((mask === null ? 2 : 6) + payload.length);
  writeFrame(frame, opcode, payload, mask);
  return frame;
}

/** Writes a frame to the beginning of `bytes`; returns its end. */
function writeFrame(bytes: Buffer, opcode: number, payload: Uint8Array, mask: Mask): number {
  const { length } = payload;
  const start = mask === null ? 2 : 6;
  bytes[0] = 0x80 | opcode;
  bytes[1] = mask === null ? length : 0x80 | length;
  bytes.set(payload, start);
  if (mask !== null) {
    bytes.writeInt32BE(mask, 2);
    applyMask(bytes, start, start + length, mask, 0);
  }
  return start + length;
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

/** Writes a Ping frame to the beginning of `bytes`, which is long enough; returns its end. */
export function writePing(bytes: Buffer, payload: Uint8Array, mask: Mask): number {
  return writeFrame(bytes, PING, payload, mask);
}
