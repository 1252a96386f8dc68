/**
 * The cache as one request uses it: lookup, decision about a stale entry, storing, and the status in `$upstream_cache_status`.
 * nginx: ngx_http_upstream_cache, ngx_http_file_cache_open.
 */
import type { UpstreamHead } from '../http/upstream-session.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { StateKey } from '../program/state-key.js';
import type { FillEnd } from '../zones/cache-locks.js';
import type { CacheSettings } from './cache-settings.js';
import type { CacheUsage } from './cache-status.js';
import type { CacheStore } from './cache-store.js';
import { tagsOf } from './cache-tags.js';
import type { OpenEntry } from './entry-file.js';
import type { EntryHead } from './entry-head.js';
import { hashOf, variantHash } from './entry-path.js';
import { EntryWriter } from './entry-writer.js';
import { FillFollower, openGrowingEntry } from './fill-follower.js';
import type { FillLock, LockResult, LockTerms } from './fill-lock.js';
import { FillProgress } from './fill-progress.js';
import { keyOf, purge } from './purge-request.js';
import { anyHolds, hasWholeBody, now, storeFor, storesRange, suitsMethod } from './request-rules.js';
import { validatorsOf, validityUntil } from './stored-fields.js';
import { endOfValidity } from './valid-times.js';

export type CacheStatus = 'MISS' | 'BYPASS' | 'EXPIRED' | 'STALE' | 'UPDATING' | 'REVALIDATED' | 'HIT';

/** `serve`: the entry is the response. `fetch`: the upstream is asked. A number: the response is this error. */
export type LookupResult = 'serve' | 'fetch' | number;

/** The cache as a request uses it, for variables. */
export const CACHE_USE = new StateKey<CacheUse>('cache use');
/** Lock of the entry that a subrequest in the background updates. */
const UPDATE_LOCK = new StateKey<FillLock>('cache update');

/** ms after which another request may update a stale entry beside the first one: nginx has no such limit. */
const UPDATE_AGE = 2 ** 31 - 1;
/** Lookups for one request, each after waiting for another request. */
const MAX_LOOKUPS = 100;

/** Requests the same URI in the background, in the same location; null: that is impossible. `over` is called after it. */
export type StartUpdate = (x: Exchange, over: () => void) => Exchange | null;

export class CacheUse {
  status: CacheStatus | null = null;
  /** Whether the response of the upstream may be stored. nginx: `u->cacheable`. */
  storable: boolean;
  /** The entry that was found; the caller serves it if the lookup says so. */
  entry: OpenEntry | null = null;
  /** The entry that another request is writing, which is served instead. */
  follower: FillFollower | null = null;
  /** Empty: not needed so far. */
  private keyHash = '';
  /** Hash of the entry in question; empty: that of the key. */
  private chosenHash = '';
  /** Held while the entry is requested or updated. */
  private lock: FillLock | null = null;
  /** Head of the entry after a 304 response; null: as it was stored. */
  renewed: EntryHead | null = null;
  /** Whether the request purges the entry. */
  private purges = false;
  /** Whether the entry is not served before it was revalidated. */
  private mustRevalidate = false;
  private lookups = 0;
  private released = false;

  private constructor(
    private readonly x: Exchange,
    readonly settings: CacheSettings,
    readonly store: CacheStore,
    readonly key: string,
    private readonly startUpdate: StartUpdate,
  ) {
    this.storable = true;
  }

  private get hash(): string {
    return this.chosenHash === '' ? this.mainHash : this.chosenHash;
  }

  private set hash(hash: string) {
    this.chosenHash = hash;
  }

  private get mainHash(): string {
    if (this.keyHash === '') this.keyHash = hashOf(this.key);
    return this.keyHash;
  }

  /**
   * The cache for a request; null: it is not used. A number: the request fails with that status. `defaultKey` is the key if
   * none is configured.
   */
  static of(
    x: Exchange,
    settings: CacheSettings,
    defaultKey: () => string,
    startUpdate: StartUpdate,
  ): CacheUse | null | number {
    const purges = settings.purge !== null && anyHolds(settings.purge.conditions, x);
    if (!purges && !settings.methods.has(x.method)) return null;
    const store = storeFor(x, settings);
    if (store === null || typeof store === 'number') return store;
    const use = new CacheUse(x, settings, store, keyOf(x, settings, defaultKey), startUpdate);
    use.purges = purges;
    if (!purges) x.setState(CACHE_USE, use);
    x.cacheUse = use;
    return use;
  }

  /** Head of the stale entry that is being revalidated; null: conditional fields are not sent. */
  get revalidated(): EntryHead | null {
    return this.storable && this.status === 'EXPIRED' && this.settings.revalidate ? (this.entry?.head ?? null) : null;
  }

  /** Whether the whole response is requested with GET, although the client has sent HEAD. */
  get convertsHead(): boolean {
    return this.settings.convertHead && this.x.method === 'HEAD';
  }

  // -- lookup

  lookUp(): LookupResult | Promise<LookupResult> {
    this.lock = this.x.state(UPDATE_LOCK) ?? null;
    if (this.purges) return purge(this.x, this.settings, this.store, this.key);
    const use = this.settings.policy.requestUse(this.x);
    if (use === 'none') {
      this.storable = false;
      return 'fetch';
    }
    if (use === 'store' || anyHolds(this.settings.bypass, this.x)) {
      this.status = 'BYPASS';
      return 'fetch';
    }
    this.status = 'MISS';
    if (use === 'only-if-cached') {
      const found = this.find();
      if (found !== null && this.settings.policy.reuse(this.x, found.head, now()) === 'fresh') return this.hit(found);
      found?.close();
      this.storable = false;
      return 504;
    }
    return this.open();
  }

  private open(): LookupResult | Promise<LookupResult> {
    const found = this.find();
    if (found === null) return this.missed();
    const reuse = this.settings.policy.reuse(this.x, found.head, now());
    if (reuse === 'fresh') return this.hit(found);
    return this.stale(found, reuse === 'must-revalidate');
  }

  private hit(entry: OpenEntry): LookupResult {
    this.status = 'HIT';
    this.entry = entry;
    this.store.accessed(this.hash);
    this.unlock('filled');
    return 'serve';
  }

  /** Opens the entry of the key, or of the variant of the request. */
  private find(): OpenEntry | null {
    const log = (level: 'info' | 'error' | 'crit', message: string) => logError(this.x, level, message);
    this.entry?.close();
    this.entry = null;
    const { store, key } = this;
    const maxObject = this.settings.memory?.maxObject ?? -1;
    const inMemory = maxObject < 0 ? null : store.findKey(key);
    this.hash = inMemory === null ? this.mainHash : inMemory.hash;
    const entry = inMemory ?? store.open(this.hash, true, key, maxObject, log);
    if (entry === null || entry.head.vary === '') return this.usable(entry);
    const variant = this.settings.policy.variant(this.x, entry.head.vary);
    if (entry.head.variant === variant) return this.usable(entry);
    entry.close();
    this.hash = variantHash(this.mainHash, variant);
    const secondary = store.open(this.hash, false, key, maxObject, log);
    if (secondary === null || secondary.head.variant === variant) return this.usable(secondary);
    secondary.close();
    return null;
  }

  private usable(entry: OpenEntry | null): OpenEntry | null {
    if (entry === null || suitsMethod(entry, this.x.method)) return entry;
    entry.close();
    return null;
  }

  private stale(entry: OpenEntry, mustRevalidate: boolean): LookupResult | Promise<LookupResult> {
    this.entry = entry;
    this.mustRevalidate = mustRevalidate;
    const { x, settings } = this;
    const inBackground = x.nested?.background === true;
    const isAllowed = settings.useStale.includes('updating') || entry.head.staleWhileRevalidateUntil >= now();
    const mayServe = isAllowed && !inBackground && !mustRevalidate;
    // The request that has started this one holds the lock.
    if (this.lock !== null) return this.expired();
    const lock = this.store.locks.lock(this.hash);
    const result = lock.acquire({ wait: 'no', timeout: 0, age: UPDATE_AGE });
    this.lock = lock;
    return result instanceof Promise
      ? result.then((settled) => this.update(settled, mayServe))
      : this.update(result, mayServe);
  }

  /** The lock of a stale entry was acquired, or another request holds it. */
  private update(result: LockResult, mayServe: boolean): LookupResult {
    if (this.released) return 'fetch';
    const isOurs = result === 'mine' || result === 'unlocked';
    if (!isOurs) this.lock = null;
    const { backgroundUpdate, policy } = this.settings;
    if (!mayServe || (isOurs && !backgroundUpdate && !policy.updatesInBackground)) return this.expired();
    if (isOurs) {
      if (!this.beginUpdate(this.lock)) return 500;
      this.lock = null;
    }
    this.status = isOurs ? 'STALE' : 'UPDATING';
    this.store.accessed(this.hash);
    return 'serve';
  }

  private expired(): LookupResult {
    this.status = 'EXPIRED';
    return this.fetch();
  }

  private missed(): LookupResult | Promise<LookupResult> {
    const { settings, store, hash } = this;
    const error = store.errorOf(hash, now());
    if (error !== 0) {
      this.status = 'HIT';
      return error;
    }
    if (settings.minUses <= 1) return this.lockMissing();
    const uses = store.missed(hash);
    return uses instanceof Promise ? uses.then((count) => this.counted(count)) : this.counted(uses);
  }

  private counted(uses: number): LookupResult | Promise<LookupResult> {
    if (uses >= this.settings.minUses && !this.released) return this.lockMissing();
    this.storable = false;
    return 'fetch';
  }

  private lockMissing(): LookupResult | Promise<LookupResult> {
    const { settings, store } = this;
    if (settings.lock === 'off' || this.lock !== null) return this.fetch();
    const lock = store.locks.lock(this.hash);
    this.lock = lock;
    const result = lock.acquire(this.terms);
    if (!(result instanceof Promise)) return this.locked(result, false);
    return result.then((settled) => this.locked(settled, true));
  }

  private get terms(): LockTerms {
    const { lock, lockTimeout, lockAge } = this.settings;
    return { wait: lock === 'stream' ? 'stream' : 'complete', timeout: lockTimeout, age: lockAge };
  }

  private locked(result: LockResult, waited: boolean): LookupResult | Promise<LookupResult> {
    if (this.released) return 'fetch';
    if (result instanceof FillProgress) return this.follow(result);
    if (result === 'mine' || result === 'unlocked') {
      const { hash } = this;
      // The response may have been stored meanwhile.
      const found = waited ? this.find() : null;
      if (found === null && this.hash === this.mainHash) this.hash = hash;
      if (found !== null && this.settings.policy.reuse(this.x, found.head, now()) === 'fresh') return this.hit(found);
      found?.close();
      this.entry = null;
      return this.fetch();
    }
    this.lock = null;
    if (result === 'filled') return this.lookUpAgain();
    this.storable = false;
    return 'fetch';
  }

  private lookUpAgain(): LookupResult | Promise<LookupResult> {
    if (++this.lookups < MAX_LOOKUPS) return this.open();
    this.storable = false;
    return 'fetch';
  }

  /** Another request is writing an entry, which may be that of another variant. */
  private follow(progress: FillProgress): LookupResult | Promise<LookupResult> {
    const { x, lock, store, settings, hash } = this;
    this.lock = null;
    const entry = openGrowingEntry(progress);
    if (lock === null || entry === null) {
      // It was stored, or given up, a moment ago.
      lock?.leave();
      return this.lookUpAgain();
    }
    const follower = new FillFollower(x, lock, entry, {
      terms: this.terms,
      path: store.placeOf(hash, settings.temporary).path,
      newLock: () => store.locks.lock(hash),
      refill: (held) => this.beginUpdate(held),
    });
    const { head } = follower;
    const variant = head.vary === '' ? '' : settings.policy.variant(x, head.vary);
    const isOther = head.variant !== variant;
    if (!isOther && head.key === this.key && settings.policy.reuse(x, head, now()) === 'fresh') {
      this.follower = follower;
      this.status = 'HIT';
      return 'serve';
    }
    follower.release();
    if (isOther && ++this.lookups < MAX_LOOKUPS) {
      this.hash = variantHash(this.mainHash, variant);
      return this.lockMissing();
    }
    return this.fetch();
  }

  /** Requests the entry in the background; that request ends the lock. */
  private beginUpdate(lock: FillLock | null): boolean {
    // The lock is left if the request ends before it looks the entry up.
    const update = this.startUpdate(this.x, () => lock?.leave());
    if (update === null) return false;
    if (lock !== null) update.setState(UPDATE_LOCK, lock);
    return true;
  }

  /** The upstream is asked; a response to a request for a distant range is not stored. */
  private fetch(): LookupResult {
    if (this.storable && !storesRange(this.x, this.settings.maxRangeOffset)) this.storable = false;
    return 'fetch';
  }

  // -- the response of the upstream

  /** Whether the head confirms the stale entry, which is then served with a new validity. */
  confirms(response: UpstreamHead): boolean {
    const { entry } = this;
    if (response.status !== 304 || entry === null || this.revalidated === null) return false;
    this.status = 'REVALIDATED';
    const { policy, valid } = this.settings;
    const time = now();
    const { fields, validity } = policy.revalidated(this.x, entry.head, response, time);
    if (fields !== entry.head.fields) this.renewed = { ...entry.head, fields, date: time };
    const until = validity === null ? 0 : endOfValidity(validity.validUntil, valid, entry.head.status, time);
    if (validity !== null && until !== 0) {
      this.renewed = { ...entry.head, ...validityUntil(until, validity), date: time, fields };
      this.store.renew(entry, this.renewed, this.settings.temporary, (level, text) => logError(this.x, level, text));
    }
    this.unlock('filled');
    return true;
  }

  /**
   * Whether the stale entry is served because the upstream has failed. `reason`: the failure as `proxy_cache_use_stale` names
   * it, null for others; `byResponse`: the upstream has sent a response with an error.
   */
  servesStale(reason: string | null, byResponse: boolean): boolean {
    const { entry, settings } = this;
    if (this.status !== 'EXPIRED' || entry === null || this.mustRevalidate) return false;
    const isConfigured = reason !== null && settings.useStale.includes(reason);
    const isPermitted =
      entry.head.staleIfErrorUntil >= now() && (!byResponse || settings.policy.replacesErrors(reason));
    if (!isConfigured && !isPermitted) return false;
    this.status = 'STALE';
    this.unlock('filled');
    return true;
  }

  /** An error response was replaced by an error page: the error is remembered. */
  intercepted(response: UpstreamHead): void {
    if (this.storable) {
      const time = now();
      const validity = this.settings.policy.validity(this.x, response, time);
      if (validity !== null) this.remember(response.status, validity.validUntil);
    }
    this.pass(response.status);
    this.release();
  }

  /** There is no response. */
  failed(status: number): void {
    if (this.storable && (status === 502 || status === 504)) this.remember(status, 0);
    this.unlock('failed');
    this.release();
  }

  private remember(status: number, validUntil: number): void {
    const until = endOfValidity(validUntil, this.settings.valid, status, now());
    if (until !== 0) this.store.rememberError(this.hash, status, until);
  }

  /**
   * Evaluates the head before it is changed for the client; returns the head of the entry, null if the response is not stored.
   * `storable` then says whether the fields permit storing, whatever `proxy_cache_valid` is.
   */
  entryHead(response: UpstreamHead): EntryHead | null {
    if (!this.storable) return null;
    const { x, settings } = this;
    const { policy } = settings;
    const time = now();
    const validity = hasWholeBody(x.method, response, this) ? policy.validity(x, response, time) : null;
    const vary = validity === null ? null : policy.vary(response);
    if (validity === null || vary === null) {
      this.storable = false;
      return null;
    }
    if (anyHolds(settings.noCache, x)) return null;
    const validUntil = endOfValidity(validity.validUntil, settings.valid, response.status, time);
    if (validUntil === 0) return null;
    const variant = vary === '' ? '' : policy.variant(x, vary);
    // A response that does not vary as the entry did is stored under the key itself.
    if (this.hash !== this.mainHash && (variant === '' || variantHash(this.mainHash, variant) !== this.hash)) {
      this.hash = this.mainHash;
    }
    return {
      ...validityUntil(validUntil, validity),
      key: this.key,
      date: time,
      ...validatorsOf(response),
      vary,
      variant,
      status: response.status,
      reason: response.reason,
      version: response.version,
      fields: policy.storedFields(x, response, time),
      tags: tagsOf(response.headers),
    };
  }

  /** Begins to write the response; null if that fails, which is logged. */
  write(head: EntryHead): EntryWriter | null {
    if (this.store.isSimulated) return null;
    try {
      return new EntryWriter(this.store.placeOf(this.hash, this.settings.temporary), head);
    } catch (error) {
      this.storingFailed(error);
      return null;
    }
  }

  /** The response is complete: its file becomes the entry. */
  finish(writer: EntryWriter): void {
    const { length } = writer;
    try {
      this.store.stored(this.hash, writer.finish());
      this.unlock('filled', length);
    } catch (error) {
      writer.discard();
      this.storingFailed(error, writer.available === length ? 'unstored' : 'failed', length);
    }
  }

  storingFailed(error: unknown, end: FillEnd = 'failed', length = 0): void {
    logError(this.x, 'crit', (error as Error).message); // nginx's message
    this.unlock(end, length);
  }

  /** For `Cache-Status`. */
  usage(head: EntryHead | null, time: number, stored: boolean): CacheUsage {
    const { status, lookups } = this;
    const ttl = head === null ? null : head.validUntil + 1 - time;
    return { status, ttl, stored, waited: lookups > 0, requested: this.mustRevalidate };
  }

  get servesRanges(): boolean {
    return this.settings.policy.servesRanges;
  }

  closeEntry(): void {
    this.follower?.release();
    this.entry?.close();
    this.entry = null;
  }

  /** The lock by which others learn of the entry's file while it is written; null: they wait until it is complete. */
  get announcedBy(): FillLock | null {
    const { settings, lock, x } = this;
    // The response to a HEAD request is none for others.
    return settings.lock === 'stream' && (settings.convertHead || x.method !== 'HEAD') ? lock : null;
  }

  /** The response is not stored: after an error the others try one after the other, otherwise all at once if they stream. */
  pass(status: number): void {
    this.unlock(status >= 500 ? 'failed' : 'passed');
  }

  /** `length`: of the body that was stored. */
  private unlock(end: FillEnd, length = 0): void {
    this.lock?.end(end, length);
    this.lock = null;
  }

  /** The request is over, or another response replaces that of the upstream. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.lock?.leave();
    this.lock = null;
    this.closeEntry();
  }
}
