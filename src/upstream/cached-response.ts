/** Serves responses from the cache, and starts requests that update them. nginx: ngx_http_upstream_cache_send. */

import type { CacheSettings } from '../cache/cache-settings.js';
import { addCacheStatus } from '../cache/cache-status.js';
import { CacheUse, type LookupResult } from '../cache/cache-use.js';
import { sendEntry } from '../cache/cached-body.js';
import type { EntryHead } from '../cache/entry-head.js';
import { passed } from '../cache/purge-request.js';
import { sendAge } from '../cache/rfc9111-policy.js';
import { storedResponse } from '../cache/stored-fields.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { epochTime } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { parseContentLength } from '../http1/request-reader.js';
import type { Exchange } from '../program/exchange.js';
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
  const use = CacheUse.of(x, settings, () => defaultKey(x, rules), startUpdate);
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

function defaultKey(x: HttpExchange, { scheme }: ForwardingRules): string {
  return `${scheme}${x.upstreamHost ?? ''}${x.upstreamUri}`;
}

/** The response to a request that does not use the cache of the location was received. */
export function passedCache(
  x: HttpExchange,
  rules: ForwardingRules,
  settings: CacheSettings,
  response: UpstreamHead,
): void {
  const { statusName } = settings;
  if (statusName !== null) {
    addCacheStatus(x, statusName, { status: null, ttl: null, stored: false, waited: false, requested: false });
  }
  passed(x, settings, () => defaultKey(x, rules), response);
}

/** A request that updates a stale entry, whose response is not sent to anyone. `over`: it has ended, whatever its result. */
function startUpdate(x: Exchange, over: () => void): Exchange | null {
  const subrequest = x.subrequest(x.uri, x.args, {
    sink: { chunk: () => true, done: over },
    method: x.method,
    headOnly: true,
    background: true,
    clone: true,
    body: x.body !== null,
  });
  if (subrequest === null) return null;
  // The sink is not notified if the request itself is finished by then.
  x.onFinish({ release: over });
  return subrequest.exchange;
}

/** Sends the entry that the lookup, or a failure, has selected. */
export function serveEntry(x: HttpExchange, use: CacheUse, rules: ForwardingRules): void {
  const { entry, follower } = use;
  const head = follower?.head ?? entry?.head;
  // The results that lead here have one of them.
  if (head === undefined) throw new Error('no cached response was selected');
  const { response } = x;
  const stored = entry === null || use.renewed !== null ? storedResponse(use.renewed ?? head) : entry.response;
  const { headers } = stored;
  response.status = stored.status;
  response.reason = stored.version === 20 ? null : stored.reason;
  response.contentLength = declaredLength(headers);
  x.upstreamHeaders = headers;
  if (rules.settings.obeysLimitRate) accelLimitRate(x, headers);
  rules.responseHead(x, stored);
  if (rules.settings.cache !== null) describeEntry(x, use, use.renewed ?? head, rules.settings.cache);
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

/** Changes the head of a response that is served from the entry, before it is sent. */
function describeEntry(x: Exchange, use: CacheUse, head: EntryHead, settings: CacheSettings): void {
  const time = Math.floor(epochTime() / 1000);
  const { policy, sendsAge, statusName } = settings;
  policy.describe(x, head, time);
  if (sendsAge) sendAge(x, head, time);
  if (statusName !== null) addCacheStatus(x, statusName, use.usage(head, time, false));
}

/** Changes the head of a response of the upstream, before it is sent. `stored`: its entry; null: it is not stored. */
export function describeForwarded(x: Exchange, use: CacheUse, stored: EntryHead | null, settings: CacheSettings): void {
  const { statusName } = settings;
  if (statusName !== null) addCacheStatus(x, statusName, use.usage(stored, stored?.date ?? 0, stored !== null));
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
