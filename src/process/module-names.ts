// Generated from the declarations of the modules by `npm run generate`; do not edit.
import type { Module } from '../program/module.js';

/** A module that is not loaded yet. */
export interface NamedModule {
  readonly load: () => Promise<{ readonly default: Module }>;
  /** Its directives and variables, parted by white space; a name that ends in `*` is a family of variables. */
  readonly names: string;
}

/** Every module, in the order of their files' names. */
export const MODULE_NAMES: readonly NamedModule[] = [
  { load: () => import('../modules/access.js'), names: 'allow deny' },
  { load: () => import('../modules/addition.js'), names: 'add_before_body add_after_body addition_types' },
  { load: () => import('../modules/api/index.js'), names: 'api' },
  { load: () => import('../modules/api_key.js'), names: 'api_plan api_keys api_key api_usage api_client' },
  { load: () => import('../modules/auth_basic.js'), names: 'auth_basic auth_basic_user_file' },
  {
    load: () => import('../modules/auth_jwt/index.js'),
    names: `
      auth_jwt auth_jwt_type auth_jwt_key_file auth_jwt_key_request auth_jwt_key_cache auth_jwt_leeway auth_jwt_require
      auth_jwt_claim_set auth_jwt_header_set jwt_claim_* jwt_header_* jwt_payload`,
  },
  { load: () => import('../modules/auth_request.js'), names: 'auth_request auth_request_set' },
  {
    load: () => import('../modules/autoindex.js'),
    names: `
      autoindex autoindex_exact_size autoindex_format autoindex_localtime`,
  },
  {
    load: () => import('../modules/brotli.js'),
    names: `
      brotli brotli_types brotli_comp_level brotli_window brotli_min_length brotli_buffers brotli_ratio brotli_time`,
  },
  { load: () => import('../modules/brotli_static.js'), names: 'brotli_static' },
  {
    load: () => import('../modules/browser.js'),
    names: `
      modern_browser ancient_browser modern_browser_value ancient_browser_value msie`,
  },
  {
    load: () => import('../modules/charset.js'),
    names: `
      charset source_charset override_charset charset_types charset_map`,
  },
  {
    load: () => import('../modules/circuit_breaker.js'),
    names: `
      circuit_breaker upstream_breaker_state upstream_breaker_status`,
  },
  {
    load: () => import('../modules/console/index.js'),
    names: `
      console console_payload console_replay console_redact_field console_redact_json console_redact_pattern`,
  },
  {
    load: () => import('../modules/core/index.js'),
    names: `
      http server location limit_except listen server_name root alias disable_symlinks types default_type error_page
      recursive_error_pages log_not_found msie_padding msie_refresh client_header_timeout client_header_buffer_size
      large_client_header_buffers max_headers ignore_invalid_headers underscores_in_headers merge_slashes
      client_max_body_size client_body_buffer_size client_body_timeout client_body_in_file_only
      client_body_in_single_buffer client_body_temp_path client_body_early_read keepalive_timeout keepalive_requests
      keepalive_time keepalive_min_timeout send_timeout lingering_close lingering_time lingering_timeout
      reset_timedout_connection limit_rate limit_rate_after keepalive_disable chunked_transfer_encoding etag
      if_modified_since max_ranges absolute_redirect server_name_in_redirect port_in_redirect server_tokens early_hints
      satisfy auth_delay internal post_action log_subrequest subrequest_output_buffer_size gzip_vary gzip_http_version
      gzip_proxied gzip_disable resolver resolver_timeout error_log server_names_hash_max_size
      server_names_hash_bucket_size variables_hash_max_size variables_hash_bucket_size types_hash_max_size
      types_hash_bucket_size connection_pool_size request_pool_size sendfile sendfile_max_chunk aio aio_write directio
      directio_alignment read_ahead output_buffers postpone_output send_lowat tcp_nopush tcp_nodelay open_file_cache
      open_file_cache_valid open_file_cache_min_uses open_file_cache_errors open_file_cache_events request
      request_method request_uri uri document_uri args query_string is_args arg_* server_protocol content_length
      content_type request_body request_body_file request_completion request_id remote_user host request_port
      is_request_port document_root realpath_root request_filename scheme https remote_addr remote_port
      binary_remote_addr server_addr server_port connection connection_requests connection_time proxy_protocol_addr
      proxy_protocol_port proxy_protocol_server_addr proxy_protocol_server_port proxy_protocol_tlv_* tcpinfo_rtt
      tcpinfo_rttvar tcpinfo_snd_cwnd tcpinfo_rcv_space hostname config_generation pid nginx_version http_cookie http_*
      cookie_* sent_http_* sent_trailer_*`,
  },
  { load: () => import('../modules/cors.js'), names: 'cors' },
  { load: () => import('../modules/empty_gif.js'), names: 'empty_gif' },
  { load: () => import('../modules/environment.js'), names: 'expand_env' },
  {
    load: () => import('../modules/events.js'),
    names: `
      events worker_connections use multi_accept accept_mutex accept_mutex_delay worker_aio_requests debug_connection`,
  },
  { load: () => import('../modules/geo.js'), names: 'geo' },
  {
    load: () => import('../modules/grpc/index.js'),
    names: `
      grpc_pass grpc_bind grpc_error_status grpc_connect_timeout grpc_send_timeout grpc_next_upstream_tries
      grpc_next_upstream_timeout grpc_socket_keepalive grpc_socket_rcvbuf grpc_socket_sndbuf grpc_read_timeout
      grpc_buffer_size grpc_intercept_errors grpc_next_upstream grpc_hide_header grpc_pass_header grpc_ignore_headers
      grpc_set_header grpc_ssl_server_name grpc_ssl_name grpc_ssl_verify grpc_ssl_verify_depth
      grpc_ssl_trusted_certificate grpc_ssl_crl grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_certificate_cache
      grpc_ssl_password_file grpc_ssl_protocols grpc_ssl_ciphers grpc_ssl_session_reuse grpc_ssl_conf_command
      grpc_ssl_key_log grpc_ssl_alpn`,
  },
  { load: () => import('../modules/gunzip.js'), names: 'gunzip gunzip_buffers' },
  {
    load: () => import('../modules/gzip.js'),
    names: `
      gzip gzip_types gzip_comp_level gzip_min_length gzip_buffers gzip_window gzip_hash gzip_no_buffer
      postpone_gzipping gzip_ratio gzip_time`,
  },
  { load: () => import('../modules/gzip_static.js'), names: 'gzip_static' },
  {
    load: () => import('../modules/headers.js'),
    names: `
      add_header add_trailer add_header_inherit add_trailer_inherit expires`,
  },
  { load: () => import('../modules/index_file.js'), names: 'index' },
  {
    load: () => import('../modules/js/index.js'),
    names: `
      js_import js_path js_engine js_context_reuse js_context_reuse_max_size js_set js_var js_content js_access
      js_timeout js_slow_log js_time js_blocked_time`,
  },
  { load: () => import('../modules/js_balancer.js'), names: 'js_balancer' },
  {
    load: () => import('../modules/js_fetch.js'),
    names: `
      js_fetch_buffer_size js_fetch_max_response_buffer_size js_fetch_timeout js_fetch_ciphers js_fetch_protocols
      js_fetch_verify js_fetch_verify_depth js_fetch_trusted_certificate js_fetch_keepalive js_fetch_keepalive_requests
      js_fetch_keepalive_time js_fetch_keepalive_timeout js_fetch_proxy`,
  },
  { load: () => import('../modules/js_filter.js'), names: 'js_header_filter js_body_filter' },
  {
    load: () => import('../modules/js_observe.js'),
    names: `
      js_observe js_websocket_observe js_websocket_observe_size`,
  },
  { load: () => import('../modules/js_periodic.js'), names: 'js_periodic' },
  { load: () => import('../modules/js_preload_object.js'), names: 'js_preload_object' },
  { load: () => import('../modules/js_shared_dict.js'), names: 'js_shared_dict_zone' },
  { load: () => import('../modules/js_sse.js'), names: 'js_sse_event js_sse_event_buffer_size' },
  { load: () => import('../modules/js_upstream.js'), names: 'js_upstream_request js_upstream_response' },
  {
    load: () => import('../modules/js_websocket.js'),
    names: `
      js_websocket_upgrade js_websocket_message js_websocket_close`,
  },
  { load: () => import('../modules/keyval.js'), names: 'keyval_zone keyval' },
  {
    load: () => import('../modules/limit_conn.js'),
    names: `
      limit_conn_zone limit_conn limit_conn_log_level limit_conn_status limit_conn_dry_run limit_conn_fail_open`,
  },
  {
    load: () => import('../modules/limit_req.js'),
    names: `
      limit_req_zone limit_req limit_req_log_level limit_req_status limit_req_dry_run limit_req_fail_open`,
  },
  {
    load: () => import('../modules/log/index.js'),
    names: `
      log_format access_log websocket_log open_log_file_cache pipe time_local time_iso8601 msec request_time status
      bytes_sent body_bytes_sent request_length`,
  },
  {
    load: () => import('../modules/main.js'),
    names: `
      daemon error_log pid worker_shutdown_timeout worker_heartbeat_timeout worker_buffer_limit user worker_processes
      master_process worker_priority worker_rlimit_nofile worker_rlimit_core worker_cpu_affinity working_directory env
      timer_resolution lock_file debug_points thread_pool pcre_jit ssl_engine load_module`,
  },
  { load: () => import('../modules/map.js'), names: 'map map_hash_max_size map_hash_bucket_size' },
  { load: () => import('../modules/metrics.js'), names: 'metrics metrics_max_series metrics_usage' },
  { load: () => import('../modules/mirror.js'), names: 'mirror mirror_request_body' },
  { load: () => import('../modules/not_modified.js'), names: '' },
  {
    load: () => import('../modules/otel.js'),
    names: `
      otel_exporter otel_service_name otel_resource_attr otel_trace otel_trace_context otel_span_name otel_span_attr
      otel_upstream_spans otel_websocket_messages otel_trace_id otel_span_id otel_parent_id otel_parent_sampled`,
  },
  { load: () => import('../modules/other_protocols.js'), names: 'fastcgi_temp_path uwsgi_temp_path scgi_temp_path' },
  { load: () => import('../modules/outlier_ejection.js'), names: 'outlier_ejection' },
  {
    load: () => import('../modules/proxy/index.js'),
    names: `
      proxy_pass proxy_http_version proxy_method proxy_set_body proxy_redirect proxy_cookie_domain proxy_cookie_path
      proxy_cookie_flags proxy_force_ranges proxy_bind proxy_forwarded proxy_protocol proxy_websocket upgrade_protocols
      proxy_connect_timeout proxy_send_timeout proxy_next_upstream_tries proxy_next_upstream_timeout
      proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf proxy_read_timeout proxy_buffer_size
      proxy_intercept_errors proxy_next_upstream proxy_hide_header proxy_pass_header proxy_ignore_headers
      proxy_set_header proxy_send_lowat proxy_buffers proxy_busy_buffers_size proxy_buffering proxy_max_temp_file_size
      proxy_temp_file_write_size proxy_temp_path proxy_limit_rate proxy_request_buffering proxy_ignore_client_abort
      proxy_pass_request_headers proxy_pass_request_body proxy_pass_trailers proxy_headers_hash_max_size
      proxy_headers_hash_bucket_size proxy_ssl_server_name proxy_ssl_name proxy_ssl_verify proxy_ssl_verify_depth
      proxy_ssl_trusted_certificate proxy_ssl_crl proxy_ssl_certificate proxy_ssl_certificate_key
      proxy_ssl_certificate_cache proxy_ssl_password_file proxy_ssl_protocols proxy_ssl_ciphers proxy_ssl_session_reuse
      proxy_ssl_conf_command proxy_ssl_key_log proxy_ssl_alpn proxy_store proxy_store_access proxy_cache_path
      proxy_cache proxy_cache_key proxy_cache_valid proxy_cache_methods proxy_cache_min_uses proxy_cache_bypass
      proxy_no_cache proxy_cache_lock proxy_cache_lock_timeout proxy_cache_lock_age proxy_cache_use_stale
      proxy_cache_background_update proxy_cache_revalidate proxy_cache_convert_head proxy_cache_max_range_offset
      proxy_cache_memory proxy_cache_rfc9111 proxy_cache_age proxy_cache_status proxy_cache_targeted_fields
      proxy_cache_vary_normalize proxy_cache_key_args proxy_cache_purge proxy_cache_purge_allow proxy_cache_purge_tags
      proxy_cache_purge_regex proxy_host proxy_port proxy_add_x_forwarded_for`,
  },
  { load: () => import('../modules/random_index.js'), names: 'random_index' },
  { load: () => import('../modules/range.js'), names: '' },
  {
    load: () => import('../modules/realip.js'),
    names: `
      set_real_ip_from real_ip_header real_ip_recursive realip_remote_addr realip_remote_port`,
  },
  {
    load: () => import('../modules/referer.js'),
    names: `
      valid_referers referer_hash_max_size referer_hash_bucket_size invalid_referer`,
  },
  {
    load: () => import('../modules/rewrite.js'),
    names: `
      rewrite return set if break rewrite_log uninitialized_variable_warn`,
  },
  {
    load: () => import('../modules/secure_link.js'),
    names: `
      secure_link secure_link_md5 secure_link_secret secure_link_expires`,
  },
  { load: () => import('../modules/slice.js'), names: 'slice slice_range' },
  { load: () => import('../modules/split_clients.js'), names: 'split_clients' },
  {
    load: () => import('../modules/sse.js'),
    names: `
      sse_heartbeat sse_retry sse_error sse_reconnect sse_events sse_bytes sse_heartbeats sse_reconnects sse_replays
      sse_last_event_id sse_open sse_waiting`,
  },
  {
    load: () => import('../modules/ssi/index.js'),
    names: `
      ssi ssi_silent_errors ssi_types ssi_value_length ssi_last_modified ssi_min_file_chunk ssi_ignore_recycled_buffers
      date_local date_gmt`,
  },
  {
    load: () => import('../modules/ssl/index.js'),
    names: `
      ssl_certificate ssl_certificate_reload ssl_certificate_key ssl_password_file ssl_protocols ssl_ciphers
      ssl_prefer_server_ciphers ssl_ecdh_curve ssl_dhparam ssl_buffer_size ssl_session_cache ssl_session_tickets
      ssl_session_ticket_key ssl_session_timeout ssl_verify_client ssl_verify_depth ssl_client_certificate
      ssl_trusted_certificate ssl_crl ssl_reject_handshake ssl_conf_command ssl_key_log ssl_early_data
      ssl_certificate_cache ssl_certificate_compression ssl_ech_file ssl_stapling ssl_stapling_file
      ssl_stapling_responder ssl_stapling_verify ssl_ocsp ssl_ocsp_responder ssl_ocsp_cache ssl_protocol ssl_cipher
      ssl_session_reused ssl_session_id ssl_alpn_protocol ssl_curve ssl_curves ssl_sigalgs ssl_sigalg ssl_client_sigalg
      ssl_ech_status ssl_ech_outer_server_name ssl_server_name ssl_client_verify ssl_client_raw_cert ssl_client_cert
      ssl_client_escaped_cert ssl_client_s_dn ssl_client_i_dn ssl_client_s_dn_legacy ssl_client_i_dn_legacy
      ssl_client_serial ssl_client_fingerprint ssl_client_v_start ssl_client_v_end ssl_client_v_remain`,
  },
  { load: () => import('../modules/static.js'), names: '' },
  {
    load: () => import('../modules/stub_status.js'),
    names: `
      stub_status connections_active connections_reading connections_writing connections_waiting`,
  },
  {
    load: () => import('../modules/sub.js'),
    names: `
      sub_filter sub_filter_once sub_filter_types sub_filter_last_modified`,
  },
  { load: () => import('../modules/try_files.js'), names: 'try_files' },
  {
    load: () => import('../modules/tunnel.js'),
    names: `
      tunnel_pass tunnel_allow_upstream tunnel_bind tunnel_bind_dynamic tunnel_read_timeout tunnel_buffer_size
      tunnel_next_upstream tunnel_connect_timeout tunnel_send_timeout tunnel_next_upstream_tries
      tunnel_next_upstream_timeout tunnel_socket_keepalive tunnel_socket_rcvbuf tunnel_socket_sndbuf tunnel_send_lowat`,
  },
  { load: () => import('../modules/tunnel_drain.js'), names: 'tunnel_drain' },
  { load: () => import('../modules/tunnel_key.js'), names: 'tunnel_key' },
  { load: () => import('../modules/tunnel_lifetime.js'), names: 'tunnel_lifetime' },
  { load: () => import('../modules/tunnel_rebalance.js'), names: 'tunnel_rebalance' },
  { load: () => import('../modules/unsupported.js'), names: 'allow_unsupported' },
  {
    load: () => import('../modules/upstream.js'),
    names: `
      upstream server state resolver resolver_timeout upstream_addr upstream_last_addr upstream_status
      upstream_queue_time upstream_connect_time upstream_header_time upstream_response_time upstream_response_length
      upstream_bytes_received upstream_bytes_sent upstream_cache_status upstream_cache_last_modified upstream_cache_etag
      upstream_http_* upstream_trailer_* upstream_cookie_*`,
  },
  { load: () => import('../modules/upstream_hash.js'), names: 'hash' },
  {
    load: () => import('../modules/upstream_health_check.js'),
    names: `
      health_check health_check_timeout match status header body require`,
  },
  { load: () => import('../modules/upstream_ip_hash.js'), names: 'ip_hash' },
  {
    load: () => import('../modules/upstream_keepalive.js'),
    names: `
      keepalive keepalive_requests keepalive_streams keepalive_time keepalive_timeout`,
  },
  { load: () => import('../modules/upstream_least_conn.js'), names: 'least_conn' },
  { load: () => import('../modules/upstream_least_time.js'), names: 'least_time' },
  { load: () => import('../modules/upstream_queue.js'), names: 'queue' },
  { load: () => import('../modules/upstream_random.js'), names: 'random' },
  { load: () => import('../modules/upstream_retry.js'), names: 'upstream_timeout retry_backoff retry_budget' },
  { load: () => import('../modules/upstream_sticky/index.js'), names: 'sticky' },
  { load: () => import('../modules/upstream_zone.js'), names: 'zone' },
  {
    load: () => import('../modules/userid.js'),
    names: `
      userid userid_name userid_domain userid_path userid_expires userid_flags userid_p3p userid_mark userid_service
      uid_got uid_set uid_reset`,
  },
  {
    load: () => import('../modules/v2.js'),
    names: `
      http2 http2_recv_buffer_size http2_pool_size http2_max_concurrent_streams http2_body_preread_size
      http2_extended_connect http2_streams_index_size http2_chunk_size http2_max_concurrent_pushes http2_max_requests
      http2_max_field_size http2_max_header_size http2_recv_timeout http2_idle_timeout http2_push_preload http2_push`,
  },
  {
    load: () => import('../modules/v3.js'),
    names: `
      http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_retry quic_gso quic_host_key
      quic_active_connection_id_limit`,
  },
  {
    load: () => import('../modules/websocket.js'),
    names: `
      websocket_close websocket_protocol_error websocket_ping_interval websocket_ping_timeout websocket_idle_timeout
      websocket_expire websocket_expire_jwt websocket_event websocket_duration websocket_closed_by websocket_close_code
      websocket_close_reason websocket_messages_received websocket_messages_sent websocket_frames_received
      websocket_frames_sent websocket_bytes_received websocket_bytes_sent websocket_invalid_frames_received
      websocket_invalid_frames_sent websocket_client_rtt websocket_upstream_rtt`,
  },
  {
    load: () => import('../modules/websocket_access.js'),
    names: `
      websocket_origin websocket_subprotocols websocket_access_log_level websocket_access_dry_run
      websocket_access_status`,
  },
  {
    load: () => import('../modules/websocket_limit/index.js'),
    names: `
      websocket_limit_zone websocket_limit_from websocket_max_message_size websocket_max_frame_size
      websocket_max_fragments websocket_opcodes websocket_limit_messages websocket_limit_bytes websocket_limit_log_level
      websocket_limit_dry_run websocket_limit_fail_open websocket_limit_status`,
  },
  {
    load: () => import('../modules/websocket_message/index.js'),
    names: `
      websocket_utf8 websocket_json websocket_json_schema websocket_message_allow websocket_message_deny
      websocket_message_redact websocket_message_reject websocket_message_dry_run websocket_message_log_level
      websocket_message_buffer_size websocket_log_messages websocket_log_messages_redact websocket_mirror
      websocket_deflate websocket_deflate_window_bits websocket_deflate_context_takeover websocket_message_status`,
  },
  { load: () => import('../modules/websocket_request.js'), names: '' },
  { load: () => import('../modules/zone_store.js'), names: 'zone_store store_required' },
  {
    load: () => import('../modules/zstd.js'),
    names: `
      zstd zstd_types zstd_comp_level zstd_min_length zstd_buffers zstd_dict_file zstd_ratio zstd_time`,
  },
  { load: () => import('../modules/zstd_static.js'), names: 'zstd_static' },
];
