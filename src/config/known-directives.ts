/**
 * Directives of nginx and other modules that tsproxy does not declare. They are distinguished from unknown names,
 * because a configuration with them is valid and merely requires a feature that is missing here.
 */
import type { Context } from './directive.js';
import { NGINX_DIRECTIVES } from './nginx-directives.js';
import { NGINX_PLUS_DIRECTIVES } from './nginx-plus-directives.js';
import { THIRD_PARTY_DIRECTIVES } from './third-party-directives.js';

const CONTEXTS: Readonly<Record<string, Context>> = {
  m: 'main',
  e: 'events',
  h: 'http',
  s: 'server',
  l: 'location',
  S: 'if in server',
  L: 'if in location',
  x: 'limit_except',
  u: 'upstream',
};

/** Maker of the module that a directive belongs to. */
export type Maker = 'nginx' | 'nginx Plus' | 'third party';

/** A directive of nginx in one of its modules. */
export interface KnownDirective {
  readonly module: string;
  readonly maker: Maker;
  /** HTTP contexts that allow it; empty if it belongs elsewhere (`stream`), null if unknown. */
  readonly contexts: readonly Context[] | null;
}

let modulesByName: Map<string, KnownDirective[]> | null = null;

/** Every module of nginx, of nginx Plus and of well-known third parties that has a directive with that name. */
export function knownDirectives(name: string): readonly KnownDirective[] {
  if (modulesByName === null) {
    modulesByName = new Map();
    enter(modulesByName, NGINX_DIRECTIVES, 'nginx');
    enter(modulesByName, NGINX_PLUS_DIRECTIVES, 'nginx Plus');
    enter(modulesByName, THIRD_PARTY_DIRECTIVES, 'third party');
  }
  return modulesByName.get(name) ?? [];
}

function enter(into: Map<string, KnownDirective[]>, modules: Readonly<Record<string, string>>, maker: Maker): void {
  for (const [module, text] of Object.entries(modules)) {
    let contexts: readonly Context[] | null = null;
    for (const word of text.trim().split(/\s+/)) {
      if (word.endsWith(':')) {
        contexts = [...word].flatMap((letter) => CONTEXTS[letter] ?? []);
        continue;
      }
      const entry = { module, maker, contexts };
      const others = into.get(word);
      if (others === undefined) into.set(word, [entry]);
      else others.push(entry);
    }
  }
}

/** Reason why a feature of nginx is missing: its whole module is, or only this feature of an existing module. */
export function reasonFor(
  owners: readonly Pick<KnownDirective, 'module' | 'maker'>[],
  { modules }: { readonly modules: readonly { readonly name: string }[] },
): string {
  const names = new Set(modules.map(({ name }) => name));
  const partly = owners.find(({ module, maker }) => maker === 'nginx' && names.has(shortName(module)));
  if (partly !== undefined) return `${partly.module} is supported, but not this part of it (yet)`;
  return `it belongs to ${[...new Set(owners.map(titleOfModule))].join(' or ')}, which tsproxy does not support (yet)`;
}

/** nginx's name of a module in tsproxy's form: `ngx_http_proxy_module` is `proxy`. */
function shortName(module: string): string {
  return module.replace(/^ngx_(?:http_)?/, '').replace(/(?:_filter)?_module$/, '');
}

/** Display name of the module: `ngx_http_gzip_module`, `ngx_http_api_module of nginx Plus`, `the module lua`. */
export function titleOfModule({ module, maker }: Pick<KnownDirective, 'module' | 'maker'>): string {
  if (maker === 'nginx') return module;
  return maker === 'nginx Plus' ? `${module} of nginx Plus` : `the third-party module ${module}`;
}
