/** Lookup of a configuration's upstreams by the modules that configure them. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler, Shared } from '../program/module.js';
import type { Balancer } from './balancer.js';
import { Upstream } from './upstream.js';

/** nginx compares upstream names case-insensitively. */
function key(name: string): string {
  return `upstream:${name.toLowerCase()}`;
}

/** Returns the declared upstream of that name, or undefined; complete once all `http` hooks have run. */
export function findUpstream(shared: Shared, name: string): Upstream | undefined {
  return shared.get<Upstream>(key(name));
}

/** An `upstream` block and the upstream that it declares. */
export interface ConfiguredUpstream {
  readonly block: CheckedBlock;
  readonly upstream: Upstream;
}

/**
 * Returns the upstreams whose blocks contain the directive; `http` is the enclosing block. The first module to call
 * this creates an upstream, so that modules do not depend on their order.
 */
export function configuredUpstreams(http: CheckedBlock, directive: string, compiler: Compiler): ConfiguredUpstream[] {
  return http.blocks
    .filter((block) => block.context === 'upstream' && block.own.includes(directive))
    .map((block) => {
      const name = block.argument as string; // the type of the `upstream` directive is one word
      const upstream = findUpstream(compiler.shared, name) ?? createUpstream(name, compiler);
      return { block, upstream };
    });
}

function createUpstream(name: string, { shared, previous }: Compiler): Upstream {
  const before = previous === null ? undefined : findUpstream(previous, name);
  return shared.set<Upstream>(key(name), new Upstream(name, before?.observer));
}

/** Sets the balancer of each upstream that selects the method; `create` is called once per upstream. */
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
