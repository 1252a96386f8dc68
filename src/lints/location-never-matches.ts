import { matchesAny, meets } from './engine/language.js';
import { defineLint } from './engine/lint.js';
import { type LocationWords, titleOf } from './engine/location.js';
import { candidatesIn, languageOf } from './engine/reach.js';

export default defineLint({
  code: 'location-never-matches',
  severity: 'warning',
  on: 'location',
  story:
    'No request can reach the location. What is compared is the path alone, decoded: it always begins with `/`, and neither the host nor what follows `?` is part of it. For arguments there are variables such as `$arg_name`, in a `map` or an `if`.',
  check(c) {
    for (const kind of ['server', 'location'] as const) {
      for (const scope of c.scopes(kind)) {
        for (const { scope: location, words } of candidatesIn(scope)) {
          const help = reason(words);
          if (help !== null) {
            c.report(words.at, `"${titleOf(location)}" matches no request`, { help });
            continue;
          }
          const around =
            kind === 'location' ? candidatesIn(scope.parent ?? scope).find((one) => one.scope === scope) : undefined;
          if (around === undefined || words.kind !== 'regex') continue;
          const [inner, outer] = [languageOf(words), languageOf(around.words)];
          if (inner === null || outer === null || meets(inner, outer)) continue;
          c.report(words.at, `"${titleOf(location)}" matches no request of "${titleOf(scope)}"`, {
            help: 'an inner location is compared with the whole path, from its "/" on',
            related: [{ at: around.words.at, message: 'inside of this one' }],
          });
        }
      }
    }
  },
});

/** Why a location is never chosen, or null. */
function reason(words: LocationWords): string | null {
  const { kind, name } = words;
  if (kind === 'regex') {
    // Only with `^` can it miss all paths, and only a question mark that is meant itself asks for arguments.
    if (!name.includes('^') && !/\\\?|\[\?\]/.test(name)) return null;
    const language = languageOf(words);
    if (language === null || matchesAny(language)) return null;
    return /\\\?|\[\?\]/.test(name)
      ? 'the arguments behind "?" are not part of what is compared'
      : 'each path begins with "/"';
  }
  if (/^https?:\/\//i.test(name)) return 'write the path alone; for a host there is server_name';
  if (name === '' || !name.startsWith('/')) return `each path begins with "/": write "/${name}"`;
  return name.includes('?') ? 'the arguments behind "?" are not part of what is compared' : null;
}
