/** Secret of a proxy, the same in all of its workers and generations: keys that they must agree on are derived from it. */
import { createHmac, randomBytes } from 'node:crypto';

/** Bytes of the time. */
const TIME = 6;

/** Creates a secret: the time of the start, ms since 1970, and random bytes. */
export function newSecret(): Buffer {
  const time = Buffer.alloc(TIME);
  time.writeUIntBE(Date.now(), 0, TIME);
  return Buffer.concat([time, randomBytes(32)]);
}

/** Time of the start, ms since 1970. */
export function startOf(secret: Buffer): number {
  return secret.readUIntBE(0, TIME);
}

/** Derives a key of at most 48 bytes; `label` distinguishes keys. */
export function deriveKey(secret: Buffer, label: string, length: number): Buffer {
  return createHmac('sha384', secret).update(label).digest().subarray(0, length);
}
