/**
 * Directives of nginx 1.31, and of the modules maintained beside it by its makers; notation: `table.ts`. Taken from the
 * command tables of nginx's source and from its reference.
 */
import type { ForeignTable } from './table.js';

export const NGINX: ForeignTable = {
  ngx_core_module: {
    speed: `
      m: daemon debug_points env load_module lock_file master_process pid timer_resolution user worker_cpu_affinity
      worker_priority worker_processes worker_rlimit_core worker_rlimit_nofile worker_shutdown_timeout
      working_directory
    `,
  },
  ngx_devpoll_module: { speed: 'e: devpoll_changes devpoll_events' },
  ngx_epoll_module: { speed: 'e: epoll_events worker_aio_requests' },
  ngx_errlog_module: { speed: 'm: error_log' },
  ngx_event_core_module: {
    speed: `
      m: events{
      e: accept_mutex accept_mutex_delay debug_connection multi_accept use worker_connections
    `,
  },
  ngx_eventport_module: { speed: 'e: eventport_events' },
  ngx_google_perftools_module: { speed: 'm: google_perftools_profiles' },
  ngx_http_access_module: { access: 'hslx: allow deny' },
  ngx_http_addition_module: { setting: 'hsl: addition_types', response: 'hsl: add_after_body add_before_body' },
  ngx_http_auth_basic_module: { access: 'hslx: auth_basic=off auth_basic_user_file' },
  ngx_http_auth_request_module: { access: 'hsl: auth_request=off auth_request_set' },
  ngx_http_autoindex_module: {
    setting: 'hsl: autoindex_exact_size autoindex_format autoindex_localtime',
    response: 'hsl: autoindex=off',
  },
  ngx_http_browser_module: {
    variable: 'hsl: ancient_browser ancient_browser_value modern_browser modern_browser_value',
  },
  ngx_http_charset_module: {
    response: 'h: charset_map{ hsl: charset_types hslL: charset override_charset source_charset',
  },
  ngx_http_copy_module: { speed: 'hsl: output_buffers' },
  ngx_http_core_module: {
    speed: `
      h: server_names_hash_bucket_size server_names_hash_max_size variables_hash_bucket_size variables_hash_max_size
      hs: client_body_early_read connection_pool_size request_pool_size
      hsl: aio aio_write directio directio_alignment error_log keepalive_disable keepalive_min_timeout
      keepalive_requests keepalive_time keepalive_timeout lingering_close lingering_time lingering_timeout
      log_not_found log_subrequest msie_padding open_file_cache open_file_cache_errors open_file_cache_events
      open_file_cache_min_uses open_file_cache_valid postpone_output read_ahead send_lowat sendfile_max_chunk
      server_tokens=off tcp_nodelay tcp_nopush types_hash_bucket_size types_hash_max_size
      hslL: limit_rate=off limit_rate_after sendfile
    `,
    setting: 'hsl: gzip_disable gzip_http_version gzip_proxied gzip_vary',
    response: `
      h: server{
      hs: client_header_buffer_size client_header_timeout ignore_invalid_headers large_client_header_buffers
      merge_slashes underscores_in_headers
      hsl: absolute_redirect chunked_transfer_encoding client_body_buffer_size client_body_in_file_only
      client_body_in_single_buffer client_body_temp_path client_body_timeout default_type early_hints etag
      if_modified_since max_ranges msie_refresh port_in_redirect recursive_error_pages reset_timedout_connection
      resolver resolver_timeout send_timeout server_name_in_redirect subrequest_output_buffer_size types{
      hslL: error_page post_action root
      s: listen server_name
      sl: location{
      l: alias
    `,
    access: `
      hs: max_headers
      hsl: auth_delay=0|0s client_max_body_size disable_symlinks=off satisfy
      l: internal limit_except{
    `,
  },
  ngx_http_dav_module: {
    setting: 'hsl: create_full_put_path dav_access min_delete_depth',
    response: 'hsl: dav_methods=off',
  },
  ngx_http_degradation_module: { speed: 'h: degradation hsl: degrade=off' },
  ngx_http_empty_gif_module: { response: 'l: empty_gif' },
  ngx_http_fastcgi_module: {
    setting: `
      h: fastcgi_cache_path
      hsl: fastcgi_bind fastcgi_buffer_size fastcgi_buffering fastcgi_buffers fastcgi_busy_buffers_size fastcgi_cache
      fastcgi_cache_background_update fastcgi_cache_bypass fastcgi_cache_key fastcgi_cache_lock fastcgi_cache_lock_age
      fastcgi_cache_lock_timeout fastcgi_cache_max_range_offset fastcgi_cache_methods fastcgi_cache_min_uses
      fastcgi_cache_revalidate fastcgi_cache_use_stale fastcgi_cache_valid fastcgi_catch_stderr
      fastcgi_connect_timeout fastcgi_force_ranges fastcgi_hide_header fastcgi_ignore_client_abort
      fastcgi_ignore_headers fastcgi_index fastcgi_intercept_errors fastcgi_keep_conn fastcgi_limit_rate
      fastcgi_max_temp_file_size fastcgi_next_upstream fastcgi_next_upstream_timeout fastcgi_next_upstream_tries
      fastcgi_no_cache fastcgi_param fastcgi_pass_header fastcgi_pass_request_body fastcgi_pass_request_headers
      fastcgi_read_timeout fastcgi_request_buffering fastcgi_send_lowat fastcgi_send_timeout fastcgi_socket_keepalive
      fastcgi_socket_rcvbuf fastcgi_socket_sndbuf fastcgi_split_path_info fastcgi_store fastcgi_store_access
      fastcgi_temp_file_write_size fastcgi_temp_path
    `,
    response: 'lL: fastcgi_pass',
  },
  ngx_http_flv_module: { response: 'l: flv' },
  ngx_http_geo_module: { variable: 'h: geo{' },
  ngx_http_geoip_module: { variable: 'h: geoip_city geoip_country geoip_org geoip_proxy geoip_proxy_recursive' },
  ngx_http_grpc_module: {
    setting: `
      hsl: grpc_bind grpc_buffer_size grpc_connect_timeout grpc_hide_header grpc_ignore_headers grpc_intercept_errors
      grpc_next_upstream grpc_next_upstream_timeout grpc_next_upstream_tries grpc_pass_header grpc_read_timeout
      grpc_send_timeout grpc_set_header grpc_socket_keepalive grpc_socket_rcvbuf grpc_socket_sndbuf
      grpc_ssl_certificate grpc_ssl_certificate_cache grpc_ssl_certificate_key grpc_ssl_ciphers grpc_ssl_conf_command
      grpc_ssl_crl grpc_ssl_name grpc_ssl_password_file grpc_ssl_protocols grpc_ssl_server_name grpc_ssl_session_reuse
      grpc_ssl_trusted_certificate grpc_ssl_verify grpc_ssl_verify_depth
    `,
    response: 'lL: grpc_pass',
  },
  ngx_http_gunzip_module: { setting: 'hsl: gunzip_buffers', response: 'hsl: gunzip=off' },
  ngx_http_gzip_module: {
    speed: 'hslL: gzip=off',
    setting: `
      hsl: gzip_buffers gzip_comp_level gzip_hash gzip_min_length gzip_no_buffer gzip_types gzip_window
      postpone_gzipping
    `,
  },
  ngx_http_gzip_static_module: { speed: 'hsl: gzip_static=off' },
  ngx_http_headers_module: {
    response: 'hslL: add_header add_header_inherit=off add_trailer add_trailer_inherit expires',
  },
  ngx_http_image_filter_module: {
    setting: `
      hsl: image_filter_buffer image_filter_interlace image_filter_jpeg_quality image_filter_sharpen
      image_filter_transparency image_filter_webp_quality
    `,
    response: 'l: image_filter=off',
  },
  ngx_http_index_module: { response: 'hsl: index' },
  ngx_http_limit_conn_module: {
    access: `
      h: limit_conn_zone
      hsl: limit_conn limit_conn_dry_run=off limit_conn_log_level limit_conn_status
    `,
  },
  ngx_http_limit_req_module: {
    access: `
      h: limit_req_zone
      hsl: limit_req limit_req_dry_run=off limit_req_log_level limit_req_status
    `,
  },
  ngx_http_log_module: { speed: 'h: log_format hsl: open_log_file_cache hslLx: access_log' },
  ngx_http_map_module: { setting: 'h: map_hash_bucket_size map_hash_max_size', variable: 'h: map{' },
  ngx_http_memcached_module: {
    setting: `
      hsl: memcached_bind memcached_buffer_size memcached_connect_timeout memcached_gzip_flag memcached_next_upstream
      memcached_next_upstream_timeout memcached_next_upstream_tries memcached_read_timeout memcached_send_timeout
      memcached_socket_keepalive
    `,
    response: 'lL: memcached_pass',
  },
  ngx_http_mirror_module: { speed: 'hsl: mirror=off', setting: 'hsl: mirror_request_body' },
  ngx_http_module: { apart: 'm: http{' },
  ngx_http_mp4_module: { setting: 'hsl: mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame', response: 'l: mp4' },
  ngx_http_perl_module: { setting: 'h: perl_modules perl_require', variable: 'h: perl_set', response: 'lx: perl' },
  ngx_http_proxy_module: {
    speed: `
      hsl: proxy_buffer_size proxy_buffering proxy_buffers proxy_busy_buffers_size proxy_cache=off
      proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_limit_rate proxy_max_temp_file_size
      proxy_request_buffering proxy_send_lowat proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf
      proxy_ssl_certificate_cache=off proxy_ssl_session_reuse proxy_temp_file_write_size proxy_temp_path
    `,
    setting: `
      h: proxy_cache_path
      hsl: proxy_cache_background_update proxy_cache_bypass proxy_cache_convert_head proxy_cache_key proxy_cache_lock
      proxy_cache_lock_age proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_methods
      proxy_cache_min_uses proxy_cache_revalidate proxy_cache_use_stale proxy_cache_valid proxy_no_cache
      proxy_store_access
    `,
    response: `
      hsl: proxy_bind proxy_connect_timeout proxy_cookie_domain proxy_cookie_flags proxy_cookie_path
      proxy_force_ranges proxy_hide_header proxy_http_version proxy_ignore_client_abort proxy_ignore_headers
      proxy_intercept_errors proxy_method proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries
      proxy_pass_header proxy_pass_request_body proxy_pass_request_headers proxy_pass_trailers proxy_read_timeout
      proxy_redirect proxy_send_timeout proxy_set_body proxy_set_header proxy_ssl_certificate
      proxy_ssl_certificate_key proxy_ssl_ciphers proxy_ssl_conf_command proxy_ssl_name proxy_ssl_password_file
      proxy_ssl_protocols proxy_ssl_server_name=off proxy_store=off
      lLx: proxy_pass
    `,
    access: `
      hsl: proxy_ssl_crl proxy_ssl_trusted_certificate proxy_ssl_verify=off proxy_ssl_verify_depth
    `,
  },
  ngx_http_random_index_module: { response: 'l: random_index=off' },
  ngx_http_realip_module: { access: 'hsl: real_ip_header real_ip_recursive set_real_ip_from' },
  ngx_http_referer_module: {
    setting: 'sl: referer_hash_bucket_size referer_hash_max_size',
    access: 'sl: valid_referers',
  },
  ngx_http_rewrite_module: {
    speed: 'hslSL: rewrite_log uninitialized_variable_warn',
    variable: 'slSL: set',
    response: 'sl: if{ slSL: break return rewrite',
  },
  ngx_http_scgi_module: {
    setting: `
      h: scgi_cache_path
      hsl: scgi_bind scgi_buffer_size scgi_buffering scgi_buffers scgi_busy_buffers_size scgi_cache
      scgi_cache_background_update scgi_cache_bypass scgi_cache_key scgi_cache_lock scgi_cache_lock_age
      scgi_cache_lock_timeout scgi_cache_max_range_offset scgi_cache_methods scgi_cache_min_uses scgi_cache_revalidate
      scgi_cache_use_stale scgi_cache_valid scgi_connect_timeout scgi_force_ranges scgi_hide_header
      scgi_ignore_client_abort scgi_ignore_headers scgi_intercept_errors scgi_limit_rate scgi_max_temp_file_size
      scgi_next_upstream scgi_next_upstream_timeout scgi_next_upstream_tries scgi_no_cache scgi_param scgi_pass_header
      scgi_pass_request_body scgi_pass_request_headers scgi_read_timeout scgi_request_buffering scgi_send_timeout
      scgi_socket_keepalive scgi_socket_rcvbuf scgi_socket_sndbuf scgi_store scgi_store_access
      scgi_temp_file_write_size scgi_temp_path
    `,
    response: 'lL: scgi_pass',
  },
  ngx_http_secure_link_module: { access: 'hsl: secure_link secure_link_md5 secure_link_secret' },
  ngx_http_slice_module: { speed: 'hsl: slice=0' },
  ngx_http_split_clients_module: { variable: 'h: split_clients{' },
  ngx_http_ssi_module: {
    setting: `
      hsl: ssi_ignore_recycled_buffers ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_types
      ssi_value_length
    `,
    response: 'hslL: ssi=off',
  },
  ngx_http_ssl_module: {
    speed: `
      hs: ssl_buffer_size ssl_certificate_cache=off ssl_certificate_compression=off ssl_dhparam ssl_early_data=off
      ssl_ecdh_curve ssl_prefer_server_ciphers=off ssl_session_cache=off|none ssl_session_ticket_key
      ssl_session_tickets=off ssl_session_timeout ssl_stapling=off ssl_stapling_file ssl_stapling_responder
      ssl_stapling_verify=off
    `,
    response: 'hs: ssl_certificate ssl_certificate_key ssl_ech_file ssl_password_file',
    access: `
      hs: ssl_ciphers ssl_client_certificate ssl_conf_command ssl_crl ssl_ocsp=off ssl_ocsp_cache=off
      ssl_ocsp_responder ssl_protocols ssl_reject_handshake=off ssl_trusted_certificate ssl_verify_client=off
      ssl_verify_depth
    `,
  },
  ngx_http_stub_status_module: { response: 'sl: stub_status' },
  ngx_http_sub_module: {
    setting: 'hsl: sub_filter_last_modified sub_filter_once sub_filter_types',
    response: 'hsl: sub_filter',
  },
  ngx_http_try_files_module: { response: 'sl: try_files' },
  ngx_http_tunnel_module: {
    setting: `
      hsl: tunnel_bind tunnel_buffer_size tunnel_connect_timeout tunnel_next_upstream tunnel_next_upstream_timeout
      tunnel_next_upstream_tries tunnel_read_timeout tunnel_send_lowat tunnel_send_timeout tunnel_socket_keepalive
      tunnel_socket_rcvbuf tunnel_socket_sndbuf
    `,
    response: 'slL: tunnel_pass',
  },
  ngx_http_upstream_hash_module: { response: 'u: hash' },
  ngx_http_upstream_ip_hash_module: { response: 'u: ip_hash' },
  ngx_http_upstream_keepalive_module: { speed: 'u: keepalive keepalive_requests keepalive_time keepalive_timeout' },
  ngx_http_upstream_least_conn_module: { speed: 'u: least_conn' },
  ngx_http_upstream_least_time_module: { speed: 'u: least_time' },
  ngx_http_upstream_module: { response: 'h: upstream{ u: resolver resolver_timeout server{' },
  ngx_http_upstream_random_module: { speed: 'u: random' },
  ngx_http_upstream_sticky_module: { response: 'u: sticky' },
  ngx_http_upstream_zone_module: { speed: 'u: zone' },
  ngx_http_userid_module: {
    setting: `
      hsl: userid_domain userid_expires userid_flags userid_mark userid_name userid_p3p userid_path userid_service
    `,
    response: 'hsl: userid=off|log',
  },
  ngx_http_uwsgi_module: {
    setting: `
      h: uwsgi_cache_path
      hsl: uwsgi_bind uwsgi_buffer_size uwsgi_buffering uwsgi_buffers uwsgi_busy_buffers_size uwsgi_cache
      uwsgi_cache_background_update uwsgi_cache_bypass uwsgi_cache_key uwsgi_cache_lock uwsgi_cache_lock_age
      uwsgi_cache_lock_timeout uwsgi_cache_max_range_offset uwsgi_cache_methods uwsgi_cache_min_uses
      uwsgi_cache_revalidate uwsgi_cache_use_stale uwsgi_cache_valid uwsgi_connect_timeout uwsgi_force_ranges
      uwsgi_hide_header uwsgi_ignore_client_abort uwsgi_ignore_headers uwsgi_intercept_errors uwsgi_limit_rate
      uwsgi_max_temp_file_size uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream uwsgi_next_upstream_timeout
      uwsgi_next_upstream_tries uwsgi_no_cache uwsgi_param uwsgi_pass_header uwsgi_pass_request_body
      uwsgi_pass_request_headers uwsgi_read_timeout uwsgi_request_buffering uwsgi_send_timeout uwsgi_socket_keepalive
      uwsgi_socket_rcvbuf uwsgi_socket_sndbuf uwsgi_ssl_certificate uwsgi_ssl_certificate_cache
      uwsgi_ssl_certificate_key uwsgi_ssl_ciphers uwsgi_ssl_conf_command uwsgi_ssl_crl uwsgi_ssl_name
      uwsgi_ssl_password_file uwsgi_ssl_protocols uwsgi_ssl_server_name uwsgi_ssl_session_reuse
      uwsgi_ssl_trusted_certificate uwsgi_ssl_verify uwsgi_ssl_verify_depth uwsgi_store uwsgi_store_access
      uwsgi_string uwsgi_temp_file_write_size uwsgi_temp_path
    `,
    response: 'lL: uwsgi_pass',
  },
  ngx_http_v2_module: {
    speed: 'hs: http2=off hsl: http2_push=off http2_push_preload=off',
    setting: `
      h: http2_recv_buffer_size
      hs: http2_body_preread_size http2_idle_timeout http2_max_concurrent_pushes http2_max_concurrent_streams
      http2_max_field_size http2_max_header_size http2_max_requests http2_pool_size http2_recv_timeout
      http2_streams_index_size
      hsl: http2_chunk_size
    `,
  },
  ngx_http_v3_module: {
    speed: 'hs: http3=off http3_hq=off',
    setting: `
      hs: http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit quic_gso quic_host_key
      quic_retry
    `,
  },
  ngx_http_xslt_module: {
    setting: `
      hsl: xml_entities xml_external_entities xslt_last_modified xslt_param xslt_string_param xslt_types
    `,
    response: 'l: xslt_stylesheet',
  },
  ngx_iocp_module: { speed: 'e: acceptex_read iocp_threads post_acceptex' },
  ngx_kqueue_module: { speed: 'e: kqueue_changes kqueue_events' },
  ngx_mail_module: { apart: 'm: mail{' },
  ngx_openssl_module: { speed: 'm: ssl_engine ssl_object_cache_inheritable' },
  ngx_quic_module: { speed: 'm: quic_bpf' },
  ngx_regex_module: { speed: 'm: pcre_jit' },
  ngx_stream_module: { apart: 'm: stream{' },
  ngx_thread_pool_module: { speed: 'm: thread_pool' },
  ngx_http_acme_module: {
    setting: `
      -: accept_terms_of_service account_key challenge common_name_in_csr contact external_account_key preferred_chain
      profile ssl_verify state_path uri
      h: acme_issuer{ acme_shared_zone
    `,
    response: 's: acme_certificate',
  },
  ngx_http_js_module: {
    setting: `
      m: js_load_http_native_module
      h: js_include js_shared_dict_zone
      hsl: js_context_reuse js_engine js_fetch_buffer_size js_fetch_ciphers js_fetch_keepalive
      js_fetch_keepalive_requests js_fetch_keepalive_time js_fetch_keepalive_timeout js_fetch_max_response_buffer_size
      js_fetch_protocols js_fetch_proxy js_fetch_timeout js_fetch_trusted_certificate js_fetch_verify
      js_fetch_verify_depth js_import js_path js_preload_object
    `,
    variable: 'hsl: js_set js_var',
    response: 'l: js_periodic lLx: js_body_filter js_content js_header_filter',
    access: 'lLx: js_access',
  },
  ngx_otel_module: {
    speed: 'hsl: otel_trace=off',
    setting: `
      h: otel_exporter{ otel_resource_attr otel_service_name
      hsl: otel_span_attr otel_span_name otel_trace_context
    `,
  },
};
