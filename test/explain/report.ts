/** How a property that does not hold is reported. */
import { inspect } from 'node:util';
import type fc from 'fast-check';

/** Reports the error as it is, with the seed: to shrink what was found would take longer than to read it. */
export const asFound = { endOnFailure: true, reporter } as const;

function reporter(details: Pick<fc.RunDetails<unknown>, 'failed' | 'seed' | 'errorInstance'>): void {
  if (details.failed) throw new Error(`seed ${details.seed}\n${inspect(details.errorInstance)}`);
}
