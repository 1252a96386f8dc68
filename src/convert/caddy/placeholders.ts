/** Placeholders of Caddy as variables. */
import type { Template } from '../model.js';
import { fieldVariable } from '../names.js';

const VARIABLES: Readonly<Record<string, string>> = {
  host: 'host',
  hostport: 'http_host',
  port: 'server_port',
  path: 'uri',
  uri: 'request_uri',
  query: 'args',
  method: 'request_method',
  scheme: 'scheme',
  proto: 'server_protocol',
  remote_host: 'remote_addr',
  client_ip: 'remote_addr',
  remote_port: 'remote_port',
  uuid: 'request_id',
  tls_client_subject: 'ssl_client_s_dn',
  tls_client_issuer: 'ssl_client_i_dn',
  tls_client_serial: 'ssl_client_serial',
  tls_client_fingerprint: 'ssl_client_fingerprint',
  tls_version: 'ssl_protocol',
  tls_cipher: 'ssl_cipher',
  upstream_hostport: 'proxy_host',
};

/** Long names of placeholders. */
const LONG: readonly (readonly [string, string])[] = [
  ['http.request.remote.host', 'remote_host'],
  ['http.request.remote.port', 'remote_port'],
  ['http.request.remote', 'remote'],
  ['http.request.orig_uri', 'uri'],
  ['http.request.uri.path', 'path'],
  ['http.request.uri.query', 'query'],
  ['http.request.uri', 'uri'],
  ['http.request.proto', 'proto'],
  ['http.request.hostport', 'hostport'],
  ['http.request.host', 'host'],
  ['http.request.port', 'port'],
  ['http.request.method', 'method'],
  ['http.request.scheme', 'scheme'],
  ['http.request.uuid', 'uuid'],
  ['http.reverse_proxy.upstream.hostport', 'upstream_hostport'],
];

/** A value with placeholders; null if one of them has no variable, whose name is passed to `unknown`. */
export function templateOf(text: string, unknown: (placeholder: string) => void): Template | null {
  const parts: (string | { readonly variable: string })[] = [];
  let at = 0;
  let isKnown = true;
  for (const match of text.matchAll(/(?<!\\)\{([^{}\s"]+)\}/g)) {
    const [written, name = ''] = match;
    parts.push(text.slice(at, match.index));
    at = match.index + written.length;
    const variables = variablesOf(name);
    if (variables === null) {
      unknown(written);
      isKnown = false;
    } else parts.push(...variables);
  }
  parts.push(text.slice(at));
  const template = parts.map((part) => (typeof part === 'string' ? part.replaceAll('\\{', '{') : part));
  return isKnown ? template.filter((part) => part !== '') : null;
}

function variablesOf(written: string): Template | null {
  const long = LONG.find(([name]) => name === written)?.[1];
  const name = long ?? written;
  if (name === 'remote') return [{ variable: 'remote_addr' }, ':', { variable: 'remote_port' }];
  const known = VARIABLES[name];
  if (known !== undefined) return [{ variable: known }];
  const field = /^(?:http\.request\.)?header\.([\w-]+)$/.exec(name)?.[1];
  if (field !== undefined) return [{ variable: `http_${fieldVariable(field)}` }];
  const cookie = /^(?:http\.request\.)?cookie\.(\w+)$/.exec(name)?.[1];
  if (cookie !== undefined) return [{ variable: `cookie_${cookie}` }];
  const argument = /^(?:http\.request\.uri\.)?query\.(\w+)$/.exec(name)?.[1];
  if (argument !== undefined) return [{ variable: `arg_${argument}` }];
  // Groups of the expression that selected the request.
  const group = /^(?:http\.regexp|re)\.(?:[\w-]+\.)?(\d)$/.exec(name)?.[1];
  return group === undefined || group === '0' ? null : [{ variable: group }];
}
