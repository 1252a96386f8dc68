import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { isWhole } from './engine/values.js';

export default defineLint({
  code: 'named-location-unused',
  severity: 'hint',
  on: '*@',
  story:
    'A named location is reached by `error_page`, `try_files` and the like alone, and nothing in its server names this one. It is left over, or the name is misspelt where it is used.',
  check(c) {
    // What leads there may stand in a file that was not found.
    if (!isWhole(c)) return;
    // Programs inside of nginx lead anywhere.
    if ([...c.main.directives()].some((name) => /^(?:js|perl|mruby|nchan)_|_lua(?:_|$)|^perl$/.test(name))) return;
    const named = c.scopes('location').flatMap((scope) => {
      const words = scope.location;
      // Checks of health go out from a location that no request needs to reach.
      return words?.kind === 'named' && scope.own('health_check').length === 0 ? [words] : [];
    });
    const left = new Map(named.map((words) => [words.name, words]));
    const use = (args: readonly Word[]): void => {
      for (const { text } of args) {
        if (text.includes('@')) for (const [found] of text.matchAll(/@[\w.-]+/g)) left.delete(found);
      }
    };
    for (const name of ['try_files', 'error_page']) for (const { statement } of c.written(name)) use(statement.args);
    if (left.size === 0) return;
    for (const scope of c.main.all()) {
      for (const { args, name } of scope.statements) if (name.text !== 'location') use(args);
    }
    for (const words of named) {
      if (!left.has(words.name)) continue;
      c.report(words.at, `nothing leads to the named location "${words.name}"`, {
        help: `it is reached by: error_page 404 = ${words.name}; or try_files $uri ${words.name}; or X-Accel-Redirect`,
      });
    }
  },
});
