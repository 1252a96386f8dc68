/** The base 64 notation of crypt(3): its own alphabet, least significant digit first. */

/** Digits of traditional, MD5 and SHA hashes. */
export const CRYPT_DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Encodes bytes of a digest in groups of three. `order` lists the positions of the bytes, the most significant one of
 * each group first; -1 is a zero. The last group has `last` digits, each other one four.
 */
export function encodeGroups(digest: Uint8Array, order: readonly number[], last: number): string {
  let out = '';
  for (let i = 0; i < order.length; i += 3) {
    let value = 0;
    for (let j = i; j < i + 3; j++) value = (value << 8) | (digest[order[j] ?? -1] ?? 0);
    const digits = i + 3 < order.length ? 4 : last;
    for (let n = 0; n < digits; n++, value >>>= 6) out += CRYPT_DIGITS.charAt(value & 63);
  }
  return out;
}
