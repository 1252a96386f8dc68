/** The upstreams of a configuration, as the modules that fill them in find them. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler, Shared } from '../exchange/module.js';
import type { Balancer } from './balancer.js';
import { Upstream } from './upstream.js';

/** nginx compares the names of upstreams without regard to case. */
function key(name: string): string {
  return `upstream:${name.toLowerCase()}`;
}

/** The declared upstream of that name, or undefined; complete once all `http` hooks have run. */
export function findUpstream(shared: Shared, name: string): Upstream | undefined {
  return shared.get<Upstream>(key(name));
}

/** An `upstream` block with the upstream that it declares. */
export interface ConfiguredUpstream {
  readonly block: CheckedBlock;
  readonly upstream: Upstream;
}

/**
 * The upstreams in whose blocks the directive is written; `http` is the block around them. Whichever module asks first
 * creates the upstream, so that the modules need no order among each other.
 */
export function configuredUpstreams(http: CheckedBlock, directive: string, compiler: Compiler): ConfiguredUpstream[] {
  return http.blocks
    .filter((block) => block.context === 'upstream' && block.own.includes(directive))
    .map((block) => {
      const name = block.argument as string; // the type of the `upstream` directive is one word
      const upstream =
        findUpstream(compiler.shared, name) ?? compiler.shared.set<Upstream>(key(name), new Upstream(name));
      return { block, upstream };
    });
}

/** Gives each upstream that names the method its balancer; `create` is called once per upstream. */
export function useBalancer(
  http: CheckedBlock,
  directive: string,
  compiler: Compiler,
  create: (upstream: Upstream, block: CheckedBlock) => Balancer,
): void {
  for (const { block, upstream } of configuredUpstreams(http, directive, compiler)) {
    upstream.setBalancer(create(upstream, block), block.own.indexOf(directive));
  }
}
