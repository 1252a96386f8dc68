import { cachedLocations, keyPlace, mayDependOn } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { enclosingLocation } from './engine/scope.js';

const URIS = /^(?:request_uri|uri|document_uri|request|args|query_string|arg_\w+|http_\w*(?:ur[il]|path)\w*)$/;

export default defineLint({
  code: 'cache-key-without-uri',
  severity: 'warning',
  on: 'proxy_cache_key',
  story:
    'The key of a location that matches many URIs contains neither the URI nor an argument: the first response is served for all of them. Add `$request_uri` to `proxy_cache_key`. Locations that are used for subrequests (`auth_request`), are `internal`, or match one URI only are not examined.',
  check(c) {
    const targets = ['auth_request', 'mirror', 'post_action'].flatMap((name) =>
      c.main.written(name).flatMap(({ statement }) => statement.args[0]?.text ?? []),
    );
    const reported = new Set<unknown>();
    for (const one of cachedLocations(c)) {
      const { scope, keyDepends } = one;
      const at = keyPlace(one);
      const location = enclosingLocation(scope);
      if (reported.has(at) || location === null || mayDependOn(keyDepends, (name) => URIS.test(name))) continue;
      if (location.kind === 'exact' || location.kind === 'named' || scope.effective('internal').length > 0) continue;
      if (
        location.kind === 'prefix' &&
        targets.some((target) => target.startsWith(location.name) && location.name !== '/')
      )
        continue;
      reported.add(at);
      c.report(at, `one response is served for all URIs of "location ${location.name}"`, {
        help: `add the URI to the key: proxy_cache_key ${one.keyText}$request_uri;`,
      });
    }
  },
});
