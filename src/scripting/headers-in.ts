/** `r.headersIn` and `r.rawHeadersIn`: the fields of the request. */
import type { HeaderBlock } from '../http/header-block.js';
import type { Exchange } from '../program/exchange.js';
import { textOf } from './text.js';

/** Fields of which only the first line counts. */
const SINGLE = new Set([
  'content-type',
  'etag',
  'from',
  'max-forwards',
  'referer',
  'proxy-authorization',
  'user-agent',
]);

function fieldOf(headers: HeaderBlock, name: string): string | undefined {
  const lower = name.toLowerCase();
  const value = SINGLE.has(lower) ? headers.get(lower) : headers.joined(lower, lower === 'cookie' ? '; ' : ', ');
  return value === undefined ? undefined : textOf(value);
}

export function headersIn({ headers }: Exchange): Readonly<Record<string, string>> {
  return new Proxy(Object.create(null) as Record<string, string>, {
    get: (_, name) => (typeof name === 'string' ? fieldOf(headers, name) : undefined),
    has: (_, name) => typeof name === 'string' && headers.find(name.toLowerCase()) >= 0,
    ownKeys: () => namesOf(headers),
    getOwnPropertyDescriptor: (_, name) => {
      const value = typeof name === 'string' ? fieldOf(headers, name) : undefined;
      return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: false };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}

/** Names as received, each once. */
function namesOf(headers: HeaderBlock): string[] {
  const names = new Map<string, string>();
  for (let i = 0; i < headers.count; i++) {
    const name = headers.name(i);
    const lower = name.toLowerCase();
    if (!names.has(lower)) names.set(lower, name);
  }
  return [...names.values()];
}

export function rawHeadersIn({ headers }: Exchange): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < headers.count; i++) pairs.push([textOf(headers.name(i)), textOf(headers.value(i))]);
  return pairs;
}
