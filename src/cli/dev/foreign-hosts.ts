/**
 * Protection against DNS rebinding: a page of another site cannot reach the site on this machine by a name of its own that it
 * resolves to a loopback address. In production the default server answers unknown hosts.
 */
import { hostname } from 'node:os';
import { canonicalIp } from '../../config/address.js';
import { escapeHtml } from '../../http/html-escape.js';
import type { Exchange } from '../../program/exchange.js';
import type { ListenerProgram } from '../../program/program.js';
import { shellWord } from '../shell-word.js';
import { page, shown } from './page.js';

/** Names of this machine in its network. */
const OWN_NAMES: ReadonlySet<string> = new Set([hostname().toLowerCase(), `${hostname().toLowerCase()}.local`]);

/** Domains that cannot be registered (RFC 6761, RFC 8375; ICANN reserved `internal`). */
const RESERVED = /(?:^|\.)(?:localhost|test|example|internal|home\.arpa)$/;

/**
 * Whether requests for a host (lower case, without port) are answered: an address, reserved names, those of this machine, of a
 * server, and further ones (`allowed`). A request without a host is.
 */
export function isKnownHost(
  x: Exchange & { readonly listener: ListenerProgram },
  allowed: ReadonlySet<string>,
): boolean {
  const { host, listener } = x;
  if (host === '' || RESERVED.test(host)) return true;
  if (canonicalIp(host.replace(/^\[(.*)\]$/, '$1')) !== null) return true;
  return allowed.has(host) || OWN_NAMES.has(host) || listener.names.find(host, x) !== null;
}

/** Text of the refusal for other clients than browsers. */
export function foreignHostText(host: string): string {
  return `421: the configuration has no server_name for this host, and tsproxy dev was not started with
  --allow-host ${shellWord(shown(host))}
`;
}

/** The refusal as HTML. */
export function foreignHostPage(host: string): string {
  return page(
    421,
    'This host is not part of the site',
    `<p>No <code>server_name</code> of the configuration is <code>${escapeHtml(shown(host))}</code>. While a site runs on this
machine, other hosts are refused, so that no page of another site can read it by a name of its own.</p>
<h2>If this host is yours</h2>
<pre>tsproxy dev … --allow-host ${escapeHtml(shellWord(shown(host)))}</pre>`,
  );
}
