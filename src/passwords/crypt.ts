/** Hashes of passwords in the formats of `auth_basic_user_file`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { bcrypt } from './bcrypt.js';
import { desCrypt } from './des-crypt.js';
import { md5Crypt } from './md5-crypt.js';
import { shaCrypt } from './sha-crypt.js';

/** Length of a SHA-1 digest in bytes. */
const SHA1_LENGTH = 20;

interface Format {
  /** Matches the beginning of hashes in this format. */
  readonly matches: RegExp;
  /** Whether a hash is computed in microseconds, so that no thread is needed for it. */
  readonly fast: boolean;
  /** Hash of a password with the salt of another hash; null if that one is malformed. `pause`: see `matchesHash`. */
  hash(password: Buffer, hash: string, pause: () => void): string | null;
}

const FORMATS: readonly Format[] = [
  { matches: /^\$apr1\$/, fast: false, hash: md5Crypt },
  { matches: /^\{PLAIN\}/, fast: true, hash: (password) => `{PLAIN}${password.toString('latin1')}` },
  { matches: /^\{SSHA\}/, fast: true, hash: saltedSha1 },
  { matches: /^\{SHA\}/, fast: true, hash: (password) => `{SHA}${sha1(password).toString('base64')}` },
  { matches: /^\$1\$/, fast: false, hash: md5Crypt },
  { matches: /^\$[56]\$/, fast: false, hash: shaCrypt },
  { matches: /^\$2[aby]\$/, fast: false, hash: bcrypt },
  { matches: /^[./0-9A-Za-z]{13}$/, fast: false, hash: desCrypt },
];

function sha1(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The salt follows the digest of password and salt. */
function saltedSha1(password: Buffer, hash: string): string | null {
  const decoded = Buffer.from(hash.slice('{SSHA}'.length), 'base64');
  if (decoded.length < SHA1_LENGTH) return null;
  const salt = decoded.subarray(SHA1_LENGTH);
  return `{SSHA}${Buffer.concat([sha1(password, salt), salt]).toString('base64')}`;
}

function formatOf(hash: string): Format | undefined {
  return FORMATS.find(({ matches }) => matches.test(hash));
}

/** Effort of computing a hash in the format of this one; null if the format is not supported. */
export function effortOf(hash: string): 'fast' | 'slow' | null {
  const format = formatOf(hash);
  return format === undefined ? null : format.fast ? 'fast' : 'slow';
}

/** Name of the format of a hash, for messages: `$y$`, `{MD5}`, `_`. Never a part of the hash itself. */
export function formatName(hash: string): string {
  return /^(?:\$[a-z0-9-]{1,12}\$|\{[A-Z0-9-]{1,16}\})/i.exec(hash)?.[0] ?? /^[_*!]/.exec(hash)?.[0] ?? 'unknown';
}

/**
 * Whether a hash is that of the password. A password ends at its first NUL, as in C. Byte strings. `pause` is called between
 * the rounds of slow hashes, at least every millisecond, and may block.
 */
export function matchesHash(password: string, hash: string, pause: () => void = () => {}): boolean {
  const nul = password.indexOf('\0');
  const bytes = Buffer.from(nul < 0 ? password : password.slice(0, nul), 'latin1');
  const computed = formatOf(hash)?.hash(bytes, hash, pause) ?? null;
  if (computed === null || computed.length !== hash.length) return false;
  return timingSafeEqual(Buffer.from(computed, 'latin1'), Buffer.from(hash, 'latin1'));
}
