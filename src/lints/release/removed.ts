/**
 * Directives and parameters that nginx has deprecated or removed. Sources: its change log, and the releases whose tables of
 * commands no longer have them.
 */

export interface Removed {
  /** Directives, separated by spaces. */
  readonly names: string;
  /** Argument that is deprecated or removed; absent: the directive itself. */
  readonly word?: RegExp;
  /** First version that warns about it or ignores it; absent if there was none. */
  readonly deprecated?: string;
  /** First version that refuses it; absent if it is still accepted. */
  readonly removed?: string;
  /** Replacement, as a sentence. */
  readonly instead: string;
}

export const REMOVED: readonly Removed[] = [
  {
    names: 'ssl',
    deprecated: '1.15.0',
    removed: '1.25.1',
    instead: 'write the parameter "ssl" of "listen"',
  },
  {
    names: 'listen',
    word: /^http2$/,
    deprecated: '1.25.1',
    instead: 'write "http2 on;" in the server',
  },
  {
    names: 'listen',
    word: /^spdy$/,
    deprecated: '1.9.5',
    removed: '1.19.7',
    instead: 'write the parameter "http2"',
  },
  {
    names:
      'spdy_chunk_size spdy_headers_comp spdy_keepalive_timeout spdy_max_concurrent_streams spdy_pool_size spdy_recv_buffer_size spdy_recv_timeout spdy_streams_index_size',
    deprecated: '1.9.5',
    removed: '1.19.7',
    instead: 'HTTP/2 has replaced SPDY',
  },
  {
    names: 'http2_recv_timeout http2_idle_timeout',
    deprecated: '1.19.7',
    instead: 'write "client_header_timeout" and "keepalive_timeout"',
  },
  {
    names: 'http2_max_requests',
    deprecated: '1.19.7',
    instead: 'write "keepalive_requests"',
  },
  {
    names: 'http2_max_field_size http2_max_header_size',
    deprecated: '1.19.7',
    instead: 'write "large_client_header_buffers"',
  },
  {
    names: 'http2_push http2_push_preload http2_max_concurrent_pushes',
    deprecated: '1.25.1',
    instead:
      'browsers no longer accept pushed responses; "add_header Link" with rel=preload or "early_hints" helps them',
  },
  { names: 'limit_zone', deprecated: '1.1.8', removed: '1.7.6', instead: 'write "limit_conn_zone"' },
  { names: 'satisfy_any', removed: '1.9.1', instead: 'write "satisfy any"' },
  { names: 'connections', removed: '1.9.1', instead: 'write "worker_connections"' },
  { names: 'open_file_cache_retest', removed: '1.9.1', instead: 'write "open_file_cache_valid"' },
  { names: 'optimize_server_names', removed: '1.9.1', instead: 'write "server_name_in_redirect"' },
  {
    names:
      'rtsig_overflow_events rtsig_overflow_test rtsig_overflow_threshold rtsig_signo worker_rlimit_sigpending worker_threads thread_stack_size',
    removed: '1.9.0',
    instead: 'the method that it configured no longer exists',
  },
  {
    names: 'aio',
    word: /^sendfile$/,
    deprecated: '1.7.11',
    instead: 'write "aio on" and "sendfile on"',
  },
];
