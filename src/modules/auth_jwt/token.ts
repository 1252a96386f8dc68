/** Verification of JSON Web Tokens (RFC 7519): signed (RFC 7515), encrypted (RFC 7516), or both. */
import { importOptional } from '../../config/optional-package.js';
import { keyedHash } from '../../passwords/keyed-hash.js';
import type { Key, KeySet, KeyUse } from './key-set.js';
import { isObject } from './key-set.js';

type Jose = typeof import('jose');

/** `auth_jwt_type`. */
export type TokenType = 'signed' | 'encrypted' | 'nested';

/** Characters of a token; longer ones are rejected unread. */
const MAX_LENGTH = 65536;
/** Characters of tokens that are remembered as verified, and their number. */
const MAX_CACHED_LENGTH = 8192;
const MAX_CACHED = 1024;
/** Keys that are tried for a token without `kid`. */
const MAX_CANDIDATES = 16;

/** Optional packages of the module. */
export const PACKAGES = ['jose'];

let jose: Jose | null = null;

/** Loads the library; called before a configuration with `auth_jwt` is put in force. */
export async function loadJose(): Promise<Jose> {
  jose ??= await importOptional('"auth_jwt"', PACKAGES, () => import('jose'));
  return jose;
}

/** A token whose signature or encryption is valid; its times are checked for each request. */
export interface VerifiedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The decrypted content of an encrypted token, a byte string; empty for others. */
  readonly payload: string;
}

/** Reason why a token was rejected, for the error log: never a part of the token. */
export class TokenError extends Error {}

/** Verified tokens, by set of keys and hash. */
const verifiedTokens = new WeakMap<KeySet, Map<string, VerifiedToken>>();

/** Verifies a token with a set of keys; rejects with `TokenError`. */
export async function verifyToken(token: string, type: TokenType, keys: KeySet): Promise<VerifiedToken> {
  if (token.length > MAX_LENGTH) throw new TokenError(`it is longer than ${MAX_LENGTH} bytes`);
  if (token.length > MAX_CACHED_LENGTH) return verifyUncached(token, type, keys);
  let known = verifiedTokens.get(keys);
  if (known === undefined) verifiedTokens.set(keys, (known = new Map()));
  const hash = type + keyedHash(token);
  let verified = known.get(hash);
  if (verified === undefined) {
    verified = await verifyUncached(token, type, keys);
    for (const oldest of known.keys()) {
      if (known.size < MAX_CACHED) break;
      known.delete(oldest);
    }
    known.set(hash, verified);
  }
  return verified;
}

async function verifyUncached(token: string, type: TokenType, keys: KeySet): Promise<VerifiedToken> {
  if (type === 'signed') {
    const { header, payload } = await verifySignature(token, keys);
    return { header, claims: parseClaims(payload), payload: '' };
  }
  const { header, payload } = await decrypt(token, keys);
  const text = Buffer.from(payload).latin1Slice();
  if (type === 'encrypted') return { header, claims: parseClaims(payload), payload: text };
  const inner = await verifySignature(text, keys);
  return { header: inner.header, claims: parseClaims(inner.payload), payload: text };
}

function parseClaims(payload: Uint8Array): Readonly<Record<string, unknown>> {
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new TokenError('its claims are not JSON');
  }
  if (!isObject(claims)) throw new TokenError('its claims are not an object');
  return claims;
}

interface Opened {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Uint8Array;
}

/** Calls `open` with each key that may fit, until one does. */
async function withCandidates(
  token: string,
  parts: number,
  use: KeyUse,
  keys: KeySet,
  open: (key: Awaited<ReturnType<Key['import']>>, algorithm: string, library: Jose) => Promise<Opened>,
): Promise<Opened> {
  const library = await loadJose();
  if (token.split('.').length !== parts) throw new TokenError('it is malformed');
  let header: ReturnType<Jose['decodeProtectedHeader']>;
  try {
    header = library.decodeProtectedHeader(token);
  } catch {
    throw new TokenError('its header is malformed');
  }
  const { alg, kid } = header;
  if (typeof alg !== 'string') throw new TokenError('its header names no algorithm');
  // An unencoded payload is not allowed in a token (RFC 7797 7).
  if (header.b64 !== undefined) throw new TokenError('its header has "b64"');
  const candidates = keys.candidates(alg, typeof kid === 'string' ? kid : undefined, use);
  if (candidates.length === 0) {
    if (typeof kid === 'string' && !keys.has(kid)) throw new TokenError('its key is unknown');
    throw new TokenError(`no key for its algorithm${/^[\w-]{1,20}$/.test(alg) ? ` "${alg}"` : ''}`);
  }
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    try {
      return await open(await candidate.import(alg, use, library.importJWK), alg, library);
    } catch (error) {
      if (!isKeyError(error, library)) throw error;
    }
  }
  throw new TokenError(use === 'sig' ? 'its signature is invalid' : 'it cannot be decrypted');
}

/** Whether a key does not fit, or is malformed; `DOMException` is thrown by Web Crypto. */
function isKeyError(error: unknown, { errors }: Jose): boolean {
  return error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException;
}

function verifySignature(token: string, keys: KeySet): Promise<Opened> {
  return withCandidates(token, 3, 'sig', keys, async (key, algorithm, { compactVerify }) => {
    const { protectedHeader, payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    return { header: protectedHeader, payload };
  });
}

function decrypt(token: string, keys: KeySet): Promise<Opened> {
  return withCandidates(token, 5, 'enc', keys, async (key, algorithm, { compactDecrypt }) => {
    const { protectedHeader, plaintext } = await compactDecrypt(token, key, { keyManagementAlgorithms: [algorithm] });
    return { header: protectedHeader, payload: plaintext };
  });
}

/** Checks `exp` and `nbf`; throws `TokenError`. Times in ms. */
export function checkTimes({ claims }: VerifiedToken, now: number, leeway: number): void {
  const { exp, nbf } = claims;
  for (const [name, value] of [['exp', exp] as const, ['nbf', nbf] as const]) {
    if (value !== undefined && typeof value !== 'number') throw new TokenError(`its claim "${name}" is not a number`);
  }
  if (typeof exp === 'number' && now >= exp * 1000 + leeway) throw new TokenError('it has expired');
  if (typeof nbf === 'number' && now < nbf * 1000 - leeway) throw new TokenError('it is not valid yet');
}
