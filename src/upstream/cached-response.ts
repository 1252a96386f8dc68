/** Serves responses from the cache, and starts requests that update them. nginx: ngx_http_upstream_cache_send. */

import type { CacheSettings } from '../cache/cache-settings.js';
import { CacheUse, type LookupResult } from '../cache/cache-use.js';
import { sendEntry } from '../cache/cached-body.js';
import { storedResponse } from '../cache/stored-fields.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { epochTime } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import { parseContentLength } from '../http1/request-reader.js';
import type { Exchange, Subrequest } from '../program/exchange.js';
import { accelLimitRate } from './accel-redirect.js';
import type { UpstreamFailure } from './failure.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { NEXT_UPSTREAM } from './next-upstream.js';

/** Begins a request with a cache; `fetch` requests the response from the upstream. */
export function beginCached(
  x: HttpExchange,
  settings: CacheSettings,
  rules: ForwardingRules,
  fetch: (use: CacheUse | null) => void,
): void {
  const defaultKey = () => `${rules.scheme}${x.upstreamHost ?? ''}${x.upstreamUri}`;
  const use = CacheUse.of(x, settings, defaultKey, startUpdate);
  if (use === null) {
    fetch(null);
    return;
  }
  if (typeof use === 'number') {
    x.finalize(use);
    return;
  }
  x.resource = use;
  const proceed = (result: LookupResult): void => {
    if (result === 'serve') serveEntry(x, use, rules);
    else if (result === 'fetch') {
      if (use.convertsHead) x.upstreamMethod = 'GET';
      fetch(use);
    } else x.finalize(result);
  };
  const result = use.lookUp();
  if (!(result instanceof Promise)) {
    proceed(result);
    return;
  }
  result.then((settled) => {
    if (x.finished) use.release();
    else proceed(settled);
  });
}

const NOTHING = { chunk: () => true, done: (_subrequest: Subrequest): void => {} };

/** A request that updates a stale entry, whose response is not sent to anyone. */
function startUpdate(x: Exchange): Exchange | null {
  const subrequest = x.subrequest(x.uri, x.args, {
    sink: NOTHING,
    method: x.method,
    headOnly: true,
    background: true,
    clone: true,
    body: x.body !== null,
  });
  return subrequest?.exchange ?? null;
}

/** Sends the entry that the lookup, or a failure, has selected. */
export function serveEntry(x: HttpExchange, use: CacheUse, rules: ForwardingRules): void {
  const { entry, follower } = use;
  const head = follower?.head ?? entry?.head;
  // The results that lead here have one of them.
  if (head === undefined) throw new Error('no cached response was selected');
  const { response } = x;
  const stored = entry?.response ?? storedResponse(head);
  const { headers } = stored;
  response.status = stored.status;
  response.reason = stored.version === 20 ? null : stored.reason;
  response.contentLength = declaredLength(headers);
  x.upstreamHeaders = headers;
  if (rules.settings.obeysLimitRate) accelLimitRate(x, headers);
  rules.responseHead(x, stored);
  use.describe(head, Math.floor(epochTime() / 1000));
  response.seekable = follower === null;
  response.conditional = true;
  takeRanges(x, headers, use.servesRanges);
  if (!x.sendHead()) {
    use.closeEntry();
    return;
  }
  if (x.headOnly) {
    use.closeEntry();
    x.end();
  } else if (entry !== null) sendEntry(x, entry);
  else follower?.start(rules.settings.readTimeout);
}

/** As in nginx, a response that was received in chunks is sent without a length. */
function declaredLength(headers: HeaderBlock): number {
  const length = headers.valueOf(Field.ContentLength);
  if (length === undefined || headers.indexOf(Field.TransferEncoding) >= 0) return -1;
  return parseContentLength(length);
}

/**
 * Ranges of a stored response are served by the proxy, if the upstream serves them. nginx:
 * ngx_http_upstream_copy_allow_ranges.
 */
export function takeRanges(x: HttpExchange, headers: HeaderBlock, always: boolean): void {
  if (always) x.allowRanges = true;
  const i = headers.find('accept-ranges');
  if (i < 0 || x.response.hidden?.matches(headers, i) === true) return;
  x.allowRanges = true;
  x.response.remove('accept-ranges');
}

/** The failure as `proxy_cache_use_stale` names it; null if it has no such name. */
export function staleReason(failure: UpstreamFailure): string | null {
  if (failure.kind === 'no peers') return 'error';
  for (const [name, bit] of Object.entries(NEXT_UPSTREAM)) if (bit === failure.reason) return name;
  return null;
}
