/** Load balancing methods of modules outside of this project. */

import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler } from '../program/module.js';
import type { HttpBlock, ModuleCompiler } from '../program/module-definition.js';
import type { ChoosePeer } from './balancer-peer.js';
import { useBalancer } from './configured.js';
import { FunctionBalancer } from './function-balancer.js';

/**
 * Makes `directive`, in an `upstream` block, select a load balancing method; called by the `http` hook of the module that
 * declares the directive. `choose` returns one of the peers that are available and were not tried for this session, or
 * null to leave the choice to round robin.
 */
export function useBalancingMethod(
  block: HttpBlock,
  directive: string,
  compiler: ModuleCompiler,
  choose: ChoosePeer,
): void {
  // The only implementations.
  useBalancer(block as CheckedBlock, directive, compiler as Compiler, (upstream) => {
    return new FunctionBalancer(directive, upstream, choose);
  });
}
