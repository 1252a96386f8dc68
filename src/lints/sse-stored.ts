import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'sse-stored',
  severity: 'hint',
  on: 'proxy_cache proxy_store',
  story:
    'Responses of a location that seems to proxy server-sent events are cached or stored. A stream has no end, so that nginx keeps writing it to a file, and with `proxy_cache_lock` other clients wait for it. Write `proxy_cache off;` or `proxy_store off;` in this location. tsproxy never stores event streams.',
  check(c) {
    for (const { scope, because, sign } of eventLocations(c)) {
      for (const name of ['proxy_cache', 'proxy_store']) {
        const statement = scope.effective(name)[0];
        if (statement === undefined || statement.args[0]?.text === 'off') continue;
        c.report(statement, `event streams of "${titleOf(scope.within('location') ?? scope)}" are cached or stored`, {
          help: `write ${name} off; in this location`,
          related: [{ at: sign, message: `events are expected here: ${because}` }],
        });
      }
    }
  },
});
