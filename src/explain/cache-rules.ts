/** Decisions of the cache about a request and its response: the key, whether and for how long the response is stored, and why. */
import type { CacheLockMode } from '../cache/cache-directives.js';
import { CACHE_USE, type CacheUse } from '../cache/cache-use.js';
import { entryPath, hashOf } from '../cache/entry-path.js';
import { validTime } from '../cache/valid-times.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { epochTime } from '../http/clock.js';
import { isEventStream } from '../http/event-reader.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Template } from '../program/template.js';
import type { DirectiveInForce, ExplainedCache, ExplainedRule, Written } from './explanation.js';
import { duration } from './upstream-rules.js';

/** Fields of responses that say whether and how long they are stored. */
const FIELDS = [
  'X-Accel-Expires',
  'CDN-Cache-Control',
  'Cache-Control',
  'Expires',
  'Set-Cookie',
  'Vary',
  'Pragma',
  'Age',
  'Date',
  'Last-Modified',
];

const LOCK_EFFECTS: Readonly<Record<CacheLockMode, string | false>> = {
  off: false,
  on: 'one request at a time is sent for a missing response',
  stream: 'one request at a time is sent for a missing response, which the others get while it arrives',
};

/** Returns null if the request reaches no upstream through a cache. `answer`: head of the upstream's response; empty for none. */
export function cacheOf(
  x: HttpExchange,
  answer: string,
  directives: readonly DirectiveInForce[],
): ExplainedCache | null {
  const statements = new Map(directives.map(({ directive, statements: all }) => [directive, all]));
  const [zone] = statements.get('proxy_cache') ?? [];
  if (zone === undefined || /^proxy_cache\s+off$/.test(zone.text)) return null;
  const use = x.state(CACHE_USE);
  if (use === undefined) {
    // The request did not reach the upstream module, or its method is not cached.
    if (x.attempts === null) return null;
    const why = `responses to ${x.method} are not cached`;
    return { zone, key: null, file: null, lookup: why, stored: false, why, seconds: 0, vary: '', rules: [] };
  }
  const { settings, store, key } = use;
  const lookup = whyBypassed(x, use, statements.get('proxy_cache_bypass') ?? []);
  const { stored, why, seconds, vary } = decision(x, use, answer, statements);
  return {
    zone,
    key,
    file: entryPath(store.directory, hashOf(key)),
    lookup,
    stored,
    why,
    seconds,
    vary,
    rules: [
      ...rule(statements, 'proxy_cache_lock', LOCK_EFFECTS[settings.lock]),
      ...rule(
        statements,
        'proxy_cache_use_stale',
        settings.useStale.length > 0 && 'after that time, it is served in these cases',
      ),
      ...rule(
        statements,
        'proxy_cache_background_update',
        settings.backgroundUpdate && 'it is requested again in the background',
      ),
      ...rule(
        statements,
        'proxy_cache_revalidate',
        settings.revalidate && 'after that time, the upstream server is asked whether it is still valid',
      ),
    ],
  };
}

type Statements = ReadonlyMap<string, readonly Written[]>;

function rule(statements: Statements, name: string, effect: string | false): ExplainedRule[] {
  const [directive] = statements.get(name) ?? [];
  return directive === undefined || effect === false ? [] : [{ directive, effect }];
}

function whyBypassed(x: HttpExchange, { settings, status }: CacheUse, written: readonly Written[]): string | null {
  const use = settings.policy.requestUse(x);
  if (use === 'none') return 'the request uses no cache';
  if (use === 'only-if-cached') return 'the request accepts cached responses only';
  if (status !== 'BYPASS') return null;
  return heldCondition(x, settings.bypass, written) ?? 'a field of the request demands it';
}

/** The first condition that holds, with its value. */
function heldCondition(x: HttpExchange, conditions: readonly Template[], written: readonly Written[]): string | null {
  const value = conditions.map((condition) => condition.of(x)).find((one) => one !== '' && one !== '0');
  if (value === undefined) return null;
  return `${written.map(({ text }) => text).join('; ')}: one of the values is "${value}"`;
}

type Decision = Pick<ExplainedCache, 'stored' | 'why' | 'seconds' | 'vary'>;

function not(why: string): Decision {
  return { stored: false, why, seconds: 0, vary: '' };
}

function decision(x: HttpExchange, { settings, storable }: CacheUse, answer: string, statements: Statements): Decision {
  const { upstreamHeaders: headers } = x;
  const status = Number(/^HTTP\/\S+ (\d+)/.exec(answer)?.[1] ?? 0);
  if (headers === null || status === 0) return not('there is no response');
  if (status === 101) return not('an upgrade is not stored');
  if (isEventStream(headers.get('content-type') ?? null)) return not('an event stream is not stored');
  if (x.unbuffered) return not('the response is not buffered');
  const { policy } = settings;
  const time = Math.floor(epochTime() / 1000);
  const evaluated = (changed: HeaderBlock, request: HttpExchange = x) => {
    const head: UpstreamHead = { status, reason: '', version: 11, headers: changed };
    const validity = policy.validity(request, head, time);
    const vary = policy.vary(head);
    if (validity === null || vary === null) return null;
    const seconds = validTime(settings.valid, status);
    return {
      until: validity.validUntil || (seconds === 0 ? 0 : time + seconds),
      vary,
      isDeclared: validity.validUntil > 0,
    };
  };
  const found = evaluated(headers);
  /** The fields without any of which the result would be another one. */
  const decisive = FIELDS.filter((name) => {
    if (headers.get(name.toLowerCase()) === undefined) return false;
    const other = evaluated(headers.with([], [name.toLowerCase()]));
    return other?.until !== found?.until || other?.vary !== found?.vary;
  });
  const shown = (names: readonly string[]) =>
    names.map((name) => `${name}: ${headers.joined(name.toLowerCase())}`).join('; ');
  if (found === null) {
    // The same request without credentials.
    const anonymous = Object.create(x, { headers: { value: x.headers.with([], ['authorization']) } }) as HttpExchange;
    if (x.headers.get('authorization') !== undefined && evaluated(headers, anonymous) !== null) {
      return not('the request has Authorization');
    }
    const present = FIELDS.filter((name) => headers.get(name.toLowerCase()) !== undefined);
    return not(`the response has ${shown(decisive.length > 0 ? decisive : present)}`);
  }
  const refused = heldCondition(x, settings.noCache, statements.get('proxy_no_cache') ?? []);
  if (refused !== null) return not(refused);
  if (settings.minUses > 1) return { ...not(`it is stored from request no. ${settings.minUses} on`), vary: found.vary };
  if (found.until === 0) {
    return not(`no field of the response says for how long, and no proxy_cache_valid applies to the status ${status}`);
  }
  if (!storable)
    return not('the request is for a range beyond proxy_cache_max_range_offset, or accepts cached responses only');
  const seconds = found.until - time;
  const timed = decisive.filter((name) => name !== 'Vary');
  const why = found.isDeclared
    ? timed.length === 0
      ? 'its fields say so'
      : `the response has ${shown(timed)}`
    : validRule(statements.get('proxy_cache_valid') ?? [], status);
  return { stored: true, why, seconds, vary: found.vary };
}

/** The first `proxy_cache_valid` that applies to a status. */
function validRule(written: readonly Written[], status: number): string {
  const rule = written.find(({ text }) => {
    const statuses = text.split(/\s+/).slice(1, -1);
    return statuses.length === 0 || statuses.includes('any') || statuses.includes(String(status));
  });
  return rule?.text ?? 'proxy_cache_valid';
}

/** The decisions in words, in lines. */
export function cacheText({ lookup, stored, why, seconds, vary }: ExplainedCache): string[] {
  const lines = [
    lookup === null
      ? 'a stored response is served without asking the upstream'
      : `no stored response is served: ${lookup}`,
  ];
  const variants = vary === '' ? '' : `, one for each ${vary}`;
  lines.push(
    stored
      ? `this response is stored for ${duration(seconds * 1000)}${variants}: ${why}`
      : `this response is not stored: ${why}`,
  );
  return lines;
}
