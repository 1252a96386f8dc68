/** Addresses of a frontend. */
import type { Directive } from '../crossplane/payload.js';
import { directive } from '../directives.js';
import type { Listener } from '../model.js';
import type { NoteList } from '../note-list.js';
import type { Line } from './parser.js';

/** Parameters without effect on responses, with the number of their values. */
const IGNORED: Readonly<Record<string, number>> = {
  name: 1,
  maxconn: 1,
  process: 1,
  thread: 1,
  nice: 1,
  v4v6: 0,
  v6only: 0,
  transparent: 0,
  defer_accept: 0,
  'defer-accept': 0,
  tfo: 0,
  mode: 1,
  user: 1,
  group: 1,
  uid: 1,
  gid: 1,
  level: 1,
  ciphers: 1,
  ciphersuites: 1,
  'no-sslv3': 0,
  'no-tls-tickets': 0,
  'prefer-client-ciphers': 0,
  'strict-sni': 0,
  curves: 1,
  backlog: 1,
};

const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  'TLSv1.2': ['TLSv1.2', 'TLSv1.3'],
  'TLSv1.3': ['TLSv1.3'],
};

export function listeners(
  lines: readonly Line[],
  notes: NoteList,
): { readonly listeners: readonly Listener[]; readonly settings: readonly Directive[] } {
  const list: Listener[] = [];
  const settings = new Map<string, Directive>();
  for (const { words, line } of lines.filter((each) => each.words[0] === 'bind')) {
    const [, addresses = '', ...options] = words;
    let isTls = false;
    let isHttp2 = true;
    let proxyProtocol = false;
    for (let at = 0; at < options.length; at++) {
      const option = options[at] ?? '';
      const value = options[at + 1] ?? '';
      if (option in IGNORED) {
        at += IGNORED[option] ?? 0;
        continue;
      }
      if (option === 'ssl') isTls = true;
      else if (option === 'accept-proxy') proxyProtocol = true;
      else if (option === 'crt') {
        at++;
        if (settings.has('ssl_certificate')) notes.missing(line, `the further certificate "${value}" is not converted`);
        else {
          if (value.endsWith('/'))
            notes.missing(line, `"${value}" is a directory; name its files in "ssl_certificate"`);
          settings.set('ssl_certificate', directive('ssl_certificate', value));
          settings.set('ssl_certificate_key', directive('ssl_certificate_key', value));
        }
      } else if (option === 'alpn') {
        at++;
        isHttp2 = value.split(',').includes('h2');
      } else if (option === 'ssl-min-ver') {
        at++;
        settings.set(
          'ssl_protocols',
          directive('ssl_protocols', ...(VERSIONS[value] ?? ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'])),
        );
      } else if (option === 'ca-file') {
        at++;
        settings.set('ssl_client_certificate', directive('ssl_client_certificate', value));
      } else if (option === 'verify') {
        at++;
        if (value !== 'none')
          settings.set('ssl_verify_client', directive('ssl_verify_client', value === 'required' ? 'on' : 'optional'));
      } else {
        notes.missing(line, `"${option}" of bind is not converted`);
        if (options[at + 1] !== undefined && /[/:.\d]/.test(value)) at++;
      }
    }
    for (const written of addresses.split(',')) {
      const address = addressOf(written);
      if (address === null) notes.missing(line, `the address "${written}" is not converted`);
      else {
        list.push({
          address,
          ...(isTls && { tls: true as const, ...(isHttp2 && { http2: true as const }) }),
          ...(proxyProtocol && { proxyProtocol: true as const }),
        });
      }
    }
  }
  return { listeners: list, settings: [...settings.values()] };
}

function addressOf(written: string): string | null {
  if (/^(?:unix@|\/)/.test(written)) return `unix:${written.replace(/^unix@/, '')}`;
  const match = /^(?:ipv[46]@)?(.*):(\d+)$/.exec(written);
  if (match === null) return null;
  const [, host = '', port = ''] = match;
  if (Number(port) < 1 || Number(port) > 65535 || !/^(?:[\w.*-]*|\[?[\da-f:.]+\]?)$/i.test(host)) return null;
  if (host === '' || host === '*' || host === '0.0.0.0') return port;
  if (host === '::' || host === '[::]') return `[::]:${port}`;
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
