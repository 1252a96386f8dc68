import { defineLint } from './engine/lint.js';
import { patternsOf } from './engine/patterns.js';
import { anchoredPrefix, treeOf } from './engine/regex.js';

export default defineLint({
  code: 'regex-exact',
  severity: 'hint',
  on: '*~',
  story:
    'A regular expression matches one text only. The literal form is faster, is found by a hash lookup instead of a linear search, and needs no escaped dots: `location = /login`, `server_name www.example.com`, and in a `map` the text itself.',
  check(c) {
    for (const { directive, scope, text, caseless, at } of patternsOf(c)) {
      if (!/^(?:location|server_name|map)$/.test(directive)) continue;
      // A case-insensitive location has no literal form; server names and map keys are compared case-insensitively.
      if (directive === 'location' && scope.location?.caseless === true) continue;
      if (directive === 'map' && !caseless) continue;
      if (!text.startsWith('^') || !text.endsWith('$') || text.includes('|')) continue;
      const tree = treeOf(text);
      const constant = tree === null ? null : anchoredPrefix(tree);
      if (constant === null || !constant.whole || constant.text === '') continue;
      const instead = directive === 'location' ? `location = ${constant.text}` : constant.text;
      c.report(at, `"${text}" matches "${constant.text}" only`, { help: `write it without an expression: ${instead}` });
    }
  },
});
