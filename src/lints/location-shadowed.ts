import { intersects } from './engine/language.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { type Candidate, candidatesIn } from './engine/reach.js';
import type { Scope } from './engine/scope.js';
import { titleOf } from './engine/scope.js';
import { StepBudget } from './engine/step-budget.js';

export default defineLint({
  code: 'location-shadowed',
  severity: 'warning',
  on: '*~',
  story:
    'A location is never chosen, because another one matches all of its requests. The first regular expression that matches wins, in the order written: put the specific one before the general one. Regular expressions also win over prefixes, unless the longest prefix has `^~`; then no expression is evaluated.',
  check(c) {
    const budget = new StepBudget(MAX_STEPS);
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) if (scope.children.length > 1) checkBlock(scope, budget, c);
    }
  },
});

/** Automaton steps for a whole configuration. */
const MAX_STEPS = 20_000;

/** Expressions per block that the others are compared with, because comparing all pairs takes quadratic time. */
const MAX_COMPARED = 200;

function checkBlock(scope: Scope, budget: StepBudget, c: LintContext): void {
  const regexes: Candidate[] = [];
  const prefixes: Candidate[] = [];
  for (const candidate of candidatesIn(scope)) {
    if (candidate.words.kind === 'regex') regexes.push(candidate);
    else if (candidate.words.kind === 'prefix') prefixes.push(candidate);
  }
  if (regexes.length === 0) return;
  const compared = regexes.slice(0, MAX_COMPARED);
  const strict = prefixes.filter(({ words }) => words.noRegex && words.name.startsWith('/')).slice(0, MAX_COMPARED);
  for (let i = 0; i < regexes.length; i++) {
    const regex = regexes[i] as Candidate; // `i` is below the length
    const earlier = compared.find((one, j) => j < i && one.covers(regex, budget));
    if (earlier !== undefined) {
      reportShadowed(c, regex, earlier, 'matches all of its requests, and is written before it');
      continue;
    }
    const guard = strict.find((one) => guards(one, regex, prefixes, budget));
    if (guard !== undefined)
      reportShadowed(
        c,
        regex,
        guard,
        'matches all of its requests, and "^~" prevents regular expressions from being evaluated',
      );
  }
  for (const prefix of prefixes) {
    const regex = prefix.words.noRegex ? undefined : compared.find((one) => one.covers(prefix, budget));
    // Nested expressions are evaluated before those at the same level.
    if (regex === undefined || prefix.scope.children.some(({ kind }) => kind === 'location')) continue;
    reportShadowed(c, prefix, regex, 'matches all of its requests, and regular expressions win over prefixes');
  }
}

/** Whether the expression matches only URIs of the `^~` location, and no longer prefix without `^~` covers any of them. */
function guards(strict: Candidate, regex: Candidate, prefixes: readonly Candidate[], budget: StepBudget): boolean {
  if (!regex.words.name.startsWith('^') || !strict.covers(regex, budget)) return false;
  const { name } = strict.words;
  return !prefixes.some((one) => {
    const { words } = one;
    if (words.noRegex || words.name.length <= name.length || !words.name.startsWith(name)) return false;
    return one.language === null || regex.language === null || intersects(regex.language, one.language, budget);
  });
}

function reportShadowed(c: LintContext, shadowed: Candidate, by: Candidate, why: string): void {
  // If both reject requests, it makes no difference.
  const harmless = refuses(shadowed.scope) && refuses(by.scope);
  c.report(shadowed.words.at, `"${titleOf(shadowed.scope)}" is never chosen`, {
    ...(harmless && { severity: 'hint' as const }),
    help: `"${titleOf(by.scope)}" ${why}`,
    related: [{ at: by.words.at, message: 'this one is chosen instead' }],
  });
}

function refuses(scope: Scope): boolean {
  return scope.words('deny')?.[0] === 'all' || /^4\d\d$/.test(scope.words('return')?.[0] ?? '');
}
