/** One of the two configurations being compared, with its index structures. */
import type { Catalogue } from '../config/catalogue.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { EqualityCheck } from './equality-check.js';
import { type Position, positionsIn } from './locations.js';
import { Meanings } from './meaning.js';
import { Servers } from './servers.js';

export class Side {
  readonly servers: Servers;
  readonly meanings: Meanings;
  /** Position of each server and of the blocks in it. */
  readonly positions = new Map<CheckedBlock, Position>();
  readonly http: CheckedBlock | null;

  constructor(
    readonly config: CheckedConfig,
    readonly catalogue: Catalogue,
  ) {
    this.servers = new Servers(config);
    this.meanings = new Meanings(config, catalogue);
    this.http = config.blocks.find(({ context }) => context === 'http') ?? null;
    for (const http of config.blocks.filter(({ context }) => context === 'http')) {
      for (const server of http.blocks.filter(({ context }) => context === 'server')) {
        for (const [block, position] of positionsIn(server, http, config)) this.positions.set(block, position);
      }
    }
  }
}

/** Differences between two blocks. */
export interface Reasons {
  readonly directives: readonly string[];
  readonly steps: readonly string[];
  /** `map $x`, `upstream app`. */
  readonly references: readonly string[];
}

/** The two configurations being compared. */
export class Sides {
  private readonly equality: EqualityCheck;

  constructor(
    readonly old: Side,
    readonly fresh: Side,
  ) {
    this.equality = new EqualityCheck(old.meanings, fresh.meanings);
  }

  /**
   * Compares the meanings of two blocks, each given with its enclosing blocks, the innermost first, itself included.
   */
  compare(before: readonly CheckedBlock[], after: readonly CheckedBlock[]): Reasons {
    const { equality, old, fresh } = this;
    const [a, ...aroundA] = before;
    const [b, ...aroundB] = after;
    if (a === undefined || b === undefined) return { directives: [], steps: [], references: [] };
    if (equality.blocks(a, b)) {
      const [one, other] = [serverIn(before), serverIn(after)];
      if (one === other || (one !== undefined && other !== undefined && equality.definitions(one, other))) {
        return { directives: [], steps: [], references: equality.references(b) };
      }
    }
    const one = old.meanings.of(a, aroundA);
    const other = fresh.meanings.of(b, aroundB);
    return {
      directives: unequal(one.directives, other.directives),
      steps: stepsUnequal(one.steps, other.steps),
      references: Meanings.unequal(old.meanings, one.references, fresh.meanings, other.references),
    };
  }
}

function serverIn(blocks: readonly CheckedBlock[]): CheckedBlock | undefined {
  return blocks.find(({ context }) => context === 'server');
}

/** Keys whose texts differ. */
export function unequal(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

type Steps = readonly { readonly directive: string; readonly text: string }[];

/** Directives of the steps that only one of the two has; if only the order differs, of all steps. */
function stepsUnequal(a: Steps, b: Steps): string[] {
  const key = ({ directive, text }: Steps[number]): string => `${directive} ${text}`;
  if (a.length === b.length && a.every((step, i) => key(step) === key(b[i] as Steps[number]))) return [];
  const [inA, inB] = [new Set(a.map(key)), new Set(b.map(key))];
  const single = [...a.filter((step) => !inB.has(key(step))), ...b.filter((step) => !inA.has(key(step)))];
  return [...new Set((single.length > 0 ? single : a).map(({ directive }) => directive))];
}
