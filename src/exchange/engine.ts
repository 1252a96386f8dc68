/**
 * Runs an exchange through nginx's phases and ends it: the response's head and body pass the filters, and the log phase
 * runs exactly once. A synchronous handler costs one call; only an asynchronous one costs a promise.
 */

import { software } from '../http/software.js';
import { builtInPage } from '../http/status-text.js';
import { escapePath } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Handler } from '../program/module.js';
import { locationFor, logFailure } from '../program/pattern-search.js';
import { type ErrorPage, type LocationProgram, NONE } from '../program/program.js';
import { DONE, NEXT, OK, type Verdict } from '../program/verdict.js';
import { refuse, satisfiesAny } from './access-phase.js';
import type { BodySink, Chunk } from './client-side.js';
import type { Exchange } from './exchange.js';
import { filePath } from './file-path.js';
import { outgrown } from './growth.js';
import { paceOf } from './pace.js';
import { absoluteLocation } from './redirect.js';
import { BufferedBody, NO_BODY } from './request-body.js';
import { settleHead } from './settled-head.js';

const POST_READ = 0;
const SERVER_REWRITE = 1;
const FIND_CONFIG = 2;
const REWRITE = 3;
const POST_REWRITE = 4;
const PREACCESS = 5;
const ACCESS = 6;
const PRECONTENT = 7;
const CONTENT = 8;

function handlers(x: Exchange): readonly Handler[] {
  switch (x.phase) {
    case POST_READ:
      return x.server.postRead;
    case SERVER_REWRITE:
      return x.server.serverRewrite;
    case REWRITE:
      return x.location.rewrite;
    case PREACCESS:
      return x.location.preaccess;
    case ACCESS:
      // A subrequest belongs to a request that was granted access.
      return x.nested === null ? x.location.access : NONE;
    case PRECONTENT:
      return x.location.precontent;
    case CONTENT:
      return x.location.content;
    default:
      return NONE;
  }
}

/** Runs the phases from the first one on. */
export function start(x: Exchange): void {
  x.phase = POST_READ;
  x.step = 0;
  run(x);
}

/** Continues after an asynchronous handler. */
export function resume(x: Exchange, verdict: Verdict): void {
  if (x.finished) return;
  if (applyVerdict(x, verdict)) run(x);
}

/** Starts a subrequest; earlier phases ran for its parent request. */
export function startNested(x: Exchange): void {
  x.phase = SERVER_REWRITE;
  x.step = 0;
  run(x);
}

function run(x: Exchange): void {
  for (;;) {
    if (x.phase === FIND_CONFIG) {
      if (!findLocation(x)) return;
    } else if (x.phase === POST_REWRITE) {
      if (x.uriChanged) {
        if (--x.uriChanges === 0) {
          logError(x, 'error', `rewrite or internal redirection cycle while processing "${x.uri}"`);
          finalize(x, 500);
          return;
        }
        x.phase = FIND_CONFIG;
        x.step = 0;
        continue;
      }
    } else {
      // The list is read again at each step: a true `if` changes the location.
      for (let list = handlers(x); x.step < list.length; list = handlers(x)) {
        const handler = list[x.step++] as Handler;
        let verdict: Verdict | Promise<Verdict>;
        try {
          verdict = handler(x);
        } catch (error) {
          handlerFailed(x, error);
          return;
        }
        if (verdict === NEXT) continue;
        if (typeof verdict !== 'number') {
          verdict.then(
            (v) => resume(x, v),
            (error: unknown) => handlerFailed(x, error),
          );
          return;
        }
        if (!applyVerdict(x, verdict)) return;
      }
      if (x.phase === ACCESS && x.accessStatus !== 0) {
        if (x.accessStatus === 403) logError(x, 'error', 'access forbidden by rule');
        refuse(x, x.accessStatus, finalize);
        return;
      }
      if (x.phase === CONTENT) {
        noContent(x);
        return;
      }
    }
    x.phase++;
    x.step = 0;
  }
}

/** Applies a verdict; returns true if the phases continue. */
function applyVerdict(x: Exchange, verdict: Verdict): boolean {
  if (verdict === NEXT) return true;
  if (verdict === DONE) return false;
  if (x.phase === ACCESS && x.location.settings.satisfy === 'any' && satisfiesAny(x, verdict)) return true;
  if (verdict === OK) return true;
  if (x.phase === ACCESS) refuse(x, verdict, finalize);
  else finalize(x, verdict);
  return false;
}

function handlerFailed(x: Exchange, error: unknown): void {
  logFailure(x, error);
  if (x.finished) return;
  if (x.headSent) abort(x);
  else finalize(x, 500);
}

function noContent(x: Exchange): void {
  if (x.uri.endsWith('/')) {
    const directory = filePath(x);
    if (directory !== null) logError(x, 'error', `directory index of "${directory.path}" is forbidden`);
    finalize(x, 403);
    return;
  }
  logError(x, 'error', 'no handler found');
  finalize(x, 404);
}

/** Selects the location for the URI; returns false if the exchange was ended instead. */
function findLocation(x: Exchange): boolean {
  const { locations } = x.server;
  x.uriChanged = false;
  const found = locationFor(x);
  if (found === undefined) finalize(x, 500);
  if (!found) return found === null && enter(x, x.server.base);
  if (found.settings.internal && !x.internal) {
    x.location = found;
    finalize(x, 404);
    return false;
  }
  // The redirect follows the location's body limits.
  if (!enter(x, found)) return false;
  if (locations.redirect) {
    x.response.set('Location', escapePath(found.name) + (x.args === '' ? '' : `?${x.args}`));
    finalize(x, 301);
    return false;
  }
  return true;
}

/** Sets the location without checking the size of the body. */
function setLocation(x: Exchange, location: LocationProgram): void {
  const except = location.exceptMethods;
  x.location = except !== null && !except.allowed.has(x.method) ? except.otherwise : location;
}

/** Sets the location of the URI; returns false if the body is too large for it. */
function enter(x: Exchange, location: LocationProgram): boolean {
  setLocation(x, location);
  const limit = x.location.settings.clientMaxBodySize;
  if (limit !== 0 && x.contentLength > limit && !x.bodyDiscarded) {
    logError(x, 'error', `client intended to send too large body: ${x.contentLength} bytes`);
    x.bodyDiscarded = true;
    x.body = NO_BODY;
    finalize(x, 413);
    return false;
  }
  return true;
}

export function internalRedirect(x: Exchange, uri: string, args?: string): void {
  if (--x.uriChanges <= 0 || outgrown(x, uri.length) || outgrown(x, args?.length ?? 0)) {
    logError(x, 'error', `rewrite or internal redirection cycle while internally redirecting to "${uri}"`);
    x.uriChanges = 0;
    finalize(x, 500);
    return;
  }
  x.server.observer?.redirected(x, uri);
  x.uri = uri;
  if (args !== undefined) x.args = args;
  x.uriUnchanged = false;
  x.validLocation = true;
  restart(x);
  x.phase = SERVER_REWRITE;
  run(x);
}

export function toNamedLocation(x: Exchange, name: string): boolean {
  x.uriChanges = Math.max(0, x.uriChanges - 1);
  if (x.uriChanges === 0 || x.uri === '') {
    const mistake = x.uriChanges === 0 ? 'rewrite or internal redirection cycle while' : 'empty URI in';
    logError(x, 'error', `${mistake} redirect to named location "${name}"`);
    finalize(x, 500);
    return true;
  }
  const location = x.server.named.get(name);
  if (location === undefined) return false;
  x.server.observer?.redirected(x, name);
  restart(x);
  x.phase = REWRITE;
  setLocation(x, location);
  run(x);
  return true;
}

function restart(x: Exchange): void {
  x.internal = true;
  x.location = x.server.base;
  x.uriChanged = false;
  x.accessStatus = 0;
  x.step = 0;
  x.clearStates();
}

/** Statuses after which nginx closes the connection. */
const CLOSING: ReadonlySet<number> = new Set([400, 413, 414, 495, 496, 497, 500, 501]);

export function finalize(x: Exchange, status: number): void {
  if (x.finished) return;
  x.server.observer?.finalized(x, status);
  if (status === 444 || status === 499 || status === 408) {
    x.response.status = status;
    abort(x);
    return;
  }
  if (x.headSent) {
    abort(x);
    return;
  }
  if (status === DONE) return;
  if (x.nested?.sink.refused?.(x, status)) return;
  if (status < 300 && status !== 201 && status !== 204) {
    x.response.status = status;
    x.response.contentLength = 0;
    sendHead(x, true);
    return;
  }
  x.errorStatus = status;
  if (CLOSING.has(status)) x.keepAlive = false;
  x.response.contentType = null;
  const { settings } = x.location;
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

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function sendErrorPage(x: Exchange, page: ErrorPage): void {
  if (page.answer >= 0) x.errorStatus = page.answer;
  const target = page.target.of(x);
  if (target.startsWith('/')) {
    if (x.method !== 'HEAD') x.method = 'GET';
    const query = target.indexOf('?');
    if (query < 0) internalRedirect(x, target, '');
    else internalRedirect(x, target.slice(0, query), target.slice(query + 1));
    return;
  }
  if (target.startsWith('@')) {
    if (!toNamedLocation(x, target)) {
      logError(x, 'error', `could not find named location "${target}"`);
      x.errorPageActive = true;
      finalize(x, 500);
    }
    return;
  }
  if (!REDIRECTS.has(page.answer)) x.errorStatus = 302;
  x.response.set('Location', target);
  sendBuiltIn(x, x.errorStatus);
}

/** Sends nginx's built-in page for a status. */
function sendBuiltIn(x: Exchange, status: number): void {
  const { response } = x;
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
  if (!sendHead(x, page === null) || page === null) return;
  write(x, page);
  end(x);
}

export function respond(x: Exchange, status: number, body: string | Buffer, contentType?: string): void {
  const broken = discardBody(x);
  if (broken !== 0) {
    finalize(x, broken);
    return;
  }
  const { response } = x;
  response.status = status;
  response.contentLength = body.length;
  // An existing type is kept: X-Accel-Redirect copies the upstream's.
  response.contentType = contentType ?? response.contentType ?? x.defaultType();
  if (!sendHead(x, false)) return;
  if (body.length > 0) write(x, body);
  end(x);
}

/** Discards received bytes of an unread body; returns a status if its framing is invalid. */
function discardBody(x: Exchange): number {
  if (x.contentLength === 0 || x.body !== null || x.bodyDiscarded) return 0;
  return x.client.discardBody();
}

export function sendHead(x: Exchange, ended: boolean): boolean {
  if (x.headSent || x.finished) return false;
  const { response } = x;
  if (x.errorStatus !== 0) {
    response.reason = null;
    response.status = x.errorStatus;
  }
  if (response.contentType === '') response.contentType = null;
  const { headerFilters, bodyFilters } = x.location;
  for (let i = 0; i < headerFilters.length; i++) {
    const status = headerFilters[i]?.(x);
    // A filter that rejects the response (412, 416) returns the status to send instead.
    if (typeof status === 'number') {
      replaceResponse(x, status);
      return false;
    }
  }
  settleHead(x);
  absoluteLocation(x);
  if (!x.headOnly && !ended) {
    for (let i = 0; i < bodyFilters.length; i++) {
      const filter = bodyFilters[i]?.(x);
      if (filter !== null && filter !== undefined) (x.filters ??= []).push(filter);
    }
  }
  x.headSent = true;
  x.client.sendHead(x, ended);
  if (!ended && !x.headOnly && x.nested === null) x.pace = paceOf(x);
  if (ended) complete(x);
  return true;
}

/** Replaces a response rejected by a header filter, and discards its body. */
function replaceResponse(x: Exchange, status: number): void {
  x.producer?.abort();
  x.producer = null;
  finalize(x, status);
}

export function write(x: Exchange, chunk: Chunk): boolean {
  if (x.headOnly || x.finished) return true;
  return x.filters === null ? send(x, chunk) : runBodyFilters(x, 0, chunk);
}

/** Maximum bytes for which a string is cheaper than a view of a buffer: it is sent in one write with adjacent data. */
const MAX_TEXT = 4096;

export function writeBytes(x: Exchange, bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= MAX_TEXT && x.filters === null) return write(x, bytes.latin1Slice(start, end));
  return write(x, start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
}

function send(x: Exchange, chunk: Chunk): boolean {
  return x.pace === null ? x.client.write(chunk) : x.pace.write(chunk);
}

function runBodyFilters(x: Exchange, from: number, chunk: Chunk | null): boolean {
  const { filters } = x;
  if (filters === null || from === filters.length) {
    if (chunk === null) complete(x);
    // An asynchronous filter may pass data after the exchange has finished.
    else if (!x.finished) return send(x, chunk);
    return true;
  }
  const filter = filters[from];
  return filter === undefined ? true : filter.push(chunk, (c) => runBodyFilters(x, from + 1, c));
}

export function end(x: Exchange): void {
  if (x.finished || x.completed) return;
  // The response is complete when the last filter has passed the end.
  if (x.filters !== null) runBodyFilters(x, 0, null);
  else complete(x);
}

function complete(x: Exchange): void {
  if (x.finished || x.completed) return;
  if (x.pace?.defers(() => complete(x))) return;
  x.completed = true;
  x.producer = null;
  // The connection calls `finish` when the kernel has accepted the last byte, so that logged values are correct.
  x.client.end();
}

export function abort(x: Exchange): void {
  if (x.finished) return;
  x.keepAlive = false;
  const { producer } = x;
  x.producer = null;
  producer?.abort();
  finish(x);
}

/** Runs the log phase and releases the connection. Called once per exchange. */
export function finish(x: Exchange): void {
  if (x.finished) return;
  x.finished = true;
  const { log, settings } = x.location;
  if (x.nested === null || settings.logSubrequest) {
    for (let i = 0; i < log.length; i++) {
      try {
        log[i]?.(x);
      } catch (error) {
        handlerFailed(x, error);
      }
    }
  }
  if (x.subrequests === null || !x.subrequests.outlive()) release(x);
}

/** Releases the resources of a finished exchange, then the connection. */
export function release(x: Exchange): void {
  x.body?.release();
  x.resource?.release();
  x.resource = null;
  if (x.disposables !== null) {
    for (const held of x.disposables) held.release();
    x.disposables = null;
  }
  x.client.done(x);
}

/** The client closed the connection before the response was complete; `status` is logged if no head was sent. */
export function clientGone(x: Exchange, status = 499): void {
  if (x.finished) return;
  x.completed = false;
  if (!x.headSent) x.response.status = status;
  abort(x);
}

export function readBody(x: Exchange, then: () => void): void {
  if (x.body !== null) {
    then();
    return;
  }
  if (x.contentLength === 0 || x.bodyDiscarded) {
    x.body = NO_BODY;
    then();
    return;
  }
  const sink: BodySink = new BufferedBody(x, then);
  x.client.readBody(sink);
}
