/** `X-Accel-Redirect`: internal redirect to a location named by the upstream. */

import { parseInteger } from '../config/units.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import { parseUnsafeUri } from '../http/unsafe-uri.js';
import { logError } from '../program/error-context.js';

/** Fields of the upstream's response that are kept in the redirected response. */
const KEPT_FIELDS: ReadonlySet<string> = new Set([
  'content-type',
  'set-cookie',
  'content-disposition',
  'cache-control',
  'expires',
  'accept-ranges',
]);

/**
 * Returns the fields to keep; called before the connection is released. `cookie` rewrites the values of `Set-Cookie`.
 */
export function keptFields(headers: HeaderBlock, cookie: (value: string) => string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let i = 0; i < headers.count; i++) {
    const name = headers.name(i);
    if (!KEPT_FIELDS.has(name.toLowerCase())) continue;
    const value = headers.value(i);
    fields.push([name, headers.id(i) === Field.SetCookie ? cookie(value) : value]);
  }
  return fields;
}

/** Redirects the exchange to `target` (a URI, or `@name`). */
export function accelRedirect(x: HttpExchange, target: string, fields: readonly [string, string][]): void {
  x.producer = null;
  for (const [name, value] of fields) {
    if (name.toLowerCase() === 'content-type') x.response.contentType = value;
    else x.response.add(name, value);
  }
  if (target.startsWith('@')) {
    if (!x.toNamedLocation(target)) x.finalize(500);
    return;
  }
  const uri = parseUnsafeUri(target);
  if (uri === null) {
    logError(x, 'error', `unsafe URI "${target}" was detected`);
    x.finalize(404);
    return;
  }
  if (x.method !== 'HEAD') x.method = 'GET';
  x.internalRedirect(uri.path, uri.args);
}

/** Applies `X-Accel-Limit-Rate`. */
export function accelLimitRate(x: HttpExchange, headers: HeaderBlock): void {
  const rate = headers.valueOf(Field.XAccelLimitRate);
  if (rate !== undefined) x.limitRate = parseInteger(rate) ?? x.limitRate;
}
