/** Operations behind `ngx.shared`. */
import {
  Dictionary,
  type DictionaryEntry,
  type DictionaryMode,
  type DictionaryResult,
  type DictionaryValue,
} from './dictionary.js';
import type { Operation } from './operation.js';

interface OfZone {
  readonly zone: number;
}

interface OfKey extends OfZone {
  readonly key: string;
}

/** Value of a key, and ms until it expires (Infinity: never); undefined: there is no such key. */
export const readEntry: Operation<OfKey, { readonly value: DictionaryValue; readonly left: number } | undefined> = {
  name: 'dictionary read',
  fallback: undefined,
  run(owner, { zone, key }) {
    const dictionary = owner.zone(zone, Dictionary);
    const value = dictionary?.get(key, owner.now);
    return value === undefined ? undefined : { value, left: dictionary?.timeLeft(key, owner.now) ?? 0 };
  },
};

export interface StoredEntry extends OfKey {
  readonly mode: DictionaryMode;
  readonly value: DictionaryValue;
  /** ms; 0: never expires. */
  readonly timeout: number;
  readonly evict: boolean;
}

export const storeEntry: Operation<StoredEntry, DictionaryResult> = {
  name: 'dictionary store',
  fallback: 'memory',
  run: (owner, { zone, mode, key, value, timeout, evict }) =>
    owner.zone(zone, Dictionary)?.store(mode, key, value, timeout, evict, owner.now) ?? 'memory',
};

export interface Addition extends OfKey {
  readonly by: number;
  /** Value of a key that does not exist. */
  readonly initial: number;
  /** ms; 0: an existing key keeps its time. */
  readonly timeout: number;
  /** ms for a new key; 0: never expires. */
  readonly defaultTimeout: number;
  readonly evict: boolean;
}

/** The sum; null: there is no room. */
export const addToEntry: Operation<Addition, number | null> = {
  name: 'dictionary add',
  fallback: null,
  run: (owner, { zone, timeout, defaultTimeout, evict, ...addition }) =>
    owner.zone(zone, Dictionary)?.add(addition, { own: timeout, fallback: defaultTimeout }, evict, owner.now) ?? null,
};

/** Removes a key, and returns its value. */
export const takeEntry: Operation<OfKey, DictionaryValue | undefined> = {
  name: 'dictionary take',
  fallback: undefined,
  run: (owner, { zone, key }) => owner.zone(zone, Dictionary)?.take(key, owner.now),
};

export const clearDictionary: Operation<OfZone, null> = {
  name: 'dictionary clear',
  fallback: null,
  run(owner, { zone }) {
    owner.zone(zone, Dictionary)?.clear();
    return null;
  },
};

/** At most so many entries. */
export const listEntries: Operation<
  OfZone & { readonly max: number },
  readonly (readonly [key: string, value: DictionaryValue])[]
> = {
  name: 'dictionary list',
  fallback: [],
  run: (owner, { zone, max }) => owner.zone(zone, Dictionary)?.list(max, owner.now) ?? [],
};

/** Number of entries, and free pages in bytes. */
export const measureDictionary: Operation<OfZone, { readonly count: number; readonly freeBytes: number }> = {
  name: 'dictionary measure',
  fallback: { count: 0, freeBytes: 0 },
  run(owner, { zone }) {
    const dictionary = owner.zone(zone, Dictionary);
    const count = dictionary?.count(owner.now) ?? 0;
    return { count, freeBytes: (dictionary?.slab.usage().pages.free ?? 0) * 4096 };
  },
};

export interface DictionaryContents {
  readonly version: number;
  readonly loaded: boolean;
  readonly entries: readonly DictionaryEntry[];
}

/** All entries, for the state file; null if the backend does not respond. */
export const readDictionary: Operation<OfZone, DictionaryContents | null> = {
  name: 'dictionary contents',
  fallback: null,
  run(owner, { zone }) {
    const dictionary = owner.zone(zone, Dictionary);
    if (dictionary === undefined) return null;
    const { version, isLoaded: loaded } = dictionary;
    return { version, loaded, entries: dictionary.snapshot(owner.now) };
  },
};

/** Adds the contents of a state file; only the first call has an effect. */
export const loadDictionary: Operation<OfZone & { readonly entries: readonly DictionaryEntry[] }, null> = {
  name: 'dictionary load',
  fallback: null,
  run(owner, { zone, entries }) {
    owner.zone(zone, Dictionary)?.load(entries, owner.now);
    return null;
  },
};
