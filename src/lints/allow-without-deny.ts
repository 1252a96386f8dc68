import { authenticationOf } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { hasUnread, isWhole } from './engine/values.js';

export default defineLint({
  code: 'allow-without-deny',
  severity: 'warning',
  on: 'allow',
  story:
    'A block has `allow` and no `deny`. Whom no rule of the list is about comes in, so that such a list keeps out nobody. End it with `deny all`. The rules of an outer block do not help: they hold only where a block has none of its own.',
  check(c) {
    if (!isWhole(c)) return;
    for (const scope of new Set(c.written('allow').map((one) => one.scope))) {
      const allows = scope.own('allow');
      const last = allows.at(-1);
      if (last === undefined || scope.own('deny').length > 0 || hasUnread(scope, c)) continue;
      if (allows.some(({ args }) => args[0]?.text === 'all')) continue;
      // Whoever is not on the list is asked for a password.
      if (scope.value('satisfy') === 'any' && authenticationOf(scope).length > 0) continue;
      c.report(last, '"allow" without "deny" keeps out nobody', {
        help: 'end the list with: deny all;',
        fix: {
          title: 'add deny all',
          guess: true,
          edits: [{ at: { source: last.source, start: last.end, end: last.end }, text: ' deny all;' }],
        },
      });
    }
  },
});
