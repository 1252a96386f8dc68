import { isGuarded } from './engine/access.js';
import { argumentsOf, cachedLocations, dependenciesOf, mayDependOn } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { listensOf } from './engine/servers.js';

/** Variables by which a condition restricts who may purge. */
const RESTRICTING =
  /^(?:remote_addr|binary_remote_addr|realip_remote_addr|remote_user|http_authorization|server_addr|server_port|ssl_client_\w+)$/;

export default defineLint({
  code: 'cache-purge-open',
  severity: 'warning',
  on: 'proxy_cache_purge',
  story:
    'Every client that can reach the location may remove its stored responses, because nothing restricts `proxy_cache_purge`. While a cache is empty, the upstream gets all requests. Add `proxy_cache_purge_allow 127.0.0.1;`, access rules, or a condition that depends on the address of the client (`geo`). Servers that listen on loopback addresses only are not reported.',
  check(c) {
    const reported = new Set<unknown>();
    for (const { scope } of cachedLocations(c)) {
      const purge = scope.effective('proxy_cache_purge')[0];
      if (purge === undefined || reported.has(purge) || isGuarded(scope)) continue;
      if (argumentsOf(scope, 'proxy_cache_purge_allow').some(({ text }) => text !== 'all')) continue;
      const server = scope.within('server');
      if (server !== null && listensOf(server).every(({ loopback }) => loopback)) continue;
      const condition = dependenciesOf(c, scope, purge.args.map(({ text }) => text).join(' '));
      if (mayDependOn(condition, (name) => RESTRICTING.test(name))) continue;
      reported.add(purge);
      c.report(purge, 'every client may remove stored responses', {
        help: 'restrict purges to addresses: proxy_cache_purge_allow 127.0.0.1;',
      });
    }
  },
});
