/** Names with their answers, cached and pending, by the rules of nginx (ngx_resolver.c). */
import { Lookup } from './lookup.js';
import { HOST_NOT_FOUND, type QuestionType, type ServiceRecord } from './message.js';
import type { NameServer } from './name-server.js';

/** Aliases followed for one name; nginx's NGX_RESOLVER_MAX_RECURSION. */
const MAX_ALIASES = 50;
/** Time in ms for which an unused answer is kept; nginx's `expire`. */
const MAX_UNUSED = 30_000;
/** Unused answers removed at a time, as in nginx. */
const REMOVED_AT_ONCE = 2;
/** Validity of an error without `valid=`, ms. nginx does not cache errors, but asks again after this time. */
const ERROR_VALIDITY = 10_000;

/** Code of the timeout, beside those of DNS; nginx's NGX_RESOLVE_TIMEDOUT. */
export const TIMED_OUT = 110;

/** Answer for a name. */
export interface NameRecord {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly services: readonly ServiceRecord[];
  /** The name of which the answer is; null for an answer with addresses or services. */
  readonly alias: string | null;
  /** Expiry, ms since 1970. */
  readonly expires: number;
}

/** Result of a search: a record, or an error of DNS or TIMED_OUT. */
export type Outcome =
  | { readonly code: 0; readonly record: NameRecord; readonly cached: boolean }
  | { readonly code: number; readonly expires: number };

/** Name servers, of which each lookup begins with the next one. */
export interface ServerList {
  readonly servers: readonly NameServer[];
  /** Index of the next one. */
  next: number;
  /** Receives log lines of level `error`. */
  readonly note: (text: string) => void;
}

export interface TableOptions {
  /** Questions asked for a name. */
  readonly types: readonly QuestionType[];
  /** Time in ms for which answers are valid; null: their TTL. */
  readonly valid: number | null;
  /** Time after which the next name server is asked, ms. */
  readonly resend: number;
}

/** One request for a name. */
export class Wait {
  /** Aliases followed. */
  aliases = 0;
  lookup: Lookup | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly done: (outcome: Outcome) => void) {}

  /** Reports a timeout after `ms`; 0: never. */
  startTimer(ms: number): void {
    if (ms === 0) return;
    this.timer = setTimeout(() => this.settle({ code: TIMED_OUT, expires: Date.now() }), ms);
  }

  settle(outcome: Outcome): void {
    this.cancel();
    this.done(outcome);
  }

  /** Stops waiting, without a result. */
  cancel(): void {
    clearTimeout(this.timer);
    this.lookup?.waits.delete(this);
    this.lookup = null;
  }
}

/** Lookups for a name are shared; answers are cached, errors are not. */
export class NameTable {
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
    if (wait.lookup !== null) wait.startTimer(timeout);
    return wait;
  }

  /** Continues with the name in an answer. */
  followAlias(wait: Wait, alias: string): void {
    if (wait.aliases++ < MAX_ALIASES) this.follow(wait, alias);
    else wait.settle({ code: HOST_NOT_FOUND, expires: Date.now() });
  }

  /** Caches the answer of a lookup. */
  store(name: string, record: NameRecord): void {
    this.cache.delete(name);
    this.cache.set(name, { record, used: Date.now() });
    this.removeUnused();
  }

  /** Expiry of an error. */
  errorExpiry(): number {
    return Date.now() + (this.options.valid ?? ERROR_VALIDITY);
  }

  /** A lookup has ended. */
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
    lookup.waits.add(wait);
    wait.lookup = lookup;
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
