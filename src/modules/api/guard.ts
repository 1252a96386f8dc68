/** Protection of the API against requests that a browser makes on behalf of other sites. */
import { refusalOfCrossSite } from '../../exchange/cross-site.js';
import type { Exchange } from '../../program/exchange.js';
import { ApiError } from './result.js';

/** Refuses a request that another site may have caused. Throws ApiError. */
export function refuseCrossSite(x: Exchange): void {
  const refusal = refusalOfCrossSite(x);
  if (refusal !== null) throw new ApiError(refusal.status, refusal.code, refusal.message);
}

/** Refuses bodies of a type that a form can send: for other types, browsers send a preflight request (CORS) first. */
export function refuseFormTypes(x: Exchange): void {
  const type = x.headers.get('content-type');
  if (type === undefined && x.contentLength === 0 && x.method === 'DELETE') return;
  if (/^application\/json[ \t]*(?:;.*)?$/i.test(type ?? '')) return;
  throw new ApiError(415, 'ContentTypeRequired', 'the request needs the field "Content-Type: application/json"');
}
