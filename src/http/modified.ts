/** Modification time of a response's content, for conditions and ranges. */
import { parseHttpDate } from './http-date.js';
import type { ResponseHead } from './response-head.js';

/** Seconds since 1970, or -1 if unknown. */
export function modifiedSeconds(response: ResponseHead): number {
  if (response.modifiedAt >= 0) return Math.floor(response.modifiedAt / 1000);
  return response.lastModified === null ? -1 : parseHttpDate(response.lastModified);
}
