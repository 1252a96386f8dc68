/**
 * Versions of nginx that introduced variables for HTTP, from 1.1 on. Source: the first releases whose tables of variables
 * contain them. Variables that were available in `log_format` before are omitted.
 */
const VERSIONS: Readonly<Record<string, string>> = {
  '1.1.11': 'https',
  '1.1.18': 'tcpinfo_rcv_space tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd',
  '1.3.14': 'connections_active connections_reading connections_writing',
  '1.3.15': 'connections_waiting',
  '1.5.7': 'upstream_cache_last_modified',
  '1.5.11': 'ssl_session_reused',
  '1.5.12': 'proxy_protocol_addr',
  '1.7.0': 'ssl_server_name',
  '1.7.1': 'ssl_client_fingerprint',
  '1.7.3': 'upstream_cache_etag',
  '1.7.10': 'upstream_header_time',
  '1.9.1': 'upstream_connect_time',
  '1.9.5': 'http2',
  '1.9.7': 'realip_remote_addr',
  '1.11.0': 'proxy_protocol_port realip_remote_port request_id',
  '1.11.4': 'upstream_bytes_received',
  '1.11.6': 'ssl_client_i_dn_legacy ssl_client_s_dn_legacy',
  '1.11.7': 'ssl_ciphers ssl_client_v_end ssl_client_v_remain ssl_client_v_start ssl_curves',
  '1.13.5': 'ssl_client_escaped_cert',
  '1.15.3': 'ssl_early_data',
  '1.15.8': 'upstream_bytes_sent',
  '1.17.6': 'limit_conn_status limit_req_status proxy_protocol_server_addr proxy_protocol_server_port',
  '1.19.10': 'connection_time',
  '1.21.4': 'ssl_alpn_protocol',
  '1.21.5': 'ssl_curve',
  '1.25.0': 'http3',
  '1.29.3': 'is_request_port request_port ssl_client_sigalg ssl_sigalg',
  '1.29.4': 'ssl_ech_outer_server_name ssl_ech_status',
  '1.31.2': 'ssl_sigalgs',
};

/** Families of variables, by the prefix of their names. */
const FAMILIES: readonly (readonly [prefix: string, since: string])[] = [
  ['sent_trailer_', '1.13.2'],
  ['upstream_trailer_', '1.13.10'],
  ['proxy_protocol_tlv_', '1.23.2'],
  ['upstream_cookie_', '1.7.1'],
];

let byName: Map<string, string> | null = null;

/** The version that introduced a variable; null if nginx 1.0 has it, or if nginx does not have it at all. */
export function variableSince(name: string): string | null {
  if (byName === null) {
    byName = new Map();
    for (const [version, names] of Object.entries(VERSIONS))
      for (const each of names.split(' ')) byName.set(each, version);
  }
  return byName.get(name) ?? FAMILIES.find(([prefix]) => name.startsWith(prefix))?.[1] ?? null;
}

/** All variables of the table, without families. */
export function variablesWithVersions(): string[] {
  return Object.values(VERSIONS).flatMap((names) => names.split(' '));
}
