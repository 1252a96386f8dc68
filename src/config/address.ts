/** nginx's notation of addresses, as accepted by `listen`, `server` of an upstream, `proxy_pass` and `resolver`. */
import { parseInteger } from './units.js';

/** Notations allowed besides a host and a port. */
export interface AddressOptions {
  /** Port if none is written. */
  readonly defaultPort: number;
  /** An address to listen on: a port alone, `*`, port ranges, and port 0 for any free port. */
  readonly listen?: boolean;
  /** A URI may follow, as in `proxy_pass`: from the first `/` or `?`, or after the `:` that ends a unix path. */
  readonly uri?: boolean;
}

/** An internet address, or a name that is not resolved yet. */
export interface InetAddress {
  /** `name`: a host name; `host` is the name as written. */
  readonly family: 'inet' | 'inet6' | 'name';
  /** Canonical text without brackets (`127.0.0.1`, `::1`, `0.0.0.0` for `*`). */
  readonly host: string;
  readonly port: number;
  /** Last port of a range; equal to `port` for a single port. */
  readonly lastPort: number;
  /** Whether a port is written. */
  readonly portGiven: boolean;
  /** Text after the address; empty if there is none. */
  readonly uri: string;
}

/** A unix domain socket. */
export interface UnixAddress {
  readonly family: 'unix';
  readonly path: string;
  readonly uri: string;
}

export type Address = InetAddress | UnixAddress;

/** Maximum path length in bytes in the system's `sockaddr_un`, without the NUL. */
const UNIX_PATH_MAX = 107;

/** Parses an address; returns nginx's error text if it is invalid (`invalid port`, `no host`, …). */
export function parseAddress(text: string, options: AddressOptions): Address | { readonly mistake: string } {
  if (/^unix:/i.test(text)) return parseUnix(text.slice('unix:'.length), options);
  if (text.startsWith('[')) return parseBracketed(text, options);
  return parseInet(text, options);
}

/** `127.0.0.1:80`, `[::1]:80`, `unix:/path`: the canonical form of an address, as nginx prints it. */
export function formatAddress(address: { host: string; port: number } | { path: string }): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The canonical text of an IPv4 or IPv6 address (without brackets), or null if it is not one. */
export function canonicalIp(text: string): string | null {
  return canonicalInet(text) ?? canonicalInet6(text);
}

/** True for the wildcard address, given in canonical form. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Character by character, because a large configuration has thousands of addresses and names. */
function canonicalInet(text: string): string | null {
  let octets = 0;
  let octet = -1;
  let canonical = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0) return null;
      octets++;
      octet = -1;
    } else if (code < ZERO || code > NINE) {
      return null;
    } else {
      if (octet === 0) canonical = false;
      octet = Math.max(octet, 0) * 10 + code - ZERO;
      if (octet > 255) return null;
    }
  }
  if (octets !== 3 || octet < 0) return null;
  return canonical ? text : text.split('.').map(Number).join('.');
}

const DOT = 46;
const ZERO = 48;
const NINE = 57;

function canonicalInet6(text: string): string | null {
  if (!text.includes(':')) return null;
  // Loaded on first use: loading it takes a substantial part of the time of testing a small configuration.
  const { isIPv6, SocketAddress } = process.getBuiltinModule('node:net');
  // isIPv6 accepts zone identifiers (fe80::1%eth0), nginx does not.
  if (!isIPv6(text) || text.includes('%')) return null;
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}

function parseUnix(text: string, options: AddressOptions): Address | { mistake: string } {
  const colon = options.uri === true ? text.indexOf(':') : -1;
  const path = colon < 0 ? text : text.slice(0, colon);
  if (path === '') return { mistake: 'no path in the unix domain socket' };
  if (path.length > UNIX_PATH_MAX) return { mistake: 'too long path in the unix domain socket' };
  return { family: 'unix', path, uri: colon < 0 ? '' : text.slice(colon + 1) };
}

function parseBracketed(text: string, options: AddressOptions): Address | { mistake: string } {
  const close = text.indexOf(']');
  if (close < 0) return { mistake: 'invalid host' };
  const slash = text.indexOf('/', close);
  if (slash >= 0 && options.uri !== true) return { mistake: 'invalid host' };
  const end = slash < 0 ? text.length : slash;
  const after = text.slice(close + 1, end);
  if (after !== '' && !after.startsWith(':')) return { mistake: 'invalid host' };
  const ports = after === '' ? noPort(options) : parsePorts(after.slice(1), options);
  if ('mistake' in ports) return ports;
  const written = text.slice(1, close);
  if (written === '') return { mistake: 'no host' };
  const host = canonicalInet6(written);
  if (host === null) return { mistake: 'invalid IPv6 address' };
  return { family: 'inet6', host, ...ports, uri: text.slice(end) };
}

function parseInet(text: string, options: AddressOptions): Address | { mistake: string } {
  const cut = text.search(/[/?]/);
  if (cut >= 0 && options.uri !== true) return { mistake: 'invalid host' };
  const uri = cut < 0 ? '' : text.slice(cut);
  const authority = cut < 0 ? text : text.slice(0, cut);
  const colon = authority.indexOf(':');
  if (colon < 0 && options.listen === true && /^[0-9]+(-[0-9]+)?$/.test(authority)) {
    const ports = parsePorts(authority, options);
    return 'mistake' in ports ? ports : { family: 'inet', host: '0.0.0.0', ...ports, uri };
  }
  const ports = colon < 0 ? noPort(options) : parsePorts(authority.slice(colon + 1), options);
  if ('mistake' in ports) return ports;
  const { port, lastPort, portGiven } = ports;
  const written = colon < 0 ? authority : authority.slice(0, colon);
  if (written === '') return { mistake: 'no host' };
  const host = options.listen === true && written === '*' ? '0.0.0.0' : canonicalInet(written);
  const family = host === null ? 'name' : 'inet';
  return { family, host: host ?? written, port, lastPort, portGiven, uri };
}

type Ports = Pick<InetAddress, 'port' | 'lastPort' | 'portGiven'>;

function noPort({ defaultPort }: AddressOptions): Ports {
  return { port: defaultPort, lastPort: defaultPort, portGiven: false };
}

function parsePorts(text: string, options: AddressOptions): Ports | { mistake: string } {
  const dash = options.listen === true ? text.indexOf('-') : -1;
  const lowest = options.listen === true && dash < 0 ? 0 : 1;
  const lastPort = dash < 0 ? null : parsePort(text.slice(dash + 1), lowest);
  const port = parsePort(dash < 0 ? text : text.slice(0, dash), lowest);
  if (port === null || (dash >= 0 && lastPort === null)) return { mistake: 'invalid port' };
  if (lastPort !== null && lastPort < port) return { mistake: 'invalid port range' };
  return { port, lastPort: lastPort ?? port, portGiven: true };
}

function parsePort(text: string, lowest: number): number | null {
  const port = parseInteger(text);
  return port === null || port < lowest || port > 65535 ? null : port;
}

/** Whether an address without `unix:` has only characters that occur in addresses and in names that can be resolved. */
export function mayBeHost(text: string): boolean {
  return /^[\w.:*[\]-]+$/.test(text);
}
