/**
 * Directives of nginx and other modules that tsproxy does not declare. They are distinguished from unknown names,
 * because a configuration with them is valid and merely requires a feature that is missing here. The tables also contain
 * the directives that tsproxy does declare; there, the declaration counts.
 */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Context } from '../directive.js';
import { NGINX } from './nginx.js';
import { NGINX_APART } from './nginx-apart.js';
import { NGINX_PLUS } from './nginx-plus.js';
import { type Effect, entriesOf, type ForeignTable, type TableEntry } from './table.js';
import { THIRD_PARTY_A_M } from './third-party-a-m.js';
import { THIRD_PARTY_N_Z } from './third-party-n-z.js';

/** Maker of the module that a directive belongs to. */
export type Maker = 'nginx' | 'nginx Plus' | 'third party';

/** A directive of nginx in one of its modules. */
export interface KnownDirective extends TableEntry {
  readonly maker: Maker;
}

let modulesByName: Map<string, KnownDirective[]> | null = null;

/** Every module of nginx, of nginx Plus and of well-known third parties that has a directive with that name. */
export function knownDirectives(name: string): readonly KnownDirective[] {
  return knownByName().get(name) ?? [];
}

/** All directives by name. */
export function knownByName(): ReadonlyMap<string, readonly KnownDirective[]> {
  if (modulesByName === null) {
    modulesByName = new Map();
    enter(modulesByName, NGINX, 'nginx');
    enter(modulesByName, NGINX_APART, 'nginx');
    enter(modulesByName, NGINX_PLUS, 'nginx Plus');
    enter(modulesByName, THIRD_PARTY_A_M, 'third party');
    enter(modulesByName, THIRD_PARTY_N_Z, 'third party');
  }
  return modulesByName;
}

function enter(into: Map<string, KnownDirective[]>, table: ForeignTable, maker: Maker): void {
  for (const each of entriesOf(table)) {
    const entry = { ...each, maker };
    const others = into.get(entry.name);
    if (others === undefined) into.set(entry.name, [entry]);
    else others.push(entry);
  }
}

/** A directive that tsproxy does not have, as it is written in a block. */
export interface ForeignUse {
  readonly statement: Statement;
  /** The modules that have it in this context; at least one. */
  readonly owners: readonly KnownDirective[];
  /** The gravest effect of these. */
  readonly effect: Effect;
  /** Whether it is written with a value that turns it off. */
  readonly off: boolean;
}

/** From harmless to grave. */
const EFFECTS: readonly Effect[] = ['setting', 'speed', 'apart', 'variable', 'response', 'access'];

/** The directive that a statement names in that context; null if no other module has it there. */
export function foreignUse(statement: Statement, context: Context): ForeignUse | null {
  const owners = knownDirectives(statement.name.text).filter(
    ({ contexts }) => contexts === null || contexts.includes(context),
  );
  if (owners.length === 0) return null;
  const [value, ...more] = statement.args;
  const off =
    value !== undefined &&
    more.length === 0 &&
    statement.block === null &&
    owners.some((o) => o.off.includes(value.text));
  return { statement, owners, effect: gravestOf(owners), off };
}

/** The gravest effect that a directive has in one of its modules. */
export function gravestOf(owners: readonly KnownDirective[]): Effect {
  return EFFECTS[Math.max(...owners.map(({ effect }) => EFFECTS.indexOf(effect)))] ?? 'access';
}

/** Reason why a feature of nginx is missing: its whole module is, or only this feature of an existing module. */
export function reasonFor(
  owners: readonly Pick<KnownDirective, 'module' | 'maker'>[],
  { modules }: { readonly modules: readonly { readonly name: string }[] },
): string {
  const names = new Set(modules.map(({ name }) => name));
  const partly = owners.find(({ module, maker }) => maker === 'nginx' && names.has(shortName(module)));
  if (partly !== undefined) return `${partly.module} is supported, but not this part of it (yet)`;
  return `it belongs to ${titleOfModules(owners)}, which tsproxy does not support (yet)`;
}

/** Display names of the modules that have a feature. */
export function titleOfModules(owners: readonly Pick<KnownDirective, 'module' | 'maker'>[]): string {
  return [...new Set(owners.map(titleOfModule))].join(' or ');
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
