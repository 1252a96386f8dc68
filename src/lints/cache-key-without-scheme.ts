import {
  type CachedLocation,
  cachedLocations,
  dependenciesOf,
  keyPlace,
  mayDependOn,
  mayShareResponses,
} from './engine/cached.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { tlsOf } from './engine/servers.js';

const SCHEMES = /^(?:scheme|https|server_port|ssl_\w+|http_x_forwarded_\w+)$/;

export default defineLint({
  code: 'cache-key-without-scheme',
  severity: 'warning',
  on: 'proxy_cache_key',
  story:
    'The back end is told the scheme of the request, and the cache serves both HTTP and HTTPS, but the key does not contain the scheme: a redirect from HTTP to HTTPS is stored, and served to clients that already use HTTPS, which causes a redirect loop. Add `$scheme` to `proxy_cache_key`.',
  check(c) {
    const reported = new Set<unknown>();
    const candidates = cachedLocations(c).filter(
      ({ keyDepends }) => !mayDependOn(keyDepends, (name) => SCHEMES.test(name)),
    );
    for (const one of candidates) {
      const at = keyPlace(one);
      const field = schemeField(c, one);
      if (reported.has(at) || field === undefined) continue;
      const shared = candidates.filter((other) => mayShareResponses(one, other) && schemeField(c, other) !== undefined);
      const uses = new Set(shared.map(usedTls));
      if (!uses.has('some') && !(uses.has('all') && uses.has('none'))) continue;
      reported.add(at);
      c.report(at, 'responses stored for HTTP are served for HTTPS, and vice versa', {
        help: `add $scheme to the key: proxy_cache_key $scheme${one.keyText};`,
        related: [{ at: field, message: 'the back end is told the scheme' }],
      });
    }
  },
});

/** Schemes of the requests that reach a location; `unknown` if others may be redirected before. */
function usedTls({ scope }: CachedLocation): 'all' | 'some' | 'none' | 'unknown' {
  const server = scope.within('server');
  if (server === null || server.children.some(({ kind }) => kind === 'if')) return 'unknown';
  const location = scope.within('location');
  if (location?.children.some(({ kind }) => kind === 'if') === true) return 'unknown';
  return tlsOf(server);
}

function schemeField(c: LintContext, { scope }: CachedLocation) {
  return scope.effective('proxy_set_header').find(({ args: [field, value] }) => {
    if (!/proto|scheme|ssl|https/i.test(field?.text ?? '')) return false;
    const { names } = dependenciesOf(c, scope, value?.text ?? '');
    return names.has('scheme') || names.has('https');
  });
}
