import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { isComplete } from './engine/values.js';

const NEEDS_CACHE = [
  'proxy_cache_valid',
  'proxy_cache_key',
  'proxy_cache_lock',
  'proxy_cache_use_stale',
  'proxy_cache_revalidate',
  'proxy_cache_background_update',
  'proxy_cache_min_uses',
];

export default defineLint({
  code: 'cache-directive-without-cache',
  severity: 'hint',
  absence: true,
  on: NEEDS_CACHE.join(' '),
  story:
    'A directive for cached responses is in a block in which nothing is cached, because no `proxy_cache` applies to any of its locations. Name the zone of a `proxy_cache_path`: `proxy_cache ZONE;`. `proxy_cache_bypass` and `proxy_no_cache` are not reported, because many templates contain them.',
  check(c) {
    if (!isComplete(c)) return;
    for (const name of NEEDS_CACHE) {
      for (const { scope, statement } of c.written(name)) {
        if (statement.args[0]?.text === 'off') continue;
        const passes = passesIn(scope).filter(({ statement: { name: pass } }) => pass.text === 'proxy_pass');
        // The locations may be in other files.
        if (passes.length === 0) continue;
        if (passes.some(({ scope: at }) => (at.value('proxy_cache') ?? 'off') !== 'off')) continue;
        c.report(statement.name, `"${name}" has no effect, because nothing is cached here`, {
          help: 'add proxy_cache with the zone of a proxy_cache_path',
        });
      }
    }
  },
});
