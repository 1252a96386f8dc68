/** Errors of searches. */
/** PCRE2's error numbers. */
// biome-ignore lint/suspicious/noConstEnum: its members are constants in the compiled code, so that a switch is a jump table
export const enum MatchError {
  Limit = -47,
  RecursionLoop = -52,
  Heap = -63,
}

/** A search was given up. */
export class MatchFailed extends Error {
  constructor(readonly code: MatchError) {
    super(`pcre2_match() failed: ${code}`);
  }
}
