import { defineLint, type LintContext } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

/** Directives that need a non-empty value. */
const NEEDS_VALUE = ['proxy_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'grpc_pass', 'root', 'alias'];

export default defineLint({
  code: 'map-without-default',
  severity: 'hint',
  on: 'map geo',
  story:
    'A `map` has no `default`, so its variable is empty for everything that is not listed, and it is used where an empty value is not valid: a pass without a host is a 500, an empty `root` serves the whole file system. Add a default.',
  check(c) {
    for (const scope of c.scopes('entries')) {
      if (scope.directive !== 'map' && scope.directive !== 'geo') continue;
      const variable = scope.opener?.args.at(-1);
      if (variable?.text.startsWith('$') !== true || hasDefault(scope)) continue;
      const name = variable.text.slice(1).toLowerCase();
      const use = useOf(c, name);
      if (use === null) continue;
      c.report(
        variable,
        `"${variable.text}" is empty for values that are not listed, and "${use.name.text}" needs a value`,
        {
          help: 'add a line: default ...;',
          related: [{ at: use, message: 'is used here' }],
        },
      );
    }
  },
});

function hasDefault(scope: Scope): boolean {
  return scope.statements.some(({ name, args }) => {
    if (name.text === 'default' || name.text === 'include') return true;
    // An expression that matches everything acts as a default.
    return args.length === 1 && /^~\*?\^?(?:\.[*+])?\$?$/.test(name.text);
  });
}

/** A directive whose whole value, or whole host, is the variable. */
function useOf(c: LintContext, name: string) {
  for (const directive of NEEDS_VALUE) {
    for (const { statement } of c.written(directive)) {
      const [value] = statement.args;
      if (value === undefined || !value.text.includes('$')) continue;
      const bare = value.text.replace(/^\w+:\/\//, '');
      if (/^\$(?:\{\w+\}|\w+)(?:[:/].*)?$/.test(bare) && variablesIn(bare)[0] === name) return statement;
    }
  }
  return null;
}
