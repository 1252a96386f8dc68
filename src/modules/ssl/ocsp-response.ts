/** OCSP responses (RFC 6960), as far as they are read here. */

const SEQUENCE = 0x30;

/** The response at the beginning of a file; null if it is not a complete one. */
export function responseOf(bytes: Buffer): Buffer | null {
  const [tag, first = 0] = bytes;
  if (tag !== SEQUENCE) return null;
  const size = first < 0x80 ? 0 : first & 0x7f;
  if (size > 4 || bytes.length < 2 + size) return null;
  const length = size === 0 ? first : bytes.readUIntBE(2, size);
  const end = 2 + size + length;
  return end > bytes.length ? null : bytes.subarray(0, end);
}
