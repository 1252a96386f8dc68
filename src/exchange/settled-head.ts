/** Adjusts a response head to its status after all filters. */
import type { EngineExchange } from './engine-exchange.js';

/** Determines whether a body follows, and removes fields that describe one if there is none. */
export function settleHead(x: EngineExchange): void {
  const { response } = x;
  if ((x.method === 'HEAD' && x.version > 9) || response.status === 204 || response.status === 304) x.headOnly = true;
  if (response.lastModified !== null && response.status !== 200 && response.status !== 206 && response.status !== 304) {
    if (response.upstream === null) response.lastModified = null;
  }
  if (response.status === 204) {
    response.contentLength = -1;
    // An upstream's fields are forwarded.
    if (response.upstream === null) {
      response.contentType = null;
      response.lastModified = null;
    }
  }
}
