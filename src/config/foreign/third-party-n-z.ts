/** Directives of well-known third-party modules, N to Z; see `third-party-a-m.ts`. */
import type { ForeignTable } from './table.js';

export const THIRD_PARTY_N_Z: ForeignTable = {
  nchan: {
    setting: `
      nchan_access_control_allow_credentials nchan_access_control_allow_origin nchan_benchmark_channels
      nchan_benchmark_message_padding_bytes nchan_benchmark_messages_per_channel_per_minute
      nchan_benchmark_publisher_distribution nchan_benchmark_subscriber_distribution
      nchan_benchmark_subscribers_per_channel nchan_benchmark_time nchan_channel_event_string
      nchan_channel_events_channel_id nchan_channel_group nchan_channel_group_accounting nchan_channel_id
      nchan_channel_id_split_delimiter nchan_channel_timeout nchan_deflate_message_for_websocket
      nchan_eventsource_event nchan_eventsource_ping_comment nchan_eventsource_ping_data nchan_eventsource_ping_event
      nchan_eventsource_ping_interval nchan_group_max_channels nchan_group_max_messages nchan_group_max_messages_disk
      nchan_group_max_messages_memory nchan_group_max_subscribers nchan_longpoll_multipart_response
      nchan_max_channel_id_length nchan_max_channel_subscribers nchan_message_buffer_length nchan_message_temp_path
      nchan_message_timeout nchan_permessage_deflate_compression_level nchan_permessage_deflate_compression_memlevel
      nchan_permessage_deflate_compression_strategy nchan_permessage_deflate_compression_window
      nchan_publisher_channel_id nchan_redis_accurate_subscriber_count nchan_redis_cluster_check_interval_backoff
      nchan_redis_cluster_check_interval_jitter nchan_redis_cluster_check_interval_max
      nchan_redis_cluster_check_interval_min nchan_redis_cluster_connect_timeout nchan_redis_cluster_max_failing_time
      nchan_redis_cluster_recovery_delay nchan_redis_cluster_recovery_delay_backoff
      nchan_redis_cluster_recovery_delay_jitter nchan_redis_cluster_recovery_delay_max nchan_redis_command_timeout
      nchan_redis_connect_timeout nchan_redis_discovered_ip_range_blacklist nchan_redis_fakesub_timer_interval
      nchan_redis_idle_channel_cache_timeout nchan_redis_idle_channel_keepalive_backoff
      nchan_redis_idle_channel_keepalive_jitter nchan_redis_idle_channel_keepalive_max
      nchan_redis_idle_channel_keepalive_min nchan_redis_idle_channel_keepalive_safety_margin
      nchan_redis_load_scripts_unconditionally nchan_redis_namespace nchan_redis_nostore_fastpublish
      nchan_redis_optimize_target nchan_redis_pass_inheritable nchan_redis_password nchan_redis_ping_interval
      nchan_redis_publish_msgpacked_max_size nchan_redis_reconnect_delay nchan_redis_reconnect_delay_backoff
      nchan_redis_reconnect_delay_jitter nchan_redis_reconnect_delay_max nchan_redis_retry_commands
      nchan_redis_retry_commands_max_wait nchan_redis_server nchan_redis_ssl nchan_redis_ssl_ciphers
      nchan_redis_ssl_client_certificate nchan_redis_ssl_client_certificate_key nchan_redis_ssl_server_name
      nchan_redis_ssl_trusted_certificate nchan_redis_ssl_trusted_certificate_path nchan_redis_ssl_verify_certificate
      nchan_redis_storage_mode nchan_redis_subscribe_weights nchan_redis_upstream_stats_disconnected_timeout
      nchan_redis_upstream_stats_enabled nchan_redis_url nchan_redis_username nchan_redis_wait_after_connecting
      nchan_shared_memory_size nchan_storage_engine nchan_store_messages nchan_subscribe_existing_channels_only
      nchan_subscriber_channel_id nchan_subscriber_compound_etag_message_id nchan_subscriber_first_message
      nchan_subscriber_http_raw_stream_separator nchan_subscriber_info nchan_subscriber_info_string
      nchan_subscriber_last_message_id nchan_subscriber_message_id_custom_etag_header nchan_subscriber_timeout
      nchan_use_redis nchan_websocket_client_heartbeat nchan_websocket_ping_interval push_min_message_buffer_length
      push_subscriber_concurrency
    `,
    response: `
      nchan_benchmark nchan_group_location nchan_publisher=off nchan_publisher_upstream_request nchan_pubsub
      nchan_redis_pass nchan_redis_upstream_stats nchan_stub_status nchan_subscribe_request nchan_subscriber
      nchan_unsubscribe_request
    `,
    access: 'nchan_authorize_request',
  },
  ngx_brotli: {
    speed: 'brotli=off brotli_static=off',
    setting: 'brotli_buffers brotli_comp_level brotli_min_length brotli_types brotli_window',
  },
  ngx_http_geoip2_module: { variable: 'geoip2{ geoip2_proxy geoip2_proxy_recursive' },
  ngx_mruby: {
    speed: 'mruby_log_handler mruby_log_handler_code',
    setting: 'mruby_cache mruby_enable_read_request_body',
    variable: 'mruby_set mruby_set_code set_concat2 set_prepend_hello',
    response: `
      mruby_content_handler mruby_content_handler_code mruby_output_body_filter mruby_output_body_filter_code
      mruby_output_filter mruby_output_filter_code mruby_output_header_filter mruby_output_header_filter_code
    `,
    access: `
      mruby_access_handler mruby_access_handler_code mruby_add_handler mruby_post_read_handler
      mruby_post_read_handler_code mruby_rewrite_handler mruby_rewrite_handler_code mruby_server_context_handler_code
      mruby_server_rewrite_handler mruby_server_rewrite_handler_code mruby_ssl_handshake_handler
      mruby_ssl_handshake_handler_code mruby_stream_server_context_code
    `,
    apart: `
      mruby_exit_worker mruby_exit_worker_code mruby_init mruby_init_code mruby_init_worker mruby_init_worker_code
      mruby_stream mruby_stream_code mruby_stream_exit_worker mruby_stream_exit_worker_code mruby_stream_init
      mruby_stream_init_code mruby_stream_init_worker mruby_stream_init_worker_code mruby_upstream_keepalive
    `,
  },
  opentracing: {
    speed: `
      opentracing=off opentracing_fastcgi_propagate_context opentracing_grpc_propagate_context opentracing_load_tracer
      opentracing_location_operation_name opentracing_operation_name opentracing_propagate_context opentracing_tag
      opentracing_trace_locations opentracing_trust_incoming_span
    `,
  },
  owner_match: { access: 'omallow omdeny' },
  pagespeed: { speed: 'pagespeed=off' },
  passenger: {
    setting: `
      passenger_abort_on_startup_error passenger_abort_websockets_on_process_shutdown passenger_admin_panel_auth_type
      passenger_admin_panel_password passenger_admin_panel_url passenger_admin_panel_username
      passenger_analytics_log_group passenger_analytics_log_user passenger_anonymous_telemetry_proxy passenger_app_env
      passenger_app_file_descriptor_ulimit passenger_app_group_name passenger_app_log_file passenger_app_rights
      passenger_app_root passenger_app_start_command passenger_app_type passenger_base_uri passenger_buffer_response
      passenger_buffer_size passenger_buffer_upload passenger_buffers passenger_busy_buffers_size
      passenger_concurrency_model passenger_core_file_descriptor_ulimit passenger_ctl passenger_custom_error_page
      passenger_data_buffer_dir passenger_debug_log_file passenger_debugger passenger_default_group
      passenger_default_user passenger_direct_instance_request_address passenger_disable_anonymous_telemetry
      passenger_disable_log_prefix passenger_disable_security_update_check passenger_document_root
      passenger_dump_config_manifest passenger_env_var passenger_file_descriptor_log_file passenger_fly_with
      passenger_force_max_concurrent_requests_per_process passenger_friendly_error_pages passenger_group
      passenger_headers_hash_bucket_size passenger_headers_hash_max_size passenger_ignore_client_abort
      passenger_ignore_headers passenger_instance_registry_dir passenger_intercept_errors passenger_load_shell_envvars
      passenger_log_file passenger_log_level passenger_max_instances passenger_max_instances_per_app
      passenger_max_pool_size passenger_max_preloader_idle_time passenger_max_request_queue_size
      passenger_max_request_queue_time passenger_max_request_time passenger_max_requests passenger_memory_limit
      passenger_meteor_app_settings passenger_min_instances passenger_monitor_log_file passenger_nodejs
      passenger_pass_header passenger_pool_idle_time passenger_pre_start passenger_preload_bundler passenger_python
      passenger_read_timeout passenger_request_buffering passenger_request_queue_overflow_status_code
      passenger_resist_deployment_errors passenger_response_buffer_high_watermark passenger_restart_dir
      passenger_rolling_restarts passenger_root passenger_ruby passenger_security_update_check_proxy
      passenger_set_header passenger_show_version_in_header passenger_socket_backlog passenger_spawn_dir
      passenger_spawn_exception_status_code passenger_spawn_method passenger_start_timeout passenger_startup_file
      passenger_stat_throttle_rate passenger_sticky_sessions passenger_sticky_sessions_cookie_attributes
      passenger_sticky_sessions_cookie_name passenger_temp_path passenger_thread_count passenger_turbocaching
      passenger_use_global_queue passenger_user passenger_user_switching passenger_vary_turbocache_by_cookie rack_env
      rails_app_spawner_idle_time rails_env rails_framework_spawner_idle_time rails_spawn_method union_station_filter
      union_station_gateway_address union_station_gateway_cert union_station_gateway_port union_station_key
      union_station_proxy_address union_station_support
    `,
    response: 'passenger_enabled=off',
  },
  postgres: {
    setting: `
      postgres_connect_timeout postgres_keepalive postgres_output postgres_query postgres_result_timeout
      postgres_rewrite postgres_server
    `,
    variable: 'postgres_escape postgres_set',
    response: 'postgres_pass',
  },
  proxy_connect: {
    setting: `
      proxy_connect_address proxy_connect_bind proxy_connect_connect_timeout proxy_connect_data_timeout
      proxy_connect_read_timeout proxy_connect_response proxy_connect_send_lowat proxy_connect_send_timeout
    `,
    response: 'proxy_connect',
    access: 'proxy_connect_allow',
  },
  push_stream: {
    setting: `
      push_stream_allow_connections_to_events_channel push_stream_allowed_origins push_stream_authorized_channels_only
      push_stream_channel_deleted_message_text push_stream_channel_inactivity_time push_stream_channel_info_on_publish
      push_stream_channels_path push_stream_events_channel_id push_stream_footer_template push_stream_header_template
      push_stream_header_template_file push_stream_last_event_id push_stream_last_received_message_tag
      push_stream_last_received_message_time push_stream_longpolling_connection_ttl push_stream_max_channel_id_length
      push_stream_max_messages_stored_per_channel push_stream_max_number_of_channels
      push_stream_max_number_of_wildcard_channels push_stream_max_subscribers_per_channel push_stream_message_template
      push_stream_message_ttl push_stream_padding_by_user_agent push_stream_ping_message_interval
      push_stream_ping_message_text push_stream_shared_memory_size push_stream_store_messages
      push_stream_subscriber_connection_ttl push_stream_timeout_with_body push_stream_user_agent
      push_stream_websocket_allow_publish push_stream_wildcard_channel_max_qtd push_stream_wildcard_channel_prefix
    `,
    response: 'push_stream_channels_statistics=off push_stream_publisher push_stream_subscriber',
  },
  rds_json: {
    setting: `
      rds_json_buffer_size rds_json_content_type rds_json_errcode_key rds_json_errstr_key rds_json_format rds_json_ret
      rds_json_root rds_json_success_property rds_json_user_property
    `,
    response: 'rds_json=off',
  },
  redis2: {
    setting: `
      redis2_bind redis2_buffer_size redis2_connect_timeout redis2_literal_raw_query redis2_next_upstream redis2_query
      redis2_raw_queries redis2_raw_query redis2_read_timeout redis2_send_timeout
    `,
    response: 'redis2_pass',
  },
  replace_filter: {
    setting: `
      replace_filter_last_modified replace_filter_max_buffered_size replace_filter_skip replace_filter_types
    `,
    response: 'replace_filter',
  },
  rrd_graph: { setting: 'rrd_graph_root', response: 'rrd_graph' },
  rtmp: {
    setting: 'rtmp_auto_push rtmp_auto_push_reconnect rtmp_socket_dir rtmp_stat_stylesheet',
    response: 'rtmp_control rtmp_stat',
    apart: 'rtmp{',
  },
  security_headers: {
    response: `
      hide_server_tokens=off security_headers=off security_headers_coep security_headers_coop security_headers_corp
      security_headers_frame security_headers_hsts_preload security_headers_referrer_policy
      security_headers_text_types security_headers_xss
    `,
  },
  set_lang: { setting: 'set_lang_method', variable: 'set_from_accept_language set_lang' },
  set_misc: {
    setting: 'set_base32_alphabet set_base32_padding set_misc_base32_padding',
    variable: `
      set_decode_base32 set_decode_base64 set_decode_base64url set_decode_hex set_encode_base32 set_encode_base64
      set_encode_base64url set_encode_hex set_escape_uri set_formatted_gmt_time set_formatted_local_time
      set_hashed_upstream set_hmac_sha1 set_hmac_sha256 set_if_empty set_local_today set_md5 set_quote_json_str
      set_quote_pgsql_str set_quote_sql_str set_random set_rotate set_secure_random_alphanum set_secure_random_lcalpha
      set_sha1 set_unescape_uri
    `,
  },
  shibboleth: { access: 'shib_request=off shib_request_set shib_request_use_headers' },
  slice_ranges: { setting: 'slice_end_arg slice_start_arg' },
  spnego: {
    access: `
      auth_gss=off auth_gss_allow_basic_fallback=off auth_gss_authorized_principal auth_gss_authorized_principal_regex
      auth_gss_constrained_delegation=off auth_gss_delegate_credentials=off auth_gss_force_realm=off
      auth_gss_format_full=off auth_gss_keytab auth_gss_map_to_local=off auth_gss_realm auth_gss_service_ccache
      auth_gss_service_name auth_gss_zone_name
    `,
  },
  srcache: {
    speed: `
      srcache_buffer srcache_default_expire srcache_fetch=off srcache_fetch_skip srcache_header_buffer_size
      srcache_ignore_content_encoding srcache_max_expire srcache_methods srcache_request_cache_control
      srcache_response_cache_control srcache_store=off srcache_store_hide_header srcache_store_max_size
      srcache_store_no_cache srcache_store_no_store srcache_store_pass_header srcache_store_private
      srcache_store_ranges srcache_store_skip srcache_store_statuses
    `,
  },
  ssl_status: { setting: 'ssl_status_zone', response: 'ssl_status' },
  statsd: { speed: 'statsd_count statsd_sample_rate statsd_server=off statsd_timing' },
  sticky_ng: { response: 'sticky_hide_cookie sticky_no_fallback' },
  substitutions_filter: {
    setting: 'subs_buffers subs_filter_bypass subs_filter_types subs_line_buffer_size',
    response: 'subs_filter',
  },
  tengine: {
    speed: `
      backtrace_log backtrace_max_stack_size debug_conn debug_pool debug_timer dynamic_resolve iwrr max_retries multi
      req_status=off req_status_bypass req_status_lazy=off req_status_show_field req_status_zone
      req_status_zone_add_indicator req_status_zone_key_length req_status_zone_recycle slice_arg_begin slice_arg_end
      vnswrr xquic_ack_frequency xquic_anti_amplification_limit xquic_cid_route xquic_congestion_control
      xquic_conn_hash_size xquic_enable_fec xquic_enable_keylog xquic_enable_marking_reinjection
      xquic_enable_mempool_protection xquic_enable_multipath xquic_enable_pmtud xquic_enable_qlog_event
      xquic_fec_blk_log_mod xquic_fec_code_rate xquic_fec_conn_queue_rpr_timeout xquic_fec_decoder_scheme
      xquic_fec_encoder_scheme xquic_fec_log_on xquic_fec_mp_mode xquic_fec_packet_mask_mode xquic_fec_stream_level
      xquic_hash_conflict_threshold xquic_health_check_file xquic_idle_time_out xquic_init_cwnd_pkt
      xquic_init_pkt_out_size xquic_init_pto_us xquic_init_rtt_us xquic_intercom_socket_rcvbuf
      xquic_intercom_socket_sndbuf xquic_keyupdate_pkt_threshold xquic_log_file xquic_log_level xquic_manually_send
      xquic_max_concurrent_connection_cnt xquic_max_cps xquic_max_qps xquic_max_streams_bidi xquic_max_streams_uni
      xquic_min_cwnd_pkt xquic_mp_enable_reinjection xquic_mp_sched_bw_Bps_thr xquic_mp_sched_loss_percent_high
      xquic_mp_sched_loss_percent_low xquic_mp_sched_pto_thr xquic_mp_sched_rtt_thr_high xquic_mp_sched_rtt_thr_low
      xquic_multipath_scheduler xquic_pacing xquic_path_unreachable_pto_count xquic_pmtud_probing_interval
      xquic_probing_pkt_out_size xquic_qlog_event_importance xquic_qpack_compat_duplicate
      xquic_qpack_decoder_dynamic_table_size xquic_qpack_encoder_dynamic_table_size xquic_reinj_deadline_lower_bound
      xquic_reinj_flexible_deadline_srtt_factor xquic_reinj_hard_deadline xquic_reinjection_control
      xquic_server_id_length xquic_server_id_offset xquic_sndq_packets_used_max xquic_socket_rcvbuf
      xquic_socket_sndbuf xquic_ssl_certificate xquic_ssl_certificate_key xquic_ssl_session_ticket_key
      xquic_standby_path_probe_timeout xquic_stateless_reset_token_key xquic_streams_index_size
      xquic_symbol_number_per_block xquic_token_key xquic_token_key_file xquic_use_new_udp_hash xquic_use_smaller_pto
      xquic_worker_id_offset xudp_core_path xudp_no_tx xudp_rcvnum xudp_retries_interval xudp_sndnum
    `,
    setting: `
      dubbo_bind dubbo_buffer_size dubbo_connect_timeout dubbo_heartbeat_interval dubbo_hide_header
      dubbo_ignore_headers dubbo_intercept_errors dubbo_next_upstream dubbo_next_upstream_timeout
      dubbo_next_upstream_tries dubbo_pass_all_headers dubbo_pass_body dubbo_pass_header dubbo_pass_set
      dubbo_read_timeout dubbo_send_timeout dubbo_socket_keepalive dubbo_upstream_error_info dyups_read_msg_log
      dyups_read_msg_timeout dyups_shm_zone_size dyups_trylock dyups_upstream_conf footer_types
      ingress_failover_named_location ingress_gateway_hash_num ingress_gateway_metadata
      ingress_gateway_path_segment_bucket_num ingress_gateway_pool_size ingress_gateway_shm_config
      ingress_gateway_update_interval tair_timeout tfs_block_cache_zone tfs_body_buffer_size tfs_buffer_size
      tfs_connect_timeout tfs_enable_remote_block_cache tfs_keepalive tfs_log tfs_read_timeout tfs_send_lowat
      tfs_send_timeout tfs_upstream trim_css trim_js trim_types
    `,
    variable: 'user_agent{',
    response: `
      append_header append_header_separator consistent_hash dubbo_pass dyups_interface footer=off ingress_gateway
      req_status_show session_sticky session_sticky_header session_sticky_hide_cookie slab_stat slice_footer=off
      slice_footer_last slice_header slice_header_first tfs_pass trim=off xquic_status xudp_off
    `,
    access: `
      sysguard=off sysguard_cpu sysguard_interval sysguard_load sysguard_log_level sysguard_mem sysguard_mode
      sysguard_rt
    `,
  },
  testcookie: {
    access: `
      testcookie=off testcookie_arg testcookie_deny_keepalive testcookie_domain testcookie_expires testcookie_fallback
      testcookie_get_only testcookie_httponly_flag testcookie_https_location testcookie_internal
      testcookie_max_attempts testcookie_name testcookie_p3p testcookie_pass testcookie_path
      testcookie_port_in_redirect testcookie_redirect_via_refresh testcookie_refresh_encrypt_cookie
      testcookie_refresh_encrypt_cookie_iv testcookie_refresh_encrypt_cookie_key testcookie_refresh_status
      testcookie_refresh_template testcookie_samesite testcookie_secret testcookie_secure_flag testcookie_session
      testcookie_whitelist
    `,
  },
  upload: {
    setting: `
      upload_add_header upload_aggregate_form_field upload_buffer_size upload_cleanup upload_empty_fiels_names
      upload_limit_rate upload_max_file_size upload_max_output_body_len upload_max_part_header_len
      upload_merge_buffer_size upload_pass_args upload_pass_form_field upload_range_header_buffer_size
      upload_resumable upload_set_form_field upload_state_store upload_store upload_store_access upload_tame_arrays
    `,
    response: 'upload_pass',
  },
  upload_progress: {
    speed: 'track_uploads=off',
    setting: `
      upload_progress upload_progress_content_type upload_progress_header upload_progress_java_output
      upload_progress_json_output upload_progress_jsonp_output upload_progress_jsonp_parameter
      upload_progress_template
    `,
    response: 'report_uploads',
  },
  upstream_check: {
    speed: 'check',
    setting: `
      check_fastcgi_param check_http_expect_alive check_http_send check_keepalive_requests check_shm_size
    `,
    response: 'check_status',
  },
  upstream_fair: { speed: 'fair upstream_fair_shm_size' },
  upstream_ketama_chash: { response: 'ketama_chash' },
  upsync: { setting: 'upsync_dump_path upsync_lb', response: 'upstream_show upsync' },
  vhost_traffic_status: {
    speed: `
      vhost_traffic_status=off vhost_traffic_status_average_method vhost_traffic_status_bypass_stats=off
      vhost_traffic_status_display_format vhost_traffic_status_display_jsonp vhost_traffic_status_display_sum_key
      vhost_traffic_status_dump vhost_traffic_status_filter=off vhost_traffic_status_filter_by_host
      vhost_traffic_status_filter_by_set_key vhost_traffic_status_filter_check_duplicate
      vhost_traffic_status_filter_max_node vhost_traffic_status_histogram_buckets vhost_traffic_status_ignore_status
      vhost_traffic_status_measure_status_codes vhost_traffic_status_stats_by_upstream vhost_traffic_status_zone
    `,
    variable: 'vhost_traffic_status_set_by_filter',
    response: 'vhost_traffic_status_display=off',
    access: `
      vhost_traffic_status_bypass_limit=off vhost_traffic_status_limit=off vhost_traffic_status_limit_check_duplicate
      vhost_traffic_status_limit_traffic vhost_traffic_status_limit_traffic_by_set_key
    `,
  },
  vod: {
    setting: `
      vod_align_segments_to_key_frames vod_apply_dynamic_mapping vod_base_url vod_bootstrap_segment_durations
      vod_cache_buffer_size vod_clip_from_param_name vod_clip_to_param_name vod_dash_absolute_manifest_urls
      vod_dash_duplicate_bitrate_threshold vod_dash_fragment_file_name_prefix vod_dash_init_file_name_prefix
      vod_dash_init_mp4_pssh vod_dash_manifest_file_name_prefix vod_dash_manifest_format vod_dash_profiles
      vod_dash_subtitle_file_name_prefix vod_dash_subtitle_format vod_dash_use_base_url_tag
      vod_dash_write_playready_kid vod_drm_clear_lead_segment_count vod_drm_enabled vod_drm_info_cache
      vod_drm_max_info_length vod_drm_request_uri vod_drm_single_key vod_drm_upstream_location
      vod_dynamic_clip_map_uri vod_dynamic_mapping_cache vod_encryption_iv_seed vod_expires vod_expires_live
      vod_expires_live_time_dependent vod_fallback_upstream_location vod_force_continuous_timestamps
      vod_force_playlist_type_vod vod_force_sequence_index vod_gop_look_ahead vod_gop_look_behind
      vod_hds_absolute_manifest_urls vod_hds_fragment_file_name_prefix vod_hds_generate_moof_atom
      vod_hds_manifest_file_name_prefix vod_hls_absolute_iframe_urls vod_hls_absolute_index_urls
      vod_hls_absolute_master_urls vod_hls_container_format vod_hls_encryption_key_file_name
      vod_hls_encryption_key_format vod_hls_encryption_key_format_versions vod_hls_encryption_key_uri
      vod_hls_encryption_method vod_hls_encryption_output_iv vod_hls_force_unmuxed_segments
      vod_hls_iframes_file_name_prefix vod_hls_index_file_name_prefix vod_hls_init_file_name_prefix
      vod_hls_master_file_name_prefix vod_hls_mpegts_align_frames vod_hls_mpegts_align_pts vod_hls_mpegts_id3_data
      vod_hls_mpegts_interleave_frames vod_hls_mpegts_output_id3_timestamps vod_hls_output_iframes_playlist
      vod_hls_segment_file_name_prefix vod_ignore_edit_list vod_initial_read_size vod_lang_param_name
      vod_last_modified vod_last_modified_types vod_live_mapping_cache vod_live_response_cache
      vod_live_window_duration vod_manifest_duration_policy vod_manifest_segment_durations_mode vod_mapping_cache
      vod_max_frame_count vod_max_frames_size vod_max_mapping_response_size vod_max_metadata_size
      vod_max_upstream_headers_size vod_media_set_map_uri vod_media_set_override_json vod_metadata_cache
      vod_min_single_nalu_per_frame_segment vod_mode vod_mss_duplicate_bitrate_threshold
      vod_mss_manifest_file_name_prefix vod_multi_uri_suffix vod_notification_uri vod_open_file_thread_pool
      vod_output_buffer_pool vod_parse_hdlr_name vod_parse_udta_name vod_path_response_postfix
      vod_path_response_prefix vod_performance_counters vod_proxy_header_name vod_proxy_header_value
      vod_redirect_segments_url vod_remote_upstream_location vod_response_cache vod_secret_key
      vod_segment_count_policy vod_segment_duration vod_segment_max_frame_count vod_segments_base_url
      vod_source_clip_map_uri vod_speed_param_name vod_status vod_thumb_accurate_positioning
      vod_thumb_file_name_prefix vod_time_shift_param_name vod_tracks_param_name vod_upstream_extra_args
      vod_upstream_location vod_volume_map_file_name_prefix vod_volume_map_interval
    `,
    response: 'vod=off',
  },
  webp: { response: 'webp=off' },
  xss: {
    setting: 'xss_callback_arg xss_check_status xss_input_types xss_output_type xss_override_status',
    response: 'xss_get=off',
  },
  zstd: {
    speed: 'zstd=off zstd_static=off',
    setting: 'zstd_buffers zstd_comp_level zstd_dict_file zstd_min_length zstd_types',
  },
};
