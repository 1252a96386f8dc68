/** Location program of a pass handler that has lost its upstream. */

import { logError } from './error-context.js';
import type { Exchange } from './exchange.js';
import { phaseIndex } from './phases.js';
import { LocationProgram } from './program.js';
import type { Verdict } from './verdict.js';

const CONTENT = phaseIndex('content');

/**
 * For two true `if` blocks that both pass requests, nginx keeps the handler of the first, which then finds no upstream
 * in the settings of the second.
 */
export function withoutUpstream(program: LocationProgram): LocationProgram {
  const copy = Object.assign(new LocationProgram(program.settings), program);
  copy.passes = true;
  copy.handlers = program.handlers.with(CONTENT, [noUpstream]);
  return copy;
}

function noUpstream(x: Exchange): Verdict {
  logError(x, 'alert', 'no upstream configuration');
  return 500;
}
