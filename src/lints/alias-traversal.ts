import { isInternal } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';

export default defineLint({
  code: 'alias-traversal',
  severity: 'warning',
  on: 'alias',
  story:
    'A location without a slash at its end has an `alias` with one. What follows the prefix of the location is put behind the alias as it is: with `location /img { alias /data/img/; }` a request for `/img../secret` reads `/data/img/../secret`, which is one directory higher. Give the location a slash as well, or take it from the alias.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      const [alias] = scope.own('alias');
      const path = alias?.args[0];
      if (location?.kind !== 'prefix' || alias === undefined || path === undefined) continue;
      if (location.name.endsWith('/') || !path.text.endsWith('/') || isInternal(scope)) continue;
      const { at } = location;
      c.report(path, `"${titleOf(scope)}" reads outside of its alias "${path.text}"`, {
        help: `a request for "${location.name}../x" reads "${path.text}../x"; write: location ${location.name}/`,
        related: [{ at, message: 'the location does not end with "/"' }],
        fix: {
          title: `write ${location.name}/`,
          // Requests for the name alone are redirected then, and are answered otherwise than before.
          guess: true,
          edits: [{ at: { source: at.source, start: at.end, end: at.end }, text: '/' }],
        },
      });
    }
  },
});
