/** Directives available only in the commercial nginx Plus; notation: `table.ts`. */
import type { ForeignTable } from './table.js';

export const NGINX_PLUS: ForeignTable = {
  ngx_core_module: { speed: 'e: stall_threshold' },
  ngx_http_api_module: { speed: 'slL: status_zone', response: 'l: api' },
  ngx_http_auth_jwt_module: {
    access: `
      h: auth_jwt_claim_set auth_jwt_header_set
      hsl: auth_jwt_key_cache auth_jwt_leeway
      hslx: auth_jwt=off auth_jwt_key_file auth_jwt_key_request auth_jwt_require auth_jwt_type
    `,
  },
  ngx_http_auth_require_module: { access: 'hslx: auth_require' },
  ngx_http_core_module: { speed: 'hsl: error_log_tag' },
  ngx_http_f4f_module: { setting: 'hsl: f4f_buffer_size', response: 'l: f4f' },
  ngx_http_fastcgi_module: {
    setting: `
      hsl: fastcgi_allow_upstream fastcgi_bind_dynamic fastcgi_cache_purge fastcgi_request_dynamic
    `,
  },
  ngx_http_grpc_module: { setting: 'hsl: grpc_allow_upstream grpc_bind_dynamic grpc_request_dynamic grpc_ssl_key_log' },
  ngx_http_hls_module: {
    setting: `
      hsl: hls_buffers hls_forward_args hls_fragment hls_mp4_buffer_size hls_mp4_max_buffer_size
    `,
    response: 'l: hls',
  },
  ngx_http_internal_redirect_module: { response: 'sl: internal_redirect' },
  ngx_http_keyval_module: { setting: 'h: keyval_zone', variable: 'h: keyval' },
  ngx_http_memcached_module: { setting: 'hsl: memcached_allow_upstream memcached_bind_dynamic' },
  ngx_http_mp4_module: { setting: 'hsl: mp4_limit_rate mp4_limit_rate_after' },
  ngx_http_num_map_module: { variable: 'h: num_map{' },
  ngx_http_oidc_module: {
    setting: `
      -: client_id client_secret config_url cookie_name extra_auth_args frontchannel_logout_uri issuer
      logout_token_hint logout_uri pkce post_logout_uri redirect_uri scope session_store session_timeout userinfo
      h: oidc_provider{
    `,
    access: 'hsl: auth_oidc=off',
  },
  ngx_http_proxy_module: {
    speed: 'hsl: proxy_ssl_key_log',
    response: 'hsl: proxy_bind_dynamic proxy_cache_purge proxy_request_dynamic',
    access: 'hsl: proxy_allow_upstream',
  },
  ngx_http_scgi_module: { setting: 'hsl: scgi_allow_upstream scgi_bind_dynamic scgi_cache_purge scgi_request_dynamic' },
  ngx_http_session_log_module: { speed: 'h: session_log_format session_log_zone hsl: session_log' },
  ngx_http_ssl_module: { speed: 'hs: ssl_key_log' },
  ngx_http_status_module: { speed: 'hsl: status_format s: status_zone', response: 'l: status' },
  ngx_http_tunnel_module: { setting: 'hsl: tunnel_allow_upstream tunnel_bind_dynamic' },
  ngx_http_upstream_conf_module: { response: 'l: upstream_conf' },
  ngx_http_upstream_hc_module: { speed: 'l: health_check', setting: 'h: match{' },
  ngx_http_upstream_module: { speed: 'u: queue', response: 'u: ntlm=off state sticky' },
  ngx_http_uwsgi_module: {
    setting: `
      hsl: uwsgi_allow_upstream uwsgi_bind_dynamic uwsgi_cache_purge uwsgi_request_dynamic uwsgi_ssl_key_log
    `,
  },
  ngx_mgmt_module: {
    apart: `
      -: enforce_initial_report license_token proxy_password proxy_username ssl_verify state_path usage_report
      m: mgmt{
    `,
  },
  ngx_stream_keyval_module: { apart: '-: keyval keyval_zone' },
  ngx_stream_mqtt_filter_module: { apart: '-: mqtt mqtt_buffers mqtt_rewrite_buffer_size mqtt_set_connect' },
  ngx_stream_mqtt_preread_module: { apart: '-: mqtt_preread' },
  ngx_stream_num_map_module: { apart: '-: num_map{' },
  ngx_stream_proxy_module: { apart: '-: proxy_bind_dynamic proxy_session_drop proxy_ssl_key_log' },
  ngx_stream_ssl_module: { apart: '-: ssl_key_log' },
  ngx_stream_upstream_hc_module: { apart: '-: health_check health_check_timeout match{' },
  ngx_stream_upstream_module: { apart: '-: state' },
  ngx_stream_zone_sync_module: {
    apart: `
      -: zone_sync zone_sync_buffers zone_sync_connect_retry_interval zone_sync_connect_timeout zone_sync_interval
      zone_sync_recv_buffer_size zone_sync_server zone_sync_ssl zone_sync_ssl_certificate
      zone_sync_ssl_certificate_key zone_sync_ssl_ciphers zone_sync_ssl_conf_command zone_sync_ssl_crl
      zone_sync_ssl_name zone_sync_ssl_password_file zone_sync_ssl_protocols zone_sync_ssl_server_name
      zone_sync_ssl_trusted_certificate zone_sync_ssl_verify zone_sync_ssl_verify_depth zone_sync_timeout
    `,
  },
  ngx_http_app_protect_module: {
    access: `
      hsl: app_protect_bd_config app_protect_compressed_requests_action app_protect_cookie_seed
      app_protect_cpu_thresholds app_protect_custom_log_attribute app_protect_default_config_source
      app_protect_enable=off app_protect_enforcer_address app_protect_failure_mode_action
      app_protect_physical_memory_util_thresholds app_protect_policy_file app_protect_reconnect_period_seconds
      app_protect_request_buffer_overflow_action app_protect_security_log app_protect_security_log_enable=off
      app_protect_user_defined_signatures
    `,
  },
  ngx_http_app_protect_dos_module: {
    access: `
      hsl: app_protect_dos_accelerated_mitigation app_protect_dos_access_file app_protect_dos_api
      app_protect_dos_arb_fqdn app_protect_dos_enable=off app_protect_dos_liveness app_protect_dos_monitor=off
      app_protect_dos_name app_protect_dos_policy_file app_protect_dos_readiness app_protect_dos_security_log
      app_protect_dos_security_log_enable=off app_protect_dos_tls_fp
    `,
  },
};
