import { argumentsOf, cachedLocations, dependenciesOf, isOfUser } from './engine/cached.js';
import { defineLint } from './engine/lint.js';
import { variablesIn } from './engine/variables.js';

export default defineLint({
  code: 'cache-bypass-stored',
  severity: 'warning',
  on: 'proxy_cache_bypass',
  story:
    '`proxy_cache_bypass` keeps users with a session from getting stored pages, but their own pages are stored: a bypassed response is stored like any other, and replaces the public page for all clients. Add the same condition to `proxy_no_cache`. Conditions with names such as `$cookie_nocache`, by which a client asks for a fresh page, are not reported.',
  check(c) {
    const reported = new Set<unknown>();
    for (const { scope, keyDepends } of cachedLocations(c)) {
      if (keyDepends.isOpaque) continue;
      const stored = argumentsOf(scope, 'proxy_no_cache');
      const unless = dependenciesOf(c, scope, stored.map(({ text }) => text).join(' '));
      if (unless.isOpaque) continue;
      for (const at of argumentsOf(scope, 'proxy_cache_bypass')) {
        const [name, ...others] = variablesIn(at.text);
        if (name === undefined || others.length > 0 || reported.has(at)) continue;
        if (!isOfUser(name) || /no_?(?:cache|store)|fresh|purge|bypass|skip|preview|debug/i.test(name)) continue;
        if (keyDepends.names.has(name) || unless.names.has(name)) continue;
        if (name !== 'http_cookie' && (unless.names.has('http_cookie') || keyDepends.names.has('http_cookie')))
          continue;
        reported.add(at);
        c.report(at, `responses to requests with "$${name}" are stored and served to all clients`, {
          help: `a bypassed response is stored unless proxy_no_cache has the same condition: proxy_no_cache $${name};`,
        });
      }
    }
  },
});
