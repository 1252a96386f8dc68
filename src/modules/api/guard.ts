/** Protection of the API against requests that a browser makes on behalf of other sites. */
import { type CrossSiteRefusal, refusalOfCrossSite, refusalOfFormType } from '../../exchange/cross-site.js';
import type { Exchange } from '../../program/exchange.js';
import { ApiError } from './result.js';

/** Refuses a request that another site may have caused. Throws ApiError. */
export function refuseCrossSite(x: Exchange): void {
  throwRefusal(refusalOfCrossSite(x));
}

/** Refuses bodies of a type that a form can send. Throws ApiError. */
export function refuseFormTypes(x: Exchange): void {
  throwRefusal(refusalOfFormType(x));
}

function throwRefusal(refusal: CrossSiteRefusal | null): void {
  if (refusal !== null) throw new ApiError(refusal.status, refusal.code, refusal.message);
}
