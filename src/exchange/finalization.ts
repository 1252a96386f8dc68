/**
 * The end of an exchange, always in this order:
 *
 * 1. The response is over: `end` when its last filter has passed the end of the body on (`completed` is set), or `abort`
 *    when it ends early: on an error after the head, 444, a timeout, or because the client left (`clientGone`).
 *    `finalize` leads to one of them: it sends a status with its error page, redirect or built-in page, or aborts.
 * 2. `client.end(completed)`: the client side flushes a complete response. The only call in this direction.
 * 3. `x.finish()`: called by the client side when the last byte is accepted, so that logged values are correct, or at once
 *    for an incomplete response. Runs the log phase, exactly once (`finished`). With `post_action`, another exchange takes its
 *    place from here on (post-action.ts): it is logged, and releases this one.
 * 4. `x.release()`: releases the resources of the exchange; after the last background subrequest, if there are any.
 * 5. `client.released()`: the connection reads the next request, lingers or closes; a subrequest notifies its parent.
 *
 * A tunnel skips 1 and 2: when it has ended, the client side calls `x.finish()`.
 */

import { software } from '../http/software.js';
import { builtInPage } from '../http/status-text.js';
import { ShapeSlot } from '../net/kept-shapes.js';
import { logError } from '../program/error-context.js';
import { phaseIndex } from '../program/phases.js';
import { NONE } from '../program/program.js';
import type { ErrorPage } from '../program/settings.js';
import { DONE } from '../program/verdict.js';
import type { EngineExchange } from './engine-exchange.js';
import { ERROR_RESPONSE } from './error-response.js';
import { handlerFailed } from './handler-failure.js';
import { startPostAction } from './post-action.js';
import { isRedirect } from './redirect.js';
import { endRecord, keepRecord } from './request-record.js';
import { SUBREQUESTS } from './subrequest.js';
import { tapResponse } from './tapped.js';

/** Statuses after which nginx closes the connection. */
const CLOSING: ReadonlySet<number> = new Set([400, 413, 414, 495, 496, 497, 500, 501]);

export function finalize(x: EngineExchange, status: number): void {
  if (x.finished) return;
  x.server.observer?.finalized(x, status);
  if (status === 444 || status === 499 || status === 408) {
    x.response.status = status;
    x.abort();
    return;
  }
  if (x.headSent) {
    x.abort();
    return;
  }
  if (status === DONE) return;
  if (x.nested?.sink.refused?.(x, status)) return;
  if (status < 300 && status !== 201 && status !== 204) {
    x.response.status = status;
    x.response.contentLength = 0;
    if (x.sendHead()) x.end();
    return;
  }
  x.errorStatus = status;
  if (CLOSING.has(status)) x.keepAlive = false;
  x.response.contentType = null;
  const { settings } = x.location;
  const own = settings.get(ERROR_RESPONSE);
  if (own?.precedesErrorPages === true && own.applies(x, status)) {
    sendBuiltIn(x, status);
    return;
  }
  if (!x.errorPageActive && settings.errorPages !== null && x.uriChanges !== 0) {
    if (!settings.recursiveErrorPages) x.errorPageActive = true;
    const page = settings.errorPages.get(status);
    if (page !== undefined) {
      sendErrorPage(x, page);
      return;
    }
  }
  sendBuiltIn(x, status);
}

function sendErrorPage(x: EngineExchange, page: ErrorPage): void {
  if (page.responseStatus >= 0) x.errorStatus = page.responseStatus;
  const target = page.target.of(x);
  if (target.startsWith('/')) {
    if (x.method !== 'HEAD') x.method = 'GET';
    const query = target.indexOf('?');
    if (query < 0) x.internalRedirect(target, '');
    else x.internalRedirect(target.slice(0, query), target.slice(query + 1));
    return;
  }
  if (target.startsWith('@')) {
    if (!x.toNamedLocation(target)) {
      logError(x, 'error', `could not find named location "${target}"`);
      x.errorPageActive = true;
      x.finalize(500);
    }
    return;
  }
  if (!isRedirect(page.responseStatus)) x.errorStatus = 302;
  x.response.set('Location', target);
  sendBuiltIn(x, x.errorStatus);
}

/** Sends nginx's built-in page for a status. */
function sendBuiltIn(x: EngineExchange, status: number): void {
  const { response } = x;
  const own = x.location.settings.get(ERROR_RESPONSE);
  if (own?.applies(x, status) === true) {
    x.errorStatus = 0;
    own.send(x, status);
    return;
  }
  const page = builtInPage(status, software(x.location.settings.serverTokens));
  if (status >= 494 && status <= 497) x.errorStatus = 400;
  response.status = status;
  response.reason = null;
  response.lastModified = null;
  response.modifiedAt = -1;
  response.etag = null;
  response.remove('accept-ranges');
  response.contentType = page === null ? null : 'text/html';
  response.contentLength = page === null ? 0 : page.length;
  x.allowRanges = false;
  if (!x.sendHead(page === null) || page === null) return;
  x.write(page);
  x.end();
}

export function abort(x: EngineExchange): void {
  if (x.finished) return;
  x.keepAlive = false;
  const { producer } = x;
  x.producer = null;
  producer?.abort();
  x.client.end(false);
}

const LOG = phaseIndex('log');

/** Runs the log phase and releases the connection. Called once per exchange. */
export function finish(x: EngineExchange): void {
  if (x.finished) return;
  x.finished = true;
  if (x.server.tap.active) {
    tapResponse(x);
    keepRecord(x);
  }
  const { handlers, settings } = x.location;
  const { postAction } = settings;
  if (postAction !== null && startPostAction(x, postAction)) return;
  const log = handlers[LOG] ?? NONE;
  if (x.nested === null || settings.get(SUBREQUESTS).log) {
    for (let i = 0; i < log.length; i++) {
      try {
        log[i]?.(x);
      } catch (error) {
        handlerFailed(x, error);
      }
    }
  }
  if (x.record !== null && x.nested === null) endRecord(x, x.record);
  if (x.subrequests === null || !x.subrequests.outlive()) x.release();
}

/** Releases the resources of a finished exchange, then the connection. */
export function release(x: EngineExchange): void {
  x.body?.release();
  x.resource?.release();
  x.resource = null;
  if (x.disposables !== null) {
    for (const held of x.disposables) held.release();
    x.disposables = null;
  }
  if (x.small) (x.nested === null ? EXCHANGE : SUBREQUEST).keep(x, x.generation);
  x.client.released();
}

/** An exchange without a body, with its connection, and a subrequest. */
const EXCHANGE = new ShapeSlot();
const SUBREQUEST = new ShapeSlot();

/** The client closed the connection before the response was complete; `status` is logged if no head was sent. */
export function clientGone(x: EngineExchange, status = 499): void {
  if (x.finished) return;
  x.completed = false;
  if (!x.headSent) x.response.status = status;
  x.abort();
}
