/**
 * Runs an exchange through nginx's phases. A synchronous handler costs one call; only an asynchronous one costs a
 * promise.
 */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { escapePath } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Handler } from '../program/handler.js';
import { type LocationProgram, NONE } from '../program/program.js';
import { DONE, NEXT, OK, type Verdict } from '../program/verdict.js';
import { refuse, satisfiesAny } from './access-phase.js';
import type { EngineExchange } from './engine-exchange.js';
import { filePath } from './file-path.js';
import { outgrown } from './growth.js';
import { handlerFailed } from './handler-failure.js';
import { NO_BODY } from './request-body.js';

const POST_READ = 0;
const SERVER_REWRITE = 1;
const FIND_CONFIG = 2;
const REWRITE = 3;
const POST_REWRITE = 4;
const PREACCESS = 5;
const ACCESS = 6;
const PRECONTENT = 7;
const CONTENT = 8;

function handlers(x: EngineExchange): readonly Handler[] {
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

/** Runs the phases from the first one on; those before the server's rewrites have run for a subrequest's parent. */
export function start(x: EngineExchange): void {
  x.phase = x.nested === null ? POST_READ : SERVER_REWRITE;
  x.step = 0;
  run(x);
}

/** Continues after an asynchronous handler. */
export function resume(x: EngineExchange, verdict: Verdict): void {
  if (x.finished) return;
  if (applyVerdict(x, verdict)) run(x);
}

function run(x: EngineExchange): void {
  for (;;) {
    if (x.phase === FIND_CONFIG) {
      if (!findLocation(x)) return;
    } else if (x.phase === POST_REWRITE) {
      if (x.uriChanged) {
        if (--x.uriChanges === 0) {
          logError(x, 'error', `rewrite or internal redirection cycle while processing "${x.uri}"`);
          x.finalize(500);
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
        refuse(x, x.accessStatus);
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
function applyVerdict(x: EngineExchange, verdict: Verdict): boolean {
  if (verdict === NEXT) return true;
  if (verdict === DONE) return false;
  if (x.phase === ACCESS && x.location.settings.satisfy === 'any' && satisfiesAny(x, verdict)) return true;
  if (verdict === OK) return true;
  if (x.phase === ACCESS) refuse(x, verdict);
  else x.finalize(verdict);
  return false;
}

function noContent(x: EngineExchange): void {
  if (x.uri.endsWith('/')) {
    const directory = filePath(x);
    if (directory !== null) logError(x, 'error', `directory index of "${directory.path}" is forbidden`);
    x.finalize(403);
    return;
  }
  logError(x, 'error', 'no handler found');
  x.finalize(404);
}

/** Returns the location for the exchange's URI, null for none, or undefined if the search was aborted. */
function locationFor(x: EngineExchange): LocationProgram | null | undefined {
  try {
    return x.server.locations.find(x.uri, x);
  } catch (error) {
    if (error instanceof MatchFailed) return undefined;
    throw error;
  }
}

/** Selects the location for the URI; returns false if the exchange was ended instead. */
function findLocation(x: EngineExchange): boolean {
  const { locations } = x.server;
  x.uriChanged = false;
  const found = locationFor(x);
  if (found === undefined) x.finalize(500);
  if (!found) return found === null && enter(x, x.server.base);
  if (found.settings.internal && !x.internal) {
    x.location = found;
    x.finalize(404);
    return false;
  }
  // The redirect follows the location's body limits.
  if (!enter(x, found)) return false;
  if (locations.redirect) {
    x.response.set('Location', escapePath(found.name) + (x.args === '' ? '' : `?${x.args}`));
    x.finalize(301);
    return false;
  }
  return true;
}

/** Sets the location without checking the size of the body. */
function setLocation(x: EngineExchange, location: LocationProgram): void {
  const except = location.exceptMethods;
  x.location = except !== null && !except.allowed.has(x.method) ? except.otherwise : location;
}

/** Sets the location of the URI; returns false if the body is too large for it. */
function enter(x: EngineExchange, location: LocationProgram): boolean {
  setLocation(x, location);
  const limit = x.location.settings.clientMaxBodySize;
  if (limit !== 0 && x.contentLength > limit && !x.bodyDiscarded) {
    logError(x, 'error', `client intended to send too large body: ${x.contentLength} bytes`);
    x.bodyDiscarded = true;
    x.body = NO_BODY;
    x.finalize(413);
    return false;
  }
  return true;
}

export function internalRedirect(x: EngineExchange, uri: string, args?: string): void {
  if (--x.uriChanges <= 0 || outgrown(x, uri.length) || outgrown(x, args?.length ?? 0)) {
    logError(x, 'error', `rewrite or internal redirection cycle while internally redirecting to "${uri}"`);
    x.uriChanges = 0;
    x.finalize(500);
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

export function toNamedLocation(x: EngineExchange, name: string): boolean {
  x.uriChanges = Math.max(0, x.uriChanges - 1);
  if (x.uriChanges === 0 || x.uri === '') {
    const mistake = x.uriChanges === 0 ? 'rewrite or internal redirection cycle while' : 'empty URI in';
    logError(x, 'error', `${mistake} redirect to named location "${name}"`);
    x.finalize(500);
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

function restart(x: EngineExchange): void {
  x.internal = true;
  x.location = x.server.base;
  x.uriChanged = false;
  x.accessStatus = 0;
  x.step = 0;
  x.clearStates();
}
