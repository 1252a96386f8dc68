/** Who may come in: `allow` and `deny`, passwords, and what stands for them in other modules. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Scope } from './scope.js';

/** Whether clients cannot reach a block by a request of their own: it is inside of an `internal` location. */
export function isInternal(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('internal').length > 0) return true;
  }
  return false;
}

/** Directives that ask who it is. */
const AUTHENTICATION = [
  'auth_basic',
  'auth_request',
  'auth_jwt',
  'auth_oidc',
  'auth_ldap',
  'auth_pam',
  'auth_digest',
  'auth_gss',
  'access_by_lua_block',
  'access_by_lua_file',
  'js_access',
];

/** Those that ask for a name, in force in a block. */
export function authenticationOf(scope: Scope): readonly Statement[] {
  return AUTHENTICATION.flatMap((name) => scope.effective(name)).filter(({ args }) => args[0]?.text !== 'off');
}

/** The rules by address in force in a block that keep somebody out: `deny`, without what `allow all` lets through first. */
export function denialsOf(scope: Scope): readonly Statement[] {
  const holder = rulesHolder(scope);
  if (holder === null) return [];
  const rules = holder.statements.filter(({ name }) => name.text === 'allow' || name.text === 'deny');
  const open = rules.findIndex(({ name, args }) => name.text === 'allow' && args[0]?.text === 'all');
  return rules.filter(({ name }, i) => name.text === 'deny' && (open < 0 || i < open));
}

/** The innermost block with `allow` or `deny`: its rules hold, and none of those around. */
export function rulesHolder(scope: Scope): Scope | null {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('allow').length > 0 || each.own('deny').length > 0) return each;
  }
  return null;
}

/** Whether a block lets no request from outside in, or not every one. */
export function isGuarded(scope: Scope): boolean {
  for (let each: Scope | null = scope; each !== null; each = each.parent) {
    if (each.own('internal').length > 0) return true;
    if (each.kind === 'location' && each.opener?.args[0]?.text.startsWith('@') === true) return true;
  }
  return denialsOf(scope).length > 0 || authenticationOf(scope).length > 0;
}

/** Whether requests for a block are refused, whoever asks: `deny all`, or `return` with 403 and its like. */
export function isClosed(scope: Scope): boolean {
  const first = scope.statements.find(({ name }) => name.text === 'allow' || name.text === 'deny');
  if (first?.name.text === 'deny' && first.args[0]?.text === 'all') return true;
  if (scope.own('internal').length > 0) return true;
  return scope.own('return').some(({ args }) => /^4\d\d$/.test(args[0]?.text ?? ''));
}
