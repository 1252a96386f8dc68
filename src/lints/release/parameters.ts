/** Versions of nginx that added parameters or values to existing directives. Source: its change log. */

export interface Parameter {
  /** Directives, separated by spaces; `*` stands for any beginning: `*_next_upstream`. */
  readonly names: string;
  /** A word of the statement with the parameter. */
  readonly word: RegExp;
  readonly since: string;
  /** Block, if directives of the same name in other blocks do not have the parameter or had it earlier. */
  readonly within?: 'upstream';
}

export const PARAMETERS: readonly Parameter[] = [
  { names: 'listen', word: /^so_keepalive=/, since: '1.1.11' },
  { names: 'listen', word: /^fastopen=/, since: '1.5.8' },
  { names: 'listen', word: /^proxy_protocol$/, since: '1.5.12' },
  { names: 'listen', word: /^reuseport$/, since: '1.9.1' },
  { names: 'listen', word: /^http2$/, since: '1.9.5' },
  { names: 'listen', word: /^quic$/, since: '1.25.0' },
  { names: 'listen', word: /^multipath$/, since: '1.29.7' },
  { names: 'real_ip_header', word: /^proxy_protocol$/, since: '1.5.12' },
  { names: 'server', word: /^max_conns=/, since: '1.11.5', within: 'upstream' },
  { names: 'server', word: /^(?:resolve|service=.*)$/, since: '1.27.3', within: 'upstream' },
  { names: 'server', word: /^(?:route=.*|drain)$/, since: '1.29.6', within: 'upstream' },
  { names: 'keepalive', word: /^local$/, since: '1.29.7', within: 'upstream' },
  { names: 'resolver', word: /^ipv6=/, since: '1.5.8' },
  { names: 'resolver', word: /^ipv4=/, since: '1.23.1' },
  { names: '*_next_upstream', word: /^http_403$/, since: '1.5.1' },
  { names: '*_next_upstream', word: /^non_idempotent$/, since: '1.9.13' },
  { names: '*_next_upstream', word: /^http_429$/, since: '1.11.13' },
  { names: 'add_header', word: /^always$/, since: '1.7.5' },
  { names: 'access_log', word: /^(?:gzip(?:=\d)?|flush=.*)$/, since: '1.3.10' },
  { names: 'access_log', word: /^if=/, since: '1.7.0' },
  { names: 'access_log error_log', word: /^syslog:/, since: '1.7.1' },
  { names: 'log_format', word: /^escape=(?:default|json)$/, since: '1.11.8' },
  { names: 'log_format', word: /^escape=none$/, since: '1.13.10' },
  { names: 'limit_req', word: /^delay=/, since: '1.15.7' },
  { names: 'limit_rate limit_rate_after', word: /\$/, since: '1.17.0' },
  { names: '*_cache_path', word: /^use_temp_path=/, since: '1.7.10' },
  { names: '*_cache_path', word: /^manager_/, since: '1.11.5' },
  { names: '*_cache_path', word: /^min_free=/, since: '1.19.1' },
  { names: 'ssl_verify_client', word: /^optional_no_ca$/, since: '1.3.8' },
  { names: 'ssl_protocols *_ssl_protocols', word: /^TLSv1\.[12]$/, since: '1.1.13' },
  { names: 'ssl_protocols *_ssl_protocols', word: /^TLSv1\.3$/, since: '1.13.0' },
  { names: 'ssl_certificate ssl_certificate_key', word: /\$/, since: '1.15.9' },
  { names: 'ssl_certificate_key', word: /^data:/, since: '1.15.10' },
  { names: 'gzip_static', word: /^always$/, since: '1.3.6' },
  { names: 'server_tokens', word: /^build$/, since: '1.11.10' },
  { names: '*_bind', word: /^transparent$/, since: '1.11.0' },
  { names: 'worker_processes', word: /^auto$/, since: '1.3.8' },
  { names: 'worker_cpu_affinity', word: /^auto$/, since: '1.9.10' },
  { names: 'grpc_pass', word: /\$/, since: '1.17.8' },
  { names: 'proxy_http_version', word: /^2$/, since: '1.29.4' },
  {
    names: 'proxy_ignore_headers fastcgi_ignore_headers scgi_ignore_headers uwsgi_ignore_headers',
    word: /^Vary$/i,
    since: '1.7.7',
  },
];

/** Parameters that are entries of a block, by the directive that opens the block. */
export const ENTRIES: readonly { readonly block: string; readonly name: string; readonly since: string }[] = [
  { block: 'map', name: 'volatile', since: '1.11.7' },
  { block: 'geo', name: 'volatile', since: '1.29.3' },
];
