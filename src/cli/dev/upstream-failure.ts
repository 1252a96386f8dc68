/** Reason why a request could not be passed to an upstream. */
import { toText } from '../../diagnostics/byte-string.js';
import { httpExchange } from '../../exchange/exchange.js';
import type { Exchange } from '../../program/exchange.js';
import { shellWord } from '../shell-word.js';

/** A failed request. Texts for display. */
export interface FailedUpstream {
  /** The upstream as the configuration names it: `app`, `app:3000`. */
  readonly upstream: string;
  /** Sentence about the reason. */
  readonly reason: string;
}

/** Statuses of failures to obtain a response. */
const STATUSES: ReadonlySet<number> = new Set([502, 504]);

/** The upstream of a failed request; null if an upstream has sent the response. */
export function failureOf(given: Exchange, status: number): FailedUpstream | null {
  const x = httpExchange(given);
  if (!STATUSES.has(status) || !x.location.passes) return null;
  const last = x.attempts?.at(-1);
  if (last !== undefined && (last.failure === '' || last.failure === 'status')) return null;
  const upstream = toText(x.upstreamHost ?? '');
  return { upstream, reason: reasonOf(last?.failure ?? 'no peers', toText(last?.address ?? '')) };
}

function reasonOf(failure: string, address: string): string {
  switch (failure) {
    case 'no peers':
      return 'Its host is not known on this machine.';
    case 'connect':
      return `Nothing listens on ${address}.`;
    case 'handshake':
      return `The TLS handshake with ${address} failed.`;
    case 'timeout':
    case 'expired':
      return `${address} did not answer in time.`;
    case 'closed':
    case 'receive':
      return `${address} closed the connection before it had answered.`;
    default:
      return `${address} did not send a valid response.`;
  }
}

/** Options, for a shell, that name another server for an upstream, whose name may be text of the client. */
export function upstreamOptions(upstream: string): string[] {
  const host = upstream.replace(/:\d+$/, '');
  return [`--upstream ${shellWord(`${host}=localhost:3000`)}`];
}
