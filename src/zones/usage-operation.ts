/** Memory of zones, for the API. */
import type { Operation } from './operation.js';
import type { SlabUsage } from './slab.js';

/** Use of the memory of each open zone; null for zones without a limit, or if the backend does not respond. */
export const readUsedMemory: Operation<{ readonly zones: readonly number[] }, readonly (SlabUsage | null)[]> = {
  name: 'zones memory',
  fallback: [],
  run: (owner, { zones }) => zones.map((zone) => owner.memory(zone)),
};
