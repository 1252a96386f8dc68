/** `resolver`: name resolution at run time. */

import { milliseconds } from '../../config/argument-types.js';
import type { ConfOf, Directives } from '../../config/directive.js';
import { resolverArgument } from '../../config/resolver-argument.js';
import type { Scope } from '../../program/module.js';
import { RESOLVER } from '../../program/name-resolver.js';
import { sharedResolver } from '../../upstream/resolver.js';

const CONTEXTS = ['http', 'server', 'location'] as const;

export const resolverDirectives = {
  resolver: {
    contexts: CONTEXTS,
    takes: resolverArgument,
    doc: 'Name servers for upstream names that contain variables or have `resolve`. `valid` overrides the TTL of responses; `ipv4=off` and `ipv6=off` exclude an address family. `status_zone` counts requests and responses in a zone that all workers and all resolvers with that name share: names and services that were looked up (answers from the cache are not counted), responses by their code, and requests that timed out. nginx has it in its commercial version.',
    example: 'resolver 127.0.0.53 valid=30s ipv6=off status_zone=local;',
  },
  resolver_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '30s',
    doc: 'Timeout of name resolution.',
    example: 'resolver_timeout 5s;',
  },
} as const satisfies Directives;

export function applyResolver(conf: ConfOf<typeof resolverDirectives>, at: Scope): void {
  const { settings } = at.program;
  const resolver = conf.resolver === undefined ? null : sharedResolver(at.compiler, conf.resolver);
  settings.set(RESOLVER, { resolver, timeout: conf.resolver_timeout });
}
