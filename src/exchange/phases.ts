/**
 * Runs an exchange through nginx's phases. A synchronous handler costs one call; only an asynchronous one costs a
 * promise.
 */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { escapePath } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Handler } from '../program/handler.js';
import { PHASES, phaseIndex } from '../program/phases.js';
import { type LocationProgram, NONE } from '../program/program.js';
import { DONE, NEXT, OK, type Verdict } from '../program/verdict.js';
import { refuse, satisfiesAny } from './access-phase.js';
import type { EngineExchange } from './engine-exchange.js';
import { filePath } from './file-path.js';
import { outgrown } from './growth.js';
import { handlerFailed } from './handler-failure.js';
import { refusesBody } from './request-body.js';

/** Treatment of the verdicts of a phase and of its end. */
interface Rule {
  /** Applies a verdict other than NEXT and DONE; returns true if the phase continues. */
  apply(x: EngineExchange, verdict: Verdict): boolean;
  /** Called after the last handler. Returns the position of the next phase; STOP if the exchange was ended. */
  next(x: EngineExchange): number;
}

const STOP = -1;

const generic: Rule = {
  apply(x, verdict) {
    if (verdict === OK) return true;
    x.finalize(verdict);
    return false;
  },
  next: (x) => x.phase + 1,
};

const RULES: Readonly<Record<(typeof PHASES)[number]['rule'], Rule>> = {
  generic,
  findLocation: { apply: generic.apply, next: (x) => (findLocation(x) ? x.phase + 1 : STOP) },
  postRewrite: { apply: generic.apply, next: afterRewrite },
  access: {
    apply(x, verdict) {
      if (x.location.settings.satisfy === 'any' && satisfiesAny(x, verdict)) return true;
      if (verdict === OK) return true;
      refuse(x, verdict);
      return false;
    },
    next(x) {
      if (x.accessStatus === 0) return x.phase + 1;
      if (x.accessStatus === 403) logError(x, 'error', 'access forbidden by rule');
      refuse(x, x.accessStatus);
      return STOP;
    },
  },
  content: {
    apply: generic.apply,
    next(x) {
      noContent(x);
      return STOP;
    },
  },
  // Run by `finish`.
  log: { apply: () => true, next: () => STOP },
};

/** A phase of the table with its rule. */
class EnginePhase {
  private readonly ofServer: boolean;
  private readonly mainOnly: boolean;
  readonly rule: Rule;
  /** Saves a call per phase. */
  readonly isGeneric: boolean;

  constructor(
    private readonly index: number,
    spec: (typeof PHASES)[number],
  ) {
    this.ofServer = spec.level === 'server';
    this.mainOnly = 'mainOnly' in spec;
    this.rule = RULES[spec.rule];
    this.isGeneric = this.rule === generic;
  }

  handlers(x: EngineExchange): readonly Handler[] {
    if (this.mainOnly && x.nested !== null) return NONE;
    return (this.ofServer ? x.server.handlers : x.location.handlers)[this.index] as readonly Handler[]; // see `PhaseHandlers`
  }
}

const TABLE = PHASES.map((spec, index) => new EnginePhase(index, spec));
const SERVER_REWRITE = phaseIndex('serverRewrite');
const FIND_CONFIG = phaseIndex('findConfig');
const REWRITE = phaseIndex('rewrite');
const CONTENT = phaseIndex('content');

/** Runs the phases from the first one on. */
export function start(x: EngineExchange): void {
  x.phase = 0;
  x.step = 0;
  run(x);
}

/** Runs the phase `content` only, in the exchange's location. */
export function startContent(x: EngineExchange): void {
  x.phase = CONTENT;
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
    const phase = TABLE[x.phase] as EnginePhase; // `next` returns positions of the table
    // The list is read again at each step: a true `if` changes the location.
    for (let list = phase.handlers(x); x.step < list.length; list = phase.handlers(x)) {
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
    x.step = 0;
    if (phase.isGeneric) x.phase++;
    else {
      const next = phase.rule.next(x);
      if (next === STOP) return;
      x.phase = next;
    }
  }
}

/** Applies a verdict; returns true if the phases continue. */
function applyVerdict(x: EngineExchange, verdict: Verdict): boolean {
  if (verdict === NEXT) return true;
  return verdict !== DONE && (TABLE[x.phase] as EnginePhase).rule.apply(x, verdict); // as in `run`
}

/** Searches the location of a rewritten URI. */
function afterRewrite(x: EngineExchange): number {
  if (!x.uriChanged) return x.phase + 1;
  if (--x.uriChanges > 0) return FIND_CONFIG;
  logError(x, 'error', `rewrite or internal redirection cycle while processing "${x.uri}"`);
  x.finalize(500);
  return STOP;
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
  return !refusesBody(x);
}

export function internalRedirect(x: EngineExchange, uri: string, args?: string): void {
  if (--x.uriChanges <= 0 || outgrown(x, uri.length) || outgrown(x, args?.length ?? 0)) {
    logError(x, 'error', `rewrite or internal redirection cycle while internally redirecting to "${uri}"`);
    x.uriChanges = 0;
    x.finalize(500);
    return;
  }
  x.server.observer?.redirected(x, uri);
  if (x.record !== null && x.nested === null) x.record.addRedirect(uri);
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
  if (x.record !== null && x.nested === null) x.record.addRedirect(name);
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
