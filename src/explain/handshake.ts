/** Reason why a request for a WebSocket opens none. */
import type { Exchange } from '../program/exchange.js';
import { missingInRequest } from '../websocket/handshake.js';

/**
 * Returns the reason; null if a WebSocket is opened, or the request was answered without the upstream. `sent`: the
 * head that the upstream server receives, empty for none; `status`: that of the response.
 */
export function whyNoWebSocket({ location }: Exchange, sent: string, status: number): string | null {
  if (sent === '') {
    if (location.passes || (status >= 400 && status !== 404)) return null;
    return 'the location passes no requests to an upstream (proxy_pass with proxy_websocket on;)';
  }
  const missing = missingInRequest(sent);
  if (missing === null) return null;
  if (missing.version) return 'the upstream server receives an HTTP/1.0 request (proxy_websocket on;)';
  const lacking = [
    ...(missing.upgrade ? ['"Upgrade"'] : []),
    ...(missing.connection ? ['"Connection: upgrade"'] : []),
  ].join(' and ');
  return `the upstream server does not receive ${lacking} (proxy_websocket on;)`;
}
