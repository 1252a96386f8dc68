/** How a connection to a peer that could not be made is told in the error log, and whose failure it was. */
import net from 'node:net';
import { errnoText } from '../diagnostics/errno.js';
import type { Level } from '../exchange/error-log.js';
import type { ConnectOptions } from './connection.js';

/** What may pass by itself; anything else needs somebody to look at it. */
const USUAL: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EAGAIN',
  'ECONNRESET',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EHOSTUNREACH',
]);

/** Are told by `connect()` itself and not some time later, when nginx names no address. */
const AT_ONCE: ReadonlySet<string | undefined> = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM', 'EINVAL']);

/** The level and nginx's sentence; `address` is the peer's, as in `$upstream_addr`. */
export function connectFailure(error: NodeJS.ErrnoException | null, address: string): [level: Level, message: string] {
  const what = errnoText(error ?? 'closed');
  const code = error?.code;
  if (!address.startsWith('unix:') && !AT_ONCE.has(code)) return ['error', `connect() failed (${what})`];
  return [USUAL.has(code) ? 'error' : 'crit', `connect() to ${address} failed (${what})`];
}

/** Errors of `socket()`. `connect()` on a socket that exists has none of them. */
const OF_SOCKET: ReadonlySet<string | undefined> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
]);
const EAFNOSUPPORT = -97;

/**
 * The level and nginx's sentence for a connection that this machine could not begin: no socket (out of descriptors or
 * memory), or one that could not be bound to the address of `proxy_bind`. Null where the peer, or the way to it, failed.
 * nginx: NGX_ERROR of ngx_event_connect_peer(), which is answered with 500 and is no failure of the peer.
 */
export function localFailure(
  error: NodeJS.ErrnoException | null,
  address: string,
  options: ConnectOptions,
): [level: Level, message: string] | null {
  if (error === null) return null;
  const { code, syscall } = error;
  if (OF_SOCKET.has(code)) return ['alert', `socket() failed (${errnoText(error)})`];
  const { localAddress, localPort } = options;
  // libuv keeps EADDRINUSE of a bind until the socket is connected.
  if (localAddress === undefined || (syscall !== 'bind' && code !== 'EADDRINUSE')) return null;
  const v6 = net.isIPv6(localAddress);
  const local = localPort === undefined ? localAddress : `${v6 ? `[${localAddress}]` : localAddress}:${localPort}`;
  // libuv says EINVAL where the families of the two addresses differ.
  const mixed = code === 'EINVAL' && v6 !== address.startsWith('[');
  const reason = mixed ? Object.assign(new Error(), { code: 'EAFNOSUPPORT', errno: EAFNOSUPPORT }) : error;
  return ['crit', `bind(${local}) failed (${errnoText(reason)})`];
}
