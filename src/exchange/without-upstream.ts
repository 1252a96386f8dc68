/** The location of a request that is to be passed on and has lost its upstream. */
import { logError } from './error-context.js';
import type { Exchange } from './exchange.js';
import { LocationProgram } from './program.js';
import type { Verdict } from './verdict.js';

/**
 * An `if` behind another one that passes requests, where both are true: nginx keeps the handler of the earlier one, which then
 * finds no upstream in the settings of the later one.
 */
export function withoutUpstream(program: LocationProgram): LocationProgram {
  const stranded = Object.assign(new LocationProgram(program.settings), program);
  stranded.passes = true;
  stranded.content = [noUpstream];
  return stranded;
}

function noUpstream(x: Exchange): Verdict {
  logError(x, 'alert', 'no upstream configuration');
  return 500;
}
