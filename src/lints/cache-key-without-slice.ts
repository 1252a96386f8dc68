import { cachedLocations, keyPlace, mayDependOn } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { requestField } from './engine/websocket.js';

export default defineLint({
  code: 'cache-key-without-slice',
  severity: 'warning',
  on: 'slice',
  story:
    'Responses are requested and cached in slices, but `$slice_range` is missing in `proxy_cache_key`, so that all slices of a response have the same key and clients receive the wrong parts, or in `proxy_set_header Range`, so that the whole response is requested for each slice. Write `proxy_cache_key $scheme$proxy_host$request_uri$slice_range;` and `proxy_set_header Range $slice_range;`.',
  check(c) {
    const reported = new Set<unknown>();
    for (const one of cachedLocations(c)) {
      const { scope, keyDepends } = one;
      const slice = scope.effective('slice')[0];
      if (slice === undefined || slice.args[0]?.text === '0') continue;
      const at = keyPlace(one);
      const related = [{ at: slice, message: 'responses are requested in slices' }];
      if (!reported.has(at) && !mayDependOn(keyDepends, (name) => name === 'slice_range')) {
        reported.add(at);
        c.report(at, 'all slices of a response have the same key', {
          help: `add $slice_range to the key: proxy_cache_key ${one.keyText}$slice_range;`,
          related,
        });
      }
      if (requestField(scope, 'range') === undefined && !reported.has(slice)) {
        reported.add(slice);
        c.report(slice, 'no slice is requested from the back end', {
          help: 'add: proxy_set_header Range $slice_range;',
        });
      }
    }
  },
});
