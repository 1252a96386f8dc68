/** `proxy_next_upstream` and related directives: reasons to try another peer. */

/** Bits of the reasons, by their configuration names. */
export const NEXT_UPSTREAM = {
  error: 1,
  timeout: 2,
  denied: 4,
  invalid_header: 8,
  http_500: 16,
  http_502: 32,
  http_503: 64,
  http_504: 128,
  http_403: 256,
  http_404: 512,
  http_429: 1024,
  non_idempotent: 2048,
  off: 4096,
} as const;
export type NextUpstream = keyof typeof NEXT_UPSTREAM;

/** Returns the bit for a response status; 0 if the status is never a reason. */
export function reasonOfStatus(status: number): number {
  switch (status) {
    case 500:
      return NEXT_UPSTREAM.http_500;
    case 502:
      return NEXT_UPSTREAM.http_502;
    case 503:
      return NEXT_UPSTREAM.http_503;
    case 504:
      return NEXT_UPSTREAM.http_504;
    case 403:
      return NEXT_UPSTREAM.http_403;
    case 404:
      return NEXT_UPSTREAM.http_404;
    case 429:
      return NEXT_UPSTREAM.http_429;
    default:
      return 0;
  }
}

/** Whether nginx repeats requests with this method; some methods require `non_idempotent`. */
export function isRepeatable(method: string, mask: number): boolean {
  return (mask & NEXT_UPSTREAM.non_idempotent) !== 0 || (method !== 'POST' && method !== 'LOCK' && method !== 'PATCH');
}
