/** Exceptions of handlers. */
import { logFailure } from '../program/pattern-search.js';
import type { EngineExchange } from './engine-exchange.js';

/** Logs an exception, and ends the exchange with 500, or by closing the connection if the head was sent. */
export function handlerFailed(x: EngineExchange, error: unknown): void {
  logFailure(x, error);
  if (x.finished) return;
  if (x.headSent) x.abort();
  else x.finalize(500);
}
