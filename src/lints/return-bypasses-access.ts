import { authenticationOf, denialsOf } from './engine/access.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'return-bypasses-access',
  severity: 'warning',
  on: 'return',
  story:
    '`return` responds in the rewrite phase, before access control: `deny`, `auth_basic` and `auth_request` of the same block have no effect on it. Move the protected response to another location, `try_files /x @answer`, and keep the rules there too.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const [answer] = scope.own('return');
      if (answer === undefined || /^[45]/.test(answer.args[0]?.text ?? '')) continue;
      const own = new Set(scope.statements);
      const rule = [...denialsOf(scope), ...authenticationOf(scope)].find((statement) => own.has(statement));
      if (rule === undefined) continue;
      c.report(answer, `"return" responds before "${rule.name.text}" is checked`, {
        help: 'every client gets this response; only responses of later phases are protected',
        related: [{ at: rule, message: 'has no effect here' }],
      });
    }
  },
});
