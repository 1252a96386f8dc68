import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import type { Scope } from './engine/scope.js';

/** What an `if` may hold without becoming a location of its own. */
const CARRIED_OUT = new Set(['if', 'set', 'return', 'rewrite', 'break', 'set_by_lua_block', 'set_by_lua_file']);

export default defineLint({
  code: 'if-is-evil',
  severity: 'warning',
  on: 'if',
  story:
    'An `if` in a location is a location of its own: where its condition holds, the request is answered with what stands in it and what it inherits. So of several that hold only the last counts, and `try_files` of the location around is not looked at any more. `return` and `rewrite … last` in it are safe; for all else there is `map` with a variable, or a second location.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const holding = scope.children.filter((child) => child.kind === 'if' && configures(child).length > 0);
      const [tries] = scope.own('try_files');
      for (const one of scope.children) {
        if (one.kind !== 'if' || ends(one) || tries === undefined) continue;
        // Every `if` that holds is such a location, even an empty one.
        if (configures(one).length === 0 && one.own('rewrite').length > 0) continue;
        if (one.opener === null) continue;
        c.report(one.opener.name, `where this "if" holds, "try_files" of "${titleOf(scope)}" has no effect`, {
          help: 'set a variable by a map, and use it in place of the condition',
          related: [{ at: tries.name, message: 'is not looked at where the condition holds' }],
        });
      }
      const open = holding.filter((one) => !ends(one));
      const [first, ...more] = open;
      for (const one of more) {
        const [what] = configures(one);
        if (first === undefined || what === undefined) continue;
        c.report(what.name, `where several "if" of "${titleOf(scope)}" hold, only the last counts`, {
          help: `"${configures(first)[0]?.name.text}" of the one before is lost then; use maps and variables`,
          related: [{ at: configures(first)[0] ?? what, message: 'has no effect where both hold' }],
        });
      }
    }
  },
});

/** The statements that make the block more than a condition. */
function configures(scope: Scope): readonly Statement[] {
  return scope.statements.filter(({ name }) => !CARRIED_OUT.has(name.text));
}

/** Whether the request is answered or goes elsewhere where the condition holds. */
function ends(scope: Scope): boolean {
  return scope.statements.some(({ name, args }) => {
    if (name.text === 'return') return true;
    if (name.text !== 'rewrite') return false;
    const flag = args[2]?.text;
    return (flag !== undefined && flag !== 'break') || /^https?:\/\//.test(args[1]?.text ?? '');
  });
}
