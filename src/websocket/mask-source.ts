/** Masking keys, which must be unpredictable (RFC 6455, 5.3). */
import { randomFillSync } from 'node:crypto';

/** Keys that are generated at once: a call per key would cost more than masking a short message. */
const pool = Buffer.allocUnsafeSlow(1024);
let used = pool.length;

/** A masking key as a signed 32-bit number, as in `FrameReader.mask`. */
export function randomMask(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 4;
  return pool.readInt32BE(used - 4);
}
