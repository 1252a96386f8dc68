/** Comparison of subject bytes with a set, or with other bytes. */

/** 256 flags: word bytes (`\w`). */
export const WORD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) WORD[byte] = /[0-9A-Za-z_]/.test(String.fromCharCode(byte)) ? 1 : 0;

/** End of the run of bytes from `pos` that are in a set, at most `limit`. */
export function bytesOf(sets: Uint8Array, set: number, text: Uint8Array, pos: number, limit: number): number {
  let to = pos;
  while (to < limit && sets[set | (text[to] as number)] === 1) to++;
  return to;
}

export function sameBytes(text: Uint8Array, one: number, other: number, length: number, caseless: boolean): boolean {
  for (let i = 0; i < length; i++) {
    const a = text[one + i] as number;
    const b = text[other + i] as number;
    if (a !== b && !(caseless && sameLetter(a, b))) return false;
  }
  return true;
}

function sameLetter(one: number, other: number): boolean {
  const lower = one | 0x20;
  return (one ^ other) === 0x20 && lower >= 0x61 && lower <= 0x7a;
}
