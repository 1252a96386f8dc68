/** Log levels and messages of failed connections to a peer, and whether the peer or this host caused the failure. */
import net from 'node:net';
import type { Level } from '../config/log-level.js';
import { errnoText } from '../diagnostics/errno.js';
import { callFailed, handshakeErrorLevel, isOpensslError } from '../net/tls-errors.js';
import type { ConnectOptions } from './connect-options.js';

/** Errors that may be temporary; all others need an administrator. */
const TEMPORARY_ERRORS: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EAGAIN',
  'ECONNRESET',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EHOSTUNREACH',
]);

/** Errors reported by `connect()` itself; nginx logs no address for them. */
const SYNCHRONOUS_ERRORS: ReadonlySet<string | undefined> = new Set([
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'EINVAL',
]);

/** Returns the level and nginx's message; `address` is the peer's, as in `$upstream_addr`. */
export function connectFailure(error: NodeJS.ErrnoException | null, address: string): [level: Level, message: string] {
  const what = errnoText(error ?? 'closed');
  const code = error?.code;
  if (!address.startsWith('unix:') && !SYNCHRONOUS_ERRORS.has(code)) return ['error', `connect() failed (${what})`];
  return [TEMPORARY_ERRORS.has(code) ? 'error' : 'crit', `connect() to ${address} failed (${what})`];
}

/** Errors of `socket()`; `connect()` on an existing socket has none of them. */
const SOCKET_ERRORS: ReadonlySet<string | undefined> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
]);
const EAFNOSUPPORT = -97;

/**
 * Returns the level and nginx's message if this host could not start the connection: no socket (out of descriptors or
 * memory), or bind() to the address of `proxy_bind` failed. Null if the peer or the network failed. nginx: NGX_ERROR of
 * ngx_event_connect_peer(), which results in status 500 and is not counted as a failure of the peer.
 */
export function localFailure(
  error: NodeJS.ErrnoException | null,
  address: string,
  options: ConnectOptions,
): [level: Level, message: string] | null {
  if (error === null) return null;
  const { code, syscall } = error;
  if (SOCKET_ERRORS.has(code)) return ['alert', `socket() failed (${errnoText(error)})`];
  const { localAddress, localPort } = options;
  // libuv defers EADDRINUSE of bind() until the socket is connected.
  if (localAddress === undefined || (syscall !== 'bind' && code !== 'EADDRINUSE')) return null;
  const v6 = net.isIPv6(localAddress);
  const local = localPort === undefined ? localAddress : `${v6 ? `[${localAddress}]` : localAddress}:${localPort}`;
  // libuv reports EINVAL if the address families differ.
  const mixed = code === 'EINVAL' && v6 !== address.startsWith('[');
  const reason = mixed ? Object.assign(new Error(), { code: 'EAFNOSUPPORT', errno: EAFNOSUPPORT }) : error;
  return ['crit', `bind(${local}) failed (${errnoText(reason)})`];
}

/** Whether connect() failed, rather than the handshake that follows it. */
export function isConnectError(error: NodeJS.ErrnoException | null): boolean {
  return error !== null && (error.syscall === 'connect' || error.syscall === 'bind' || SOCKET_ERRORS.has(error.code));
}

/** Errors of OpenSSL for a peer whose first bytes are no TLS record. */
const NO_TLS: ReadonlySet<string | undefined> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_BAD_RECORD_TYPE',
]);

/** Returns the level and nginx's message of a failed TLS handshake; an explanation is added if the peer sent no TLS. */
export function handshakeFailure(error: NodeJS.ErrnoException | null): [level: Level, message: string] {
  if (error === null) return ['error', 'peer closed connection in SSL handshake'];
  if (!isOpensslError(error)) return ['error', `peer closed connection in SSL handshake (${errnoText(error)})`];
  const hint = NO_TLS.has(error.code) ? ', upstream sent no TLS' : '';
  return [handshakeErrorLevel(error, 'error'), callFailed('SSL_do_handshake', error) + hint];
}

/** nginx's message of a failed read from an established connection. */
export function receiveFailure(error: NodeJS.ErrnoException, secure: boolean): string {
  return callFailed(secure ? 'SSL_read' : 'recv', error);
}
