import { cachedLocations } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { isComplete } from './engine/values.js';

export default defineLint({
  code: 'cache-lock-off',
  severity: 'hint',
  absence: true,
  on: 'proxy_cache_lock_timeout proxy_cache_lock_age',
  story:
    'A timeout or age of `proxy_cache_lock` is set where no location has the lock: the default of `proxy_cache_lock` is `off`, and every request for a missing response is passed to the upstream. Add `proxy_cache_lock on;`.',
  check(c) {
    if (!isComplete(c)) return;
    const cached = cachedLocations(c);
    for (const name of ['proxy_cache_lock_timeout', 'proxy_cache_lock_age']) {
      for (const { scope: holder, statement } of c.written(name)) {
        const concerned = cached.filter(({ scope }) => scope.holder(name) === holder);
        // Without a cache, another lint says more.
        if (concerned.length === 0) continue;
        if (concerned.some(({ scope }) => (scope.value('proxy_cache_lock') ?? 'off') !== 'off')) continue;
        c.report(statement.name, `"${name}" has no effect, because "proxy_cache_lock" is off`, {
          help: 'add proxy_cache_lock on;',
        });
      }
    }
  },
});
