/** Negotiation of permessage-deflate by the proxy, with the client and with the upstream (RFC 7692). */
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { SettingsKey } from '../../program/settings-key.js';
import { NEXT, type Verdict } from '../../program/verdict.js';
import { acceptOffer, acceptResponse, type DeflateSettings, offerOf } from '../../websocket/deflate.js';
import { NEGOTIATED } from '../../websocket/extension-offer.js';
import { namesWebSocket } from '../../websocket/handshake.js';

const FIELD = 'sec-websocket-extensions';

/** Extensions of a location's WebSockets; null: the field is passed on. */
export const EXTENSIONS = new SettingsKey<{ readonly deflate: DeflateSettings | null } | null>(
  'websocket_deflate',
  null,
);

/** Accepts or declines the client's offer, and determines that to the upstream. */
export function negotiateWithClient(x: Exchange): Verdict {
  const extensions = x.location.settings.get(EXTENSIONS);
  if (extensions === null || x.nested !== null || !namesWebSocket(x.headers)) return NEXT;
  const { deflate } = extensions;
  const offered = x.headers.joined(FIELD) ?? '';
  const client = deflate === null || offered === '' ? null : acceptOffer(offered, deflate);
  // Nothing is offered that the client has not, as others may check the response against its request.
  x.setState(NEGOTIATED, {
    client,
    upstream: null,
    offer: client === null || deflate === null ? '' : offerOf(deflate),
  });
  return NEXT;
}

/** Evaluates the upstream's response and sets the client's. Returns 502 if the response is invalid. */
export function negotiateWithUpstream(x: Exchange): number | undefined {
  const negotiated = x.state(NEGOTIATED);
  if (negotiated === undefined || x.response.status !== 101) return undefined;
  const headers = x.upstreamHeaders;
  const value = headers?.joined(FIELD) ?? '';
  try {
    const deflate = x.location.settings.get(EXTENSIONS)?.deflate ?? null;
    if (value !== '' && (deflate === null || negotiated.offer === '')) throw new Error('no extension was offered');
    negotiated.upstream = deflate === null ? null : acceptResponse(value, deflate);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logError(x, 'error', `upstream sent invalid "Sec-WebSocket-Extensions: ${value}": ${reason}`);
    return 502;
  }
  if (headers !== null) {
    for (let i = headers.find(FIELD); i >= 0; i = headers.find(FIELD, i + 1)) headers.remove(i);
  }
  if (negotiated.client !== null) x.response.set('Sec-WebSocket-Extensions', negotiated.client.field);
  return undefined;
}
