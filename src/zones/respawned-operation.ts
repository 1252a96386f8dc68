/** Number of worker processes that were started in place of others that had died, for the API. */
import type { Operation } from './operation.js';

/** The number; `reset` starts counting again. */
export const readRespawned: Operation<{ readonly reset: boolean }, number> = {
  name: 'workers respawned',
  fallback: 0,
  run: (owner, { reset }) => owner.respawned(reset),
};
