/** Locations of a server by identity, and the position of each block in a configuration. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { LocationData } from '../config/location-argument.js';
import { expressionKey } from '../config/pcre/expression.js';

/** Notation of a location: `/x`, `= /x`, `^~ /x`, `~* x`, `@x`. */
export function locationName({ kind, name, noRegex, pattern }: LocationData): string {
  if (kind === 'exact') return `= ${name}`;
  if (kind === 'regex') return `${pattern?.caseless ? '~*' : '~'} ${name}`;
  return noRegex ? `^~ ${name}` : name;
}

export function locationOf(block: CheckedBlock): LocationData {
  // Created by the argument type of `location`.
  return block.argument as LocationData;
}

/** Locations in a block by identity; equal regular expressions are numbered. */
export function locationsIn(block: CheckedBlock): ReadonlyMap<string, CheckedBlock> {
  const found = new Map<string, CheckedBlock>();
  for (const inner of block.blocks) {
    if (inner.directive !== 'location') continue;
    const { kind, name, pattern } = locationOf(inner);
    const key = kind === 'regex' ? `~${pattern === null ? name : expressionKey(pattern)}` : `${kind} ${name}`;
    let number = 1;
    while (found.has(number === 1 ? key : `${key} #${number}`)) number++;
    found.set(number === 1 ? key : `${key} #${number}`, inner);
  }
  return found;
}

/** Keys of the regular expressions, in the order in which they are tried. */
export function expressionsIn(block: CheckedBlock): string[] {
  return [...locationsIn(block)].filter(([, inner]) => locationOf(inner).kind === 'regex').map(([key]) => key);
}

/** One step of the path from a server to a block in it. */
export type PathStep = { readonly location: string } | { readonly step: number } | { readonly limitExcept: true };

/** Position of a block. */
export interface Position {
  readonly server: CheckedBlock;
  /** Path from the server to the block. */
  readonly path: readonly PathStep[];
  /**
   * The location that it is or is in, with the enclosing blocks, the innermost first; the server itself if there is
   * none.
   */
  readonly holder: readonly CheckedBlock[];
}

/** The positions of a server and all blocks in it. */
export function positionsIn(server: CheckedBlock, http: CheckedBlock, main: CheckedBlock): Map<CheckedBlock, Position> {
  const positions = new Map<CheckedBlock, Position>();
  const visit = (block: CheckedBlock, path: readonly PathStep[], holder: readonly CheckedBlock[]): void => {
    positions.set(block, { server, path, holder });
    for (const [location, inner] of locationsIn(block)) visit(inner, [...path, { location }], [inner, ...holder]);
    for (const [i, { block: inner }] of block.steps.entries())
      if (inner !== null) visit(inner, [...path, { step: i }], holder);
    for (const inner of block.blocks) {
      if (inner.context === 'limit_except') visit(inner, [...path, { limitExcept: true }], holder);
    }
  };
  visit(server, [], [server, http, main]);
  return positions;
}

/** The block at a path in another server; undefined if there is none. */
export function blockAt(server: CheckedBlock, path: readonly PathStep[]): CheckedBlock | undefined {
  let block: CheckedBlock | undefined = server;
  for (const step of path) {
    if (block === undefined) return undefined;
    if ('location' in step) block = locationsIn(block).get(step.location);
    else if ('step' in step) block = block.steps[step.step]?.block ?? undefined;
    else block = block.blocks.find(({ context }) => context === 'limit_except');
  }
  return block;
}
