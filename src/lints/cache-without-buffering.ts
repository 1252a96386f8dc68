import { cachedLocations } from './engine/cached.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'cache-without-buffering',
  severity: 'warning',
  on: 'proxy_cache',
  story:
    'Responses are stored only if they are buffered: with `proxy_buffering off` in effect, `proxy_cache` looks for stored responses and finds none. Remove `proxy_buffering off` here, or `proxy_cache`. Locations that inherit `proxy_cache` and switch off buffering themselves are not reported.',
  check(c) {
    const reported = new Set<unknown>();
    for (const { scope, cache } of cachedLocations(c)) {
      const buffering = scope.effective('proxy_buffering')[0];
      if (buffering?.args[0]?.text !== 'off' || reported.has(cache)) continue;
      const at = scope.holder('proxy_buffering');
      // Streaming was chosen for this location, within a cached server.
      if (
        scope.holder('proxy_cache') !== at &&
        scope
          .holder('proxy_cache')
          ?.all()
          .includes(at ?? scope) === true
      )
        continue;
      reported.add(cache);
      c.report(cache, 'responses are not stored, because they are not buffered', {
        help: 'write proxy_buffering on; here, or remove proxy_cache',
        related: [{ at: buffering, message: 'buffering is off' }],
      });
    }
  },
});
