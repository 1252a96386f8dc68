/** Logs clients that close the connection before the response is complete, in nginx's words. */
import { errnoText } from '../diagnostics/errno.js';
import { callFailed, isOpensslError } from '../net/tls-errors.js';
import { logError } from '../program/error-context.js';
import type { EngineExchange } from './engine-exchange.js';

/** `error`: null if the client sent FIN. `reading`: the request body was being read. */
export function logLoss(x: EngineExchange, error: NodeJS.ErrnoException | null, reading: boolean): void {
  const activity = x.producer?.activity ?? '';
  // nginx's ngx_http_upstream_finalize_request leaves this activity.
  const sending = !reading && x.response.upstream !== null ? 'sending to client' : '';
  const doing = activity || sending;
  logError(x, 'info', sentence(error, reading, activity !== '') + (doing === '' ? '' : ` while ${doing}`));
}

/** Logs and ends an exchange whose client closed the connection. */
export function clientLeft(x: EngineExchange, error: NodeJS.ErrnoException | null): void {
  logLoss(x, error, false);
  x.clientGone();
}

function sentence(error: NodeJS.ErrnoException | null, reading: boolean, hasUpstream: boolean): string {
  if (error !== null && isOpensslError(error)) return callFailed('SSL_read', error);
  const reason = error === null ? '' : ` (${errnoText(error)})`;
  if (error?.syscall === 'write') return `writev() failed${reason}`;
  if (reading) return error === null ? 'client prematurely closed connection' : `recv() failed${reason}`;
  return hasUpstream
    ? `epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too${reason}`
    : `client prematurely closed connection${reason}`;
}
