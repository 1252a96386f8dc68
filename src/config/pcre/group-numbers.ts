/** Numbers and names of the groups of one expression, and what refers to them. */
import { invalid, untranslatable } from './syntax.js';

/** A number or a name of a group that may come later in the expression. */
interface Reference {
  readonly key: number | string;
  readonly at: number;
  /** Receives the number of the group. */
  readonly holder: { index: number };
}

export class GroupNumbers {
  /** Groups so far. */
  count = 0;
  /** Names in lower case, in order, and the numbers of their groups. */
  readonly names: string[] = [];
  readonly indexes: number[] = [];
  private readonly byName = new Map<string, number>();
  private readonly references: Reference[] = [];

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Gives a group a name, and returns that in lower case. The group begins at `start`, its name ends at `at`. */
  declare(name: string, index: number, start: number, at: number): string {
    const lower = name.toLowerCase();
    // The same number once more, in another branch of `(?|...)`.
    if (this.byName.get(name) === index) return lower;
    if (this.byName.has(name)) {
      invalid('two named subpatterns have the same name (PCRE2_DUPNAMES not set)', at, start);
    }
    if (this.names.includes(lower)) {
      untranslatable('group names that differ in case only', start, at);
    }
    this.byName.set(name, index);
    this.names.push(lower);
    this.indexes.push(index);
    return lower;
  }

  /** The number of a group that is given as such, or counted from here (`-1`, `+1`); or its name. */
  relative(key: string): number | string {
    if (!/^[+-]?\d+$/.test(key)) return key;
    const number = Number(key);
    if (key.startsWith('+')) return this.count + number;
    if (!key.startsWith('-')) return number;
    const index = this.count + 1 + number;
    return index > 0 ? index : -1;
  }

  /** Notes that `holder` is about a group; `resolve` gives it the number. */
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
