/**
 * What two configurations do not have in common. They are compared by what they mean, not by how they are written: layout,
 * comments, files, the order of statements that do not depend on each other, and defaults that are written out make no
 * difference. A server is known by its addresses and names, a location by its server and its URI (with the locations around
 * it), an upstream by its name.
 *
 * To what a location means belongs what it refers to: upstreams, maps, formats, zones, variables that its server sets. Where
 * it leads on to (`error_page`, `try_files`, `rewrite`) are locations of their own, which are compared for themselves.
 */
import { atOnce } from './at-once.js';
import { Catalogue } from './catalogue.js';
import type { CheckedBlock, CheckedConfig, Place } from './checked-config.js';
import { Comparison } from './difference/comparison.js';
import { follow } from './difference/locations.js';
import { type Arrival, DEFAULT } from './difference/servers.js';
import { Side, Sides } from './difference/side.js';
import type { ModuleDeclaration } from './module-declaration.js';

export type { Arrival } from './difference/servers.js';

/** One thing that was added, removed or changed. Plain data. */
export interface Change {
  readonly kind: 'listener' | 'server' | 'location' | 'upstream' | 'peer' | 'directive';
  readonly change: 'added' | 'removed' | 'changed';
  /** What the configuration calls it: `0.0.0.0:80`, `example.com`, `~ \.php$`, `app`, `map $x`, `worker_processes`. */
  readonly name: string;
  /** In what it stands: `server example.com`, `upstream app`, `http`; empty for servers, upstreams and listeners. */
  readonly within: string;
  /** Where it was written; null where it is new, or where its place is not known. */
  readonly before: Place | null;
  /** Where it is written now. */
  readonly after: Place | null;
  /** Of what has changed: the directives in it that do not mean the same; of a peer and a listener their parameters. */
  readonly directives: readonly string[];
  /** How many locations mean something else because of it. */
  readonly locations: number;
}

/** Where a block of the old configuration is found in the new one. */
export interface Counterpart {
  readonly block: CheckedBlock;
  readonly server: CheckedBlock;
  /** Why the location does not mean the same: directives, and what it refers to (`map $x`, `upstream app`). Empty: it does. */
  readonly reasons: readonly string[];
}

export interface Difference {
  /** In the order: main, listeners, http, upstreams, servers with their locations. Empty: the two mean the same. */
  readonly changes: readonly Change[];
  /**
   * What became of a location (or an `if` or `limit_except` in one) for who came to it by that address and host: null where
   * the address, the location, or every server to which the host leads, is gone.
   */
  counterpart(block: CheckedBlock, arrival: Arrival): Counterpart | null;
}

/** The changes alone, in steps between which who serves can do something else. */
export function* changesInSteps(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
): Generator<void, readonly Change[]> {
  return yield* new Comparison(yield* sidesOf(before, after, modules)).run();
}

function* sidesOf(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
): Generator<void, Sides> {
  const catalogue = new Catalogue(modules);
  const old = new Side(before, catalogue);
  yield;
  const fresh = new Side(after, catalogue);
  yield;
  return new Sides(old, fresh);
}

/** Compares two configurations that were checked with these modules. */
export function difference(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
): Difference {
  return atOnce(differenceInSteps(before, after, modules));
}

/** The same, in steps; `changes` and `counterpart` of it are computed when they are asked for. */
export function* differenceInSteps(
  before: CheckedConfig,
  after: CheckedConfig,
  modules: readonly ModuleDeclaration[],
): Generator<void, Difference> {
  const sides = yield* sidesOf(before, after, modules);
  const { old, fresh } = sides;
  let changes: readonly Change[] | null = null;
  const reasonsOf = new Map<CheckedBlock, Map<CheckedBlock, readonly string[]>>();

  const reasons = (a: CheckedBlock, b: CheckedBlock): readonly string[] => {
    let known = reasonsOf.get(a);
    if (known === undefined) reasonsOf.set(a, (known = new Map()));
    let found = known.get(b);
    if (found === undefined) {
      const one = old.positions.get(a)?.holder ?? [a];
      const other = fresh.positions.get(b)?.holder ?? [b];
      const { directives, steps, references } = sides.compare(one, other);
      known.set(b, (found = [...directives, ...steps, ...references]));
    }
    return found;
  };

  return {
    get changes() {
      changes ??= atOnce(new Comparison(sides).run());
      return changes;
    },
    counterpart(block, arrival) {
      const position = old.positions.get(block);
      const view = position === undefined ? undefined : old.servers.view(position.server);
      if (position === undefined || view === undefined) return null;
      const { listen, name } = old.servers.arrivedBy(view, arrival);
      // Where its name is gone, another that fits may be in its place, or it is the one that answers where none fits.
      const server =
        fresh.servers.at(listen, name === '' ? DEFAULT : name) ??
        fresh.servers.named(listen, arrival.host) ??
        (old.servers.at(listen, DEFAULT) === view ? fresh.servers.at(listen, DEFAULT) : undefined);
      const found = server === undefined ? undefined : follow(server.block, position.way);
      if (server === undefined || found === undefined) return null;
      const [holder = block] = position.holder;
      const [other = found] = fresh.positions.get(found)?.holder ?? [];
      return { block: found, server: server.block, reasons: reasons(holder, other) };
    },
  };
}
