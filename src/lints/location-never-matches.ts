import { intersects, matchesAny } from './engine/language.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { Candidate, candidatesIn } from './engine/reach.js';
import { titleOf } from './engine/scope.js';
import { StepBudget } from './engine/step-budget.js';

export default defineLint({
  code: 'location-never-matches',
  severity: 'warning',
  on: 'location',
  story:
    'No request can match the location. It is compared with the decoded path only: the path always begins with `/`, and includes neither the host nor the query string after `?`. For arguments use variables such as `$arg_name`, in a `map` or an `if`.',
  check(c) {
    const budget = new StepBudget(MAX_STEPS);
    for (const scope of [...c.scopes('server'), ...c.scopes('location')]) {
      if (scope.children.length === 0) continue;
      const words = scope.location;
      const enclosing = words === null ? null : new Candidate(scope, words);
      for (const inner of candidatesIn(scope)) checkLocation(inner, enclosing, budget, c);
    }
  },
});

/** Automaton steps for a whole configuration. */
const MAX_STEPS = 20_000;

function checkLocation(inner: Candidate, enclosing: Candidate | null, budget: StepBudget, c: LintContext): void {
  const { at, kind } = inner.words;
  const help = reason(inner, budget);
  if (help !== null) {
    c.report(at, `"${titleOf(inner.scope)}" matches no request`, { help });
  } else if (kind === 'regex' && enclosing !== null && !mayOverlap(inner, enclosing, budget)) {
    c.report(at, `"${titleOf(inner.scope)}" matches no request of "${titleOf(enclosing.scope)}"`, {
      help: 'a nested location is compared with the whole path, beginning with "/"',
      related: [{ at: enclosing.words.at, message: 'inside this one' }],
    });
  }
}

/** Whether the nested location can match a request of the enclosing one. */
function mayOverlap(inner: Candidate, enclosing: Candidate, budget: StepBudget): boolean {
  if (!inner.words.name.startsWith('^') || inner.lead.startsWith(enclosing.lead)) return true;
  return (
    inner.language === null || enclosing.language === null || intersects(inner.language, enclosing.language, budget)
  );
}

const QUESTION = /\\\?|\[\?\]/;

/** Why a location is never chosen, or null. */
function reason(candidate: Candidate, budget: StepBudget): string | null {
  const { kind, name } = candidate.words;
  if (kind === 'regex') {
    // Only an expression with `^`, or one with a literal question mark, can fail to match every path.
    if ((!name.includes('^') || name.startsWith('^/')) && !QUESTION.test(name)) return null;
    const { example } = candidate;
    if (example !== null && !example.includes('?') && candidate.matches(example)) return null;
    const { language } = candidate;
    if (language === null || matchesAny(language, budget)) return null;
    return QUESTION.test(name)
      ? 'the query string after "?" is not part of the comparison'
      : 'every path begins with "/"';
  }
  if (/^https?:\/\//i.test(name)) return 'write the path only; for a host use server_name';
  if (name === '' || !name.startsWith('/')) return `every path begins with "/": write "/${name}"`;
  return name.includes('?') ? 'the query string after "?" is not part of the comparison' : null;
}
