import { matchesAny, meets } from './engine/language.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { Candidate, candidatesIn } from './engine/reach.js';
import { StepBudget } from './engine/step-budget.js';

export default defineLint({
  code: 'location-never-matches',
  severity: 'warning',
  on: 'location',
  story:
    'No request can reach the location. What is compared is the path alone, decoded: it always begins with `/`, and neither the host nor what follows `?` is part of it. For arguments there are variables such as `$arg_name`, in a `map` or an `if`.',
  check(c) {
    const effort = new StepBudget(MOST_STEPS);
    for (const scope of [...c.scopes('server'), ...c.scopes('location')]) {
      if (scope.children.length === 0) continue;
      const words = scope.location;
      const around = words === null ? null : new Candidate(scope, words);
      for (const inner of candidatesIn(scope)) look(inner, around, effort, c);
    }
  },
});

/** Of automata, for a whole configuration. */
const MOST_STEPS = 20_000;

function look(inner: Candidate, around: Candidate | null, effort: StepBudget, c: LintContext): void {
  const { at, kind } = inner.words;
  const help = reason(inner, effort);
  if (help !== null) {
    c.report(at, `"${titleOf(inner.scope)}" matches no request`, { help });
  } else if (kind === 'regex' && around !== null && !mayMeet(inner, around, effort)) {
    c.report(at, `"${titleOf(inner.scope)}" matches no request of "${titleOf(around.scope)}"`, {
      help: 'an inner location is compared with the whole path, from its "/" on',
      related: [{ at: around.words.at, message: 'inside of this one' }],
    });
  }
}

/** Whether a request of the location around may be one of the inner one. */
function mayMeet(inner: Candidate, around: Candidate, effort: StepBudget): boolean {
  if (!inner.words.name.startsWith('^') || inner.lead.startsWith(around.lead)) return true;
  return inner.language === null || around.language === null || meets(inner.language, around.language, effort);
}

const QUESTION = /\\\?|\[\?\]/;

/** Why a location is never chosen, or null. */
function reason(candidate: Candidate, effort: StepBudget): string | null {
  const { kind, name } = candidate.words;
  if (kind === 'regex') {
    // Only with `^` can it miss all paths, and only a question mark that is meant itself asks for arguments.
    if ((!name.includes('^') || name.startsWith('^/')) && !QUESTION.test(name)) return null;
    const { example } = candidate;
    if (example !== null && !example.includes('?') && candidate.matches(example)) return null;
    const { language } = candidate;
    if (language === null || matchesAny(language, effort)) return null;
    return QUESTION.test(name)
      ? 'the arguments behind "?" are not part of what is compared'
      : 'each path begins with "/"';
  }
  if (/^https?:\/\//i.test(name)) return 'write the path alone; for a host there is server_name';
  if (name === '' || !name.startsWith('/')) return `each path begins with "/": write "/${name}"`;
  return name.includes('?') ? 'the arguments behind "?" are not part of what is compared' : null;
}
