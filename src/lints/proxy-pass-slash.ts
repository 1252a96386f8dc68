import { defineLint } from './engine/lint.js';
import { passesOf } from './engine/pass.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'proxy-pass-slash',
  severity: 'warning',
  on: 'proxy_pass',
  story:
    'Either the prefix of a location or the path of its `proxy_pass` ends with a slash, but not both. The prefix of the request URI is replaced by the path literally: `location /api/ { proxy_pass http://app/v1; }` turns `/api/users` into `/v1users`, and `location /api { proxy_pass http://app/; }` turns it into `//users`. End both with a slash, or neither.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      if (location?.kind !== 'prefix') continue;
      for (const { statement, word, uri } of passesOf(scope)) {
        if (statement.name.text !== 'proxy_pass' || uri === '' || word.text.includes('$') || /[?#]/.test(uri)) continue;
        const locationSlash = location.name.endsWith('/');
        const pathSlash = uri.endsWith('/');
        if (locationSlash === pathSlash) continue;
        const rest = locationSlash ? 'users' : '/users';
        // A path that ends with "=" or "-" is meant to be continued.
        if (locationSlash && /[=&_-]$/.test(uri)) continue;
        // A path that ends in a file name is meant for all requests.
        if (locationSlash && /\.\w+$/.test(uri)) continue;
        c.report(word, `"${titleOf(scope)}" turns "${location.name}${rest}" into "${uri}${rest}"`, {
          // Possibly only the exact prefix is requested, and many back ends ignore a double slash.
          ...(!locationSlash && { severity: 'hint' as const }),
          help: locationSlash
            ? `end the path with a slash: ${word.text}/`
            : `end the prefix with a slash as well, location ${location.name}/, or remove the one of the path`,
          related: [{ at: location.at, message: locationSlash ? 'ends with a slash' : 'does not end with a slash' }],
        });
      }
    }
  },
});
