/** Of caching only that there is none: `off`, and the conditions of a cache that is not there. */
import { templates, word } from '../../config/argument-types.js';
import type { Directives } from '../../config/directive.js';

const CONTEXTS = ['http', 'server', 'location'] as const;

const NO_CACHE = 'Nothing is cached, so there is nothing to bypass or to leave out.';

const off = word('off', (w, c) =>
  w.text === 'off'
    ? w.text
    : c.fail(w, 'nginx-only-directive', 'directive "proxy_cache" is known to nginx, but not to tsproxy', {
        help: 'only "off" is taken: answers are not cached',
      }),
);

export const cacheDirectives = {
  proxy_cache: {
    contexts: CONTEXTS,
    takes: off,
    default: 'off',
    noEffect: 'Nothing is cached.',
    doc: 'In nginx, the zone in which answers are kept to be given again.',
    example: 'proxy_cache off;',
  },
  proxy_cache_bypass: {
    contexts: CONTEXTS,
    takes: templates,
    again: 'joins',
    noEffect: NO_CACHE,
    doc: 'In nginx, conditions under which an answer is not taken from the cache. Without a cache it says nothing, there as here; many a configuration for WebSockets has it.',
    example: 'proxy_cache_bypass $http_upgrade;',
  },
  proxy_no_cache: {
    contexts: CONTEXTS,
    takes: templates,
    again: 'joins',
    noEffect: NO_CACHE,
    doc: 'In nginx, conditions under which an answer is not put into the cache.',
    example: 'proxy_no_cache $http_pragma $http_authorization;',
  },
} as const satisfies Directives;
