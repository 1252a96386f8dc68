/** Error log lines about an exchange: the message followed by the request's context, in nginx's format. */

import type { Level } from '../config/log-level.js';
import type { Exchange } from '../exchange/exchange.js';
import { logs } from '../logging/error-log.js';

/** Writes a line with the exchange's context. */
export function logError(x: Exchange, level: Level, message: string): void {
  const log = x.errorLog;
  if (logs(log, level)) log.write(level, `*${x.client.id} ${message}${context(x)}`);
}

function context(x: Exchange): string {
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
