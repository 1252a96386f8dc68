/**
 * Directives of well-known third-party modules, A to M; notation: `table.ts`. Taken from their command tables; contexts are
 * omitted, because they differ between versions.
 */
import type { ForeignTable } from './table.js';

export const THIRD_PARTY_A_M: ForeignTable = {
  ajp: {
    setting: `
      ajp_buffer_size ajp_buffers ajp_busy_buffers_size ajp_cache ajp_cache_key ajp_cache_lock ajp_cache_lock_timeout
      ajp_cache_methods ajp_cache_min_uses ajp_cache_path ajp_cache_use_stale ajp_cache_valid ajp_connect_timeout
      ajp_header_packet_buffer_size ajp_hide_header ajp_ignore_client_abort ajp_ignore_headers ajp_intercept_errors
      ajp_keep_conn ajp_max_data_packet_size ajp_max_temp_file_size ajp_next_upstream ajp_pass_header
      ajp_pass_request_body ajp_pass_request_headers ajp_read_timeout ajp_secret ajp_send_lowat ajp_send_timeout
      ajp_store ajp_store_access ajp_temp_file_write_size ajp_temp_path ajp_upstream_fail_timeout
      ajp_upstream_max_fails
    `,
    response: 'ajp_pass',
  },
  array_var: { variable: 'array_join array_map array_map_op array_split' },
  auth_digest: {
    access: `
      auth_digest=off auth_digest_drop_time auth_digest_evasion_time auth_digest_expires auth_digest_maxtries
      auth_digest_replays auth_digest_shm_size auth_digest_timeout auth_digest_user_file
    `,
  },
  auth_jwt_teslagov: {
    access: `
      auth_jwt_algorithm auth_jwt_enabled=off auth_jwt_extract_request_claims auth_jwt_extract_response_claims
      auth_jwt_extract_var_claims auth_jwt_key auth_jwt_keyfile_path auth_jwt_location auth_jwt_loginurl
      auth_jwt_redirect auth_jwt_use_keyfile auth_jwt_validate_sub
    `,
  },
  auth_ldap: {
    access: `
      auth_ldap=off auth_ldap_cache_enabled=off auth_ldap_cache_expiration_time auth_ldap_cache_size auth_ldap_servers
      auth_ldap_servers_size ldap_server{
    `,
  },
  auth_pam: { access: 'auth_pam=off auth_pam_service_name auth_pam_set_pam_env' },
  auth_radius: { access: 'auth_radius=off auth_radius_server' },
  cache_purge: { response: 'fastcgi_cache_purge proxy_cache_purge scgi_cache_purge uwsgi_cache_purge' },
  cgi: {
    setting: `
      cgi_body_only cgi_interpreter cgi_path cgi_rdns cgi_set_var cgi_stderr cgi_strict cgi_timeout cgi_working_dir
    `,
    response: 'cgi=off',
  },
  chunkin: { speed: 'chunkin=off chunkin_keepalive chunkin_max_chunks_per_buf chunkin_resume' },
  circle_gif: { setting: 'circle_gif_max_radius circle_gif_min_radius circle_gif_step_radius', response: 'circle_gif' },
  clojure: {
    speed: 'log_handler_code log_handler_name log_handler_property log_handler_type',
    setting: 'jvm_classpath jvm_classpath_check jvm_options jvm_path jvm_var jvm_workers',
    response: 'content_handler_code content_handler_name content_handler_property content_handler_type',
    access: `
      access_handler_code access_handler_name access_handler_property access_handler_type always_read_body
      auto_upgrade_ws body_filter_code body_filter_name body_filter_property body_filter_type handler_code
      handler_name handler_type handlers_lazy_init header_filter_code header_filter_name header_filter_property
      header_filter_type jvm_exit_handler_code jvm_exit_handler_name jvm_handler_type jvm_init_handler_code
      jvm_init_handler_name max_balanced_tcp_connections rewrite_handler_code rewrite_handler_name
      rewrite_handler_property rewrite_handler_type shared_map write_page_size
    `,
  },
  concat: {
    setting: 'concat_delimiter concat_ignore_file_error concat_max_files concat_types concat_unique',
    response: 'concat=off',
  },
  cookie_flag: { response: 'set_cookie_flag' },
  coolkit: { response: 'override_method' },
  datadog: {
    speed: `
      datadog_agent_url datadog_allow_sampling_delegation_in_subrequests datadog_delegate_sampling datadog_disable
      datadog_enable=off datadog_environment datadog_operation_name datadog_propagation_styles datadog_resource_name
      datadog_sample_rate datadog_service_name datadog_tag datadog_trace_locations datadog_tracing=off datadog_version
    `,
    access: 'datadog_appsec_enabled=off',
  },
  dav_ext: { setting: 'dav_ext_lock dav_ext_lock_zone', response: 'dav_ext_methods' },
  drizzle: {
    setting: `
      drizzle_buffer_size drizzle_connect_timeout drizzle_dbname drizzle_keepalive drizzle_module_header drizzle_query
      drizzle_recv_rows_timeout drizzle_send_query_timeout drizzle_server drizzle_status
    `,
    response: 'drizzle_pass',
  },
  dynamic_etag: { setting: 'dynamic_etag_types', response: 'dynamic_etag=off' },
  echo_nginx_module: {
    response: `
      echo echo_abort_parent echo_after_body echo_before_body echo_blocking_sleep echo_duplicate echo_end echo_exec
      echo_flush echo_foreach_split echo_location echo_location_async echo_read_request_body echo_request_body
      echo_reset_timer echo_sleep echo_status echo_subrequest echo_subrequest_async
    `,
  },
  encrypted_session: {
    setting: 'encrypted_session_expires encrypted_session_iv encrypted_session_key',
    variable: 'set_decrypt_session set_encrypt_session',
  },
  eval: { access: 'eval{ eval_buffer_size eval_escalate eval_override_content_type eval_subrequest_in_memory' },
  fancyindex: {
    setting: `
      fancyindex_case_sensitive fancyindex_css_href fancyindex_default_sort fancyindex_directories_first
      fancyindex_exact_size fancyindex_footer fancyindex_header fancyindex_hide_parent_dir fancyindex_hide_symlinks
      fancyindex_ignore fancyindex_localtime fancyindex_show_dotfiles fancyindex_show_path fancyindex_time_format
    `,
    response: 'fancyindex=off',
  },
  form_input: { variable: 'set_form_input set_form_input_multi' },
  graphite: { speed: 'graphite_config graphite_data graphite_default_data graphite_param' },
  headers_more: { response: 'more_clear_headers more_clear_input_headers more_set_headers more_set_input_headers' },
  healthcheck: {
    speed: `
      healthcheck_buffer healthcheck_delay healthcheck_enabled healthcheck_expected healthcheck_failcount
      healthcheck_send healthcheck_status healthcheck_timeout
    `,
  },
  hls_audio: { response: 'ngx_hls_audio_track ngx_hls_audio_track_rootpath' },
  http_accounting: { speed: 'accounting=off accounting_id accounting_interval accounting_log accounting_perturb' },
  http_hmac_secure_link: {
    access: `
      secure_link_hmac secure_link_hmac_algorithm secure_link_hmac_message secure_link_hmac_secret
    `,
  },
  http_let: { variable: 'let' },
  http_mogilefs: {
    setting: 'mogilefs_class mogilefs_domain mogilefs_methods mogilefs_tracker',
    response: 'mogilefs_pass{',
  },
  http_rdns: { access: 'rdns=off rdns_allow rdns_deny' },
  http_redis: {
    setting: `
      redis_bind redis_buffer_size redis_connect_timeout redis_gzip_flag redis_next_upstream redis_read_timeout
      redis_send_timeout
    `,
    response: 'redis_pass',
  },
  http_secure_download: { access: 'secure_download secure_download_path_mode secure_download_secret' },
  http_sorted_querystring: { variable: 'sorted_querysting_filter_parameter' },
  image_small_light: { setting: 'small_light_getparam_mode small_light_pattern_define', response: 'small_light=off' },
  immutable: { setting: 'immutable_types', response: 'immutable=off' },
  jdomain: { response: 'jdomain' },
  kafka: { response: 'kafka kafka_broker_list kafka_topic' },
  length_hiding: { setting: 'length_hiding_max', response: 'length_hiding=off' },
  limit_traffic_rate: { access: 'limit_traffic_rate=off limit_traffic_rate_zone' },
  log_zmq: { speed: 'log_zmq_endpoint log_zmq_format log_zmq_off log_zmq_server' },
  lua_nginx_module: {
    speed: `
      balancer_keepalive log_by_lua log_by_lua_block{ log_by_lua_file ssl_session_fetch_by_lua_block{
      ssl_session_fetch_by_lua_file ssl_session_store_by_lua_block{ ssl_session_store_by_lua_file
    `,
    setting: `
      lua_capture_error_log lua_check_client_abort lua_code_cache lua_http10_buffering lua_load_resty_core
      lua_malloc_trim lua_max_pending_timers lua_max_running_timers lua_need_request_body lua_package_cpath
      lua_package_path lua_regex_cache_max_entries lua_regex_match_limit lua_sa_restart lua_shared_dict
      lua_socket_buffer_size lua_socket_connect_timeout lua_socket_keepalive_timeout lua_socket_log_errors
      lua_socket_pool_size lua_socket_read_timeout lua_socket_send_lowat lua_socket_send_timeout lua_ssl_certificate
      lua_ssl_certificate_key lua_ssl_ciphers lua_ssl_conf_command lua_ssl_crl lua_ssl_key_log lua_ssl_protocols
      lua_ssl_trusted_certificate lua_ssl_verify_depth lua_thread_cache_max_entries
      lua_transform_underscores_in_response_headers lua_upstream_skip_openssl_default_verify lua_use_default_type
      lua_worker_thread_vm_pool_size
    `,
    variable: 'set_by_lua set_by_lua_block{ set_by_lua_file',
    response: `
      balancer_by_lua_block{ balancer_by_lua_file body_filter_by_lua body_filter_by_lua_block{ body_filter_by_lua_file
      content_by_lua content_by_lua_block{ content_by_lua_file header_filter_by_lua header_filter_by_lua_block{
      header_filter_by_lua_file
    `,
    access: `
      access_by_lua access_by_lua_block{ access_by_lua_file access_by_lua_no_postpone precontent_by_lua_block{
      precontent_by_lua_file precontent_by_lua_no_postpone proxy_ssl_certificate_by_lua_block{
      proxy_ssl_certificate_by_lua_file proxy_ssl_verify_by_lua_block{ proxy_ssl_verify_by_lua_file rewrite_by_lua
      rewrite_by_lua_block{ rewrite_by_lua_file rewrite_by_lua_no_postpone server_rewrite_by_lua_block{
      server_rewrite_by_lua_file ssl_certificate_by_lua_block{ ssl_certificate_by_lua_file
      ssl_client_hello_by_lua_block{ ssl_client_hello_by_lua_file
    `,
    apart: `
      exit_worker_by_lua_block{ exit_worker_by_lua_file init_by_lua init_by_lua_block{ init_by_lua_file
      init_worker_by_lua init_worker_by_lua_block{ init_worker_by_lua_file
    `,
  },
  memc: {
    setting: `
      memc_buffer_size memc_cmds_allowed memc_connect_timeout memc_flags_to_last_modified memc_ignore_client_abort
      memc_next_upstream memc_read_timeout memc_send_timeout memc_upstream_fail_timeout memc_upstream_max_fails
    `,
    response: 'memc_pass',
  },
  modsecurity: {
    setting: 'modsecurity_transaction_id',
    access: 'modsecurity=off modsecurity_rules modsecurity_rules_file modsecurity_rules_remote',
  },
  naxsi: {
    access: `
      BasicRule CheckRule DeniedUrl IgnoreCIDR IgnoreIP LearningMode LibInjectionSql LibInjectionXss MainRule
      NaxsiLogFile SecRulesDisabled SecRulesEnabled basic_rule check_rule denied_url ignore_cidr ignore_ip
      learning_mode libinjection_sql libinjection_xss main_rule rules_disabled rules_enabled
    `,
  },
};
