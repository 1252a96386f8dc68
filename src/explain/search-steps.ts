/** Converts a location search to a step of an explanation. */
import type { CheckedBlock } from '../config/checked-config.js';
import { locationOf } from '../modules/core/blocks.js';
import type { LocationProgram } from '../program/program.js';
import type { Candidate, CandidateOutcome, LocationReason, Step } from './explanation.js';
import type { SearchLevel } from './observed-routing.js';
import type { WrittenBlocks } from './written-blocks.js';

export function searchStep(
  uri: string,
  chosen: LocationProgram | null,
  level: SearchLevel,
  redirect: boolean,
  written: WrittenBlocks,
): Extract<Step, { kind: 'location' }> {
  const candidates: Candidate[] = [];
  const add = (program: LocationProgram, outcome: CandidateOutcome, depth: number): void => {
    if (program.block !== null) candidates.push({ ...written.block(program.block), outcome, depth });
  };
  const walk = (at: SearchLevel, depth: number): void => {
    if (redirect && at.redirect !== null) add(at.redirect.location, 'chosen', depth);
    at.prefixes.forEach(({ location }, i) => {
      add(location, location === chosen ? 'chosen' : i === 0 && !redirect ? 'remembered' : 'shorter', depth);
      if (i === 0 && at.inner !== null && !at.matched) walk(at.inner, depth + 1);
    });
    at.patterns.forEach(({ location }, i) => {
      const last = i === at.tried - 1 && at.matched;
      const outcome = i >= at.tried ? 'not tried' : last ? (location === chosen ? 'chosen' : 'remembered') : 'no match';
      add(location, outcome, depth);
      if (last && at.inner !== null) walk(at.inner, depth + 1);
    });
  };
  walk(level, 0);
  const block = chosen?.block ?? null;
  return {
    kind: 'location',
    uri,
    chosen: block === null ? null : written.block(block),
    why: redirect ? 'redirect to slash' : block === null ? 'none' : reasonOf(block),
    considered: candidates,
  };
}

function reasonOf(block: CheckedBlock): LocationReason {
  const { kind, noRegex } = locationOf(block);
  if (kind === 'prefix' && noRegex) return 'prefix ^~';
  // Named locations are never found by a search.
  return kind === 'named' ? 'none' : kind;
}
