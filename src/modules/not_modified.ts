/** nginx's `ngx_http_not_modified_filter_module`: conditional requests (RFC 9110 13). */

import { IF_MODIFIED_SINCE, UNCONDITIONAL } from '../exchange/file-settings.js';
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';
import { modifiedSeconds } from '../http/modified.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';

/**
 * Whether the list of entity tags in `If-Match` or `If-None-Match` contains the response's tag. `weak`: ignores a `W/`
 * prefix of either (weak comparison).
 */
export function listHoldsTag(list: string, etag: string | null, weak: boolean): boolean {
  if (list === '*') return true;
  if (etag === null) return false;
  const tag = weak && etag.startsWith('W/') && etag.length > 2 ? etag.slice(2) : etag;
  let at = 0;
  while (at < list.length) {
    if (weak && list.startsWith('W/', at) && list.length - at > 2) at += 2;
    if (list.startsWith(tag, at)) {
      const after = skip(list, at + tag.length, ' \t');
      if (after === list.length || list[after] === ',') return true;
      at = after;
    }
    const comma = list.indexOf(',', at);
    if (comma < 0) return false;
    at = skip(list, comma, ' \t,');
  }
  return false;
}

function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text.charAt(at))) at++;
  return at;
}

function isModifiedSince(x: Exchange, date: string): boolean {
  const modified = modifiedSeconds(x.response);
  const rule = x.location.settings.get(IF_MODIFIED_SINCE);
  if (modified < 0 || rule === 'off') return true;
  const since = parseHttpDate(date);
  const isExact = rule === 'exact' && !x.response.strictConditions;
  return since !== modified && (isExact || since < modified);
}

/** Returns 412 if a precondition fails; changes the response to 304 if the client's copy is current. */
function checkConditions(x: Exchange): number | undefined {
  const { headers, response } = x;
  // Responses of an upstream are not checked, unless they are cached: the upstream received the conditional fields itself.
  if (response.status !== 200 || (response.upstream !== null && !response.conditional) || x.nested !== null) {
    return undefined;
  }

  const unmodifiedSince = headers.valueOf(Field.IfUnmodifiedSince);
  const match = headers.valueOf(Field.IfMatch);
  const modifiedSince = headers.valueOf(Field.IfModifiedSince);
  const noneMatch = headers.valueOf(Field.IfNoneMatch);
  const conditional = (unmodifiedSince ?? match ?? modifiedSince ?? noneMatch) !== undefined;
  if (!conditional || x.state(UNCONDITIONAL) === true) return undefined;

  if (unmodifiedSince !== undefined) {
    const modified = modifiedSeconds(response);
    if (modified < 0 || parseHttpDate(unmodifiedSince) < modified) return failPrecondition(x);
  }
  if (match !== undefined && !listHoldsTag(match, response.etag, false)) return failPrecondition(x);
  if (modifiedSince === undefined && noneMatch === undefined) return undefined;
  // RFC 9110 13.1.3: If-Modified-Since is ignored if there is If-None-Match.
  const ignoresDate = response.strictConditions && noneMatch !== undefined;
  if (modifiedSince !== undefined && !ignoresDate && isModifiedSince(x, modifiedSince)) return undefined;
  if (noneMatch !== undefined && !listHoldsTag(noneMatch, response.etag, true)) return undefined;
  response.status = 304;
  response.reason = null;
  response.contentType = null;
  response.contentLength = -1;
  response.remove('content-encoding');
  x.allowRanges = false;
  return undefined;
}

function failPrecondition(x: Exchange): number {
  x.response.clear();
  x.allowRanges = false;
  return 412;
}

export default defineModule({
  name: 'not_modified',
  doc: 'Evaluates conditional requests: `304 (Not Modified)` if `If-Modified-Since` and `If-None-Match` show that the copy of the client is current, `412 (Precondition Failed)` if the condition of `If-Unmodified-Since` or `If-Match` is false. Its settings, `etag` and `if_modified_since`, belong to the core module.',
  directives: {},
  headerFilter: { order: 10, compile: () => checkConditions },
});
