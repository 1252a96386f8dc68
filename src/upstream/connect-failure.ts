/** How a connection to a peer that could not be made is told in the error log. */
import { errnoText } from '../diagnostics/errno.js';
import type { Level } from '../exchange/error-log.js';

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
