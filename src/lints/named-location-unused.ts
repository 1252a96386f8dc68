import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import { isComplete } from './engine/values.js';

export default defineLint({
  code: 'named-location-unused',
  severity: 'hint',
  absence: true,
  on: '*@',
  story:
    'A named location is reached only through `error_page`, `try_files` and similar directives, and nothing in its server refers to this one. It is a leftover, or the name is misspelt where it is used.',
  check(c) {
    // The reference may be in a file that was not found.
    if (!isComplete(c)) return;
    // Scripts inside nginx can redirect anywhere.
    if ([...c.main.directives()].some((name) => /^(?:js|perl|mruby|nchan)_|_lua(?:_|$)|^perl$/.test(name))) return;
    const named = c.scopes('location').flatMap((scope) => {
      const words = scope.location;
      // A location with health checks does not have to be reachable by requests.
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
      c.report(words.at, `nothing refers to the named location "${words.name}"`, {
        help: `it is reached through: error_page 404 = ${words.name}; or try_files $uri ${words.name}; or X-Accel-Redirect`,
      });
    }
  },
});
