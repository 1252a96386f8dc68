/**
 * `post_action`: after its response, a request is processed once more in another location, whose response is discarded, and
 * then logged there. nginx: ngx_http_post_action.
 *
 * The second pass is an exchange of its own, so that late callbacks of the first one, which is finished, do not affect it. It
 * starts with the status, the variables and the upstream attempts of the first.
 */

import { logError } from '../program/error-context.js';
import type { EngineExchange } from './engine-exchange.js';
import { InnerClient } from './inner-client.js';

/**
 * Starts the `post_action` of an exchange whose response has ended; the exchange is released afterwards. Returns false if
 * there is no action.
 */
export function startPostAction(x: EngineExchange, postAction: string): boolean {
  if (x.nested !== null) return false;
  // As in nginx, an action whose location has a `post_action` is followed by that one, up to the limit of redirects.
  if (x.follows !== null && x.uriChanges === 0) return false;
  // No action after `return 444`, nor for requests whose head was incomplete.
  if (!x.completed && !x.headSent && (x.response.status === 444 || !x.started)) return false;
  const client = new DiscardedResponse(x);
  const action = x.continued(client);
  client.begin(action);
  // Deferred until the connection has completed its own steps.
  queueMicrotask(() => enter(action, postAction));
  return true;
}

function enter(x: EngineExchange, target: string): void {
  if (target.startsWith('/')) x.internalRedirect(target, '');
  else if (!x.toNamedLocation(target)) {
    logError(x, 'error', `could not find named location "${target}"`);
    x.finalize(500);
  }
}

/** Client side of a second pass. */
class DiscardedResponse extends InnerClient {
  /** The second pass; set by `begin`. */
  private exchange: EngineExchange | null = null;

  constructor(protected readonly origin: EngineExchange) {
    super();
  }

  begin(x: EngineExchange): void {
    this.exchange = x;
  }

  get closed(): boolean {
    return this.origin.client.closed;
  }
  /** Bytes of the first pass: the client receives no others. */
  get bytesSent(): number {
    return this.origin.client.bytesSent;
  }
  get bodyBytesSent(): number {
    return this.origin.client.bodyBytesSent;
  }

  write(): boolean {
    return true;
  }
  end(): void {
    this.exchange?.finish();
  }
  released(): void {
    this.origin.release();
  }
}
