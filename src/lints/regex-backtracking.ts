import { growthOf } from './engine/ambiguity.js';
import { defineLint } from './engine/lint.js';
import { patternsOf } from './engine/patterns.js';
import { treeOf } from './engine/regex.js';
import { StepBudget } from './engine/step-budget.js';

/** For all expressions of a configuration. */
const MOST_STEPS = 1_000_000;

export default defineLint({
  code: 'regex-backtracking',
  severity: 'warning',
  on: '*~ rewrite',
  story:
    'The regular expression can be led to try very many ways through one text before it gives up: a loop in a loop, as in `(a+)+$`, or alternatives in a loop that match the same, as in `(\\w|_)*$`. As in nginx with PCRE, the search is given up after ten million steps, and the request is answered with 500 and an `[alert]` in the error log. Most expressions get there in some milliseconds, because tsproxy counts repeated steps instead of taking them; those with back references, conditions or recursion, and all of them in nginx, take some tenths of a second, in which a process serves no other request. Write it so that each byte of a text can be matched in one way only.',
  check(c) {
    const effort = new StepBudget(MOST_STEPS);
    const told = new Map<string, ReturnType<typeof growthOf>>();
    for (const pattern of patternsOf(c)) {
      const { text, caseless } = pattern;
      // Nothing repeats without one of these.
      if (!/[*+{]/.test(text)) continue;
      const key = `${caseless}${text}`;
      let growth = told.get(key);
      if (growth === undefined) {
        const tree = treeOf(text, caseless);
        growth = tree === null ? null : growthOf(tree, effort);
        told.set(key, growth);
      }
      if (growth === null) continue;
      const { at } = pattern;
      if (growth.kind === 'exponential') {
        const loop = JSON.stringify(growth.loop);
        c.report(at, `the time to match "${text}" may double with each further ${loop} of a request`, {
          help: 'there are several ways to match the same text in a loop; leave one (an inner "+" or "*", or an alternative that overlaps)',
        });
      } else {
        const times = 2 ** growth.degree;
        c.report(at, `for twice as long a request, "${text}" may take ${times} times as long to match`, {
          severity: 'hint',
          help: `${text.startsWith('^') ? 'several' : 'the search for a beginning and several'} loops in a row can match the same text; write [^/]* instead of .* where one part of a path is meant`,
        });
      }
    }
  },
});
