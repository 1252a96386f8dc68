// Generated from the names of the files in this directory by `npm run generate`; do not edit.
import alias_traversal from './alias-traversal.js';
import allow_without_deny from './allow-without-deny.js';
import cache_bypass_stored from './cache-bypass-stored.js';
import cache_directive_without_cache from './cache-directive-without-cache.js';
import cache_exceeds_disk from './cache-exceeds-disk.js';
import cache_key_without_body from './cache-key-without-body.js';
import cache_key_without_host from './cache-key-without-host.js';
import cache_key_without_scheme from './cache-key-without-scheme.js';
import cache_key_without_slice from './cache-key-without-slice.js';
import cache_key_without_uri from './cache-key-without-uri.js';
import cache_key_without_user from './cache-key-without-user.js';
import cache_lock_off from './cache-lock-off.js';
import cache_path_shared from './cache-path-shared.js';
import cache_private_responses from './cache-private-responses.js';
import cache_purge_open from './cache-purge-open.js';
import cache_valid_unreachable from './cache-valid-unreachable.js';
import cache_without_buffering from './cache-without-buffering.js';
import cannot_listen from './cannot-listen.js';
import capture_not_set from './capture-not-set.js';
import capture_overwritten from './capture-overwritten.js';
import certificate_chain from './certificate-chain.js';
import certificate_expired from './certificate-expired.js';
import certificate_key_mismatch from './certificate-key-mismatch.js';
import certificate_name from './certificate-name.js';
import certificate_weak from './certificate-weak.js';
import connection_close_map from './connection-close-map.js';
import connection_upgrade_literal from './connection-upgrade-literal.js';
import connection_upgrade_undefined from './connection-upgrade-undefined.js';
import connection_without_upgrade from './connection-without-upgrade.js';
import default_server_doubt from './default-server-doubt.js';
import type { Lint } from './engine/lint.js';
import error_log_off from './error-log-off.js';
import extended_connect_without_effect from './extended-connect-without-effect.js';
import header_content_type from './header-content-type.js';
import header_multiline from './header-multiline.js';
import header_splitting from './header-splitting.js';
import host_not_found from './host-not-found.js';
import host_spoofing from './host-spoofing.js';
import hsts_ineffective from './hsts-ineffective.js';
import hsts_missing from './hsts-missing.js';
import if_is_evil from './if-is-evil.js';
import invisible_character from './invisible-character.js';
import listen_without_ssl from './listen-without-ssl.js';
import location_never_matches from './location-never-matches.js';
import location_shadowed from './location-shadowed.js';
import map_without_default from './map-without-default.js';
import named_location_unused from './named-location-unused.js';
import open_proxy from './open-proxy.js';
import origin_reflected from './origin-reflected.js';
import origin_regex from './origin-regex.js';
import private_key_readable from './private-key-readable.js';
import proxy_pass_client_host from './proxy-pass-client-host.js';
import proxy_pass_drops_args from './proxy-pass-drops-args.js';
import proxy_pass_drops_path from './proxy-pass-drops-path.js';
import proxy_pass_normalizes from './proxy-pass-normalizes.js';
import proxy_pass_slash from './proxy-pass-slash.js';
import proxy_pass_stale_dns from './proxy-pass-stale-dns.js';
import real_ip_from_anyone from './real-ip-from-anyone.js';
import redirect_loop from './redirect-loop.js';
import regex_backtracking from './regex-backtracking.js';
import regex_exact from './regex-exact.js';
import regex_partly_anchored from './regex-partly-anchored.js';
import regex_unanchored from './regex-unanchored.js';
import request_header_twice from './request-header-twice.js';
import request_headers_not_inherited from './request-headers-not-inherited.js';
import resolver_external from './resolver-external.js';
import resolver_missing from './resolver-missing.js';
import response_headers_not_inherited from './response-headers-not-inherited.js';
import return_bypasses_access from './return-bypasses-access.js';
import root_exposes from './root-exposes.js';
import server_name_never_matches from './server-name-never-matches.js';
import server_never_selected from './server-never-selected.js';
import socketio_without_stickiness from './socketio-without-stickiness.js';
import sse_buffering from './sse-buffering.js';
import sse_client_abort from './sse-client-abort.js';
import sse_compression from './sse-compression.js';
import sse_read_timeout from './sse-read-timeout.js';
import sse_stored from './sse-stored.js';
import status_exposed from './status-exposed.js';
import undefined_upstream from './undefined-upstream.js';
import unreachable_after_return from './unreachable-after-return.js';
import unused_upstream from './unused-upstream.js';
import upgrade_on_plain_requests from './upgrade-on-plain-requests.js';
import upgrade_to_anything from './upgrade-to-anything.js';
import upgrade_without_connection from './upgrade-without-connection.js';
import upgrade_without_pass from './upgrade-without-pass.js';
import valid_referers_none from './valid-referers-none.js';
import variable_cycle from './variable-cycle.js';
import variable_never_set from './variable-never-set.js';
import version_disclosure from './version-disclosure.js';
import weak_tls_ciphers from './weak-tls-ciphers.js';
import weak_tls_protocols from './weak-tls-protocols.js';
import websocket_cached from './websocket-cached.js';
import websocket_not_passed from './websocket-not-passed.js';
import websocket_over_http2 from './websocket-over-http2.js';
import websocket_read_timeout from './websocket-read-timeout.js';
import worker_connections_limit from './worker-connections-limit.js';

/** Every lint, in the order of their files' names. */
export const lints: readonly Lint[] = [
  alias_traversal,
  allow_without_deny,
  cache_bypass_stored,
  cache_directive_without_cache,
  cache_exceeds_disk,
  cache_key_without_body,
  cache_key_without_host,
  cache_key_without_scheme,
  cache_key_without_slice,
  cache_key_without_uri,
  cache_key_without_user,
  cache_lock_off,
  cache_path_shared,
  cache_private_responses,
  cache_purge_open,
  cache_valid_unreachable,
  cache_without_buffering,
  cannot_listen,
  capture_not_set,
  capture_overwritten,
  certificate_chain,
  certificate_expired,
  certificate_key_mismatch,
  certificate_name,
  certificate_weak,
  connection_close_map,
  connection_upgrade_literal,
  connection_upgrade_undefined,
  connection_without_upgrade,
  default_server_doubt,
  error_log_off,
  extended_connect_without_effect,
  header_content_type,
  header_multiline,
  header_splitting,
  host_not_found,
  host_spoofing,
  hsts_ineffective,
  hsts_missing,
  if_is_evil,
  invisible_character,
  listen_without_ssl,
  location_never_matches,
  location_shadowed,
  map_without_default,
  named_location_unused,
  open_proxy,
  origin_reflected,
  origin_regex,
  private_key_readable,
  proxy_pass_client_host,
  proxy_pass_drops_args,
  proxy_pass_drops_path,
  proxy_pass_normalizes,
  proxy_pass_slash,
  proxy_pass_stale_dns,
  real_ip_from_anyone,
  redirect_loop,
  regex_backtracking,
  regex_exact,
  regex_partly_anchored,
  regex_unanchored,
  request_header_twice,
  request_headers_not_inherited,
  resolver_external,
  resolver_missing,
  response_headers_not_inherited,
  return_bypasses_access,
  root_exposes,
  server_name_never_matches,
  server_never_selected,
  socketio_without_stickiness,
  sse_buffering,
  sse_client_abort,
  sse_compression,
  sse_read_timeout,
  sse_stored,
  status_exposed,
  undefined_upstream,
  unreachable_after_return,
  unused_upstream,
  upgrade_on_plain_requests,
  upgrade_to_anything,
  upgrade_without_connection,
  upgrade_without_pass,
  valid_referers_none,
  variable_cycle,
  variable_never_set,
  version_disclosure,
  weak_tls_ciphers,
  weak_tls_protocols,
  websocket_cached,
  websocket_not_passed,
  websocket_over_http2,
  websocket_read_timeout,
  worker_connections_limit,
];
