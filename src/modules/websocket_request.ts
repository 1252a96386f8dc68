/** Requests for a WebSocket in locations that pass no requests to an upstream: each location is logged once, with the fix. */
import { httpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { NEXT, type Verdict } from '../program/verdict.js';
import { namesWebSocket } from '../websocket/handshake.js';

/** Locations for which a request was logged. */
const logged = new WeakSet<object>();

function requestEnded(exchange: Exchange): Verdict {
  if (exchange.headers.indexOf(Field.Upgrade) < 0) return NEXT;
  const x = httpExchange(exchange);
  const { location, response } = x;
  // A refusal, such as 403, does not indicate a mistake in the configuration. 101: the console, which needs no upstream.
  const isAnswer =
    (response.status < 400 && response.status !== 101) || response.status === 404 || response.status === 405;
  if (!isAnswer || x.nested !== null || logged.has(location) || !namesWebSocket(x.headers)) return NEXT;
  logged.add(location);
  const where = location.name === '' ? 'a server without matching location' : `location "${location.name}"`;
  const fix = 'add "proxy_pass" and "proxy_websocket on;"';
  logError(x, 'warn', `client requested a WebSocket in ${where}, which passes no requests to an upstream; ${fix}`);
  return NEXT;
}

export default defineModule({
  name: 'websocket_request',
  doc: 'Logs requests for a WebSocket in locations that do not pass requests to an upstream.',
  directives: {},
  phases: {
    // The content phase was compiled before.
    log: { order: 50, compile: (_conf, { program }) => (program.passes ? null : requestEnded) },
  },
});
