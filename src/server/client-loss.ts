/** A client that leaves before its answer is complete, in the words of nginx's error log. */
import { errnoText } from '../diagnostics/errno.js';
import { clientGone } from '../exchange/engine.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';

/** `error`: null where the client ended its side in order. `reading`: its body was being read. */
export function logLoss(x: Exchange, error: NodeJS.ErrnoException | null, reading: boolean): void {
  const activity = x.producer?.activity ?? '';
  const doing = activity === '' ? '' : ` while ${activity}`;
  logError(x, 'info', sentence(error, reading, activity !== '') + doing);
}

/** Logs and ends an exchange whose client does not wait for its answer. */
export function clientLeft(x: Exchange, error: NodeJS.ErrnoException | null): void {
  logLoss(x, error, false);
  clientGone(x);
}

function sentence(error: NodeJS.ErrnoException | null, reading: boolean, hasUpstream: boolean): string {
  const reason = error === null ? '' : ` (${errnoText(error)})`;
  if (error?.syscall === 'write') return `writev() failed${reason}`;
  if (reading) return error === null ? 'client prematurely closed connection' : `recv() failed${reason}`;
  return hasUpstream
    ? `epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too${reason}`
    : `client prematurely closed connection${reason}`;
}
