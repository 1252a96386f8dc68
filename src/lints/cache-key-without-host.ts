import {
  type CachedLocation,
  cachedLocations,
  dependenciesOf,
  keyPlace,
  mayDependOn,
  mayShareResponses,
} from './engine/cached.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { namesOf } from './engine/servers.js';
import { requestField } from './engine/websocket.js';

const HOSTS = /^(?:host|http_host|server_name|ssl_server_name|http_x_forwarded_host)$/;

export default defineLint({
  code: 'cache-key-without-host',
  severity: 'warning',
  on: 'proxy_cache',
  story:
    'The back end receives the host that the client requested, and the same cache serves several hosts, but the key does not contain the host: a page stored for one site is served for the other. The default key has `$proxy_host`, which is the name written in `proxy_pass`, not the requested one. Write `proxy_cache_key $scheme$host$request_uri;`.',
  check(c) {
    const reported = new Set<unknown>();
    const candidates = cachedLocations(c).filter(({ keyDepends }) => !mayDependOn(keyDepends, isHost));
    for (const one of candidates) {
      const at = keyPlace(one);
      if (reported.has(at) || !forwardsHost(c, one)) continue;
      const names = sitesOf(one);
      for (const other of candidates) {
        if (other !== one && mayShareResponses(one, other) && forwardsHost(c, other)) names.push(...sitesOf(other));
      }
      const [first, second] = [...new Set(names)];
      if (first === undefined || second === undefined) continue;
      reported.add(at);
      const field = requestField(one.scope, 'host');
      c.report(at, `responses stored for "${first}" are served for "${second}"`, {
        help: `add $host to the key${one.key === null ? ', whose default has the name in proxy_pass only' : ''}: proxy_cache_key ${one.key === null ? '$scheme$host$request_uri' : `${one.keyText}$host`};`,
        ...(field !== undefined && { related: [{ at: field, message: 'the back end receives the requested host' }] }),
      });
    }
  },
});

function isHost(name: string): boolean {
  return HOSTS.test(name);
}

function forwardsHost(c: LintContext, { scope }: CachedLocation): boolean {
  return ['host', 'x-forwarded-host'].some((field) => {
    const value = requestField(scope, field)?.args[1]?.text ?? '';
    return [...dependenciesOf(c, scope, value).names].some(isHost);
  });
}

/** Sites of a server: its domain names; `www.` is not a site of its own, and a catch-all is none. */
function sitesOf({ scope }: CachedLocation): string[] {
  const server = scope.within('server');
  if (server === null) return [];
  return namesOf(server).flatMap((name) =>
    /^[\w-]+(?:\.[\w-]+)*\.[a-z][\w-]*$/i.test(name) ? [name.toLowerCase().replace(/^www\./, '')] : [],
  );
}
