import {
  cachedLocations,
  conditionsOf,
  dependenciesOf,
  distinguishesUsers,
  isOfUser,
  keyPlace,
  storesByDefault,
} from './engine/cached.js';
import { defineLint, type LintContext } from './engine/lint.js';
import type { Scope } from './engine/scope.js';

export default defineLint({
  code: 'cache-key-without-user',
  severity: 'warning',
  on: 'proxy_cache_valid',
  story:
    'The back end is told who the user is, for example by `proxy_set_header X-User $remote_user`, and `proxy_cache_valid` stores responses that have no `Cache-Control`, but neither the key nor `proxy_no_cache` distinguishes users: what is stored for one user is served to others. Add the user to `proxy_cache_key`, or do not store such responses: `proxy_no_cache $http_authorization; proxy_cache_bypass $http_authorization;`.',
  check(c) {
    const reported = new Set<unknown>();
    for (const one of cachedLocations(c)) {
      const { scope } = one;
      const at = keyPlace(one);
      if (reported.has(at) || distinguishesUsers(one.keyDepends) || !storesByDefault(scope)) continue;
      if (distinguishesUsers(conditionsOf(c, scope, 'proxy_no_cache'))) continue;
      const field = userField(c, scope);
      if (field === undefined) continue;
      reported.add(at);
      c.report(at, 'responses stored for one user are served to others', {
        help: 'add the user to the key, or write: proxy_no_cache $http_authorization; proxy_cache_bypass $http_authorization;',
        related: [{ at: field, message: 'the back end is told who the user is' }],
      });
    }
  },
});

/** A field of requests that is set to something about the user. Cookies and `Authorization` that merely pass do not count. */
function userField(c: LintContext, scope: Scope) {
  return scope.effective('proxy_set_header').find(({ args: [field, value] }) => {
    if (field === undefined || value === undefined || /^(?:cookie|upgrade|connection)$/i.test(field.text)) return false;
    if (/^ssl_client_(?:verify|fingerprint)$/.test(value.text.replace(/[${}]/g, ''))) return false;
    return [...dependenciesOf(c, scope, value.text).names].some(
      (name) => isOfUser(name) && !name.startsWith('cookie_'),
    );
  });
}
