/** Settings of the cache for one location. */
import type { ConfOf } from '../config/directive.js';
import { type Value, valuesUnder } from '../config/prefixed-directives.js';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { Compiler } from '../program/module.js';
import type { Template } from '../program/template.js';
import type { CacheDirectives, CacheFamily, CacheLockMode, CacheMemoryData } from './cache-directives.js';
import type { CachePathData } from './cache-path.js';
import type { CachePolicy } from './cache-policy.js';
import { CacheStore } from './cache-store.js';
import { ExtendedPolicy } from './extended-policy.js';
import type { PurgeNetwork } from './extension-directives.js';
import { type IgnoredFields, NginxPolicy } from './nginx-policy.js';
import { QueryFilter } from './query-arguments.js';
import { Rfc9111Policy } from './rfc9111-policy.js';
import type { ValidTime } from './valid-times.js';
import { type Normalizer, normalizerFor } from './vary-normalization.js';

export interface CacheSettings {
  /** Returns the cache for a request by the name that it evaluates to; null if the name has no variables. */
  readonly zone: Template | null;
  /** The cache, if the name has no variables. */
  readonly store: CacheStore | null;
  readonly stores: ReadonlyMap<string, CacheStore>;
  /** null: the default key. */
  readonly key: Template | null;
  readonly valid: readonly ValidTime[];
  readonly methods: ReadonlySet<string>;
  readonly minUses: number;
  readonly bypass: readonly Template[];
  readonly noCache: readonly Template[];
  /** `stream`: others read the response while it is stored. */
  readonly lock: CacheLockMode;
  /** ms. */
  readonly lockTimeout: number;
  readonly lockAge: number;
  /** Names of failures: `proxy_cache_use_stale`. */
  readonly useStale: readonly string[];
  readonly backgroundUpdate: boolean;
  readonly revalidate: boolean;
  readonly convertHead: boolean;
  /** Bytes; Infinity: unlimited. */
  readonly maxRangeOffset: number;
  /** Copies of entries in memory; null: none. */
  readonly memory: CacheMemoryData | null;
  readonly policy: CachePolicy;
  /** null: all arguments belong to the key. */
  readonly queryFilter: QueryFilter | null;
  /** Whether `Age` is sent although the policy does not require it. */
  readonly sendsAge: boolean;
  /** Name of the cache in `Cache-Status`; null: the field is not sent. */
  readonly statusName: string | null;
  readonly purge: PurgeSettings | null;
  /** `proxy_temp_path`. */
  readonly temporary: TemporaryPath;
}

/** Requests that purge. */
export interface PurgeSettings {
  readonly conditions: readonly Template[];
  /** Clients that may purge; null: all. */
  readonly allow: readonly PurgeNetwork[] | null;
  readonly tags: Template | null;
  readonly regex: Template | null;
}

const sharedKey = (prefix: string) => `caches of ${prefix}`;

/** Opens the caches that a configuration declares under a prefix; called once per table. */
export function openCaches(prefix: string, paths: readonly CachePathData[], compiler: Compiler): void {
  if (paths.length === 0) return;
  const stores = new Map<string, CacheStore>();
  for (const data of paths) {
    stores.set(data.zone, compiler.shared.set(`cache ${data.zone}`, new CacheStore(data, compiler)));
  }
  compiler.shared.set(sharedKey(prefix), stores);
}

/** Settings for one location; null if it has no cache. */
export function cacheSettings<P extends string>(
  prefix: P,
  conf: ConfOf<CacheDirectives<P>>,
  ignored: readonly string[],
  temporary: TemporaryPath,
  compiler: Compiler,
): CacheSettings | null {
  const value = valuesUnder<CacheFamily>(prefix, conf);
  const zone = value('cache');
  const stores = compiler.shared.get<ReadonlyMap<string, CacheStore>>(sharedKey(prefix));
  if (zone === 'off' || stores === undefined) return null;
  const store = typeof zone === 'string' ? (stores.get(zone) ?? null) : null;
  const key = value('cache_key');
  const memoryData = value('cache_memory');
  const memory = memoryData === 'off' ? null : memoryData;
  if (memory !== null) for (const each of store === null ? stores.values() : [store]) each.useMemory(memory.size);
  const staleConditions = value('cache_use_stale');
  const rules = value('cache_rfc9111');
  const args = value('cache_key_args');
  return {
    zone: typeof zone === 'string' ? null : compiler.template(zone),
    store,
    stores,
    key: key === undefined ? null : compiler.template(key),
    valid: value('cache_valid').flat(),
    methods: new Set(['GET', 'HEAD', ...(value('cache_methods') ?? [])]),
    minUses: value('cache_min_uses'),
    bypass: (value('cache_bypass') ?? []).map((data) => compiler.template(data)),
    noCache: (value('no_cache') ?? []).map((data) => compiler.template(data)),
    lock: value('cache_lock'),
    lockTimeout: value('cache_lock_timeout'),
    lockAge: value('cache_lock_age'),
    useStale: staleConditions.includes('off') ? [] : staleConditions,
    backgroundUpdate: value('cache_background_update'),
    revalidate: value('cache_revalidate') || rules !== 'off',
    convertHead: value('cache_convert_head'),
    maxRangeOffset: value('cache_max_range_offset') ?? Number.POSITIVE_INFINITY,
    memory,
    policy: policyOf(value, ignoredFields(ignored)),
    queryFilter: args === undefined || args === null ? null : new QueryFilter(args),
    sendsAge: value('cache_age'),
    statusName: value('cache_status'),
    purge: purgeSettings(value, compiler),
    temporary,
  };
}

function policyOf(value: Value<CacheFamily>, ignored: IgnoredFields): CachePolicy {
  const normalizers = new Map<string, Normalizer>();
  for (const { field, known } of value('cache_vary_normalize')) {
    const normalizer = normalizerFor(field, known);
    if (normalizer !== null) normalizers.set(field, normalizer);
  }
  const targets = value('cache_targeted_fields');
  const rules = value('cache_rfc9111');
  if (rules === 'off') {
    if (normalizers.size === 0 && (targets ?? []).length === 0) return new NginxPolicy(ignored);
    return new ExtendedPolicy(ignored, targets ?? [], normalizers);
  }
  return new Rfc9111Policy({
    ignored,
    valid: value('cache_valid').flat(),
    targets: targets ?? ['cdn-cache-control'],
    requestDirectives: rules === 'on',
    normalizers,
  });
}

function purgeSettings(value: Value<CacheFamily>, compiler: Compiler): PurgeSettings | null {
  const conditions = value('cache_purge');
  if (conditions === undefined) return null;
  const [tags, regex] = [value('cache_purge_tags'), value('cache_purge_regex')];
  return {
    conditions: conditions.map((data) => compiler.template(data)),
    allow: value('cache_purge_allow') ?? null,
    tags: tags === undefined ? null : compiler.template(tags),
    regex: regex === undefined ? null : compiler.template(regex),
  };
}

/** `proxy_ignore_headers`. */
function ignoredFields(names: readonly string[]): IgnoredFields {
  return {
    accelExpires: names.includes('X-Accel-Expires'),
    cacheControl: names.includes('Cache-Control'),
    expires: names.includes('Expires'),
    setCookie: names.includes('Set-Cookie'),
    vary: names.includes('Vary'),
  };
}
