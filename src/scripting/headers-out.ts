/** `r.headersOut` and `r.rawHeadersOut`: the fields of the response. */
import type { ResponseHead } from '../http/response-head.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { RecordSource, recordOf } from './record-proxy.js';
import { checkFieldName, fieldValueOf, textOf } from './text.js';

/** Fields of which the first line is read. */
const FIRST = new Set(['age', 'etag', 'expires', 'retry-after']);

/** Fields that have one line: of several values, the last counts. */
const SINGLE = new Set([
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'last-modified',
  'location',
  'server',
]);

class ResponseFields extends RecordSource {
  constructor(private readonly x: Exchange) {
    super();
  }
  protected read(name: string): unknown {
    return valueIn(this.x.response, name);
  }
  protected names(): string[] {
    return [...new Map(responseFields(this.x.response).map(([name]) => [name.toLowerCase(), name])).values()];
  }
  protected override write(name: string, value: unknown): boolean {
    setField(this.x, name, value);
    return true;
  }
  protected override remove(name: string): boolean {
    setResponseField(this.x.response, name, []);
    return true;
  }
}

export function headersOut(x: Exchange): Record<string, unknown> {
  return recordOf(new ResponseFields(x));
}

export function rawHeadersOut({ response }: Exchange): [string, string][] {
  return responseFields(response)
    .filter(([name]) => !/^content-(?:type|length)$/i.test(name))
    .map(([name, value]) => [textOf(name), textOf(value)]);
}

function valueIn(response: ResponseHead, name: string): unknown {
  const lower = name.toLowerCase();
  const values = response.all(lower).map(textOf);
  if (values.length === 0) return undefined;
  if (lower === 'set-cookie') return values;
  return SINGLE.has(lower) || FIRST.has(lower) ? values[0] : values.join(', ');
}

/** Names and values of the fields, as far as they are known before the head is sent. */
export function responseFields(response: ResponseHead): [name: string, value: string][] {
  const { upstream, hidden, added, bindings } = response;
  const found: [string, string][] = [];
  if (response.contentType !== null && response.contentType !== '') found.push(['Content-Type', response.contentType]);
  if (response.contentLength >= 0) found.push(['Content-Length', String(response.contentLength)]);
  if (response.lastModified !== null) found.push(['Last-Modified', response.lastModified]);
  if (response.etag !== null) found.push(['ETag', response.etag]);
  if (response.absoluteLocation !== null) found.push(['Location', response.absoluteLocation]);
  for (const cookie of bindings ?? []) found.push(['Set-Cookie', cookie]);
  for (let i = 0; upstream !== null && i < upstream.count; i++) {
    if (!upstream.removed(i) && hidden?.matches(upstream, i) !== true)
      found.push([upstream.name(i), upstream.forwardedValue(i)]);
  }
  for (let i = 0; i < added.length; i += 2) found.push([added[i] as string, added[i + 1] as string]); // pairs
  return found;
}

function setField(x: Exchange, name: string, value: unknown): void {
  checkFieldName(name);
  if (x.headSent) {
    logError(x, 'warn', `ignored setting of response header "${name}" because headers were already sent`);
  }
  const values = (Array.isArray(value) ? value : [value]).map(fieldValueOf).filter((each) => each !== '');
  setResponseField(x.response, name, SINGLE.has(name.toLowerCase()) ? values.slice(-1) : values);
}

/** Replaces all lines of a field. */
export function setResponseField(response: ResponseHead, name: string, values: readonly string[]): void {
  const lower = name.toLowerCase();
  const [first = null] = values;
  switch (lower) {
    case 'content-length':
      if (first !== null && !/^\d{1,15}$/.test(first)) {
        throw new TypeError('failed converting argument to positive integer');
      }
      response.set(name, first);
      return;
    case 'content-type':
      // Empty instead of null: the default type is not used.
      response.contentType = first ?? '';
      return;
    case 'etag':
      response.set(name, first);
      response.remove(lower);
      for (const value of values.slice(1)) response.add(name, value);
      return;
    case 'last-modified':
      response.set(name, first);
      return;
    case 'server':
      response.ownServer = first === null;
      break;
    case 'date':
      response.ownDate = first === null;
      break;
    case 'content-encoding':
      response.encoded = first !== null;
      break;
    case 'location':
      response.set(name, first);
      return;
  }
  response.remove(lower);
  for (const value of values) response.add(name, value);
}
