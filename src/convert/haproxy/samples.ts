/** Sample fetches and log formats of HAProxy as variables. */
import type { Template } from '../model.js';
import { fieldVariable } from '../names.js';

const FETCHES: Readonly<Record<string, Template>> = {
  src: [{ variable: 'remote_addr' }],
  src_port: [{ variable: 'remote_port' }],
  dst: [{ variable: 'server_addr' }],
  dst_port: [{ variable: 'server_port' }],
  method: [{ variable: 'request_method' }],
  path: [{ variable: 'uri' }],
  pathq: [{ variable: 'request_uri' }],
  url: [{ variable: 'request_uri' }],
  'capture.req.uri': [{ variable: 'request_uri' }],
  query: [{ variable: 'args' }],
  base: [{ variable: 'http_host' }, { variable: 'uri' }],
  'req.ver': [{ variable: 'server_protocol' }],
  ssl_fc: [{ variable: 'https' }],
  ssl_fc_sni: [{ variable: 'ssl_server_name' }],
  ssl_fc_protocol: [{ variable: 'ssl_protocol' }],
  ssl_fc_cipher: [{ variable: 'ssl_cipher' }],
  ssl_c_s_dn: [{ variable: 'ssl_client_s_dn' }],
  ssl_c_verify: [{ variable: 'ssl_client_verify' }],
  'unique-id': [{ variable: 'request_id' }],
  hostname: [{ variable: 'hostname' }],
};

/** Variables of log formats without brackets. */
const LOG: Readonly<Record<string, string>> = {
  ci: 'remote_addr',
  cp: 'remote_port',
  fi: 'server_addr',
  fp: 'server_port',
  ID: 'request_id',
  HM: 'request_method',
  HP: 'uri',
  HU: 'request_uri',
  HV: 'server_protocol',
  ST: 'status',
  H: 'hostname',
};

/** Value of a fetch, such as `req.hdr(X-Id)`; null for others, and for those with converters. */
export function fetchOf(written: string): Template | null {
  const known = FETCHES[written];
  if (known !== undefined) return known;
  const [, name = '', argument = ''] = /^([\w.-]+)\(([^)]*)\)$/.exec(written) ?? [];
  const [field = '', index] = argument.split(',');
  if (index !== undefined && index !== '-1' && index !== '1') return null;
  switch (name.replace(/^req\.f?/, '')) {
    case 'hdr':
      return [{ variable: `http_${fieldVariable(field)}` }];
    case 'cook':
    case 'cookie':
      return [{ variable: `cookie_${field}` }];
    case 'url_param':
    case 'urlp':
      return [{ variable: `arg_${field}` }];
    default:
      if (name === 'res.hdr') return [{ variable: `upstream_http_${fieldVariable(field)}` }];
      return name === 'str' ? [argument] : null;
  }
}

/** A log format; null if a part has no variable, which is passed to `unknown`. */
export function formatOf(text: string, unknown: (part: string) => void): Template | null {
  const parts: (string | { readonly variable: string })[] = [];
  let at = 0;
  let isKnown = true;
  for (const match of text.matchAll(/%(?:%|\[((?:[^\]\\]|\\.)*)\]|(?:\{[^}]*\})?([A-Za-z]+))/g)) {
    const [written, fetch, name] = match;
    parts.push(text.slice(at, match.index));
    at = match.index + written.length;
    if (written === '%%') {
      parts.push('%');
      continue;
    }
    const variable = name === undefined ? undefined : LOG[name];
    const value = fetch === undefined ? (variable === undefined ? null : [{ variable }]) : fetchOf(fetch);
    if (value === null) {
      unknown(written);
      isKnown = false;
    } else parts.push(...value);
  }
  parts.push(text.slice(at));
  return isKnown ? parts.filter((part) => part !== '') : null;
}
