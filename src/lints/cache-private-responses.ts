import {
  argumentsOf,
  cachedLocations,
  conditionsOf,
  distinguishesUsers,
  ignoresField,
  storesByDefault,
  wordsOf,
} from './engine/cached.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { enclosingLocation, type Scope } from './engine/scope.js';
import { requestField } from './engine/websocket.js';

export default defineLint({
  code: 'cache-private-responses',
  severity: 'warning',
  on: 'proxy_ignore_headers',
  story:
    'Responses with `Set-Cookie` are cached because `proxy_ignore_headers` names it, and the stored cookie is sent to all clients, so that users share sessions. Add `proxy_hide_header Set-Cookie;`, or do not store such responses: `proxy_no_cache $upstream_http_set_cookie;`. If `Cache-Control` is ignored as well in `location /`, pages that the application marks as private are stored: add conditions to `proxy_no_cache` and `proxy_cache_bypass`, such as `$http_authorization` and the session cookie.',
  check(c) {
    const reported = new Set<unknown>();
    for (const { scope, keyDepends, cache } of cachedLocations(c)) {
      if (!ignoresField(scope, 'set-cookie') || distinguishesUsers(keyDepends)) continue;
      const at = argumentsOf(scope, 'proxy_ignore_headers').find(({ text }) => text.toLowerCase() === 'set-cookie');
      if (at === undefined || reported.has(at)) continue;
      const related = [{ at: cache, message: 'responses are cached here' }];
      const unless = conditionsOf(c, scope, 'proxy_no_cache');
      if (!hidesCookies(scope)) {
        if (unless.isOpaque || unless.names.has('upstream_http_set_cookie')) continue;
        reported.add(at);
        c.report(at, 'a cookie that is set for one client is stored and sent to others', {
          help: 'add proxy_hide_header Set-Cookie; or proxy_no_cache $upstream_http_set_cookie;',
          related,
        });
      } else if (storesPrivatePages(c, scope)) {
        reported.add(at);
        c.report(at, 'pages of users are stored and served to others', {
          severity: 'hint',
          help: 'the back end sees the cookies of users, and its Cache-Control is ignored; add the session cookie to proxy_no_cache and proxy_cache_bypass',
          related,
        });
      }
    }
  },
});

function hidesCookies(scope: Scope): boolean {
  return wordsOf(scope, 'proxy_hide_header').some((name) => name.toLowerCase() === 'set-cookie');
}

function storesPrivatePages(c: LintContext, scope: Scope): boolean {
  const location = enclosingLocation(scope);
  if (location?.kind !== 'prefix' || location.name !== '/') return false;
  if (!ignoresField(scope, 'cache-control') || !storesByDefault(scope)) return false;
  if (requestField(scope, 'cookie')?.args[1]?.text === '') return false;
  return ['proxy_no_cache', 'proxy_cache_bypass'].every((name) => {
    const { names, isOpaque } = conditionsOf(c, scope, name);
    return names.size === 0 && !isOpaque;
  });
}
