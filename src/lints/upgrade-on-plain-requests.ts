import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';
import { proxied } from './engine/websocket.js';

/** Locations that certainly receive requests other than WebSocket handshakes. */
const PLAIN = /^\/(?:$|(?:api|v\d+|static|assets|admin|auth|login|graphql)(?:\/$|$))/i;

export default defineLint({
  code: 'upgrade-on-plain-requests',
  severity: 'hint',
  on: '*upgrade',
  story:
    'A general location sends the literal `Connection: upgrade` with every request, including those that ask for no upgrade. Some back ends reject them, and the connection is not kept alive for the next request. A `map` of `$http_upgrade` sends it only with upgrade requests.',
  check(c) {
    const seen = new Set<unknown>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      const value = connection?.args[1];
      if (upgrade === undefined || value === undefined || seen.has(value)) continue;
      if (!/^upgrade$/i.test(value.text) || scope.kind !== 'location') continue;
      const location = scope.location;
      if (location?.kind !== 'prefix' || !PLAIN.test(location.name)) continue;
      seen.add(value);
      c.report(value, `"${titleOf(scope)}" sends "Connection: upgrade" with plain requests too`, {
        help: "use $connection_upgrade, with: map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
      });
    }
  },
});
