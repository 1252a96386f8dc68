import { authenticationOf, denialsOf } from './engine/access.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'return-bypasses-access',
  severity: 'warning',
  on: 'return',
  story:
    '`return` answers in the rewrite phase, before anybody is asked who he is: `deny`, `auth_basic` and `auth_request` of the same block have no effect on it. Put what is to be protected behind another location, `try_files /x @answer`, and keep the rules there too.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const [answer] = scope.own('return');
      if (answer === undefined || /^[45]/.test(answer.args[0]?.text ?? '')) continue;
      const own = new Set(scope.statements);
      const rule = [...denialsOf(scope), ...authenticationOf(scope)].find((statement) => own.has(statement));
      if (rule === undefined) continue;
      c.report(answer, `"return" answers before "${rule.name.text}" is looked at`, {
        help: 'everybody gets this answer; only what is answered later is protected',
        related: [{ at: rule, message: 'has no effect here' }],
      });
    }
  },
});
