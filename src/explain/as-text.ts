/** Decoding of byte strings for output. */
import { toText } from '../diagnostics/byte-string.js';

/** Copy of the data with every string decoded as UTF-8. */
export function asText<T>(data: T): T {
  return decoded(data) as T;
}

function decoded(value: unknown): unknown {
  if (typeof value === 'string') return toText(value);
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [toText(key), decoded(each)]));
}
