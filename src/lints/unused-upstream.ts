import { definitionsOf } from './engine/definitions.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'unused-upstream',
  severity: 'hint',
  on: 'upstream',
  story:
    'Nothing passes requests to the upstream. It is left over, or its name is misspelt where it should be used. nginx still looks up the names of its servers at each start, and does not start without them.',
  check(c) {
    const upstreams = c
      .scopes('upstream')
      .flatMap(({ opener, parent }) =>
        parent?.kind === 'http' && opener?.args[0] !== undefined ? [opener.args[0]] : [],
      );
    if (upstreams.length === 0 || namesComeFromOutside(c)) return;
    const used = new Set<string>();
    for (const scope of c.main.all()) {
      for (const { name, args } of scope.statements) {
        if (name.text === 'upstream') continue;
        for (const { text } of args) for (const part of text.toLowerCase().split(/[/:?\s"'$,{}()]+/)) used.add(part);
      }
    }
    for (const word of upstreams) {
      if (!used.has(word.text.toLowerCase())) c.report(word, `upstream "${word.text}" is not used`);
    }
  },
});

/** Whether requests themselves may say which upstream they go to. */
function namesComeFromOutside(c: LintContext): boolean {
  const known = new Set(definitionsOf(c).map(({ name }) => name));
  return passesIn(c.main).some(({ authority }) => variablesIn(authority).some((name) => !known.has(name)));
}
