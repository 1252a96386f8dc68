/** Numbers and names of the groups of one expression, and the references to them. */
import { invalid, untranslatable } from './syntax.js';

/** Reference to a group by number or name; the group may come later in the expression. */
interface Reference {
  readonly key: number | string;
  readonly at: number;
  /** Receives the number of the group. */
  readonly holder: { index: number };
}

export class GroupNumbers {
  /** Number of groups so far. */
  count = 0;
  /** Names in lower case, in order, and the numbers of their groups. */
  readonly names: string[] = [];
  readonly indexes: number[] = [];
  private readonly byName = new Map<string, number>();
  private readonly references: Reference[] = [];

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Names a group, and returns the name in lower case. The group begins at `start`, its name ends at `at`. */
  declare(name: string, index: number, start: number, at: number): string {
    const lower = name.toLowerCase();
    // The same number again, in another branch of `(?|...)`.
    if (this.byName.get(name) === index) return lower;
    if (this.byName.has(name)) {
      invalid('two named subpatterns have the same name (PCRE2_DUPNAMES not set)', at, start);
    }
    if (this.names.includes(lower)) {
      untranslatable('group names that differ only in case', start, at);
    }
    this.byName.set(name, index);
    this.names.push(lower);
    this.indexes.push(index);
    return lower;
  }

  /** Number of a group given as an absolute or relative number (`-1`, `+1`), or its name. */
  relative(key: string): number | string {
    if (!/^[+-]?\d+$/.test(key)) return key;
    const number = Number(key);
    if (key.startsWith('+')) return this.count + number;
    if (!key.startsWith('-')) return number;
    const index = this.count + 1 + number;
    return index > 0 ? index : -1;
  }

  /** Records that `holder` refers to a group; `resolve` sets its number. */
  refer<T extends { index: number }>(holder: T, key: number | string, at: number): T {
    this.references.push({ key, at, holder });
    return holder;
  }

  /** Resolves all references at the end of the expression. */
  resolve(): void {
    for (const { key, at, holder } of this.references) {
      const index = typeof key === 'string' ? this.byName.get(key) : key;
      if (index === undefined || index < 0 || index > this.count) invalid('reference to non-existent subpattern', at);
      holder.index = index;
    }
  }
}
