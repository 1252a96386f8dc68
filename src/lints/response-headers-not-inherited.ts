import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { passesIn } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

/** Fields that protect, and are missed where they are missing. */
const PROTECTING =
  /^(?:strict-transport-security|content-security-policy|x-frame-options|x-content-type-options|referrer-policy|permissions-policy|cross-origin-.*|x-xss-protection|access-control-.*)$/;

function fieldOf({ args }: Statement): string {
  return args[0]?.text.toLowerCase() ?? '';
}

/** Whether a field would say anything in a block. */
function says(statement: Statement, scope: Scope): boolean {
  const value = statement.args[1]?.text ?? '';
  if (value === '') {
    // Empty values add nothing; of these two fields they take away nginx's own.
    const field = fieldOf(statement);
    return field === 'last-modified' || (field === 'etag' && scope.value('etag') !== 'off');
  }
  const parts = variablesIn(value);
  const ofUpstream = parts.length > 0 && parts.every((name) => name.startsWith('upstream_'));
  return !ofUpstream || passesIn(scope).length > 0;
}

/** Whether a location is for files of kinds that are no pages. */
function isForAssets(scope: Scope): boolean {
  const location = scope.location;
  return location?.kind === 'regex' && /\\\.\(?.*(?:css|js|png|jpe?g|gif|ico|svg|woff|ttf)/.test(location.name);
}

export default defineLint({
  code: 'response-headers-not-inherited',
  severity: 'warning',
  on: 'add_header',
  story:
    'One `add_header` in a block takes away all that the blocks around it have added: they are inherited only where the block has none of its own. A location that sets `Cache-Control` so loses `Strict-Transport-Security` of its server. Repeat them there, keep them in a file that both include, or write `add_header_inherit merge` (nginx 1.29.3).',
  check(c) {
    for (const scope of new Set(c.written('add_header').map((one) => one.scope))) {
      const own = scope.own('add_header');
      const [first] = own;
      const outer = scope.parent?.effective('add_header') ?? [];
      if (first === undefined || outer.length === 0) continue;
      if (scope.value('add_header_inherit') === 'merge') continue;
      const names = new Set(own.map(fieldOf));
      const lost = outer.filter((statement) => !names.has(fieldOf(statement)) && says(statement, scope));
      if (lost.length === 0) continue;
      // Who repeats some has thought of them; and what protects a page does not matter to pictures and fonts as much.
      const matters = isForAssets(scope) ? /^strict-transport-security$/ : PROTECTING;
      const warns = lost.length === outer.length && lost.some((statement) => matters.test(fieldOf(statement)));
      const fields = [...new Set(lost.map(({ args }) => args[0]?.text ?? ''))];
      c.report(first, `"add_header" in "${titleOf(scope)}" drops those of the block around: ${fields.join(', ')}`, {
        ...(!warns && { severity: 'hint' as const }),
        help: 'they are inherited only where a block adds none; repeat them here, or include them from a file in both blocks',
        related: lost.slice(0, 10).map((at) => ({ at, message: 'is not added here' })),
      });
    }
  },
});
