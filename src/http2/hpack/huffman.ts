/**
 * The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: codes are assigned in the order of their lengths, and
 * of symbols within one length, so that the lengths define it.
 */

/** Length of the code of each symbol in bits, as digits to base 32; the last one is the end of the string (EOS). */
const LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq' +
  'u';
const EOS = 256;
const MAX_LENGTH = 30;
/** Bits that are decoded with one lookup. */
const ROOT_BITS = 8;

const lengths = new Uint8Array(257);
const codes = new Uint32Array(257);
/** Symbols in the order of their codes. */
const symbols = new Uint16Array(257);
/** By length: the first code, the number of codes, and the position of the first one's symbol in `symbols`. */
const firsts = new Int32Array(MAX_LENGTH + 1);
const counts = new Int32Array(MAX_LENGTH + 1);
const offsets = new Int32Array(MAX_LENGTH + 1);
/** By the next 8 bits: length and symbol (length * 256 + symbol) of a code of at most 8 bits, else 0. */
const root = new Uint16Array(1 << ROOT_BITS);

function assignCodes(): void {
  for (let symbol = 0; symbol <= EOS; symbol++) lengths[symbol] = Number.parseInt(LENGTHS[symbol] as string, 32);
  let code = 0;
  let position = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code *= 2;
    firsts[length] = code;
    offsets[length] = position;
    for (let symbol = 0; symbol <= EOS; symbol++) {
      if (lengths[symbol] !== length) continue;
      if (length <= ROOT_BITS) {
        const free = ROOT_BITS - length;
        root.fill(length * 256 + symbol, code << free, (code + 1) << free);
      }
      symbols[position++] = symbol;
      codes[symbol] = code++;
    }
    counts[length] = position - (offsets[length] as number);
  }
}

assignCodes();

/** Maximum number of bytes that `decodeHuffman` writes for this number of encoded bytes. */
export function maxDecodedLength(bytes: number): number {
  return Math.floor((bytes * 8) / 5);
}

/**
 * Decodes bytes `start` to `end` into `to`, which has space for `maxDecodedLength`. Returns the number of decoded bytes,
 * or -1 if the code is invalid (RFC 7541 5.2). `lenient`: a whole byte of padding is accepted, as by nginx.
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number, to: Buffer, lenient = false): number {
  let at = start;
  let decoded = 0;
  /** The last `count` bits were read and not decoded. */
  let bits = 0;
  let count = 0;
  for (;;) {
    if (count < ROOT_BITS) {
      if (at === end) break;
      bits = ((bits & 0xff) << 8) | (bytes[at++] as number);
      count += 8;
    }
    const found = root[(bits >> (count - ROOT_BITS)) & 0xff] as number;
    if (found !== 0) {
      to[decoded++] = found;
      count -= found >> 8;
      continue;
    }
    // A code of more than 8 bits.
    count -= ROOT_BITS;
    let code = (bits >> count) & 0xff;
    let length = ROOT_BITS;
    for (;;) {
      if (count === 0) {
        // Padding is shorter than 8 bits.
        if (at === end) return lenient && code === 0xff ? decoded : -1;
        bits = bytes[at++] as number;
        count = 8;
      }
      count--;
      code = code * 2 + ((bits >> count) & 1);
      length++;
      const index = code - (firsts[length] as number);
      if (index >= (counts[length] as number)) continue;
      const symbol = symbols[(offsets[length] as number) + index] as number;
      if (symbol === EOS) return -1;
      to[decoded++] = symbol;
      break;
    }
  }
  // At most one more symbol, and padding with the first bits of EOS, which are ones.
  const found = root[((bits << (ROOT_BITS - count)) & 0xff) | (0xff >> count)] as number;
  if (found !== 0 && found >> 8 <= count) {
    to[decoded++] = found;
    count -= found >> 8;
  }
  const ones = (1 << count) - 1;
  return (bits & ones) === ones ? decoded : -1;
}

/** Number of bytes of a byte string after encoding. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i) & 0xff] as number;
  return (bits + 7) >> 3;
}

/** Encodes a byte string into `to` from offset `at` on, where `huffmanLength` bytes are free. Returns the end. */
export function encodeHuffman(text: string, to: Buffer, at: number): number {
  let end = at;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let length = lengths[symbol] as number;
    let code = codes[symbol] as number;
    if (length > 16) {
      // In two parts, so that all bits fit into 32.
      length -= 16;
      bits = (bits << length) | (code >>> 16);
      count += length;
      for (; count >= 8; count -= 8) to[end++] = bits >>> (count - 8);
      length = 16;
      code &= 0xffff;
    }
    bits = (bits << length) | code;
    count += length;
    for (; count >= 8; count -= 8) to[end++] = bits >>> (count - 8);
  }
  if (count > 0) to[end++] = (bits << (8 - count)) | (0xff >> count);
  return end;
}
