/** What the status leaves of an answer's head when all filters have seen it. */
import type { Exchange } from './exchange.js';

/** Decides whether a body follows, and takes away fields that describe one where there is none. */
export function settleHead(x: Exchange): void {
  const { response } = x;
  if ((x.method === 'HEAD' && x.version > 9) || response.status === 204 || response.status === 304) x.headOnly = true;
  if (response.lastModified !== null && response.status !== 200 && response.status !== 206 && response.status !== 304) {
    if (response.upstream === null) response.lastModified = null;
  }
  if (response.status === 204) {
    response.contentLength = -1;
    // Those of an upstream's answer are passed on.
    if (response.upstream === null) {
      response.contentType = null;
      response.lastModified = null;
    }
  }
}
