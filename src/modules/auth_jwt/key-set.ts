/** JSON Web Key Sets (RFC 7517): parsing with the lines of errors, and selection of the keys for a token. */

import type { CryptoKey, JWK } from 'jose';
import { toText } from '../../diagnostics/byte-string.js';
import { jsonErrorOffset } from './json-error.js';

/** Signature algorithms, by key type and curve. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  oct: ['HS256', 'HS384', 'HS512'],
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
};
/** Key management algorithms of encrypted tokens. */
const KEY_MANAGEMENT: Readonly<Record<string, readonly string[]>> = {
  oct: ['dir', 'A128KW', 'A192KW', 'A256KW', 'A128GCMKW', 'A192GCMKW', 'A256GCMKW'],
  RSA: ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'],
};
/** RFC 7518 3.3. */
const MIN_RSA_BITS = 2048;
/** Members of public keys: a private key of the set verifies signatures with these. */
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'k'] as const;

export type KeyUse = 'sig' | 'enc';
type Imported = CryptoKey | Uint8Array;
type ImportKey = (jwk: JWK, algorithm: string) => Promise<Imported>;

/** An invalid key set. */
export class KeySetError extends Error {
  constructor(
    message: string,
    /** Line of the text, from 1. */
    readonly line: number,
  ) {
    super(message);
  }
}

/** One key. */
export class Key {
  private readonly imported = new Map<string, Promise<Imported>>();

  constructor(
    private readonly jwk: JWK,
    /** Line of the text, from 1. */
    readonly line: number,
  ) {}

  get id(): string | undefined {
    return this.jwk.kid;
  }

  /** Algorithms for which the key may be used: those of its type, restricted by `use`, `key_ops` and `alg`. */
  algorithms(use: KeyUse): readonly string[] {
    const { kty, crv, alg, key_ops: operations } = this.jwk;
    if (this.jwk.use !== undefined && this.jwk.use !== use) return [];
    const needed = use === 'sig' ? ['verify'] : ['decrypt', 'unwrapKey'];
    if (operations !== undefined && !needed.some((operation) => operations.includes(operation))) return [];
    const type = crv === undefined ? `${kty}` : `${kty} ${crv}`;
    const all = (use === 'sig' ? SIGNATURES : KEY_MANAGEMENT)[type] ?? [];
    return alg === undefined ? all : all.filter((algorithm) => algorithm === alg);
  }

  /** The key for an algorithm; rejects if it is malformed. */
  import(algorithm: string, use: KeyUse, importKey: ImportKey): Promise<Imported> {
    const name = `${use} ${algorithm}`;
    let key = this.imported.get(name);
    if (key === undefined) {
      key = importKey(use === 'sig' ? this.publicPart() : this.jwk, algorithm);
      this.imported.set(name, key);
    }
    return key;
  }

  private publicPart(): JWK {
    const members = PUBLIC_MEMBERS.map((name) => [name, this.jwk[name]] as const);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as JWK;
  }
}

/** The keys of a set. */
export class KeySet {
  constructor(private readonly keys: readonly Key[]) {}

  /** Keys that may have signed or encrypted a token with this header. */
  candidates(algorithm: string, keyId: string | undefined, use: KeyUse): readonly Key[] {
    return this.keys.filter(
      (key) => (keyId === undefined || key.id === keyId) && key.algorithms(use).includes(algorithm),
    );
  }

  /** Whether a key with this identifier exists, for any algorithm. */
  has(keyId: string): boolean {
    return this.keys.some(({ id }) => id === keyId);
  }

  /** Imports all keys; rejects with `KeySetError` for the first malformed one. */
  async validate(importKey: ImportKey): Promise<void> {
    for (const key of this.keys) {
      for (const use of ['sig', 'enc'] as const) {
        const [algorithm] = key.algorithms(use);
        if (algorithm === undefined) continue;
        try {
          const imported = await key.import(algorithm, use, importKey);
          const { modulusLength } = (imported instanceof Uint8Array ? {} : imported.algorithm) as {
            readonly modulusLength?: number;
          };
          if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
            throw new Error(`an RSA key needs ${MIN_RSA_BITS} bits`);
          }
        } catch (error) {
          throw new KeySetError(`malformed key: ${error instanceof Error ? error.message : String(error)}`, key.line);
        }
      }
    }
  }
}

/** Parses a set; returns the error if it is malformed. The text is a byte string. */
export function parseKeySet(bytes: string): KeySet | KeySetError {
  const text = toText(bytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    const offset = jsonErrorOffset(text);
    const reason = offset >= text.trimEnd().length ? 'unexpected end' : 'unexpected character';
    return new KeySetError(`${reason} in JSON`, lineAt(text.trimEnd(), offset));
  }
  const keys = isObject(parsed) ? parsed.keys : undefined;
  if (!Array.isArray(keys)) return new KeySetError('a key set is an object with an array "keys"', 1);
  const lines = keyLines(text);
  const found: Key[] = [];
  for (const [i, key] of keys.entries()) {
    const line = lines[i] ?? 1;
    if (!isObject(key) || typeof key.kty !== 'string') return new KeySetError('a key without the string "kty"', line);
    for (const name of ['kid', 'use', 'alg', 'crv', ...PUBLIC_MEMBERS]) {
      const value = key[name];
      if (value !== undefined && typeof value !== 'string') return new KeySetError(`"${name}" is not a string`, line);
    }
    if (key.k === '') return new KeySetError('an empty secret', line);
    const { key_ops: operations } = key;
    if (operations !== undefined && !Array.isArray(operations))
      return new KeySetError('"key_ops" is not an array', line);
    found.push(new Key(key as JWK, line));
  }
  // Keys of unknown types are ignored (RFC 7517 5), but a set without any other would reject every token.
  if (!found.some((key) => key.algorithms('sig').length > 0 || key.algorithms('enc').length > 0)) {
    return new KeySetError('no key of a supported type', lines[0] ?? 1);
  }
  return new KeySet(found);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Lines of the elements of the array `keys`, in a text that is valid JSON. */
function keyLines(text: string): number[] {
  const lines: number[] = [];
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === '[' || token === '{') {
      if (depth === 2 && token === '{') lines.push(lineAt(text, index));
      depth++;
    } else if (token === ']' || token === '}') depth--;
  }
  return lines;
}
