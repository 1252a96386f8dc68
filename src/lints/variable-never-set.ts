import type { Span, Word } from '../../grammar/syntax-tree.js';
import { spanInWord } from '../config/template-parser.js';
import { type Definition, definitionsOf } from './engine/definitions.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'variable-never-set',
  severity: 'warning',
  absence: true,
  on: 'set auth_request_set *(?< *(?p<',
  story:
    'A variable is used in a `server` that never sets it: its `set`, or the expression with its named group, is in another server. It is empty here, and nginx logs a warning for each request: using uninitialized variable.',
  check(c) {
    const byName = new Map<string, Definition[]>();
    for (const definition of definitionsOf(c)) {
      const others = byName.get(definition.name);
      if (others === undefined) byName.set(definition.name, [definition]);
      else others.push(definition);
    }
    // Variables that are set only while a request is processed, and the servers that set them.
    const setIn = new Map<string, Set<Scope | null>>();
    for (const [name, definitions] of byName) {
      const servers = definitions.map(({ scope, computed }) => (computed ? null : scope.within('server')));
      if (!servers.includes(null)) setIn.set(name, new Set(servers));
    }
    if (setIn.size === 0) return;
    for (const server of c.scopes('server')) {
      for (const scope of server.all()) {
        for (const { name, args } of scope.kind === 'entries' ? [] : scope.statements) {
          if (name.text === 'location') continue;
          for (const word of args) {
            if (!word.text.includes('$')) continue;
            for (const used of variablesIn(word.text)) {
              const servers = setIn.get(used);
              if (servers === undefined || servers.has(server)) continue;
              if (scope.value('uninitialized_variable_warn') === 'off') continue;
              c.report(spanOf(word, used), `using uninitialized "${used}" variable`, {
                help: 'it has a value in other servers only, and is empty in this one',
                related: (byName.get(used) ?? [])
                  .slice(0, 3)
                  .map(({ at }) => ({ at, message: 'set here, for another server' })),
              });
            }
          }
        }
      }
    }
  },
});

/** Position of a variable's name within a word. */
function spanOf(word: Word, name: string): Span {
  const from = word.text.toLowerCase().search(new RegExp(`\\$\\{?${name}(?!\\w)`));
  return spanInWord(word, from, from + name.length + 1);
}
