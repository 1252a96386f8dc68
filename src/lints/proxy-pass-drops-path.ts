import { isInternal } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { expandedPass, passesOfLocations } from './engine/pass.js';

export default defineLint({
  code: 'proxy-pass-drops-path',
  severity: 'warning',
  on: 'proxy_pass',
  story:
    'With a variable in its URL, `proxy_pass` sends the URI part unchanged: with `location /api/ { proxy_pass http://$backend/v1/; }` every request is sent as `/v1/`, without the rest of its path and without its arguments. Omit the URI part, and to change the prefix, use `rewrite … break`: `rewrite ^/api/(.*)$ /v1/$1 break; proxy_pass http://$backend;`.',
  check(c) {
    for (const pass of passesOfLocations(c)) {
      const { scope, statement, word } = pass;
      if (statement.name.text !== 'proxy_pass' || !word.text.includes('$')) continue;
      const { authority, uri } = expandedPass(c, pass);
      const location = scope.within('location')?.location;
      // A path without a final slash may be that of one resource, unless it repeats the prefix.
      if (!uri.endsWith('/') && (uri === '' || uri !== location?.name)) continue;
      // A name in capitals is an environment variable, replaced before nginx reads the file.
      if (/\$\{?[A-Z]/.test(word.text)) continue;
      if (location?.kind !== 'prefix' || uri.includes('$') || isInternal(scope)) continue;
      const prefix = location.name.endsWith('/') ? location.name : `${location.name}/`;
      const base = word.text.endsWith(uri) ? word.text.slice(0, -uri.length) : `http://${authority}`;
      const target = uri.endsWith('/') ? uri : `${uri}/`;
      c.report(word, `every request is sent as "${uri}": the rest of the path and the arguments are dropped`, {
        help:
          prefix === target
            ? `omit the URI part: proxy_pass ${base};`
            : `write: rewrite ^${prefix}(.*)$ ${target}$1 break; proxy_pass ${base};`,
      });
    }
  },
});
