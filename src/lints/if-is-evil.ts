import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { titleOf } from './engine/scope.js';

/** Directives that an `if` may contain without acting as a separate location. */
const REWRITE_DIRECTIVES = new Set(['if', 'set', 'return', 'rewrite', 'break', 'set_by_lua_block', 'set_by_lua_file']);

export default defineLint({
  code: 'if-is-evil',
  severity: 'warning',
  on: 'if',
  story:
    'An `if` in a location acts as a separate location: if its condition is true, the request is handled with the directives in the `if` and those it inherits. So if several are true, only the last applies, and `try_files` of the enclosing location has no effect. `return` and `rewrite … last` inside an `if` are safe; for everything else use a `map` with a variable, or a second location.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const configuring = scope.children.filter((child) => child.kind === 'if' && configures(child).length > 0);
      const [tries] = scope.own('try_files');
      for (const one of scope.children) {
        if (one.kind !== 'if' || ends(one) || tries === undefined) continue;
        // Every `if` with a true condition acts as a location, even an empty one.
        if (configures(one).length === 0 && one.own('rewrite').length > 0) continue;
        if (one.opener === null) continue;
        c.report(one.opener.name, `if this condition is true, "try_files" of "${titleOf(scope)}" has no effect`, {
          help: 'set a variable with a map, and use it in place of the condition',
          related: [{ at: tries.name, message: 'has no effect if the condition is true' }],
        });
      }
      const open = configuring.filter((one) => !ends(one));
      const [first, ...more] = open;
      for (const one of more) {
        const [what] = configures(one);
        if (first === undefined || what === undefined) continue;
        c.report(what.name, `if several "if" conditions of "${titleOf(scope)}" are true, only the last applies`, {
          help: `"${configures(first)[0]?.name.text}" of the earlier one is then lost; use maps and variables`,
          related: [{ at: configures(first)[0] ?? what, message: 'has no effect if both are true' }],
        });
      }
    }
  },
});

/** The statements that configure request handling, beyond the rewrite phase. */
function configures(scope: Scope): readonly Statement[] {
  return scope.statements.filter(({ name }) => !REWRITE_DIRECTIVES.has(name.text));
}

/** Whether the request is answered or redirected if the condition is true. */
function ends(scope: Scope): boolean {
  return scope.statements.some(({ name, args }) => {
    if (name.text === 'return') return true;
    if (name.text !== 'rewrite') return false;
    const flag = args[2]?.text;
    return (flag !== undefined && flag !== 'break') || /^https?:\/\//.test(args[1]?.text ?? '');
  });
}
