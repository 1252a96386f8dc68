import { meets } from './engine/language.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { type Candidate, candidatesIn } from './engine/reach.js';
import type { Scope } from './engine/scope.js';
import { StepBudget } from './engine/step-budget.js';

export default defineLint({
  code: 'location-shadowed',
  severity: 'warning',
  on: '*~',
  story:
    'A location is never chosen, because another one gets all of its requests. Of regular expressions the first that matches wins, in the order written: the special one belongs before the general one. They win over prefixes as well, unless the longest prefix says `^~`; and then none of them is tried.',
  check(c) {
    const effort = new StepBudget(MOST_STEPS);
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) if (scope.children.length > 1) look(scope, effort, c);
    }
  },
});

/** Of automata, for a whole configuration. */
const MOST_STEPS = 20_000;

/** Expressions of a block that the others are compared with: to compare all of thousands takes quadratic time. */
const MOST_COMPARED = 200;

function look(scope: Scope, effort: StepBudget, c: LintContext): void {
  const regexes: Candidate[] = [];
  const prefixes: Candidate[] = [];
  for (const candidate of candidatesIn(scope)) {
    if (candidate.words.kind === 'regex') regexes.push(candidate);
    else if (candidate.words.kind === 'prefix') prefixes.push(candidate);
  }
  if (regexes.length === 0) return;
  const compared = regexes.slice(0, MOST_COMPARED);
  const strict = prefixes.filter(({ words }) => words.noRegex && words.name.startsWith('/')).slice(0, MOST_COMPARED);
  for (let i = 0; i < regexes.length; i++) {
    const regex = regexes[i] as Candidate; // `i` is below the length
    const earlier = compared.find((one, j) => j < i && one.covers(regex, effort));
    if (earlier !== undefined) {
      say(c, regex, earlier, 'matches all of its requests, and stands before it');
      continue;
    }
    const guard = strict.find((one) => guards(one, regex, prefixes, effort));
    if (guard !== undefined)
      say(c, regex, guard, 'gets all of its requests, and "^~" keeps expressions from being tried');
  }
  for (const prefix of prefixes) {
    const regex = prefix.words.noRegex ? undefined : compared.find((one) => one.covers(prefix, effort));
    // Expressions inside of it are tried before those beside it.
    if (regex === undefined || prefix.scope.children.some(({ kind }) => kind === 'location')) continue;
    say(c, prefix, regex, 'matches all of its requests, and expressions win over prefixes');
  }
}

/** Whether the expression matches nothing outside of the `^~` location, and no longer prefix takes any of it off there. */
function guards(strict: Candidate, regex: Candidate, prefixes: readonly Candidate[], effort: StepBudget): boolean {
  if (!regex.words.name.startsWith('^') || !strict.covers(regex, effort)) return false;
  const { name } = strict.words;
  return !prefixes.some((one) => {
    const { words } = one;
    if (words.noRegex || words.name.length <= name.length || !words.name.startsWith(name)) return false;
    return one.language === null || regex.language === null || meets(regex.language, one.language, effort);
  });
}

function say(c: LintContext, shadowed: Candidate, by: Candidate, why: string): void {
  // Where both refuse, it makes no difference.
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
