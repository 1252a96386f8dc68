/** The global `crypto` of scripts: Node's Web Crypto, whose data may also be strings, as in njs. */
import { webcrypto } from 'node:crypto';
import { bytesOf, isBytes } from './bytes.js';

const { subtle } = webcrypto;

/** Fields of algorithms with data. */
const DATA_FIELDS = ['additionalData', 'counter', 'info', 'iv', 'label', 'salt'] as const;

function data(value: unknown): never {
  // The type of each parameter differs; Node checks the values.
  return (isBytes(value) ? value : bytesOf(value)) as never;
}

function algorithm(value: unknown): never {
  if (typeof value !== 'object' || value === null) return value as never;
  const converted: Record<string, unknown> = { ...value };
  for (const field of DATA_FIELDS) if (typeof converted[field] === 'string') converted[field] = data(converted[field]);
  return converted as never;
}

/** JSON web keys are objects; other formats are data. */
function keyData(format: unknown, value: unknown): never {
  return format === 'jwk' ? (value as never) : data(value);
}

const SUBTLE = {
  decrypt: (by: unknown, key: never, value: unknown) => subtle.decrypt(algorithm(by), key, data(value)),
  deriveBits: (by: unknown, key: never, length: never) => subtle.deriveBits(algorithm(by), key, length),
  deriveKey: (by: unknown, key: never, derived: unknown, extractable: never, usages: never) =>
    subtle.deriveKey(algorithm(by), key, algorithm(derived), extractable, usages),
  digest: (by: unknown, value: unknown) => subtle.digest(algorithm(by), data(value)),
  encrypt: (by: unknown, key: never, value: unknown) => subtle.encrypt(algorithm(by), key, data(value)),
  exportKey: (format: never, key: never) => subtle.exportKey(format, key),
  generateKey: (by: unknown, extractable: never, usages: never) =>
    subtle.generateKey(algorithm(by), extractable, usages),
  importKey: (format: never, key: unknown, by: unknown, extractable: never, usages: never) =>
    subtle.importKey(format, keyData(format, key), algorithm(by), extractable, usages),
  sign: (by: unknown, key: never, value: unknown) => subtle.sign(algorithm(by), key, data(value)),
  unwrapKey: (
    format: never,
    wrapped: unknown,
    key: never,
    by: unknown,
    keyAlgorithm: unknown,
    extractable: never,
    usages: never,
  ) => subtle.unwrapKey(format, data(wrapped), key, algorithm(by), algorithm(keyAlgorithm), extractable, usages),
  verify: (by: unknown, key: never, signature: unknown, value: unknown) =>
    subtle.verify(algorithm(by), key, data(signature), data(value)),
  wrapKey: (format: never, key: never, wrapping: never, by: unknown) =>
    subtle.wrapKey(format, key, wrapping, algorithm(by)),
} as const;

export const scriptCrypto = Object.freeze({
  subtle: Object.freeze(SUBTLE),
  getRandomValues: (array: never): unknown => webcrypto.getRandomValues(array),
  randomUUID: (): string => webcrypto.randomUUID(),
});
