import { definitionsOf } from './engine/definitions.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { isComplete } from './engine/values.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'unused-upstream',
  severity: 'hint',
  absence: true,
  on: 'upstream',
  story:
    'No directive passes requests to the upstream. It is a leftover, or its name is misspelt where it should be used. nginx still resolves the names of its servers at each start, and does not start if that fails.',
  check(c) {
    // The use may be in a file that was not found.
    if (!isComplete(c)) return;
    const upstreams = c
      .scopes('upstream')
      .flatMap(({ opener, parent }) =>
        parent?.kind === 'http' && opener?.args[0] !== undefined ? [opener.args[0]] : [],
      );
    // A file with upstreams only is probably included by another one.
    if (c.scopes('server').length === 0) return;
    // Usually a pass directive names each of them, and no other check is needed.
    const passed = new Set(passesIn(c.main).map(({ host }) => host.toLowerCase()));
    const left = new Map(
      upstreams.flatMap((word) => (passed.has(word.text.toLowerCase()) ? [] : [[word.text.toLowerCase(), word]])),
    );
    if (left.size === 0 || namesComeFromOutside(c)) return;
    for (const scope of c.main.all()) {
      for (const { name, args } of scope.statements) {
        if (name.text === 'upstream') continue;
        for (const { text } of args) for (const part of text.toLowerCase().split(/[/:?\s"'$,{}()]+/)) left.delete(part);
      }
    }
    for (const word of left.values()) c.report(word, `upstream "${word.text}" is not used`);
  },
});

/** Whether the request itself may determine the upstream. */
function namesComeFromOutside(c: LintContext): boolean {
  const defined = new Set(definitionsOf(c).map(({ name }) => name));
  return passesIn(c.main).some(({ authority }) => variablesIn(authority).some((name) => !defined.has(name)));
}
