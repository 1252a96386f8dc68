/** Server and location lookups that record the candidates they examine. */
import type { Exchange } from '../program/exchange.js';
import type { LocationProgram, ServerProgram } from '../program/program.js';
import { type LocationEntry, LocationTree, type StaticNode } from '../routing/location-tree.js';
import { type ServerName, ServerNames } from '../routing/server-names.js';

type Entry = LocationEntry<LocationProgram, Exchange>;

/** A server with one of its names, as written. */
export interface Named {
  readonly server: ServerProgram;
  readonly written: string;
}

/** Server names of one listen address; the lookup is the same and also reports the matching name. */
export class ObservedNames extends ServerNames<ServerProgram, Exchange> {
  private readonly named: ServerNames<Named, Exchange>;

  constructor(
    names: readonly ServerName<ServerProgram, Exchange>[],
    /** As written, in the same order. */
    readonly written: readonly Named[],
    private readonly found: (x: Exchange, host: string, named: Named | null) => void,
  ) {
    super([]);
    this.named = new ServerNames(
      names.map(({ name }, i) => ({ name, server: written[i] as Named })), // one for each name
    );
  }

  override find(host: string, x: Exchange): ServerProgram | null {
    const named = this.named.find(host, x);
    this.found(x, host, named);
    return named?.server ?? null;
  }
}

/** Candidates examined at one level of the search. */
export interface SearchLevel {
  /** Locations whose names are the URI or a prefix of it, the longest first. */
  readonly prefixes: Entry[];
  /** The regular expressions of the level, in order. */
  readonly patterns: readonly Entry[];
  /** Number of expressions tried; if `matched`, the last one matched. */
  tried: number;
  matched: boolean;
  /** The location whose name, with a slash, the client is redirected to. */
  redirect: Entry | null;
  /** Level of the locations nested in the one chosen here. */
  inner: SearchLevel | null;
}

/** Callbacks for each level of a search, beginning at server level. */
export interface SearchObserver {
  onEnter(level: SearchLevel): void;
  onLeave(x: Exchange, uri: string, found: LocationProgram | null, level: SearchLevel): void;
}

/** A location tree that reports the candidates that a search examines. */
export class ObservedLocations extends LocationTree<LocationProgram, Exchange> {
  private readonly patterns: readonly Entry[];
  private level: SearchLevel = emptyLevel([]);

  constructor(
    entries: readonly Entry[],
    private readonly observer: SearchObserver,
  ) {
    // Patterns are wrapped to count the attempts.
    const counted = { tree: null as ObservedLocations | null };
    super(
      entries.map((entry) => {
        const { pattern } = entry;
        if (pattern === undefined) return entry;
        const test = (x: Exchange, uri: string): boolean => {
          const matched = pattern.test(x, uri);
          counted.tree?.count(matched);
          return matched;
        };
        return { ...entry, pattern: { test } };
      }),
    );
    counted.tree = this;
    this.patterns = entries.filter(({ kind }) => kind === 'regex');
  }

  override find(uri: string, x: Exchange): LocationProgram | null {
    const level = emptyLevel(this.patterns);
    this.level = level;
    this.observer.onEnter(level);
    const found = super.find(uri, x);
    this.observer.onLeave(x, uri, found, level);
    return found;
  }

  private count(matched: boolean): void {
    this.level.tried++;
    if (matched) this.level.matched = true;
  }

  protected override lastNotAbove(uri: string): StaticNode<LocationProgram, Exchange> | null {
    const found = super.lastNotAbove(uri);
    for (let node = found; node !== null; node = node.parent) {
      if (node.name === uri && node.exact !== null) this.level.prefixes.push(node.exact);
      if (node.prefix !== null && uri.startsWith(node.name)) this.level.prefixes.push(node.prefix);
    }
    return found;
  }

  protected override redirectTo(uri: string): Entry | null {
    const target = super.redirectTo(uri);
    this.level.redirect = target;
    return target;
  }
}

function emptyLevel(patterns: readonly Entry[]): SearchLevel {
  return { prefixes: [], patterns, tried: 0, matched: false, redirect: null, inner: null };
}
