/** `r.args`: the arguments of the request. */

import { unescapeArgs } from '../http/uri-escape.js';
import { textOf } from './text.js';

/** Decodes a query string. Keys are case-sensitive; the values of a repeated key are an array; keys must not be empty. */
export function argsOf(query: string): Record<string, string | string[]> {
  const args = Object.create(Object.prototype) as Record<string, string | string[]>;
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const key = decoded(equals < 0 ? part : part.slice(0, equals));
    if (key === '') continue;
    const value = equals < 0 ? '' : decoded(part.slice(equals + 1));
    const earlier = Object.hasOwn(args, key) ? args[key] : undefined;
    const next = earlier === undefined ? value : Array.isArray(earlier) ? [...earlier, value] : [earlier, value];
    Object.defineProperty(args, key, { value: next, enumerable: true, configurable: true, writable: true });
  }
  return args;
}

function decoded(bytes: string): string {
  return textOf(unescapeArgs(bytes));
}
