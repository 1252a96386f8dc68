import { growthOf } from './engine/ambiguity.js';
import { defineLint } from './engine/lint.js';
import { patternsOf } from './engine/patterns.js';
import { treeOf } from './engine/regex.js';
import { StepBudget } from './engine/step-budget.js';

/** Steps for all expressions of a configuration. */
const MAX_STEPS = 1_000_000;

export default defineLint({
  code: 'regex-backtracking',
  severity: 'warning',
  on: '*~ rewrite',
  story:
    'Crafted input can make the regular expression backtrack excessively: a nested loop, as in `(a+)+$`, or overlapping alternatives in a loop, as in `(\\w|_)*$`. As in nginx with PCRE, matching is aborted after ten million steps, and the request is answered with 500 and an `[alert]` in the error log. Most expressions reach the limit within a few milliseconds, because tsproxy counts repeated steps instead of executing them; those with back references, conditions or recursion, and all of them in nginx, take a few tenths of a second, during which the process serves no other request. Rewrite it so that each byte can be matched in one way only.',
  check(c) {
    const budget = new StepBudget(MAX_STEPS);
    const growths = new Map<string, ReturnType<typeof growthOf>>();
    for (const pattern of patternsOf(c)) {
      const { text, caseless } = pattern;
      // An expression without a quantifier cannot backtrack excessively.
      if (!/[*+{]/.test(text)) continue;
      const key = `${caseless}${text}`;
      let growth = growths.get(key);
      if (growth === undefined) {
        const tree = treeOf(text, caseless);
        growth = tree === null ? null : growthOf(tree, budget);
        growths.set(key, growth);
      }
      if (growth === null) continue;
      const { at } = pattern;
      if (growth.kind === 'exponential') {
        const loop = JSON.stringify(growth.loop);
        c.report(at, `the time to match "${text}" may double with each further ${loop} of a request`, {
          help: 'a loop can match the same text in several ways; keep only one (remove an inner "+" or "*", or an overlapping alternative)',
        });
      } else {
        const times = 2 ** growth.degree;
        c.report(at, `for a request twice as long, "${text}" may take ${times} times as long to match`, {
          severity: 'hint',
          help: `${text.startsWith('^') ? 'several' : 'the search for a start and several'} consecutive loops can match the same text; write [^/]* instead of .* to match one path segment`,
        });
      }
    }
  },
});
