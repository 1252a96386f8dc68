/** Hashes of Poul-Henning Kamp's MD5 crypt: `$1$` of crypt(3), and `$apr1$` of Apache's htpasswd. */
import { createHash } from 'node:crypto';
import { encodeGroups } from './base64-groups.js';

const MAX_SALT_LENGTH = 8;
const ROUNDS = 1000;
const ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, -1, -1, 11];

function md5(...parts: readonly Uint8Array[]): Buffer {
  return createHash('md5').update(Buffer.concat(parts)).digest();
}

/** Hash of a password with the salt of `setting`, which is a hash or its beginning. `pause` is called in each round. */
export function md5Crypt(password: Buffer, setting: string, pause: () => void): string {
  const magic = setting.slice(0, setting.indexOf('$', 1) + 1);
  const saltText = (setting.slice(magic.length).split('$', 1)[0] ?? '').slice(0, MAX_SALT_LENGTH);
  const salt = Buffer.from(saltText, 'latin1');
  const inner = md5(password, salt, password);
  const parts: Uint8Array[] = [password, Buffer.from(magic), salt];
  for (let left = password.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = password.length; bits > 0; bits >>= 1) {
    parts.push((bits & 1) === 1 ? Buffer.alloc(1) : password.subarray(0, 1));
  }
  let digest = md5(...parts);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = (round & 1) === 1;
    const mixed: Uint8Array[] = [odd ? password : digest];
    if (round % 3 !== 0) mixed.push(salt);
    if (round % 7 !== 0) mixed.push(password);
    mixed.push(odd ? digest : password);
    digest = md5(...mixed);
    pause();
  }
  return `${magic}${saltText}$${encodeGroups(digest, ORDER, 2)}`;
}
