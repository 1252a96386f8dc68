/** Searches a subject for a regular expression with the backtracking matcher. */
import { Attempt, releaseStack } from './matcher.js';
import type { Program } from './program.js';

/** Maximum number of steps of one attempt at one position of the subject, counted as in PCRE2 (`MATCH_LIMIT`). */
export const MATCH_LIMIT = 10_000_000;

/**
 * Maximum number of steps of all attempts of one search. PCRE2 has no such limit, and may take `MATCH_LIMIT` for each
 * byte of the subject.
 */
const SEARCH_LIMIT = 6 * MATCH_LIMIT;

/** PCRE2 searches for the required byte only in subjects up to this length (`REQ_CU_MAX`). */
const REQUIRED_UP_TO = 5000;

/** Initial size in bytes of the buffer for subjects, and the maximum kept between searches. */
const BUFFER_SIZE = 1 << 13;
const MAX_RETAINED = 1 << 16;

// Only one search runs at a time, so that all share the buffer.
let subject = new Uint8Array(BUFFER_SIZE);

/** Beginning and end of each group in `text`, -1 for groups that have not matched; null if there is no match. */
export function search(program: Program, text: string, limit = MATCH_LIMIT): Int32Array | null {
  const { length } = text;
  if (subject.length < length) subject = new Uint8Array(2 * length);
  for (let i = 0; i < length; i++) subject[i] = text.charCodeAt(i);
  try {
    return searchFrom(program, length, limit);
  } finally {
    releaseStack();
    if (subject.length > MAX_RETAINED) subject = new Uint8Array(BUFFER_SIZE);
  }
}

/**
 * Beginnings and ends of all matches in `text`, from left to right; an empty one is followed by the next position. Throws
 * `MatchFailed` if all searches together exceed the limits of one.
 */
export function searchAll(
  program: Program,
  text: string,
  limit = MATCH_LIMIT,
): (readonly [start: number, end: number])[] {
  const { length } = text;
  if (subject.length < length) subject = new Uint8Array(2 * length);
  for (let i = 0; i < length; i++) subject[i] = text.charCodeAt(i);
  const found: (readonly [number, number])[] = [];
  const budget = { left: SEARCH_LIMIT * (limit / MATCH_LIMIT) };
  try {
    for (let from = 0; from <= length; ) {
      const match = searchFrom(program, length, limit, from, budget);
      if (match === null) break;
      const [start = 0, end = 0] = match;
      found.push([start, end]);
      from = end > start ? end : end + 1;
    }
    return found;
  } finally {
    releaseStack();
    if (subject.length > MAX_RETAINED) subject = new Uint8Array(BUFFER_SIZE);
  }
}

/** Searches from position `from` on. `budget`: remaining steps, from which those of the search are deducted. */
function searchFrom(
  program: Program,
  end: number,
  limit: number,
  from = 0,
  budget = { left: SEARCH_LIMIT * (limit / MATCH_LIMIT) },
): Int32Array | null {
  const { starts, firstBytes, run, required, requiredOther, requiredFrom, minimum } = program;
  const attempt = new Attempt(program, subject, end);
  let lastRequired = -1;
  if (starts === 'first' && from > 0) return null;
  for (let start = from; start <= end - minimum; start++) {
    if (starts === 'lines' && start > 0 && subject[start - 1] !== 0x0a) continue;
    if (firstBytes !== null) {
      if (starts !== 'first') while (start < end && firstBytes[subject[start] as number] === 0) start++;
      if (start >= end || start > end - minimum || firstBytes[subject[start] as number] === 0) return null;
    }
    if (required >= 0 && start + requiredFrom > lastRequired && end - start < REQUIRED_UP_TO) {
      lastRequired = start + requiredFrom;
      while (lastRequired < end && subject[lastRequired] !== required && subject[lastRequired] !== requiredOther) {
        lastRequired++;
      }
      if (lastRequired >= end) return null;
    }
    const allowed = Math.min(limit, budget.left);
    const matches = attempt.matches(start, allowed);
    budget.left -= attempt.steps;
    if (matches) return attempt.registers.subarray(0, 2 * (program.groups + 1));
    if (starts === 'first') return null;
    if (run !== null) while (start < end && run[subject[start] as number] === 1) start++;
  }
  return null;
}
