/** Access control of a block: `allow` and `deny`, authentication, and the equivalents of other modules. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Scope } from './scope.js';

/** Whether clients cannot request a block directly, because it is inside an `internal` location. */
export function isInternal(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('internal').length > 0) return true;
  }
  return false;
}

/** Directives that authenticate clients. */
const AUTHENTICATION = [
  'auth_basic',
  'auth_request',
  'auth_jwt',
  'api_key',
  'auth_oidc',
  'auth_ldap',
  'auth_pam',
  'auth_digest',
  'auth_gss',
  'access_by_lua_block',
  'access_by_lua_file',
  'js_access',
];

/** Authentication directives in effect in a block. */
export function authenticationOf(scope: Scope): readonly Statement[] {
  return AUTHENTICATION.flatMap((name) => scope.effective(name)).filter(({ args }) => args[0]?.text !== 'off');
}

/** `deny` rules in effect in a block; those after an `allow all` are left out, because they never apply. */
export function denialsOf(scope: Scope): readonly Statement[] {
  const holder = scopeWithRules(scope);
  if (holder === null) return [];
  const rules = holder.statements.filter(({ name }) => name.text === 'allow' || name.text === 'deny');
  const allowAll = rules.findIndex(({ name, args }) => name.text === 'allow' && args[0]?.text === 'all');
  return rules.filter(({ name }, i) => name.text === 'deny' && (allowAll < 0 || i < allowAll));
}

/** The innermost block with `allow` or `deny`; only its rules apply, not those of enclosing blocks. */
export function scopeWithRules(scope: Scope): Scope | null {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('allow').length > 0 || each.own('deny').length > 0) return each;
  }
  return null;
}

/** Whether a block denies some or all external requests. */
export function isGuarded(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('internal').length > 0) return true;
    if (each.kind === 'location' && each.opener?.args[0]?.text.startsWith('@') === true) return true;
  }
  return denialsOf(scope).length > 0 || authenticationOf(scope).length > 0;
}

/** Whether a block denies all external requests: `deny all`, `internal`, or `return` with a 4xx status. */
export function isClosed(scope: Scope): boolean {
  const first = scope.statements.find(({ name }) => name.text === 'allow' || name.text === 'deny');
  if (first?.name.text === 'deny' && first.args[0]?.text === 'all') return true;
  if (scope.own('internal').length > 0) return true;
  return scope.own('return').some(({ args }) => /^4\d\d$/.test(args[0]?.text ?? ''));
}
