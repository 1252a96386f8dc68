/** A process's copy of a `keyval_zone`: looked up without asking the zone, and updated with each change of it. */
import { ipBytes, parseCidr } from '../config/cidr.js';
import type { KeyValue, KeyValueNews } from './key-values.js';

/** How keys are compared: equal, as networks that contain an address, or as prefixes of a string. */
export type KeyType = 'string' | 'ip' | 'prefix';

interface Copied {
  readonly key: string;
  readonly value: string;
  /** On the clock of `performance.now()`; Infinity: never. */
  readonly expires: number;
}

/** Entries of one key, or of one network, which several keys may name (`10.0.0.1/8`, `10.0.0.2/8`). */
interface Place {
  /** The entry that was set last. */
  latest: Copied;
  /** Entries of other keys by key, in the order in which they were set; null for none. */
  earlier: Map<string, Copied> | null;
}

/** Whether a key may be stored in a zone of that type. */
export function isValidKey(type: KeyType, key: string): boolean {
  return type !== 'ip' || parseCidr(key) !== null;
}

export class KeyValueCopy {
  /** Entries by key, or by network for the type `ip`. */
  private readonly values = new Map<string, Place>();
  /** Lengths of the keys (of networks: in bits) in descending order, with the number of keys of each length. */
  private lengths: [length: number, count: number][] = [];

  constructor(private readonly type: KeyType) {}

  apply({ all, set, removed }: KeyValueNews): void {
    if (all) this.clear();
    for (const key of removed) this.remove(key);
    for (const entry of set) this.set(entry);
  }

  /** The value for a key; the longest network or prefix counts. */
  find(subject: string): string | undefined {
    if (this.values.size === 0) return undefined;
    if (this.type === 'string') return this.live(subject);
    const address = this.type === 'ip' ? ipBytes(subject) : null;
    if (this.type === 'ip' && address === null) return undefined;
    for (const [length] of this.lengths) {
      if (address === null && length > subject.length) continue;
      const name = address === null ? subject.slice(0, length) : networkName(address, length);
      const value = name === null ? undefined : this.live(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  private live(name: string): string | undefined {
    const place = this.values.get(name);
    if (place === undefined) return undefined;
    const now = performance.now();
    if (place.latest.expires > now) return place.latest.value;
    for (const { value, expires } of [...(place.earlier?.values() ?? [])].reverse()) if (expires > now) return value;
    return undefined;
  }

  private set({ key, value, left }: KeyValue): void {
    const place = this.place(key);
    if (place === null) return;
    const expires = left === null ? Number.POSITIVE_INFINITY : performance.now() + left;
    const latest = { key, value, expires };
    const known = this.values.get(place.name);
    if (known === undefined) {
      this.values.set(place.name, { latest, earlier: null });
      this.count(place.length, 1);
      return;
    }
    if (known.latest.key !== key) {
      known.earlier ??= new Map();
      known.earlier.delete(key);
      known.earlier.set(known.latest.key, known.latest);
    }
    known.latest = latest;
  }

  private remove(key: string): void {
    const place = this.place(key);
    const known = place === null ? undefined : this.values.get(place.name);
    if (place === null || known === undefined) return;
    if (known.latest.key !== key) {
      known.earlier?.delete(key);
      return;
    }
    const next = [...(known.earlier?.values() ?? [])].at(-1);
    if (next !== undefined) {
      known.earlier?.delete(next.key);
      known.latest = next;
    } else {
      this.values.delete(place.name);
      this.count(place.length, -1);
    }
  }

  private clear(): void {
    this.values.clear();
    this.lengths = [];
  }

  private place(key: string): { readonly name: string; readonly length: number } | null {
    if (this.type !== 'ip') return { name: key, length: key.length };
    const network = parseCidr(key)?.cidr;
    if (network === undefined) return null;
    const name = networkName(network.bytes, network.length);
    return name === null ? null : { name, length: network.length };
  }

  private count(length: number, change: 1 | -1): void {
    if (this.type === 'string') return;
    const at = this.lengths.findIndex(([each]) => each <= length);
    const found = at < 0 ? undefined : this.lengths[at];
    if (found === undefined || found[0] !== length)
      this.lengths.splice(at < 0 ? this.lengths.length : at, 0, [length, 1]);
    else {
      found[1] += change;
      if (found[1] === 0) this.lengths.splice(at, 1);
    }
  }
}

/** Unique name of the network of that prefix length which contains the address; null if the address is shorter. */
function networkName(address: readonly number[], length: number): string | null {
  if (length > address.length * 8) return null;
  const bytes = address.map((byte, i) => byte & (0xff << (8 - Math.min(8, Math.max(0, length - i * 8)))) & 0xff);
  return `${bytes.join('.')}/${length}`;
}
