/** How a property that does not hold is reported. */
import { inspect } from 'node:util';
import type fc from 'fast-check';

/**
 * Reports the error as it is, with the seed: to shrink what was found would take longer than to read it. `EXPLAIN_SEED`
 * asks for the same again.
 */
export const asFound = {
  endOnFailure: true,
  reporter,
  ...(process.env.EXPLAIN_SEED !== undefined && { seed: Number(process.env.EXPLAIN_SEED) }),
} as const;

function reporter(details: Pick<fc.RunDetails<unknown>, 'failed' | 'seed' | 'errorInstance'>): void {
  if (details.failed) throw new Error(`seed ${details.seed}\n${inspect(details.errorInstance)}`);
}
