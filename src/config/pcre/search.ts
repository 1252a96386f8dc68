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

function searchFrom(program: Program, end: number, limit: number): Int32Array | null {
  const { starts, firstBytes, run, required, requiredOther, requiredFrom, minimum } = program;
  const attempt = new Attempt(program, subject, end);
  let left = SEARCH_LIMIT * (limit / MATCH_LIMIT);
  let lastRequired = -1;
  for (let start = 0; start <= end - minimum; start++) {
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
    const allowed = Math.min(limit, left);
    if (attempt.matches(start, allowed)) return attempt.registers.subarray(0, 2 * (program.groups + 1));
    if (starts === 'first') return null;
    left -= attempt.steps;
    if (run !== null) while (start < end && run[subject[start] as number] === 1) start++;
  }
  return null;
}
