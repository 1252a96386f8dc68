import { argumentsOf } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';
import { variablesIn } from './engine/variables.js';
import { isForWebSockets, proxied } from './engine/websocket.js';

export default defineLint({
  code: 'websocket-cached',
  severity: 'hint',
  on: 'proxy_cache',
  story:
    'A cache is in effect in a location that is for WebSockets. An upgrade is never stored, but nginx looks for a stored response first: an error of the back end that was stored once answers later upgrades. Write `proxy_cache off;` in this location, or `proxy_cache_bypass $http_upgrade;`.',
  check(c) {
    for (const { scope, upgrade, websocket } of proxied(c)) {
      const cache = scope.effective('proxy_cache')[0];
      if (cache === undefined || cache.args[0]?.text === 'off') continue;
      if (!isForWebSockets(scope) || (upgrade === undefined && !websocket)) continue;
      const isBypassed = argumentsOf(scope, 'proxy_cache_bypass').some(({ text }) =>
        variablesIn(text).some((name) => name === 'http_upgrade' || name === 'connection_upgrade'),
      );
      if (isBypassed) continue;
      c.report(cache, `a stored response may answer upgrades of "${titleOf(scope.within('location') ?? scope)}"`, {
        help: 'write proxy_cache off; in this location',
      });
    }
  },
});
