/**
 * Semantic difference of two configurations. They are compared by meaning, not by notation: layout, comments, files,
 * the order of independent statements, and defaults written explicitly make no difference. A server is identified by
 * its addresses and names, a location by its server and its URI (with the enclosing locations), an upstream by its
 * name.
 *
 * The meaning of a location includes everything it refers to: upstreams, maps, formats, zones, variables set by its
 * server. Targets of internal redirects (`error_page`, `try_files`, `rewrite`) are locations of their own and are
 * compared separately.
 */
import { atOnce } from '../config/at-once.js';
import { Catalogue } from '../config/catalogue.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import type { Change } from './change.js';
import { Comparison } from './comparison.js';
import { blockAt } from './locations.js';
import { type Arrival, DEFAULT } from './servers.js';
import { Side, Sides } from './side.js';

export type { Arrival } from './servers.js';

/** The counterpart in the new configuration of a block of the old one. */
export interface Counterpart {
  readonly block: CheckedBlock;
  readonly server: CheckedBlock;
  /**
   * Reasons why the location's meaning differs: directives and references (`map $x`, `upstream app`). Empty if it does
   * not.
   */
  readonly reasons: readonly string[];
}

export interface Difference {
  /** In the order: main, listeners, http, upstreams, servers with their locations. Empty if the two are equivalent. */
  readonly changes: readonly Change[];
  /**
   * The counterpart of a location (or of an `if` or `limit_except` in one) for clients that reached it by that address
   * and host; null if the address, the location, or every server that matches the host has been removed.
   */
  counterpart(block: CheckedBlock, arrival: Arrival): Counterpart | null;
}

/** Computes only the changes, in steps, so that a serving process can handle other events in between. */
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

/** `difference` in steps; `changes` and `counterpart` of the result are computed on demand. */
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
    let cached = reasonsOf.get(a);
    if (cached === undefined) reasonsOf.set(a, (cached = new Map()));
    let found = cached.get(b);
    if (found === undefined) {
      const one = old.positions.get(a)?.holder ?? [a];
      const other = fresh.positions.get(b)?.holder ?? [b];
      const { directives, steps, references } = sides.compare(one, other);
      cached.set(b, (found = [...directives, ...steps, ...references]));
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
      const { listen, name } = old.servers.selectionOf(view, arrival);
      // If its name was removed, another matching server may replace it, or it is the default server.
      const server =
        fresh.servers.at(listen, name === '' ? DEFAULT : name) ??
        fresh.servers.named(listen, arrival.host) ??
        (old.servers.at(listen, DEFAULT) === view ? fresh.servers.at(listen, DEFAULT) : undefined);
      const found = server === undefined ? undefined : blockAt(server.block, position.path);
      if (server === undefined || found === undefined) return null;
      const [holder = block] = position.holder;
      const [other = found] = fresh.positions.get(found)?.holder ?? [];
      return { block: found, server: server.block, reasons: reasons(holder, other) };
    },
  };
}
