/** Types of failures that a circuit breaker counts. */
import type { UpstreamFailure } from './failure.js';

/** Bits of the types, by their configuration names. */
export const FAILURE_TYPES = {
  /** The connection or its TLS handshake failed, or no server is available. */
  connect: 1,
  /** The connection failed later, or the response is invalid. */
  error: 2,
  timeout: 4,
  '5xx': 8,
  /** A request for an upgrade was answered with a status of 400 or more. */
  upgrade: 16,
} as const;
export type FailureType = keyof typeof FAILURE_TYPES;

/** Failures that count: bits of `FAILURE_TYPES`, and single statuses. */
export interface CountedFailures {
  readonly types: number;
  readonly statuses: readonly number[];
}

/** Bits of a failed attempt; 0: the upstream has not failed. */
export function typesOfFailure({ kind, activity }: UpstreamFailure): number {
  const isConnecting = activity === 'connecting to upstream' || activity === 'SSL handshaking to upstream';
  switch (kind) {
    case 'connect':
    case 'handshake':
    case 'refused':
    case 'no peers':
      return FAILURE_TYPES.connect;
    case 'timeout':
    case 'expired':
      return isConnecting ? FAILURE_TYPES.timeout | FAILURE_TYPES.connect : FAILURE_TYPES.timeout;
    case 'closed':
    case 'receive':
    case 'invalid head':
    case 'invalid body':
    case 'unprocessed':
      return isConnecting ? FAILURE_TYPES.connect : FAILURE_TYPES.error;
    default:
      return 0;
  }
}

/** Bits of a response. `upgrade`: the request asked for an upgrade. */
export function typesOfStatus(status: number, upgrade: boolean): number {
  const type = status >= 500 ? FAILURE_TYPES['5xx'] : 0;
  return upgrade && status >= 400 ? type | FAILURE_TYPES.upgrade : type;
}

/** Whether a failure counts; `status`: that of the response, or 0. */
export function counts({ types, statuses }: CountedFailures, bits: number, status: number): boolean {
  return (types & bits) !== 0 || (status !== 0 && statuses.includes(status));
}
