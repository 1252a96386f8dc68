/** `ngx.shared`: dictionaries that all workers share (`js_shared_dict_zone`). Methods and errors are njs's. */
import { toText } from '../diagnostics/byte-string.js';
import type { DictionaryMode, DictionaryValue } from '../zones/dictionary.js';
import {
  addToEntry,
  clearDictionary,
  listEntries,
  measureDictionary,
  readEntry,
  storeEntry,
  takeEntry,
} from '../zones/dictionary-operations.js';
import type { Operation } from '../zones/operation.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { textOf } from './njs/bytes.js';

/** A `js_shared_dict_zone` as declared. Plain data. */
export interface SharedDictionaryData {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly type: 'string' | 'number';
  /** ms after which an entry expires; 0: never. */
  readonly timeout: number;
  /** Whether the entries that expire first make room for new ones. */
  readonly evict: boolean;
  /** Path of the state file, bytes; null: none. */
  readonly state: string | null;
}

/** The dictionary has no room for an entry. */
export class SharedMemoryError extends Error {
  override readonly name = 'SharedMemoryError';
}

const DEFAULT_MAX = 1024;

/** A dictionary, as scripts see it. */
export class SharedDictionary {
  readonly #data: SharedDictionaryData;
  readonly #backend: ZoneBackend;
  readonly #zone: Zone;
  readonly #changed: () => void;

  constructor(data: SharedDictionaryData, backend: ZoneBackend, zone: Zone, changed: () => void) {
    this.#data = data;
    this.#backend = backend;
    this.#zone = zone;
    this.#changed = changed;
  }

  get name(): string {
    return toText(this.#data.name);
  }

  get capacity(): number {
    return this.#data.size;
  }

  get type(): 'string' | 'number' {
    return this.#data.type;
  }

  get [Symbol.toStringTag](): string {
    return 'SharedDict';
  }

  /** Adds a key; false if it exists. */
  add(key: unknown, value: unknown, timeout?: unknown): boolean {
    return this.#store('add', key, value, timeout);
  }

  clear(): void {
    this.#ask(clearDictionary, { zone: this.#zone.id });
    this.#changed();
  }

  delete(key: unknown): boolean {
    return this.pop(key) !== undefined;
  }

  /** Bytes of free pages; a dictionary without free pages may still have room for entries. */
  freeSpace(): number {
    return this.#ask(measureDictionary, { zone: this.#zone.id }).freeBytes;
  }

  get(key: unknown): DictionaryValue | undefined {
    return this.#ask(readEntry, { zone: this.#zone.id, key: textOf(key) })?.value;
  }

  has(key: unknown): boolean {
    return this.get(key) !== undefined;
  }

  /** Adds to a number; returns the sum. */
  incr(key: unknown, delta: unknown, init?: unknown, ...timeouts: readonly unknown[]): number {
    if (this.#data.type !== 'number') throw new TypeError('shared dict is not a number dict');
    const [by, initial] = [Number(delta), init === undefined ? 0 : Number(init)];
    const sum = this.#ask(addToEntry, {
      zone: this.#zone.id,
      key: textOf(key),
      by,
      initial,
      timeout: timeouts.length === 0 || timeouts[0] === undefined ? 0 : this.#timeout(timeouts[0]),
      defaultTimeout: this.#data.timeout,
      evict: this.#data.evict,
    });
    if (sum === null) throw new SharedMemoryError();
    this.#changed();
    return sum;
  }

  items(max?: unknown): [string, DictionaryValue][] {
    return this.#list(max).map(([key, value]) => [key, value]);
  }

  keys(max?: unknown): string[] {
    return this.#list(max).map(([key]) => key);
  }

  /** Removes a key, and returns its value. */
  pop(key: unknown): DictionaryValue | undefined {
    const value = this.#ask(takeEntry, { zone: this.#zone.id, key: textOf(key) });
    if (value !== undefined) this.#changed();
    return value;
  }

  /** Changes a key; false if it does not exist. */
  replace(key: unknown, value: unknown): boolean {
    return this.#store('replace', key, value, undefined);
  }

  set(key: unknown, value: unknown, timeout?: unknown): this {
    this.#store('set', key, value, timeout);
    return this;
  }

  /** Number of entries. */
  size(): number {
    return this.#ask(measureDictionary, { zone: this.#zone.id }).count;
  }

  /** ms until a key expires. */
  ttl(key: unknown): number | undefined {
    this.#checkTimeouts();
    return this.#ask(readEntry, { zone: this.#zone.id, key: textOf(key) })?.left;
  }

  #store(mode: DictionaryMode, key: unknown, value: unknown, timeout: unknown): boolean {
    const { type, evict } = this.#data;
    if (typeof value !== type) throw new TypeError(`${type} value is expected`);
    const result = this.#ask(storeEntry, {
      zone: this.#zone.id,
      mode,
      key: textOf(key),
      value: value as DictionaryValue, // checked above
      timeout: timeout === undefined ? this.#data.timeout : this.#timeout(timeout),
      evict,
    });
    if (result === 'memory') throw new SharedMemoryError();
    if (result === 'done') this.#changed();
    return result === 'done';
  }

  #checkTimeouts(): void {
    if (this.#data.timeout === 0) throw new TypeError('shared dict must be declared with timeout');
  }

  /** An entry's own time in ms. */
  #timeout(value: unknown): number {
    if (typeof value !== 'number') throw new TypeError('timeout is not a number');
    this.#checkTimeouts();
    const ms = Math.trunc(value);
    if (!(ms >= 1)) throw new RangeError('timeout must be greater than or equal to 1');
    return ms;
  }

  #list(max: unknown): readonly (readonly [string, DictionaryValue])[] {
    const number = max === undefined ? DEFAULT_MAX : Math.max(0, Math.trunc(Number(max)) || 0);
    return this.#ask(listEntries, { zone: this.#zone.id, max: number });
  }

  #ask<Q, A>(operation: Operation<Q, A>, question: Q): A {
    return this.#backend.askNow(this.#zone, operation, question);
  }
}
