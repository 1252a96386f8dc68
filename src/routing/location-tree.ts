/** Finds the location for a URI among those of one server, or of one location that holds others. */
import type { Matcher } from './server-names.js';

/** A `location` as the tree is built from it. Named locations are not in the tree. */
export interface LocationEntry<L, X = unknown> {
  readonly location: L;
  /** `location = /x`, `location /x` and `location ^~ /x`, `location ~ x` and `location ~* x`. */
  readonly kind: 'exact' | 'prefix' | 'regex';
  /** The URI of an exact or prefix location. */
  readonly name: string;
  /** `^~`: no regular expression of the same level is tried after this prefix. */
  readonly noRegex?: boolean;
  /** The expression of a regex location. */
  readonly pattern?: Matcher<X> | undefined;
  /** The name ends in a slash and a request without that slash is to be redirected to it (301). */
  readonly autoRedirect?: boolean;
  /** The locations inside. */
  readonly nested?: LocationTree<L, X> | null;
}

/** All locations of one name, exact and prefix, with the node of the longest prefix location that leads to it. */
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
 * nginx's search: an exact location ends it; else the longest prefix is remembered and the locations inside of it are
 * searched; else the regular expressions of this level are tried in order, unless the prefix said `^~`; else the prefix
 * holds. Expressions of inner levels are therefore tried before those of outer ones.
 *
 * The names are sorted. The last name that is not greater than the URI either is a prefix of it or has all prefixes of
 * the URI among its ancestors; so a search is one bisection and a few steps up, and creates nothing.
 */
export class LocationTree<L, X = unknown> {
  /** Whether the last `find` ended at a location whose name is the URI and a slash, with a redirect to be sent. */
  redirect = false;
  /** Whether the last `find` ended for good: no expression of an outer level may be tried. */
  protected final = false;
  private readonly names: readonly string[];
  private readonly nodes: readonly StaticNode<L, X>[];
  private readonly redirectNames: readonly string[];
  private readonly redirectNodes: readonly StaticNode<L, X>[];
  private readonly regexes: readonly RegexNode<L, X>[];

  /** Throws where two locations of one kind have one name; the check of the configuration refuses that before. */
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
   * The location for a normalised URI; null where none holds (the server's own level does). Where `redirect` is true
   * afterwards, the answer is a 301 to the location's name.
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
    // A redirect inside of a regex location is not carried out, as in nginx.
    return matched.nested?.find(uri, x) ?? matched.location;
  }

  // The parts of a search; who watches one overrides them.

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

/** The ancestors of a node in the sorted list stand before it; those that still lead to it form a stack. */
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
