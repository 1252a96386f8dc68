import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { passesOf } from './engine/pass.js';

export default defineLint({
  code: 'proxy-pass-slash',
  severity: 'warning',
  on: 'proxy_pass',
  story:
    'Of the prefix of a location and the path of its `proxy_pass`, one ends with a slash and the other does not. The prefix is cut off the request and the path put in its place, letter by letter: `location /api/ { proxy_pass http://app/v1; }` makes `/v1users` of `/api/users`, and `location /api { proxy_pass http://app/; }` makes `//users`. Give both a slash, or none.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      if (location?.kind !== 'prefix') continue;
      for (const { statement, word, uri } of passesOf(scope)) {
        if (statement.name.text !== 'proxy_pass' || uri === '' || word.text.includes('$') || /[?#]/.test(uri)) continue;
        const cut = location.name.endsWith('/');
        const put = uri.endsWith('/');
        if (cut === put) continue;
        const rest = cut ? 'users' : '/users';
        // What ends with "=" or "-" is meant to be continued.
        if (cut && /[=&_-]$/.test(uri)) continue;
        // One file at the end of a path is meant for all.
        if (cut && /\.\w+$/.test(uri)) continue;
        c.report(word, `"${titleOf(scope)}" makes "${uri}${rest}" of "${location.name}${rest}"`, {
          // A single address may be all that is asked for, and many back ends pass over a slash too many.
          ...(!cut && { severity: 'hint' as const }),
          help: cut
            ? `end the path with a slash: ${word.text}/`
            : `write a slash behind the prefix as well, location ${location.name}/, or none behind the path`,
          related: [{ at: location.at, message: cut ? 'ends with a slash' : 'does not end with a slash' }],
        });
      }
    }
  },
});
