/** Selects the location for a URI among the locations of a server or of an enclosing location. */
import type { Matcher } from './server-names.js';

/** A `location` from which the tree is built. Named locations are not included. */
export interface LocationEntry<L, X = unknown> {
  readonly location: L;
  /** `location = /x`, `location /x` and `location ^~ /x`, `location ~ x` and `location ~* x`. */
  readonly kind: 'exact' | 'prefix' | 'regex';
  /** The URI of an exact or prefix location. */
  readonly name: string;
  /** `^~`: regular expressions of the same level are not tried after this prefix. */
  readonly noRegex?: boolean;
  /** Regular expression of a regex location. */
  readonly pattern?: Matcher<X> | undefined;
  /** Whether the name ends in a slash and a request without that slash is redirected to it (301). */
  readonly autoRedirect?: boolean;
  /** Nested locations. */
  readonly nested?: LocationTree<L, X> | null;
}

/** The exact and prefix locations of one name. `parent` is the node of the longest prefix location that contains it. */
export interface StaticNode<L, X> {
  readonly name: string;
  exact: LocationEntry<L, X> | null;
  prefix: LocationEntry<L, X> | null;
  parent: StaticNode<L, X> | null;
}

interface RegexNode<L, X> {
  readonly pattern: Matcher<X>;
  readonly entry: LocationEntry<L, X>;
}

/**
 * Implements nginx's location search: an exact match ends the search. Otherwise the longest prefix is selected and its
 * nested locations are searched; then the regular expressions of this level are tried in order unless the prefix has
 * `^~`; if none matches, the prefix is used. Expressions of inner levels are therefore tried before those of outer
 * levels.
 *
 * Names are sorted. The last name that is not greater than the URI is either a prefix of it or a descendant of every
 * prefix of it, so a search is one bisection and a few steps up the ancestors, without allocation.
 */
export class LocationTree<L, X = unknown> {
  /** Whether the last `find` selected a location whose name is the URI plus a slash, so that a redirect is due. */
  redirect = false;
  /** Whether the last `find` is final: no expression of an outer level may be tried. */
  protected final = false;
  private readonly names: readonly string[];
  private readonly nodes: readonly StaticNode<L, X>[];
  private readonly redirectNames: readonly string[];
  private readonly redirectNodes: readonly StaticNode<L, X>[];
  private readonly regexes: readonly RegexNode<L, X>[];

  /** Throws if two locations of the same kind have the same name; configuration checks reject this earlier. */
  constructor(entries: Iterable<LocationEntry<L, X>>) {
    const byName = new Map<string, StaticNode<L, X>>();
    const regexes: RegexNode<L, X>[] = [];
    for (const entry of entries) {
      if (entry.kind !== 'regex') addStatic(byName, entry);
      else if (entry.pattern === undefined) throw new Error('a regex location has no pattern');
      else regexes.push({ pattern: entry.pattern, entry });
    }
    this.regexes = regexes;
    this.nodes = sorted([...byName.values()], (node) => node.name);
    this.names = this.nodes.map((node) => node.name);
    linkParents(this.nodes);
    this.redirectNodes = sorted(this.nodes.filter(redirects), withoutSlash);
    this.redirectNames = this.redirectNodes.map(withoutSlash);
  }

  /**
   * Returns the location for a normalised URI, or null if none matches (the server's own settings apply). If `redirect`
   * is true afterwards, the response is a 301 to the location's name.
   */
  find(uri: string, x: X): L | null {
    this.redirect = false;
    this.final = false;
    let found: L | null = null;
    let node = this.lastNotAbove(uri);
    if (node === null || node.name !== uri) {
      const target = this.redirectTo(uri);
      if (target !== null) {
        this.redirect = true;
        this.final = true;
        return target.location;
      }
      while (node !== null && (node.prefix === null || !uri.startsWith(node.name))) node = node.parent;
    } else if (node.exact !== null) {
      this.final = true;
      return node.exact.location;
    }
    const prefix = node === null ? null : node.prefix;
    if (prefix !== null) {
      found = prefix.location;
      const nested = prefix.nested;
      if (nested) {
        found = nested.find(uri, x) ?? found;
        if (nested.final) {
          this.final = true;
          this.redirect = nested.redirect;
          return found;
        }
      }
      if (prefix.noRegex === true) return found;
    }
    const matched = this.firstMatch(uri, x);
    if (matched === null) return found;
    this.final = true;
    // As in nginx, a redirect of a location nested in a regex location is ignored.
    return matched.nested?.find(uri, x) ?? matched.location;
  }

  // Steps of the search; overridden to trace it.

  protected lastNotAbove(uri: string): StaticNode<L, X> | null {
    return this.nodes[lastNotAbove(this.names, uri)] ?? null;
  }

  protected redirectTo(uri: string): LocationEntry<L, X> | null {
    const i = lastNotAbove(this.redirectNames, uri);
    if (i < 0 || this.redirectNames[i] !== uri) return null;
    const node = this.redirectNodes[i] as StaticNode<L, X>;
    return node.exact ?? node.prefix;
  }

  protected firstMatch(uri: string, x: X): LocationEntry<L, X> | null {
    const regexes = this.regexes;
    for (let i = 0; i < regexes.length; i++) {
      const { pattern, entry } = regexes[i] as RegexNode<L, X>;
      if (pattern.test(x, uri)) return entry;
    }
    return null;
  }
}

/** Index of the last of the sorted names that is not greater than `text`, or -1. */
function lastNotAbove(names: readonly string[], text: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) <= text) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function addStatic<L, X>(byName: Map<string, StaticNode<L, X>>, entry: LocationEntry<L, X>): void {
  const { name, kind } = entry;
  let node = byName.get(name);
  if (node === undefined) {
    node = { name, exact: null, prefix: null, parent: null };
    byName.set(name, node);
  }
  if (kind === 'exact' ? node.exact !== null : node.prefix !== null) throw new Error(`duplicate location "${name}"`);
  if (kind === 'exact') node.exact = entry;
  else node.prefix = entry;
}

/**
 * Links each node to its parent. In sorted order ancestors precede their descendants; the stack contains the current
 * ancestors.
 */
function linkParents<L, X>(nodes: readonly StaticNode<L, X>[]): void {
  const path: StaticNode<L, X>[] = [];
  for (const node of nodes) {
    let last = path.at(-1);
    while (last !== undefined && !node.name.startsWith(last.name)) {
      path.pop();
      last = path.at(-1);
    }
    node.parent = last ?? null;
    if (node.prefix !== null) path.push(node);
  }
}

function sorted<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function redirects<L, X>(node: StaticNode<L, X>): boolean {
  return node.name.endsWith('/') && (node.exact?.autoRedirect === true || node.prefix?.autoRedirect === true);
}

function withoutSlash<L, X>(node: StaticNode<L, X>): string {
  return node.name.slice(0, -1);
}
