/** Context of an exchange in error log lines, in nginx's format. */
import type { Exchange } from '../program/exchange.js';

export function logContext(x: Exchange): string {
  let out = `, client: ${x.remoteAddress}, server: ${x.server.name}`;
  if (x.requestLine !== '') out += `, request: "${x.requestLine}"`;
  if (x.nested !== null) out += `, subrequest: "${x.uri}"`;
  const attempt = x.attempts?.at(-1);
  if (attempt !== undefined) out += `, upstream: "${attempt.url}"`;
  const host = x.headers.get('host');
  if (host !== undefined) out += `, host: "${host}"`;
  const referrer = x.headers.get('referer');
  if (referrer !== undefined) out += `, referrer: "${referrer}"`;
  return out;
}
