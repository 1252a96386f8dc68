/** A process's copy of the purges of a cache, with which entries are compared before they are used. */
import { Expression } from '../config/pcre/expression.js';
import { translate } from '../config/pcre/translate.js';
import { nameOf, type Purge, type PurgeNews } from '../zones/cache-purges.js';
import type { EntryHead } from './entry-head.js';

/** Longest expression that is accepted. */
const MAX_EXPRESSION = 1024;

/** The expression as written; null if it is invalid. */
export function purgeExpression(written: string): Expression | null {
  if (written.length > MAX_EXPRESSION) return null;
  const translation = translate(written, false);
  return 'pattern' in translation ? new Expression(translation.pattern) : null;
}

interface RegexPurge {
  readonly expression: Expression;
  readonly date: number;
}

export class PurgeList {
  private readonly purges = new Map<string, Purge>();
  /** Dates by key, tag and prefix. */
  private readonly keys = new Map<string, number>();
  private readonly tags = new Map<string, number>();
  private readonly prefixes = new Map<string, number>();
  private readonly expressions = new Map<string, RegexPurge>();

  /** Number of purges in effect. */
  get size(): number {
    return this.purges.size;
  }

  apply({ all, added, removed }: PurgeNews): void {
    if (all) for (const purge of [...this.purges.values()]) this.remove(purge);
    for (const purge of removed) this.remove(purge);
    for (const purge of added) this.add(purge);
  }

  /** Whether the entry was purged. */
  matches({ key, date, tags }: EntryHead): boolean {
    if (this.purges.size === 0) return false;
    if (isUntil(this.keys.get(key), date)) return true;
    if (this.tags.size > 0 && tags.some((tag) => isUntil(this.tags.get(tag), date))) return true;
    for (const [prefix, until] of this.prefixes) if (date <= until && key.startsWith(prefix)) return true;
    // A search that is given up counts as a match: the entry is requested again.
    for (const { expression, date: until } of this.expressions.values()) {
      if (date <= until && matchesKey(expression, key)) return true;
    }
    return false;
  }

  private add(purge: Purge): void {
    const { by, text, date } = purge;
    this.purges.set(nameOf(purge), purge);
    if (by === 'key') this.keys.set(text, date);
    else if (by === 'tag') this.tags.set(text, date);
    else if (by === 'prefix') this.prefixes.set(text, date);
    else {
      const expression = purgeExpression(text);
      if (expression !== null) this.expressions.set(text, { expression, date });
    }
  }

  private remove(purge: Purge): void {
    if (!this.purges.delete(nameOf(purge))) return;
    const { by, text } = purge;
    if (by === 'key') this.keys.delete(text);
    else if (by === 'tag') this.tags.delete(text);
    else if (by === 'prefix') this.prefixes.delete(text);
    else this.expressions.delete(text);
  }
}

function isUntil(until: number | undefined, date: number): boolean {
  return until !== undefined && date <= until;
}

function matchesKey(expression: Expression, key: string): boolean {
  try {
    return expression.exec(key) !== null;
  } catch {
    return true;
  }
}
