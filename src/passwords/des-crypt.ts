/** Traditional hashes of crypt(3): 25 times DES (FIPS 46-3), with an expansion that the salt changes. */
import { CRYPT_DIGITS } from './base64-groups.js';

/** Converts a table of positions, which count from 1, to indexes. */
function positions(table: string): readonly number[] {
  return table
    .trim()
    .split(/\s+/)
    .map((n) => Number(n) - 1);
}

const KEY_PERMUTATION = positions(`57 49 41 33 25 17 9 1 58 50 42 34 26 18 10 2 59 51 43 35 27 19 11 3 60 52 44 36
  63 55 47 39 31 23 15 7 62 54 46 38 30 22 14 6 61 53 45 37 29 21 13 5 28 20 12 4`);
const ROUND_KEY = positions(`14 17 11 24 1 5 3 28 15 6 21 10 23 19 12 4 26 8 16 7 27 20 13 2
  41 52 31 37 47 55 30 40 51 45 33 48 44 49 39 56 34 53 46 42 50 36 29 32`);
const ROTATIONS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const FINAL_PERMUTATION = positions(`40 8 48 16 56 24 64 32 39 7 47 15 55 23 63 31 38 6 46 14 54 22 62 30
  37 5 45 13 53 21 61 29 36 4 44 12 52 20 60 28 35 3 43 11 51 19 59 27 34 2 42 10 50 18 58 26 33 1 41 9 49 17 57 25`);
const EXPANSION = positions(`32 1 2 3 4 5 4 5 6 7 8 9 8 9 10 11 12 13 12 13 14 15 16 17
  16 17 18 19 20 21 20 21 22 23 24 25 24 25 26 27 28 29 28 29 30 31 32 1`);
const ROUND_PERMUTATION = positions(
  '16 7 20 21 29 12 28 17 1 15 23 26 5 18 31 10 2 8 24 14 32 27 3 9 19 13 30 6 22 11 4 25',
);
/** The substitution tables: for each, four rows of sixteen hexadecimal digits. */
const BOXES = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
].map((digits) => [...digits].map((digit) => Number.parseInt(digit, 16)));
const REPETITIONS = 25;
const HALF = 32;

type Bits = readonly number[];

/** The sixteen round keys of a password: the low seven bits of its first eight bytes. */
function roundKeys(password: Buffer): readonly Bits[] {
  const key: number[] = [];
  for (let i = 0; i < 8; i++)
    for (let bit = 6; bit >= -1; bit--) key.push(bit < 0 ? 0 : ((password[i] ?? 0) >> bit) & 1);
  const permuted = KEY_PERMUTATION.map((at) => key[at] ?? 0);
  let c = permuted.slice(0, 28);
  let d = permuted.slice(28);
  return ROTATIONS.map((by) => {
    c = [...c.slice(by), ...c.slice(0, by)];
    d = [...d.slice(by), ...d.slice(0, by)];
    const both = [...c, ...d];
    return ROUND_KEY.map((at) => both[at] ?? 0);
  });
}

/** The expansion with the swaps that the salt's twelve bits select. */
function saltedExpansion(salt: number): readonly number[] {
  const table = [...EXPANSION];
  for (let bit = 0; bit < 12; bit++) {
    if (((salt >> bit) & 1) === 1) [table[bit], table[bit + 24]] = [table[bit + 24] ?? 0, table[bit] ?? 0];
  }
  return table;
}

function round(right: Bits, key: Bits, expansion: readonly number[]): Bits {
  const substituted: number[] = [];
  for (let box = 0; box < 8; box++) {
    const bit = (n: number): number => (right[expansion[box * 6 + n] ?? 0] ?? 0) ^ (key[box * 6 + n] ?? 0);
    const row = (bit(0) << 1) | bit(5);
    const column = (bit(1) << 3) | (bit(2) << 2) | (bit(3) << 1) | bit(4);
    const value = BOXES[box]?.[row * 16 + column] ?? 0;
    for (let n = 3; n >= 0; n--) substituted.push((value >> n) & 1);
  }
  return ROUND_PERMUTATION.map((at) => substituted[at] ?? 0);
}

/** Hash of a password with the salt of `setting`, its first two characters; null if they are not digits of crypt(3). */
export function desCrypt(password: Buffer, setting: string): string | null {
  const low = CRYPT_DIGITS.indexOf(setting.charAt(0));
  const high = CRYPT_DIGITS.indexOf(setting.charAt(1));
  if (setting.length < 2 || low < 0 || high < 0) return null;
  const keys = roundKeys(password);
  const expansion = saltedExpansion(low | (high << 6));
  // The block is zero, which the initial permutation does not change; between repetitions it and the final one cancel out.
  let left: Bits = new Array<number>(HALF).fill(0);
  let right: Bits = left;
  for (let n = 0; n < REPETITIONS; n++) {
    for (const key of keys) {
      const mixed = round(right, key, expansion);
      const previous = left;
      left = right;
      right = mixed.map((bit, i) => bit ^ (previous[i] ?? 0));
    }
    [left, right] = [right, left];
  }
  const both = [...left, ...right];
  const bits = FINAL_PERMUTATION.map((at) => both[at] ?? 0).join('');
  let out = setting.slice(0, 2);
  for (let at = 0; at < 64; at += 6) {
    out += CRYPT_DIGITS.charAt(Number.parseInt(bits.slice(at, at + 6).padEnd(6, '0'), 2));
  }
  return out;
}
