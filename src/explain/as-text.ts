/** From the bytes that strings are inside of the house to the text that a person or a program is given. */
import { shown } from '../diagnostics/place.js';

/** The same data with every string decoded as UTF-8. */
export function asText<T>(data: T): T {
  return decoded(data) as T;
}

function decoded(value: unknown): unknown {
  if (typeof value === 'string') return shown(value);
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [shown(key), decoded(each)]));
}
