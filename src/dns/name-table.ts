/** Names with their answers, cached and pending, by the rules of nginx (ngx_resolver.c). */
import { Lookup, type LookupOwner, type ServerList, type TableOptions } from './lookup.js';
import { HOST_NOT_FOUND } from './message.js';
import { type NameRecord, type Outcome, Wait } from './wait.js';

/** Aliases followed for one name; nginx's NGX_RESOLVER_MAX_RECURSION. */
const MAX_ALIASES = 50;
/** Time in ms for which an unused answer is kept; nginx's `expire`. */
const MAX_UNUSED = 30_000;
/** Unused answers removed at a time, as in nginx. */
const REMOVED_AT_ONCE = 2;
/** Validity of an error without `valid=`, ms. nginx does not cache errors, but asks again after this time. */
const ERROR_VALIDITY = 10_000;

/** Lookups for a name are shared; answers are cached, errors are not. */
export class NameTable implements LookupOwner {
  /** Least recently used first. */
  private readonly cache = new Map<string, { readonly record: NameRecord; used: number }>();
  private readonly pending = new Map<string, Lookup>();

  constructor(
    readonly list: ServerList,
    readonly options: TableOptions,
  ) {}

  /** Searches a name in lower case. `done` is called once, possibly at once, unless the returned wait is cancelled. */
  find(name: string, timeout: number, done: (outcome: Outcome) => void): Wait {
    const wait = new Wait(done);
    this.follow(wait, name);
    if (wait.waits !== null) wait.startTimer(timeout);
    return wait;
  }

  followAlias(wait: Wait, alias: string): void {
    if (wait.aliases++ < MAX_ALIASES) this.follow(wait, alias);
    else wait.settle({ code: HOST_NOT_FOUND, expires: Date.now() });
  }

  store(name: string, record: NameRecord): void {
    this.cache.delete(name);
    this.cache.set(name, { record, used: Date.now() });
    this.removeUnused();
  }

  errorExpiry(): number {
    return Date.now() + (this.options.valid ?? ERROR_VALIDITY);
  }

  remove(name: string): void {
    this.pending.delete(name);
  }

  /** Ends all pending lookups; their waits are not settled. */
  cancel(): void {
    for (const lookup of [...this.pending.values()]) lookup.end();
  }

  private follow(wait: Wait, name: string): void {
    const known = this.known(name);
    if (known === null) this.join(wait, name);
    else if (known.alias !== null) this.followAlias(wait, known.alias);
    else wait.settle({ code: 0, record: known, cached: true });
  }

  private join(wait: Wait, name: string): void {
    const lookup = this.pending.get(name) ?? Lookup.start(this, name);
    if (lookup === null) {
      wait.settle({ code: HOST_NOT_FOUND, expires: Date.now() });
      return;
    }
    this.pending.set(name, lookup);
    wait.join(lookup.waits);
  }

  private known(name: string): NameRecord | null {
    const entry = this.cache.get(name);
    const now = Date.now();
    if (entry === undefined || entry.record.expires <= now) return null;
    entry.used = now;
    this.cache.delete(name);
    this.cache.set(name, entry);
    return entry.record;
  }

  /** Bounds the memory: names also come from requests. */
  private removeUnused(): void {
    let left = REMOVED_AT_ONCE;
    for (const [name, { used }] of this.cache) {
      if (left-- === 0 || Date.now() - used <= MAX_UNUSED) return;
      this.cache.delete(name);
    }
  }
}
