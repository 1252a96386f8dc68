import { isInternal } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { expandedPass, passesOfLocations } from './engine/pass.js';
import type { Scope } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';

/** Numbered captures, and nginx variables that hold a path without arguments. */
const PATH = /^(?:[1-9]|uri|document_uri)$/;

export default defineLint({
  code: 'proxy-pass-drops-args',
  severity: 'hint',
  on: 'proxy_pass',
  story:
    'A `proxy_pass` with variables in its URI part sends exactly that URI. A path built from captures (`http://backend/$1`) has no arguments: `?page=2` does not reach the back end. Append `$is_args$args` to forward them.',
  check(c) {
    for (const pass of passesOfLocations(c)) {
      const { scope, statement, word } = pass;
      if (statement.name.text !== 'proxy_pass' || isInternal(scope)) continue;
      const { uri } = expandedPass(c, pass);
      if (uri.includes('?')) continue;
      const variables = variablesIn(uri);
      const named = namedCaptures(scope.within('location')?.location);
      // Any other variable may contain the arguments or replace them.
      if (variables.length === 0 || !variables.every((name) => PATH.test(name) || named.includes(name))) continue;
      c.report(word, 'the arguments of requests are dropped', {
        help: `add them: proxy_pass ${word.text}$is_args$args;`,
        fix: {
          title: 'add $is_args$args',
          guess: true,
          edits: [
            {
              at: {
                ...word,
                start: word.end - (word.quote === '' ? 0 : 1),
                end: word.end - (word.quote === '' ? 0 : 1),
              },
              text: '$is_args$args',
            },
          ],
        },
      });
    }
  },
});

/** Names of the captures in the expression of a location, in lower case. */
function namedCaptures(location: Scope['location'] | undefined): string[] {
  if (location?.kind !== 'regex') return [];
  return [...location.name.matchAll(/\(\?P?[<'](\w+)[>']/g)].map(([, name = '']) => name.toLowerCase());
}
