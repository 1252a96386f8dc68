import { Language, meets } from './engine/language.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { type LocationWords, titleOf } from './engine/location.js';
import { type Candidate, candidatesIn, covers, languageOf } from './engine/reach.js';
import type { Scope } from './engine/scope.js';

export default defineLint({
  code: 'location-shadowed',
  severity: 'warning',
  on: '*~',
  story:
    'A location is never chosen, because another one gets all of its requests. Of regular expressions the first that matches wins, in the order written: the special one belongs before the general one. They win over prefixes as well, unless the longest prefix says `^~`; and then none of them is tried.',
  check(c) {
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) if (scope.children.length > 1) look(scope, c);
    }
  },
});

/** Expressions of a block that the others are compared with: to compare all of thousands takes quadratic time. */
const MOST_COMPARED = 200;

function look(scope: Scope, c: LintContext): void {
  const all = candidatesIn(scope);
  const regexes = all.filter(({ words }) => words.kind === 'regex');
  if (regexes.length === 0) return;
  const prefixes = all.filter(({ words }) => words.kind === 'prefix');
  const strict = prefixes.filter(({ words }) => words.noRegex && words.name.startsWith('/'));
  const compared = regexes.slice(0, MOST_COMPARED);
  for (const [i, regex] of regexes.entries()) {
    const earlier = compared.slice(0, i).find(({ words }) => covers(words, regex.words));
    if (earlier !== undefined) {
      say(c, regex, earlier, 'matches all of its requests, and stands before it');
      continue;
    }
    const guard = strict.slice(0, MOST_COMPARED).find(({ words }) => guards(words, regex.words, prefixes));
    if (guard !== undefined)
      say(c, regex, guard, 'gets all of its requests, and "^~" keeps expressions from being tried');
  }
  for (const prefix of prefixes) {
    // Expressions inside of it are tried before those beside it.
    if (prefix.words.noRegex || prefix.scope.children.some(({ kind }) => kind === 'location')) continue;
    const regex = compared.find(({ words }) => covers(words, prefix.words));
    if (regex !== undefined) say(c, prefix, regex, 'matches all of its requests, and expressions win over prefixes');
  }
}

/** Whether the expression matches nothing outside of the `^~` location, and no longer prefix takes any of it off there. */
function guards(strict: LocationWords, regex: LocationWords, prefixes: readonly Candidate[]): boolean {
  if (!regex.name.startsWith('^') || !covers(strict, regex)) return false;
  const language = languageOf(regex);
  return !prefixes.some(({ words }) => {
    const inside = words.name.length > strict.name.length && words.name.startsWith(strict.name) && !words.noRegex;
    return inside && (language === null || meets(language, Language.prefix(words.name)));
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
