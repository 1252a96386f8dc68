import { authenticationOf } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { hasSuspectDirective, isComplete } from './engine/values.js';

export default defineLint({
  code: 'allow-without-deny',
  severity: 'warning',
  absence: true,
  on: 'allow',
  story:
    'A block has `allow` and no `deny`. Clients that match no rule are allowed, so this list blocks nobody. End it with `deny all`. The rules of an outer block do not help: they apply only to blocks that have none of their own.',
  check(c) {
    if (!isComplete(c)) return;
    for (const scope of new Set(c.written('allow').map((one) => one.scope))) {
      const allows = scope.own('allow');
      const last = allows.at(-1);
      if (last === undefined || scope.own('deny').length > 0 || hasSuspectDirective(scope, c)) continue;
      if (allows.some(({ args }) => args[0]?.text === 'all')) continue;
      // With `satisfy any`, clients that are not on the list have to authenticate.
      if (scope.value('satisfy') === 'any' && authenticationOf(scope).length > 0) continue;
      c.report(last, '"allow" without "deny" blocks nobody', {
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
