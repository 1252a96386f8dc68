/** bcrypt hashes (`$2a$`, `$2b$`, `$2y$`): Provos and Mazières, "A Future-Adaptable Password Scheme", 1999. */

const SETTING = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})/;
const DIGITS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const MIN_COST = 4;
const MAX_COST = 31;
/** Bytes of a password that are used, including the NUL at its end. */
const MAX_KEY_LENGTH = 72;
const SALT_LENGTH = 16;
/** Bytes of the encrypted text in a hash; the last one is dropped. */
const HASH_LENGTH = 23;
const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
/** Four tables of 256 words. */
const BOX_WORDS = 1024;
const TEXT = 'OrpheanBeholderScryDoubt';

/** Fractional bits of pi (Machin's formula), from which Blowfish takes its first subkeys and tables, as 32-bit words. */
function piWords(count: number): Int32Array {
  const guard = 64n;
  const bits = BigInt(count) * 32n + guard;
  const arctan = (divisor: bigint): bigint => {
    const square = divisor * divisor;
    let power = (1n << bits) / divisor;
    let sum = power;
    for (let n = 3n, sign = -1n; power > 0n; n += 2n, sign = -sign) {
      power /= square;
      sum += (sign * power) / n;
    }
    return sum;
  };
  const fraction = ((16n * arctan(5n) - 4n * arctan(239n)) >> guard) & ((1n << (bits - guard)) - 1n);
  const hex = fraction.toString(16).padStart(count * 8, '0');
  return Int32Array.from({ length: count }, (_, i) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16));
}

let initial: Int32Array | null = null;

/** Blowfish with the expensive key schedule. */
class Blowfish {
  private readonly p: Int32Array;
  private readonly s: Int32Array;
  /** The two halves of the block. */
  left = 0;
  right = 0;

  constructor() {
    initial ??= piWords(SUBKEYS + BOX_WORDS);
    this.p = initial.slice(0, SUBKEYS);
    this.s = initial.slice(SUBKEYS);
  }

  encrypt(): void {
    const { p, s } = this;
    let { left, right } = this;
    for (let i = 0; i < ROUNDS; i += 2) {
      left ^= p[i] as number;
      right ^=
        ((((s[left >>> 24] as number) + (s[256 + ((left >>> 16) & 255)] as number)) ^
          (s[512 + ((left >>> 8) & 255)] as number)) +
          (s[768 + (left & 255)] as number)) |
        0;
      right ^= p[i + 1] as number;
      left ^=
        ((((s[right >>> 24] as number) + (s[256 + ((right >>> 16) & 255)] as number)) ^
          (s[512 + ((right >>> 8) & 255)] as number)) +
          (s[768 + (right & 255)] as number)) |
        0;
    }
    this.left = right ^ (p[ROUNDS + 1] as number);
    this.right = left ^ (p[ROUNDS] as number);
  }

  /** Mixes a key into the subkeys, and refills subkeys and tables; the salt (four words) may be null. */
  expand(key: Int32Array, salt: Int32Array | null): void {
    const { p, s } = this;
    for (let i = 0; i < SUBKEYS; i++) p[i] = (p[i] as number) ^ (key[i] as number);
    this.left = 0;
    this.right = 0;
    let word = 0;
    for (const table of [p, s]) {
      for (let i = 0; i < table.length; i += 2) {
        if (salt !== null) {
          this.left ^= salt[word] as number;
          this.right ^= salt[word + 1] as number;
          word ^= 2;
        }
        this.encrypt();
        table[i] = this.left;
        table[i + 1] = this.right;
      }
    }
  }
}

/** The bytes, repeated, as `count` big-endian words. */
function cyclicWords(bytes: Buffer, count: number): Int32Array {
  const repeated = Buffer.alloc(count * 4, bytes);
  return Int32Array.from({ length: count }, (_, i) => repeated.readInt32BE(i * 4));
}

function decode(text: string): Buffer {
  let bits = '';
  for (const digit of text) bits += DIGITS.indexOf(digit).toString(2).padStart(6, '0');
  return Buffer.from({ length: SALT_LENGTH, ...bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) });
}

function encode(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  let out = '';
  for (let i = 0; i < bits.length; i += 6)
    out += DIGITS.charAt(Number.parseInt(bits.slice(i, i + 6).padEnd(6, '0'), 2));
  return out;
}

/**
 * Hash of a password with the salt and cost of `setting`, which is a hash or its beginning; null if it is malformed. `pause` is
 * called in each round.
 */
export function bcrypt(password: Buffer, setting: string, pause: () => void): string | null {
  const [, costText = '', saltText = ''] = SETTING.exec(setting) ?? [];
  const cost = Number(costText);
  if (saltText === '' || cost < MIN_COST || cost > MAX_COST) return null;
  const salt = decode(saltText);
  const keyBytes = Buffer.concat([password, Buffer.alloc(1)]).subarray(0, MAX_KEY_LENGTH);
  const key = cyclicWords(keyBytes, SUBKEYS);
  const saltWords = cyclicWords(salt, SALT_LENGTH / 4);
  const saltKey = cyclicWords(salt, SUBKEYS);
  const cipher = new Blowfish();
  cipher.expand(key, saltWords);
  for (let left = 2 ** cost; left > 0; left--) {
    cipher.expand(key, null);
    cipher.expand(saltKey, null);
    pause();
  }
  const text = Buffer.from(TEXT, 'latin1');
  for (let at = 0; at < text.length; at += 8) {
    cipher.left = text.readInt32BE(at);
    cipher.right = text.readInt32BE(at + 4);
    for (let n = 0; n < 64; n++) cipher.encrypt();
    text.writeInt32BE(cipher.left, at);
    text.writeInt32BE(cipher.right, at + 4);
  }
  return `${setting.slice(0, 7)}${encode(salt)}${encode(text.subarray(0, HASH_LENGTH))}`;
}
