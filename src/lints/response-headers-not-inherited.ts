import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { titleOf } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

/** Security fields, whose loss is a warning. */
const SECURITY_FIELDS =
  /^(?:strict-transport-security|content-security-policy|x-frame-options|x-content-type-options|referrer-policy|permissions-policy|cross-origin-.*|x-xss-protection|access-control-.*)$/;

function fieldOf({ args }: Statement): string {
  return args[0]?.text.toLowerCase() ?? '';
}

/** Whether a field would have an effect in a block. */
function hasEffect(statement: Statement, scope: Scope): boolean {
  const value = statement.args[1]?.text ?? '';
  if (value === '') {
    // An empty value adds nothing; for these two fields it removes nginx's own.
    const field = fieldOf(statement);
    return field === 'last-modified' || (field === 'etag' && scope.value('etag') !== 'off');
  }
  const parts = variablesIn(value);
  const ofUpstream = parts.length > 0 && parts.every((name) => name.startsWith('upstream_'));
  return !ofUpstream || passesIn(scope).length > 0;
}

/** Whether a location serves static assets rather than pages. */
function isForAssets(scope: Scope): boolean {
  const location = scope.location;
  return location?.kind === 'regex' && /\\\.\(?.*(?:css|js|png|jpe?g|gif|ico|svg|woff|ttf)/.test(location.name);
}

export default defineLint({
  code: 'response-headers-not-inherited',
  severity: 'warning',
  on: 'add_header',
  story:
    'An `add_header` in a block replaces all those of the enclosing blocks: they are inherited only if the block has none of its own. A location that sets `Cache-Control` thus loses `Strict-Transport-Security` of its server. Repeat them in the block, put them in a file that both include, or use `add_header_inherit merge` (nginx 1.29.3).',
  check(c) {
    for (const scope of new Set(c.written('add_header').map((one) => one.scope))) {
      const own = scope.own('add_header');
      const [first] = own;
      const outer = scope.parent?.effective('add_header') ?? [];
      if (first === undefined || outer.length === 0) continue;
      if (scope.value('add_header_inherit') === 'merge') continue;
      const names = new Set(own.map(fieldOf));
      const dropped = outer.filter((statement) => !names.has(fieldOf(statement)) && hasEffect(statement, scope));
      if (dropped.length === 0) continue;
      // A block that repeats some was written with the others in mind; most security fields matter less for assets.
      const matters = isForAssets(scope) ? /^strict-transport-security$/ : SECURITY_FIELDS;
      const warns = dropped.length === outer.length && dropped.some((statement) => matters.test(fieldOf(statement)));
      const fields = [...new Set(dropped.map(({ args }) => args[0]?.text ?? ''))];
      c.report(first, `"add_header" in "${titleOf(scope)}" drops those of the enclosing block: ${fields.join(', ')}`, {
        ...(!warns && { severity: 'hint' as const }),
        help: 'they are inherited only if a block adds none; repeat them here, or include them from a file in both blocks',
        related: dropped.slice(0, 10).map((at) => ({ at, message: 'is not added here' })),
      });
    }
  },
});
