/** Locations whose responses are cached, with the variables that their keys depend on. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import { type Pass, passesOfLocations } from './pass.js';
import { enclosingLocation, type Scope } from './scope.js';
import { assignedFor } from './values.js';
import { variablesIn } from './variables.js';

/** The key without `proxy_cache_key`. */
const DEFAULT_KEY = '$scheme$proxy_host$request_uri';

export interface CachedLocation {
  readonly scope: Scope;
  readonly pass: Pass;
  /** The `proxy_cache` in effect. */
  readonly cache: Statement;
  readonly zone: string;
  /** The `proxy_cache_key` in effect; null for the default. */
  readonly key: Statement | null;
  readonly keyText: string;
  readonly keyDepends: Dependencies;
}

/** The variables of requests that a text depends on, through `set`, `map` and `geo`. */
export interface Dependencies {
  readonly names: ReadonlySet<string>;
  /** Whether it depends on something that the text does not tell: captures, scripts, variables of other modules. */
  readonly isOpaque: boolean;
}

/** Every location or `if` with a `proxy_pass` of its own and a `proxy_cache` in effect. */
export const cachedLocations = oncePerConfig((c: LintContext): readonly CachedLocation[] =>
  passesOfLocations(c).flatMap((pass) => {
    const { scope, statement } = pass;
    const cache = scope.effective('proxy_cache')[0];
    const zone = cache?.args[0]?.text;
    if (statement.name.text !== 'proxy_pass' || cache === undefined || zone === undefined || zone === 'off') return [];
    const key = scope.effective('proxy_cache_key')[0] ?? null;
    const keyText = key?.args[0]?.text ?? DEFAULT_KEY;
    return { scope, pass, cache, zone, key, keyText, keyDepends: dependenciesOf(c, scope, keyText) };
  }),
);

const KNOWN =
  /^(?:scheme|https|proxy_host|proxy_port|request_uri|uri|document_uri|args|query_string|is_args|request|request_method|request_body|slice_range|host|server_name|server_port|server_addr|server_protocol|remote_addr|binary_remote_addr|remote_user|content_type|ssl_\w+|http_\w+|cookie_\w+|arg_\w+)$/;

const MAX_DEPTH = 6;

export function dependenciesOf(c: LintContext, scope: Scope, text: string): Dependencies {
  const names = new Set<string>();
  let isOpaque = false;
  const add = (part: string, depth: number) => {
    for (const name of variablesIn(part)) {
      if (names.has(name)) continue;
      const assigned = assignedFor(c, name, scope);
      if (assigned.length === 0 || depth === MAX_DEPTH) {
        if (!KNOWN.test(name)) isOpaque = true;
        names.add(name);
        continue;
      }
      names.add(name);
      for (const { value, scope: at } of assigned) {
        add(value.text, depth + 1);
        if (at.kind === 'if') isOpaque = true;
        if (at.kind === 'entries') add(sourceOf(at), depth + 1);
      }
    }
  };
  add(text, 0);
  return { names, isOpaque };
}

/** The text by which a `map`, `geo` or `split_clients` selects. */
function sourceOf({ directive, opener }: Scope): string {
  const args = opener?.args ?? [];
  return args.length > 1 ? (args[0]?.text ?? '') : directive === 'geo' ? '$remote_addr' : '';
}

/** Dependencies of all conditions of a directive such as `proxy_no_cache` in a block. */
export function conditionsOf(c: LintContext, scope: Scope, name: string): Dependencies {
  return dependenciesOf(c, scope, wordsOf(scope, name).join(' '));
}

/** The arguments of every occurrence of a directive in effect in a block. */
export function wordsOf(scope: Scope, name: string): readonly string[] {
  return argumentsOf(scope, name).map(({ text }) => text);
}

export function argumentsOf(scope: Scope, name: string): readonly Word[] {
  return scope.effective(name).flatMap(({ args }) => args);
}

/** Whether a variable distinguishes the users of an application. */
export function isOfUser(name: string): boolean {
  return /^(?:http_authorization|http_cookie|remote_user|cookie_\w+|ssl_client_\w+)$/.test(name);
}

/** Whether a text may depend on a variable whose name matches. */
export function mayDependOn({ names, isOpaque }: Dependencies, matches: (name: string) => boolean): boolean {
  return isOpaque || [...names].some(matches);
}

export function distinguishesUsers(dependencies: Dependencies): boolean {
  return mayDependOn(dependencies, isOfUser);
}

/** Whether a response with that status and no field about caching is stored. */
export function storesByDefault(scope: Scope): boolean {
  return scope.effective('proxy_cache_valid').some(({ args }) => {
    const statuses = args.slice(0, -1).map(({ text }) => text);
    return args.at(-1)?.text !== '0' && (statuses.length === 0 || statuses.includes('200') || statuses.includes('any'));
  });
}

/** Whether fields of responses are ignored; `name` in lower case. */
export function ignoresField(scope: Scope, name: string): boolean {
  return wordsOf(scope, 'proxy_ignore_headers').some((word) => word.toLowerCase() === name);
}

/** The place to report about a key: its directive, or the `proxy_cache` that uses the default. */
export function keyPlace({ key, cache }: CachedLocation): Word | Statement {
  return key?.args[0] ?? cache;
}

/** The key with the name of the upstream in place of `$proxy_host`: keys of locations with different texts cannot collide. */
function keyIdentity({ keyText, pass }: CachedLocation): string {
  return keyText.replace(/\$(?:proxy_host\b|\{proxy_host\})/g, pass.authority.toLowerCase());
}

/** Whether a response that is stored for one location may be served in the other. */
export function mayShareResponses(one: CachedLocation, other: CachedLocation): boolean {
  if (one === other) return true;
  return one.zone === other.zone && keyIdentity(one) === keyIdentity(other) && mayOverlap(one.scope, other.scope);
}

/** Whether two locations may match the same URIs; false if that cannot be told. */
function mayOverlap(a: Scope, b: Scope): boolean {
  const one = enclosingLocation(a);
  const other = enclosingLocation(b);
  if (one === null || other === null) return false;
  if (one.kind === other.kind && one.name === other.name) return true;
  if (one.kind === 'exact') return other.kind === 'prefix' && one.name.startsWith(other.name);
  if (other.kind === 'exact') return one.kind === 'prefix' && other.name.startsWith(one.name);
  if (one.kind !== 'prefix' || other.kind !== 'prefix') return false;
  return one.name.startsWith(other.name) || other.name.startsWith(one.name);
}
