/** `r.headersIn` and `r.rawHeadersIn`: the fields of the request. */
import type { HeaderBlock } from '../http/header-block.js';
import type { Exchange } from '../program/exchange.js';
import { RecordSource, recordOf } from './record-proxy.js';
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

class RequestFields extends RecordSource {
  constructor(private readonly headers: HeaderBlock) {
    super();
  }
  protected read(name: string): string | undefined {
    return fieldOf(this.headers, name);
  }
  protected names(): string[] {
    return namesOf(this.headers);
  }
}

export function headersIn({ headers }: Exchange): Readonly<Record<string, string>> {
  return recordOf(new RequestFields(headers)) as Readonly<Record<string, string>>; // see `fieldOf`
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
