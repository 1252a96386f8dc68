import { matchesAny, meets } from './engine/language.js';
import { defineLint } from './engine/lint.js';
import { type LocationWords, locationOf, titleOf } from './engine/location.js';
import { languageOf, leadOf } from './engine/reach.js';

export default defineLint({
  code: 'location-never-matches',
  severity: 'warning',
  on: 'location',
  story:
    'No request can reach the location. What is compared is the path alone, decoded: it always begins with `/`, and neither the host nor what follows `?` is part of it. For arguments there are variables such as `$arg_name`, in a `map` or an `if`.',
  check(c) {
    for (const location of c.scopes('location')) {
      const words = locationOf(location);
      if (words === null || words.kind === 'named') continue;
      const help = reason(words);
      if (help !== null) {
        c.report(words.at, `"${titleOf(location)}" matches no request`, { help });
        continue;
      }
      const around = location.parent === null ? null : locationOf(location.parent);
      if (words.kind !== 'regex' || around === null || location.parent === null || mayMeet(words, around)) continue;
      c.report(words.at, `"${titleOf(location)}" matches no request of "${titleOf(location.parent)}"`, {
        help: 'an inner location is compared with the whole path, from its "/" on',
        related: [{ at: around.at, message: 'inside of this one' }],
      });
    }
  },
});

/** Whether a request of the location around may be one of the inner one. */
function mayMeet(inner: LocationWords, around: LocationWords): boolean {
  if (!inner.name.startsWith('^') || leadOf(inner).startsWith(leadOf(around))) return true;
  const [one, other] = [languageOf(inner), languageOf(around)];
  return one === null || other === null || meets(one, other);
}

const QUESTION = /\\\?|\[\?\]/;

/** Why a location is never chosen, or null. */
function reason(words: LocationWords): string | null {
  const { kind, name } = words;
  if (kind === 'regex') {
    // Only with `^` can it miss all paths, and only a question mark that is meant itself asks for arguments.
    if ((!name.includes('^') || leadOf(words).startsWith('/')) && !QUESTION.test(name)) return null;
    const language = languageOf(words);
    if (language === null || matchesAny(language)) return null;
    return QUESTION.test(name)
      ? 'the arguments behind "?" are not part of what is compared'
      : 'each path begins with "/"';
  }
  if (/^https?:\/\//i.test(name)) return 'write the path alone; for a host there is server_name';
  if (name === '' || !name.startsWith('/')) return `each path begins with "/": write "/${name}"`;
  return name.includes('?') ? 'the arguments behind "?" are not part of what is compared' : null;
}
