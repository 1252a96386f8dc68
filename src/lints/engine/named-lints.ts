// Generated from the declarations of the lints by `npm run generate`; do not edit.
import type { NamedLint } from './lint.js';

/** Every lint, in the order of their files' names. */
export const NAMED_LINTS: readonly NamedLint[] = [
  { on: 'listen', load: () => import('../cannot-listen.js') },
  { on: 'location rewrite server_name if map', load: () => import('../capture-not-set.js') },
  { on: 'ssl_certificate', load: () => import('../certificate-expired.js') },
  { on: 'ssl_certificate', load: () => import('../certificate-key-mismatch.js') },
  { on: 'ssl_certificate', load: () => import('../certificate-name.js') },
  { on: 'map', load: () => import('../connection-close-map.js') },
  { on: 'proxy_set_header', load: () => import('../connection-upgrade-literal.js') },
  { on: 'proxy_set_header', load: () => import('../connection-upgrade-undefined.js') },
  { on: 'proxy_set_header', load: () => import('../connection-without-upgrade.js') },
  { on: 'error_log', load: () => import('../error-log-off.js') },
  { on: 'proxy_pass upstream', load: () => import('../host-not-found.js') },
  { on: 'location', load: () => import('../location-never-matches.js') },
  { on: 'location', load: () => import('../location-shadowed.js') },
  { on: 'location', load: () => import('../named-location-unused.js') },
  {
    on: 'location rewrite if map server_name valid_referers proxy_redirect proxy_cookie_domain proxy_cookie_path',
    load: () => import('../regex-backtracking.js'),
  },
  { on: 'proxy_set_header', load: () => import('../request-headers-not-inherited.js') },
  { on: 'upstream', load: () => import('../socketio-without-stickiness.js') },
  { on: 'proxy_pass', load: () => import('../sse-buffering.js') },
  { on: 'gzip', load: () => import('../sse-gzip.js') },
  { on: 'upstream', load: () => import('../undefined-upstream.js') },
  { on: 'return rewrite', load: () => import('../unreachable-after-return.js') },
  { on: 'upstream', load: () => import('../unused-upstream.js') },
  { on: 'proxy_set_header', load: () => import('../upgrade-on-plain-requests.js') },
  { on: 'proxy_set_header', load: () => import('../upgrade-to-anything.js') },
  { on: 'proxy_set_header', load: () => import('../upgrade-without-connection.js') },
  { on: 'map geo split_clients', load: () => import('../variable-cycle.js') },
  { on: 'set server_name location rewrite if auth_request_set', load: () => import('../variable-never-set.js') },
  { on: 'listen http2', load: () => import('../websocket-over-http2.js') },
  { on: 'proxy_set_header', load: () => import('../websocket-read-timeout.js') },
];
