/** Directives of nginx's modules for `stream` and `mail`; notation: `table.ts`. */
import type { ForeignTable } from './table.js';

export const NGINX_APART: ForeignTable = {
  ngx_mail_auth_http_module: { apart: '-: auth_http{ auth_http_header auth_http_pass_client_cert auth_http_timeout' },
  ngx_mail_core_module: {
    apart: `
      -: error_log listen max_errors protocol resolver resolver_timeout server{ server_name timeout
    `,
  },
  ngx_mail_imap_module: { apart: '-: imap_auth imap_capabilities imap_client_buffer' },
  ngx_mail_pop3_module: { apart: '-: pop3_auth pop3_capabilities' },
  ngx_mail_proxy_module: {
    apart: `
      -: proxy proxy_buffer proxy_pass_error_message proxy_protocol proxy_smtp_auth proxy_timeout xclient
    `,
  },
  ngx_mail_realip_module: { apart: '-: set_real_ip_from' },
  ngx_mail_smtp_module: { apart: '-: smtp_auth smtp_capabilities smtp_client_buffer smtp_greeting_delay' },
  ngx_mail_ssl_module: {
    apart: `
      -: ssl_certificate ssl_certificate_compression=off ssl_certificate_key ssl_ciphers ssl_client_certificate
      ssl_conf_command ssl_crl ssl_dhparam ssl_ecdh_curve ssl_password_file ssl_prefer_server_ciphers=off
      ssl_protocols ssl_session_cache=off|none ssl_session_ticket_key ssl_session_tickets=off ssl_session_timeout
      ssl_trusted_certificate ssl_verify_client=off ssl_verify_depth starttls
    `,
  },
  ngx_stream_access_module: { apart: '-: allow deny' },
  ngx_stream_core_module: {
    apart: `
      -: error_log listen preread_buffer_size preread_timeout proxy_protocol_timeout resolver resolver_timeout server{
      server_name server_names_hash_bucket_size server_names_hash_max_size tcp_nodelay variables_hash_bucket_size
      variables_hash_max_size
    `,
  },
  ngx_stream_geo_module: { apart: '-: geo{' },
  ngx_stream_geoip_module: { apart: '-: geoip_city geoip_country geoip_org' },
  ngx_stream_limit_conn_module: { apart: '-: limit_conn limit_conn_dry_run=off limit_conn_log_level limit_conn_zone' },
  ngx_stream_log_module: { apart: '-: access_log log_format open_log_file_cache' },
  ngx_stream_map_module: { apart: '-: map{ map_hash_bucket_size map_hash_max_size' },
  ngx_stream_pass_module: { apart: '-: pass' },
  ngx_stream_proxy_module: {
    apart: `
      -: proxy_bind proxy_buffer_size proxy_connect_timeout proxy_download_rate proxy_downstream_buffer
      proxy_half_close proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries proxy_pass
      proxy_protocol proxy_requests proxy_responses proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf
      proxy_ssl proxy_ssl_alpn proxy_ssl_certificate proxy_ssl_certificate_cache=off proxy_ssl_certificate_key
      proxy_ssl_ciphers proxy_ssl_conf_command proxy_ssl_crl proxy_ssl_name proxy_ssl_password_file
      proxy_ssl_protocols proxy_ssl_server_name=off proxy_ssl_session_reuse proxy_ssl_trusted_certificate
      proxy_ssl_verify=off proxy_ssl_verify_depth proxy_timeout proxy_upload_rate proxy_upstream_buffer
    `,
  },
  ngx_stream_realip_module: { apart: '-: set_real_ip_from' },
  ngx_stream_return_module: { apart: '-: return' },
  ngx_stream_set_module: { apart: '-: set' },
  ngx_stream_split_clients_module: { apart: '-: split_clients{' },
  ngx_stream_ssl_module: {
    apart: `
      -: ssl_alpn ssl_certificate ssl_certificate_cache=off ssl_certificate_compression=off ssl_certificate_key
      ssl_ciphers ssl_client_certificate ssl_conf_command ssl_crl ssl_dhparam ssl_ecdh_curve ssl_ech_file
      ssl_handshake_timeout ssl_ocsp=off ssl_ocsp_cache=off ssl_ocsp_responder ssl_password_file
      ssl_prefer_server_ciphers=off ssl_protocols ssl_reject_handshake=off ssl_session_cache=off|none
      ssl_session_ticket_key ssl_session_tickets=off ssl_session_timeout ssl_stapling=off ssl_stapling_file
      ssl_stapling_responder ssl_stapling_verify=off ssl_trusted_certificate ssl_verify_client=off ssl_verify_depth
    `,
  },
  ngx_stream_ssl_preread_module: { apart: '-: ssl_preread' },
  ngx_stream_upstream_hash_module: { apart: '-: hash' },
  ngx_stream_upstream_least_conn_module: { apart: '-: least_conn' },
  ngx_stream_upstream_least_time_module: { apart: '-: least_time' },
  ngx_stream_upstream_module: { apart: '-: resolver resolver_timeout server{ upstream{' },
  ngx_stream_upstream_random_module: { apart: '-: random' },
  ngx_stream_upstream_zone_module: { apart: '-: zone' },
  ngx_stream_js_module: {
    apart: `
      -: js_access js_context_reuse js_engine js_fetch_buffer_size js_fetch_ciphers js_fetch_keepalive
      js_fetch_keepalive_requests js_fetch_keepalive_time js_fetch_keepalive_timeout js_fetch_max_response_buffer_size
      js_fetch_protocols js_fetch_proxy js_fetch_timeout js_fetch_trusted_certificate js_fetch_verify
      js_fetch_verify_depth js_filter js_import js_include js_load_stream_native_module js_path js_periodic
      js_preload_object js_preread js_set js_shared_dict_zone js_var
    `,
  },
};
