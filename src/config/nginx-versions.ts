/**
 * The nginx version that introduced an HTTP directive. Sources: nginx's change log, and for directives that it does not name, the
 * first release whose tables of commands have them. Releases of the stable branch may have received a few of them earlier.
 */

/** Names by version; `NAME/MODULE` if modules of tsproxy share a name that they received at different times. */
const VERSIONS: Readonly<Record<string, string>> = {
  '0.1.17': 'geo',
  '0.1.18': 'stub_status',
  '0.1.29': `
    fastcgi_param internal proxy_method proxy_pass_request_body proxy_pass_request_headers proxy_redirect
    proxy_set_header ssi_ignore_recycled_buffers
  `,
  '0.1.30': 'ignore_invalid_headers',
  '0.1.34': 'autoindex_localtime',
  '0.1.35': 'port_in_redirect working_directory',
  '0.1.38': 'autoindex_exact_size break log_not_found ssi_types',
  '0.1.44': 'userid_mark',
  '0.2.0': 'worker_rlimit_nofile',
  '0.2.2': 'ssl_prefer_server_ciphers ssl_protocols',
  '0.3.3': 'timer_resolution',
  '0.3.8': 'add_header real_ip_header set_real_ip_from ssl_session_timeout',
  '0.3.10': 'empty_gif post_action proxy_set_body valid_referers worker_cpu_affinity',
  '0.3.12': `
    memcached_buffer_size memcached_connect_timeout memcached_next_upstream memcached_pass memcached_read_timeout
    memcached_send_timeout proxy_buffering
  `,
  '0.3.16': `
    map map_hash_bucket_size map_hash_max_size ssi_value_length types_hash_bucket_size types_hash_max_size
    worker_rlimit_core
  `,
  '0.3.18': 'server_names_hash_bucket_size server_names_hash_max_size',
  '0.3.21': 'perl perl_modules perl_require perl_set',
  '0.3.27': 'lock_file variables_hash_bucket_size variables_hash_max_size',
  '0.3.36': 'add_after_body add_before_body fastcgi_ignore_client_abort proxy_ignore_client_abort',
  '0.3.37': 'limit_except',
  '0.3.38': 'client_body_in_file_only dav_methods',
  '0.3.39': 'override_charset uninitialized_variable_warn',
  '0.3.40': 'create_full_put_path',
  '0.3.45': 'ssl_client_certificate ssl_verify_client ssl_verify_depth',
  '0.3.46': 'fastcgi_hide_header fastcgi_pass_header proxy_hide_header proxy_pass_header',
  '0.3.47': 'upstream',
  '0.3.56': 'dav_access',
  '0.3.61': 'msie_refresh recursive_error_pages',
  '0.4.3': 'ancient_browser ancient_browser_value modern_browser modern_browser_value',
  '0.4.7': 'flv',
  '0.5.0': 'ip_hash',
  '0.5.6': 'ssl_session_cache',
  '0.5.9': 'env',
  '0.5.18': 'sub_filter sub_filter_once sub_filter_types',
  '0.5.19': 'proxy_headers_hash_bucket_size proxy_headers_hash_max_size',
  '0.5.20': 'sendfile_max_chunk',
  '0.5.23': 'fastcgi_catch_stderr',
  '0.6.3': 'fastcgi_store proxy_store',
  '0.6.4': 'fastcgi_store_access proxy_store_access',
  '0.6.10': 'open_file_cache open_file_cache_errors',
  '0.6.15': 'gzip_vary merge_slashes server_tokens',
  '0.6.18': 'resolver resolver_timeout',
  '0.6.23': 'gzip_disable gzip_static open_file_cache_min_uses',
  '0.6.25': 'min_delete_depth',
  '0.6.29': 'google_perftools_profiles',
  '0.7.2': 'ssl_dhparam',
  '0.7.4': 'open_log_file_cache',
  '0.7.7': 'directio',
  '0.7.8': 'xml_entities xslt_stylesheet xslt_types',
  '0.7.9': 'addition_types charset_types',
  '0.7.11': 'proxy_ssl_session_reuse',
  '0.7.15': 'random_index',
  '0.7.18': 'log_subrequest secure_link_secret underscores_in_headers',
  '0.7.20': 'limit_req limit_req_zone',
  '0.7.24': 'if_modified_since',
  '0.7.27': 'try_files',
  '0.7.31': 'fastcgi_split_path_info',
  '0.7.39': 'postpone_gzipping',
  '0.7.44': 'proxy_cache proxy_cache_min_uses proxy_cache_path proxy_cache_use_stale proxy_cache_valid',
  '0.7.45': 'fastcgi_cache fastcgi_cache_key fastcgi_cache_path fastcgi_cache_use_stale fastcgi_cache_valid',
  '0.7.48': 'proxy_cache_key',
  '0.7.53': 'fastcgi_cache_min_uses',
  '0.7.54': 'fastcgi_ignore_headers image_filter image_filter_buffer image_filter_webp_quality proxy_ignore_headers',
  '0.7.58': 'client_body_in_single_buffer image_filter_jpeg_quality',
  '0.7.59': 'fastcgi_cache_methods proxy_cache_methods',
  '0.8.0': 'keepalive_requests limit_rate_after',
  '0.8.6': 'geoip_city geoip_country',
  '0.8.7': 'ssl_crl',
  '0.8.11': 'aio directio_alignment',
  '0.8.16': 'image_filter_transparency',
  '0.8.18': 'limit_conn_log_level limit_req_log_level read_ahead',
  '0.8.22': 'fastcgi_bind memcached_bind proxy_bind',
  '0.8.25': 'degradation degrade',
  '0.8.35': 'chunked_transfer_encoding',
  '0.8.37': 'split_clients',
  '0.8.38': 'fastcgi_no_cache proxy_no_cache',
  '0.8.40': `
    uwsgi_bind uwsgi_buffer_size uwsgi_buffers uwsgi_busy_buffers_size uwsgi_cache uwsgi_cache_key
    uwsgi_cache_methods uwsgi_cache_min_uses uwsgi_cache_path uwsgi_cache_use_stale uwsgi_cache_valid
    uwsgi_connect_timeout uwsgi_hide_header uwsgi_ignore_client_abort uwsgi_ignore_headers uwsgi_intercept_errors
    uwsgi_max_temp_file_size uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream uwsgi_no_cache uwsgi_param
    uwsgi_pass uwsgi_pass_header uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_read_timeout
    uwsgi_send_timeout uwsgi_store uwsgi_store_access uwsgi_string uwsgi_temp_file_write_size uwsgi_temp_path
  `,
  '0.8.42': `
    scgi_bind scgi_buffer_size scgi_buffers scgi_busy_buffers_size scgi_cache scgi_cache_key scgi_cache_methods
    scgi_cache_min_uses scgi_cache_path scgi_cache_use_stale scgi_cache_valid scgi_connect_timeout scgi_hide_header
    scgi_ignore_client_abort scgi_ignore_headers scgi_intercept_errors scgi_max_temp_file_size scgi_next_upstream
    scgi_no_cache scgi_param scgi_pass scgi_pass_header scgi_pass_request_body scgi_pass_request_headers
    scgi_read_timeout scgi_send_timeout scgi_store scgi_store_access scgi_temp_file_write_size scgi_temp_path
  `,
  '0.8.46': 'fastcgi_cache_bypass proxy_cache_bypass scgi_cache_bypass uwsgi_cache_bypass',
  '0.8.50': 'secure_link secure_link_md5',
  '0.9.0': 'keepalive_disable',
  '1.0.3': 'geoip_org',
  '1.0.5': 'referer_hash_bucket_size referer_hash_max_size',
  '1.0.6': 'ssl_ecdh_curve',
  '1.0.7': 'mp4 mp4_buffer_size mp4_max_buffer_size',
  '1.1.0': 'lingering_close',
  '1.1.2': 'max_ranges',
  '1.1.4': 'fastcgi_keep_conn keepalive proxy_http_version worker_aio_requests',
  '1.1.5': 'scgi_buffering uwsgi_buffering',
  '1.1.8': 'image_filter_sharpen limit_conn_zone',
  '1.1.12': `
    fastcgi_cache_lock fastcgi_cache_lock_timeout pcre_jit proxy_cache_lock proxy_cache_lock_timeout scgi_cache_lock
    scgi_cache_lock_timeout uwsgi_cache_lock uwsgi_cache_lock_timeout
  `,
  '1.1.15': 'disable_symlinks proxy_cookie_domain proxy_cookie_path',
  '1.1.18': 'xslt_param xslt_string_param',
  '1.3.0': 'geoip_proxy geoip_proxy_recursive real_ip_recursive',
  '1.3.1': 'least_conn',
  '1.3.3': 'etag',
  '1.3.6': 'gunzip gunzip_buffers memcached_gzip_flag',
  '1.3.7': 'ssl_stapling ssl_stapling_file ssl_stapling_responder ssl_stapling_verify ssl_trusted_certificate',
  '1.3.15': 'image_filter_interlace limit_conn_status limit_req_status',
  '1.5.1': 'ssi_last_modified sub_filter_last_modified xslt_last_modified',
  '1.5.4': 'auth_request auth_request_set',
  '1.5.6': 'fastcgi_buffering proxy_ssl_ciphers proxy_ssl_protocols',
  '1.5.7': `
    fastcgi_cache_revalidate proxy_cache_revalidate scgi_cache_revalidate ssl_session_ticket_key
    uwsgi_cache_revalidate
  `,
  '1.5.8': 'uwsgi_ssl_ciphers uwsgi_ssl_protocols uwsgi_ssl_session_reuse',
  '1.5.9': 'ssl_buffer_size ssl_session_tickets',
  '1.7.0': `
    proxy_ssl_crl proxy_ssl_name proxy_ssl_server_name proxy_ssl_trusted_certificate proxy_ssl_verify
    proxy_ssl_verify_depth uwsgi_ssl_crl uwsgi_ssl_name uwsgi_ssl_server_name uwsgi_ssl_trusted_certificate
    uwsgi_ssl_verify uwsgi_ssl_verify_depth
  `,
  '1.7.2': 'hash',
  '1.7.3': 'ssl_password_file',
  '1.7.5': `
    fastcgi_next_upstream_timeout fastcgi_next_upstream_tries memcached_next_upstream_timeout
    memcached_next_upstream_tries proxy_next_upstream_timeout proxy_next_upstream_tries scgi_next_upstream_timeout
    scgi_next_upstream_tries uwsgi_next_upstream_timeout uwsgi_next_upstream_tries
  `,
  '1.7.7': `
    fastcgi_force_ranges fastcgi_limit_rate proxy_force_ranges proxy_limit_rate scgi_force_ranges scgi_limit_rate
    uwsgi_force_ranges uwsgi_limit_rate
  `,
  '1.7.8': `
    fastcgi_cache_lock_age proxy_cache_lock_age proxy_ssl_certificate proxy_ssl_certificate_key
    proxy_ssl_password_file scgi_cache_lock_age uwsgi_cache_lock_age uwsgi_ssl_certificate uwsgi_ssl_certificate_key
    uwsgi_ssl_password_file
  `,
  '1.7.9': 'autoindex_format',
  '1.7.11': `
    fastcgi_request_buffering proxy_request_buffering scgi_request_buffering thread_pool uwsgi_request_buffering
  `,
  '1.9.0': 'zone',
  '1.9.5': `
    http2_chunk_size http2_idle_timeout http2_max_concurrent_streams http2_max_field_size http2_max_header_size
    http2_pool_size http2_recv_buffer_size http2_recv_timeout http2_streams_index_size
  `,
  '1.9.7': 'proxy_cache_convert_head',
  '1.9.8': 'slice',
  '1.9.11': 'load_module',
  '1.9.13': 'aio_write',
  '1.11.0': 'http2_body_preread_size',
  '1.11.6': `
    fastcgi_cache_max_range_offset http2_max_requests proxy_cache_max_range_offset scgi_cache_max_range_offset
    uwsgi_cache_max_range_offset
  `,
  '1.11.8': 'absolute_redirect',
  '1.11.10': `
    fastcgi_cache_background_update proxy_cache_background_update scgi_cache_background_update
    uwsgi_cache_background_update
  `,
  '1.11.11': 'worker_shutdown_timeout',
  '1.13.2': 'add_trailer',
  '1.13.4': 'mirror mirror_request_body',
  '1.13.9': 'http2_max_concurrent_pushes http2_push http2_push_preload',
  '1.13.10': `
    grpc_bind grpc_buffer_size grpc_connect_timeout grpc_hide_header grpc_ignore_headers grpc_intercept_errors
    grpc_next_upstream grpc_next_upstream_timeout grpc_next_upstream_tries grpc_pass grpc_pass_header
    grpc_read_timeout grpc_send_timeout grpc_set_header grpc_ssl_certificate grpc_ssl_certificate_key
    grpc_ssl_ciphers grpc_ssl_crl grpc_ssl_name grpc_ssl_password_file grpc_ssl_protocols grpc_ssl_server_name
    grpc_ssl_session_reuse grpc_ssl_trusted_certificate grpc_ssl_verify grpc_ssl_verify_depth
    subrequest_output_buffer_size
  `,
  '1.15.1': 'random',
  '1.15.3': 'keepalive_requests/upstream_keepalive keepalive_timeout/upstream_keepalive ssl_early_data',
  '1.15.6': `
    fastcgi_socket_keepalive grpc_socket_keepalive memcached_socket_keepalive proxy_socket_keepalive
    scgi_socket_keepalive uwsgi_socket_keepalive
  `,
  '1.17.1': 'limit_req_dry_run',
  '1.17.6': 'limit_conn_dry_run',
  '1.17.10': 'auth_delay',
  '1.19.0': 'ssl_ocsp ssl_ocsp_cache ssl_ocsp_responder',
  '1.19.3': 'proxy_cookie_flags userid_flags',
  '1.19.4': `
    grpc_ssl_conf_command proxy_ssl_conf_command ssl_conf_command ssl_reject_handshake uwsgi_ssl_conf_command
  `,
  '1.19.10': 'keepalive_time keepalive_time/upstream_keepalive',
  '1.21.4': 'mp4_start_key_frame',
  '1.25.0': `
    http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit quic_gso
    quic_host_key quic_retry
  `,
  '1.25.1': 'http2',
  '1.27.2': 'proxy_pass_trailers',
  '1.27.3': 'resolver/upstream resolver_timeout/upstream',
  '1.27.4': `
    grpc_ssl_certificate_cache keepalive_min_timeout proxy_ssl_certificate_cache ssl_certificate_cache
    ssl_object_cache_inheritable uwsgi_ssl_certificate_cache
  `,
  '1.29.0': 'early_hints',
  '1.29.1': 'ssl_certificate_compression',
  '1.29.3': 'add_header_inherit add_trailer_inherit',
  '1.29.4': 'ssl_ech_file',
  '1.29.6': 'sticky',
  '1.29.8': 'max_headers',
  '1.31.0': `
    least_time tunnel_bind tunnel_buffer_size tunnel_connect_timeout tunnel_next_upstream
    tunnel_next_upstream_timeout tunnel_next_upstream_tries tunnel_pass tunnel_read_timeout tunnel_send_lowat
    tunnel_send_timeout tunnel_socket_keepalive
  `,
  '1.31.3': `
    fastcgi_socket_rcvbuf fastcgi_socket_sndbuf grpc_socket_rcvbuf grpc_socket_sndbuf proxy_socket_rcvbuf
    proxy_socket_sndbuf scgi_socket_rcvbuf scgi_socket_sndbuf tunnel_socket_rcvbuf tunnel_socket_sndbuf
    uwsgi_socket_rcvbuf uwsgi_socket_sndbuf xml_external_entities
  `,
};

let byName: Map<string, string> | null = null;

/**
 * The first version of nginx with a directive; null if unknown.
 *
 * @param module the name of the tsproxy module that declares it, or any
 */
export function nginxVersionOf(name: string, module = ''): string | null {
  if (byName === null) {
    byName = new Map();
    for (const [version, names] of Object.entries(VERSIONS)) {
      for (const each of names.trim().split(/\s+/)) byName.set(each, version);
    }
  }
  return byName.get(`${name}/${module}`) ?? byName.get(name) ?? null;
}
