/** Variables of nginx's modules that tsproxy does not have; see `known-directives.ts` for the purpose. */
import type { KnownDirective, Maker } from './known-directives.js';

/**
 * By module; a name that ends in `*` is a family. Names after `=` have no value in nginx either as long as the feature is not
 * used (`$gzip_ratio` of a response that is not compressed).
 */
const VARIABLES: Readonly<Record<Maker, Readonly<Record<string, string>>>> = {
  nginx: {
    ngx_http_acme_module: 'acme_certificate acme_certificate_key',
    ngx_http_browser_module: 'ancient_browser modern_browser msie',
    ngx_http_fastcgi_module: 'fastcgi_path_info fastcgi_script_name',
    ngx_http_geoip_module: `
      geoip_area_code geoip_city geoip_city_continent_code geoip_city_country_code geoip_city_country_code3
      geoip_city_country_name geoip_country_code geoip_country_code3 geoip_country_name geoip_dma_code geoip_latitude
      geoip_longitude geoip_org geoip_postal_code geoip_region geoip_region_name
    `,
    ngx_http_gzip_module: '=gzip_ratio',
    ngx_http_log_module: 'time_iso8601_ms',
    ngx_http_memcached_module: 'memcached_key',
    ngx_http_proxy_protocol_vendor_module: `
      proxy_protocol_tlv_aws_vpce_id proxy_protocol_tlv_azure_pel_id proxy_protocol_tlv_gcp_conn_id
    `,
    ngx_http_referer_module: 'invalid_referer',
    ngx_http_secure_link_module: 'secure_link secure_link_expires',
    ngx_http_slice_module: 'slice_range',
    ngx_http_ssl_module: `
      ssl_alpn_protocol ssl_cipher ssl_ciphers ssl_client_cert ssl_client_escaped_cert ssl_client_fingerprint
      ssl_client_i_dn ssl_client_i_dn_legacy ssl_client_raw_cert ssl_client_s_dn ssl_client_s_dn_legacy
      ssl_client_serial ssl_client_sigalg ssl_client_v_end ssl_client_v_remain ssl_client_v_start ssl_client_verify
      ssl_curve ssl_curves =ssl_early_data ssl_ech_outer_server_name ssl_ech_status ssl_protocol ssl_server_name
      ssl_session_id ssl_session_reused ssl_sigalg ssl_sigalgs
    `,
    ngx_http_stub_status_module: 'connections_active connections_reading connections_waiting connections_writing',
    ngx_http_upstream_module: 'upstream_last_addr upstream_last_server_name upstream_queue_time',
    ngx_http_userid_module: 'uid_got uid_reset uid_set',
    ngx_http_v2_module: '=http2',
    ngx_http_v3_module: '=http3 =quic',
    ngx_otel_module: '=otel_parent_id =otel_parent_sampled =otel_span_id =otel_trace_id',
  },
  'nginx Plus': {
    ngx_http_app_protect_dos_module: `
      app_protect_dos_outcome app_protect_dos_outcome_reason app_protect_dos_policy_name app_protect_dos_tls_fp
      app_protect_dos_version app_protect_dos_vs_name
    `,
    ngx_http_app_protect_module: `
      app_protect_outcome app_protect_outcome_reason app_protect_policy_name app_protect_support_id app_protect_version
    `,
    ngx_http_auth_jwt_module: 'jwt_claim_* jwt_header_* jwt_payload',
    ngx_http_hls_module: 'hls_uri',
    ngx_http_oidc_module: 'oidc_access_token oidc_claim_* oidc_id_token oidc_userinfo',
    ngx_http_session_log_module: 'session_log_binary_id session_log_id',
  },
  'third party': {
    brotli: '=brotli_ratio',
    echo: 'echo_*',
    http_secure_download: 'secure_download',
    memc: 'memc_cmd memc_exptime memc_flags memc_key memc_value',
    modsecurity: 'modsecurity_transaction_id',
    naxsi: 'naxsi_*',
    nchan: 'nchan_*',
    opentracing: '=opentracing_*',
    proxy_connect: 'connect_addr connect_host connect_port proxy_connect_*',
    push_stream: 'push_stream_*',
    srcache: 'srcache_expire srcache_fetch_status srcache_store_status',
    testcookie: 'testcookie_*',
    upload: 'upload_*',
    upload_progress: 'uploadprogress_*',
    vhost_traffic_status: 'vts_*',
    vod: 'vod_*',
    zstd: '=zstd_ratio',
  },
};

interface Owner extends Pick<KnownDirective, 'module' | 'maker'> {
  /** Has no value in nginx either as long as the feature is not used. */
  readonly emptyWithout: boolean;
}

let byName: Map<string, Owner> | null = null;

/** The module that a variable belongs to, by its lower-case name without `$`; undefined for an unknown one. */
export function knownVariable(name: string): Owner | undefined {
  byName ??= new Map(entries());
  const exact = byName.get(name);
  if (exact !== undefined) return exact;
  for (const [pattern, owner] of byName) {
    if (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1))) return owner;
  }
  return undefined;
}

function* entries(): Generator<[string, Owner]> {
  for (const maker of ['nginx', 'nginx Plus', 'third party'] as const) {
    for (const [module, names] of Object.entries(VARIABLES[maker])) {
      for (const word of names.trim().split(/\s+/)) {
        const emptyWithout = word.startsWith('=');
        yield [emptyWithout ? word.slice(1) : word, { module, maker, emptyWithout }];
      }
    }
  }
}
