/** Unpredictable numbers, against forged responses (RFC 5452). */

/** Returns a random integer from 0 to below `limit`. */
export function randomBelow(limit: number): number {
  // Loaded on demand: most configurations need no resolver.
  return process.getBuiltinModule('node:crypto').randomInt(limit);
}
