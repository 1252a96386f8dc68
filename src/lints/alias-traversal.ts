import { isInternal } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'alias-traversal',
  severity: 'warning',
  on: 'alias',
  story:
    'A location without a trailing slash has an `alias` with one. The rest of the URI after the location prefix is appended to the alias unchanged: with `location /img { alias /data/img/; }` a request for `/img../secret` reads `/data/img/../secret`, which is one directory higher. Add a trailing slash to the location as well, or remove it from the alias.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      const [alias] = scope.own('alias');
      const path = alias?.args[0];
      if (location?.kind !== 'prefix' || alias === undefined || path === undefined) continue;
      if (location.name.endsWith('/') || !path.text.endsWith('/') || isInternal(scope)) continue;
      const { at } = location;
      c.report(path, `"${titleOf(scope)}" reads outside its alias "${path.text}"`, {
        help: `a request for "${location.name}../x" reads "${path.text}../x"; write: location ${location.name}/`,
        related: [{ at, message: 'the location does not end with "/"' }],
        fix: {
          title: `write ${location.name}/`,
          // Requests for the prefix without a slash are then redirected, which changes the response.
          guess: true,
          edits: [{ at: { source: at.source, start: at.end, end: at.end }, text: '/' }],
        },
      });
    }
  },
});
