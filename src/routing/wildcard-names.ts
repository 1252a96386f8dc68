/** Lookup by host name with nginx's wildcards; used by `server_name` and `map … hostnames`. */
import { asciiLowerCase } from '../net/ascii-case.js';

/** Result of adding a name. nginx: NGX_OK, NGX_BUSY, NGX_DECLINED. */
export type NameOutcome = 'added' | 'conflicting' | 'invalid';

/** A label of a wildcard name. */
class Label<V> {
  /** Value for names with further labels: `*.example.com` at `example`, `www.example.*` at `example`. */
  beyond: V | undefined = undefined;
  /** Value for the name that ends at this label; only set by `.example.com`. */
  here: V | undefined = undefined;
  private children: Map<string, Label<V>> | null = null;

  child(label: string): Label<V> | undefined {
    return this.children?.get(label);
  }

  ensureChild(label: string): Label<V> {
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
 * Exact names, `*.example.com`, `.example.com` (the name includeSelf and all its subdomains) and `www.example.*`, searched
 * in nginx's order: exact name, longest leading wildcard, longest trailing wildcard.
 *
 * Wildcards are stored as trees of labels, so a search visits at most as many labels as the longest wildcard has.
 */
export class WildcardNames<V> {
  private readonly exact = new Map<string, V>();
  private readonly leading = new Label<V>();
  private readonly trailing = new Label<V>();
  private hasLeading = false;
  private hasTrailing = false;
  /** Names of `.example.com` entries without the dot; they conflict with exact names, in either order. */
  private readonly dotted = new Set<string>();

  /** Whether no name has been added. */
  get isEmpty(): boolean {
    return this.exact.size === 0 && !this.hasLeading && !this.hasTrailing;
  }

  /**
   * Adds a name, case-insensitively for ASCII letters. `conflicting`: the name already exists and keeps its value.
   * `invalid`: misplaced `*` or empty label.
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

  /** Returns the value for a lower-case name, or undefined. */
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

  private addLeading(rest: string, value: V, includeSelf: boolean): NameOutcome {
    let label = this.leading;
    for (const text of rest.split('.').reverse()) label = label.ensureChild(text);
    if (label.beyond !== undefined) return 'conflicting';
    label.beyond = value;
    if (includeSelf) label.here = value;
    this.hasLeading = true;
    return 'added';
  }

  private addTrailing(rest: string, value: V): NameOutcome {
    let label = this.trailing;
    for (const text of rest.split('.')) label = label.ensureChild(text);
    if (label.beyond !== undefined) return 'conflicting';
    label.beyond = value;
    this.hasTrailing = true;
    return 'added';
  }

  private findLeading(name: string): V | undefined {
    let best: V | undefined;
    let label: Label<V> | undefined = this.leading;
    for (let end = name.length; ; ) {
      // lastIndexOf treats a negative position as 0 and would find a leading dot twice.
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
