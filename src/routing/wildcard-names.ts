/** Values by host name, with nginx's wildcards; `server_name` and `map … hostnames` share the rules. */
import { asciiLowerCase } from '../http/ascii-case.js';

/** What became of a name that was added. nginx: NGX_OK, NGX_BUSY, NGX_DECLINED. */
export type NameOutcome = 'added' | 'conflicting' | 'invalid';

/** One label of a wildcard name. */
class Label<V> {
  /** The value of the names that reach beyond this label: `*.example.com` at `example`, `www.example.*` at `example`. */
  beyond: V | undefined = undefined;
  /** The value of the name that ends with this label: only `.example.com` sets it. */
  here: V | undefined = undefined;
  private children: Map<string, Label<V>> | null = null;

  child(label: string): Label<V> | undefined {
    return this.children?.get(label);
  }

  grow(label: string): Label<V> {
    this.children ??= new Map();
    let child = this.children.get(label);
    if (child === undefined) {
      child = new Label<V>();
      this.children.set(label, child);
    }
    return child;
  }
}

/**
 * Exact names, `*.example.com`, `.example.com` (the name itself and all below it) and `www.example.*`. The order of the
 * search is nginx's: the exact name, then the longest leading wildcard, then the longest trailing one.
 *
 * Wildcards are kept as trees of labels, so that a search looks at no more labels than the longest wildcard has.
 */
export class WildcardNames<V> {
  private readonly exact = new Map<string, V>();
  private readonly leading = new Label<V>();
  private readonly trailing = new Label<V>();
  private hasLeading = false;
  private hasTrailing = false;
  /** Names of `.example.com` entries without the dot: they conflict with exact names, in either order. */
  private readonly dotted = new Set<string>();

  /** True while nothing was added. */
  get isEmpty(): boolean {
    return this.exact.size === 0 && !this.hasLeading && !this.hasTrailing;
  }

  /**
   * Adds a name; its ASCII letters are compared without regard to case. `conflicting`: the name is there already and
   * the first value stays. `invalid`: a `*` or an empty label where none may be.
   */
  add(name: string, value: V): NameOutcome {
    const lower = asciiLowerCase(name);
    const stars = lower.split('*').length - 1;
    if (stars > 1 || lower.includes('..') || lower.includes('\0')) return 'invalid';
    if (lower.length > 1 && lower.startsWith('.')) return this.addDotted(lower.slice(1), value);
    if (lower.length > 2 && lower.startsWith('*.')) return this.addLeading(lower.slice(2), value, false);
    if (lower.length > 2 && lower.endsWith('.*')) return this.addTrailing(lower.slice(0, -2), value);
    if (stars > 0) return 'invalid';
    return this.addExact(lower, value);
  }

  /** The value for a name in lower case, or undefined. */
  find(name: string): V | undefined {
    const value = this.exact.get(name);
    if (value !== undefined || name === '') return value;
    if (this.hasLeading) {
      const found = this.findLeading(name);
      if (found !== undefined) return found;
    }
    return this.hasTrailing ? this.findTrailing(name) : undefined;
  }

  private addExact(name: string, value: V): NameOutcome {
    if (this.exact.has(name) || this.dotted.has(name)) return 'conflicting';
    this.exact.set(name, value);
    return 'added';
  }

  private addDotted(rest: string, value: V): NameOutcome {
    if (this.exact.has(rest) || this.dotted.has(rest)) return 'conflicting';
    this.dotted.add(rest);
    return this.addLeading(rest, value, true);
  }

  private addLeading(rest: string, value: V, itself: boolean): NameOutcome {
    let label = this.leading;
    for (const text of rest.split('.').reverse()) label = label.grow(text);
    if (label.beyond !== undefined) return 'conflicting';
    label.beyond = value;
    if (itself) label.here = value;
    this.hasLeading = true;
    return 'added';
  }

  private addTrailing(rest: string, value: V): NameOutcome {
    let label = this.trailing;
    for (const text of rest.split('.')) label = label.grow(text);
    if (label.beyond !== undefined) return 'conflicting';
    label.beyond = value;
    this.hasTrailing = true;
    return 'added';
  }

  private findLeading(name: string): V | undefined {
    let best: V | undefined;
    let label: Label<V> | undefined = this.leading;
    for (let end = name.length; ; ) {
      // A negative position would mean 0 to lastIndexOf, and find a leading dot a second time.
      const dot = end === 0 ? -1 : name.lastIndexOf('.', end - 1);
      label = label.child(name.slice(dot + 1, end));
      if (label === undefined) return best;
      if (dot < 0) return label.here ?? best;
      if (label.beyond !== undefined) best = label.beyond;
      end = dot;
    }
  }

  private findTrailing(name: string): V | undefined {
    let best: V | undefined;
    let label: Label<V> | undefined = this.trailing;
    for (let start = 0; ; ) {
      const dot = name.indexOf('.', start);
      if (dot < 0) return best;
      label = label.child(name.slice(start, dot));
      if (label === undefined) return best;
      if (label.beyond !== undefined) best = label.beyond;
      start = dot + 1;
    }
  }
}
