/** The response of `tsproxy dev` to a request that could not be passed to an upstream. */
import { toText } from '../../diagnostics/byte-string.js';
import { httpExchange } from '../../exchange/exchange.js';
import type { Exchange } from '../../program/exchange.js';
import { visibleText } from '../terminal-text.js';

/** Failed attempt to pass a request on. Texts for display. */
export interface UpstreamFailureFacts {
  /** The upstream as the configuration names it: `app`, `app:3000`. */
  readonly upstream: string;
  /** Sentence about the reason. */
  readonly reason: string;
  /** `FILE:LINE` of the location. */
  readonly place: string;
}

/** Statuses of failures to obtain a response. */
const STATUSES: ReadonlySet<number> = new Set([502, 504]);

/** Facts about a failed request without those of the configuration; null if an upstream has sent the response. */
export function failureOf(given: Exchange, status: number): Omit<UpstreamFailureFacts, 'place'> | null {
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

/** The page: HTML, or text for other clients than browsers. */
export function missingUpstreamPage({ upstream, reason, place }: UpstreamFailureFacts, html: boolean): string {
  const name = visibleText(upstream);
  const host = name.replace(/:\d+$/, '');
  const lines = [
    `The upstream "${name}" (${visibleText(place)}) cannot be reached.`,
    visibleText(reason),
    'Start it, or name the server to use instead:',
  ];
  const option = `tsproxy dev --upstream ${host}=localhost:3000`;
  if (!html) return `${lines.join('\n')}\n\n  ${option}\n`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    '<title>502: upstream missing</title></head><body>',
    ...lines.map((line) => `<p>${escapeHtml(line)}</p>`),
    `<pre>${escapeHtml(option)}</pre>`,
    '</body></html>',
    '',
  ].join('\n');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
