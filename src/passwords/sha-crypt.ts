/** Hashes of SHA-256 and SHA-512 crypt, `$5$` and `$6$`, after Ulrich Drepper's specification. */
import { createHash } from 'node:crypto';
import { encodeGroups } from './base64-groups.js';

const MAX_SALT_LENGTH = 16;
const DEFAULT_ROUNDS = 5000;
const MIN_ROUNDS = 1000;
const MAX_ROUNDS = 999_999_999;

interface Variant {
  readonly algorithm: 'sha256' | 'sha512';
  readonly size: number;
  /** Positions of the digest's bytes in the hash. */
  readonly order: readonly number[];
  /** Digits of the last group. */
  readonly last: number;
}

/** Three positions, `step` apart, that rotate: the order of both variants. */
function rotation(groups: number, step: number, rotate: (group: number, at: number) => number): number[] {
  const order: number[] = [];
  for (let group = 0; group < groups; group++) {
    for (let at = 0; at < 3; at++) order.push(group + step * rotate(group, at));
  }
  return order;
}

const SHA256: Variant = {
  algorithm: 'sha256',
  size: 32,
  order: [...rotation(10, 10, (group, at) => (at + 2 * group) % 3), -1, 31, 30],
  last: 3,
};
const SHA512: Variant = {
  algorithm: 'sha512',
  size: 64,
  order: [...rotation(21, 21, (group, at) => (at + group) % 3), -1, -1, 63],
  last: 2,
};

/** Bytes of `block` repeated up to a length. */
function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

/** Number of rounds in a setting, within the limits, and the position of the salt. */
function roundsOf(setting: string): { readonly rounds: number; readonly saltAt: number; readonly prefix: string } {
  const stated = /^\$[56]\$rounds=(\d+)\$/.exec(setting);
  if (stated === null) return { rounds: DEFAULT_ROUNDS, saltAt: 3, prefix: setting.slice(0, 3) };
  const rounds = Math.min(MAX_ROUNDS, Math.max(MIN_ROUNDS, Number(stated[1])));
  return { rounds, saltAt: stated[0].length, prefix: `${setting.slice(0, 3)}rounds=${rounds}$` };
}

/** Hash of a password with the salt and rounds of `setting`, which is a hash or its beginning. `pause` is called in each round. */
export function shaCrypt(password: Buffer, setting: string, pause: () => void): string {
  const { algorithm, size, order, last } = setting.startsWith('$5$') ? SHA256 : SHA512;
  const hash = (...parts: readonly Uint8Array[]) => createHash(algorithm).update(Buffer.concat(parts)).digest();
  const { rounds, saltAt, prefix } = roundsOf(setting);
  const saltText = (setting.slice(saltAt).split('$', 1)[0] ?? '').slice(0, MAX_SALT_LENGTH);
  const salt = Buffer.from(saltText, 'latin1');
  const inner = hash(password, salt, password);
  const parts: Uint8Array[] = [password, salt, repeated(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? inner : password);
  let digest = hash(...parts);
  // The sequences P and S of the specification: password and salt, replaced by bytes of hashes of them.
  const p = repeated(hash(...new Array<Buffer>(password.length).fill(password)), password.length);
  const s = repeated(hash(...new Array<Buffer>(16 + (digest[0] ?? 0)).fill(salt)), salt.length);
  const longest = Buffer.alloc(2 * p.length + s.length + size);
  for (let round = 0; round < rounds; round++) {
    const odd = (round & 1) === 1;
    let at = (odd ? p : digest).copy(longest, 0);
    if (round % 3 !== 0) at += s.copy(longest, at);
    if (round % 7 !== 0) at += p.copy(longest, at);
    at += (odd ? digest : p).copy(longest, at);
    digest = createHash(algorithm).update(longest.subarray(0, at)).digest();
    pause();
  }
  return `${prefix}${saltText}$${encodeGroups(digest, order, last)}`;
}
