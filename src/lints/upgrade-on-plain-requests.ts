import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { proxied } from './engine/websocket.js';

/** Locations that certainly are asked for other things than WebSockets. */
const PLAIN = /^\/(?:$|(?:api|v\d+|static|assets|admin|auth|login|graphql)(?:\/$|$))/i;

export default defineLint({
  code: 'upgrade-on-plain-requests',
  severity: 'hint',
  on: '*upgrade',
  story:
    'A location for everything sends the literal `Connection: upgrade` with each request, also with those that ask for no upgrade. Some back ends refuse them, and a connection that is said to be upgraded is not kept for the next request. A `map` of `$http_upgrade` says it only where it is meant.',
  check(c) {
    const seen = new Set<unknown>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      const value = connection?.args[1];
      if (upgrade === undefined || value === undefined || seen.has(value)) continue;
      if (!/^upgrade$/i.test(value.text) || scope.kind !== 'location') continue;
      const location = scope.location;
      if (location?.kind !== 'prefix' || !PLAIN.test(location.name)) continue;
      seen.add(value);
      c.report(value, `"${titleOf(scope)}" says "Connection: upgrade" with plain requests too`, {
        help: "use $connection_upgrade, with: map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
      });
    }
  },
});
