/**
 * Directives of `proxy_cache` that a proxy without a cache accepts: `off`, and conditions without effect; the range of a slice.
 */
import { templates, word } from '../../config/argument-types.js';
import type { Directives } from '../../config/directive.js';
import type { Exchange } from '../../program/exchange.js';

const CONTEXTS = ['http', 'server', 'location'] as const;

const NO_CACHE = 'Responses are not cached.';

const off = word('off', (w, c) => {
  if (w.text !== 'off') {
    c.unsupported(w, '"proxy_cache" is not supported', { help: 'only "off" is supported: responses are not cached' });
  }
  return 'off' as const;
});

export const cacheDirectives = {
  proxy_cache: {
    contexts: CONTEXTS,
    takes: off,
    default: 'off',
    noEffect: 'Responses are not cached.',
    doc: 'In nginx, the zone in which responses are cached.',
    example: 'proxy_cache off;',
  },
  proxy_cache_bypass: {
    contexts: CONTEXTS,
    takes: templates,
    again: 'joins',
    noEffect: NO_CACHE,
    doc: 'In nginx, conditions under which a response is not taken from the cache. Without a cache it has no effect in nginx either; many WebSocket configurations contain it.',
    example: 'proxy_cache_bypass $http_upgrade;',
  },
  proxy_no_cache: {
    contexts: CONTEXTS,
    takes: templates,
    again: 'joins',
    noEffect: NO_CACHE,
    doc: 'In nginx, conditions under which a response is not stored in the cache.',
    example: 'proxy_no_cache $http_pragma $http_authorization;',
  },
} as const satisfies Directives;

export const cacheVariables = {
  slice_range: {
    get: (x: Exchange) => x.headers.joined('range'),
    doc: "The client's `Range`. In nginx, the range of the slice that is requested (`slice`); responses are not cached here, so that there are no slices, and `proxy_set_header Range $slice_range` requests what the client requests.",
  },
} as const;
