/** Addresses of sites. */
import { escapePattern } from '../patterns.js';
import type { Segment, Site } from './parser.js';

/** An address of a site as a listener with a name. */
export interface SiteAddress {
  /** Empty for all hosts. */
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Address that it listens on; empty for all. */
  readonly bind: string;
}

export interface GlobalPorts {
  readonly http: number;
  readonly https: number;
  /** No redirects from HTTP to HTTPS. */
  readonly hasNoRedirects: boolean;
}

export function globalPorts(options: readonly Segment[]): GlobalPorts {
  const number = (name: string, other: number): number =>
    Number(options.find((each) => each.name === name)?.args[0] ?? other);
  const automatic = options.find((each) => each.name === 'auto_https')?.args[0];
  return {
    http: number('http_port', 80),
    https: number('https_port', 443),
    hasNoRedirects: automatic === 'off' || automatic === 'disable_redirects',
  };
}

/** The address; null if it has a path or a placeholder, which Caddy does not support any more. */
export function addressOf(written: string, site: Site, ports: GlobalPorts): SiteAddress | null {
  const match = /^(?:(https?):\/\/)?(\[[\da-f:.]+\]|[^\s/:{}]*)(?::(\d+))?\/?$/i.exec(written);
  if (match === null) return null;
  const [, scheme, host = '', portText] = match;
  const tls = site.body.find(({ name }) => name === 'tls');
  const port = portText === undefined ? (scheme === 'http' ? ports.http : ports.https) : Number(portText);
  if (port < 1 || port > 65535) return null;
  const isNamed = host !== '' && host !== '*';
  const isPlain = scheme === 'http' || port === ports.http;
  const isTls = tls !== undefined || scheme === 'https' || (!isPlain && isNamed);
  const bind = (site.body.find(({ name }) => name === 'bind')?.args[0] ?? '').replace(/^tcp[46]?\//, '');
  if (!/^[\w.:[\]-]*$/.test(bind)) return null;
  // `server_name` has one asterisk at most.
  const pattern =
    /^\*\.[^*]*$/.test(host) || !host.includes('*') ? host : `~^${host.split('*').map(escapePattern).join('[^.]+')}$`;
  return { host: host === '*' ? '' : pattern, port, isTls: isTls && !isPlain, bind };
}
