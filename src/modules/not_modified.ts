/** nginx's `ngx_http_not_modified_filter_module`: conditional requests (RFC 9110 13). */
import type { Exchange } from '../exchange/exchange.js';
import { modifiedSeconds } from '../exchange/modified.js';
import { defineModule } from '../exchange/module.js';
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';

/**
 * Whether the list of entity tags in `If-Match` or `If-None-Match` holds the answer's. `weak`: a `W/` in front of either is
 * not looked at.
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
  const rule = x.location.settings.ifModifiedSince;
  if (modified < 0 || rule === 'off') return true;
  const since = parseHttpDate(date);
  return since !== modified && (rule === 'exact' || since < modified);
}

/** 412 where a precondition fails; turns the answer into 304 where the client has it already. */
function checkConditions(x: Exchange): number | undefined {
  const { headers, response } = x;
  // What an upstream answered is not ours to compare: the upstream saw the conditions itself.
  if (response.status !== 200 || response.upstream !== null || x.nested !== null) return undefined;

  const unmodifiedSince = headers.valueOf(Field.IfUnmodifiedSince);
  if (unmodifiedSince !== undefined) {
    const modified = modifiedSeconds(response);
    if (modified < 0 || parseHttpDate(unmodifiedSince) < modified) return refuse(x);
  }
  const match = headers.valueOf(Field.IfMatch);
  if (match !== undefined && !listHoldsTag(match, response.etag, false)) return refuse(x);

  const modifiedSince = headers.valueOf(Field.IfModifiedSince);
  const noneMatch = headers.valueOf(Field.IfNoneMatch);
  if (modifiedSince === undefined && noneMatch === undefined) return undefined;
  if (modifiedSince !== undefined && isModifiedSince(x, modifiedSince)) return undefined;
  if (noneMatch !== undefined && !listHoldsTag(noneMatch, response.etag, true)) return undefined;
  response.status = 304;
  response.reason = null;
  response.contentType = null;
  response.contentLength = -1;
  response.remove('content-encoding');
  x.allowRanges = false;
  return undefined;
}

function refuse(x: Exchange): number {
  x.response.clear();
  x.allowRanges = false;
  return 412;
}

export default defineModule({
  name: 'not_modified',
  doc: 'Answers conditional requests: `304 (Not Modified)` where `If-Modified-Since` and `If-None-Match` show that the client has the content already, `412 (Precondition Failed)` where `If-Unmodified-Since` or `If-Match` does not hold. Its settings, `etag` and `if_modified_since`, belong to the core module.',
  directives: {},
  headerFilter: { order: 10, pure: true, compile: () => checkConditions },
});
