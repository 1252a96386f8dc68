/** Handlers of phases that call functions: `js_content`, `js_access`, `js_websocket_upgrade`. */
import { parseUnsafeUri } from '../http/unsafe-uri.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Handler } from '../program/module.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';
import { recordPending } from './pending-work.js';
import { outcomeOf, requestOf } from './request-object.js';
import { FAILED, hasFailed, type ScriptFunction } from './script-function.js';
import { failsOpen } from './script-limits.js';
import type { Scripts } from './scripts.js';

/** Callback for the end of a handler. */
type Then = (failed: boolean) => void;

/** Calls a handler, and calls back when its promise has settled and its pending work has ended. */
function runHandler(x: Exchange, fn: ScriptFunction, args: readonly unknown[], then: Then): void {
  const pending = recordPending(x);
  const result = fn.run(x, args);
  if (result instanceof Promise) {
    const end = pending.beginHandler();
    void result.then((settled) => {
      const failed = hasFailed(settled);
      if (failed) pending.abandon();
      end();
      if (failed && !x.finished) then(true);
    });
  }
  if (result === FAILED) then(true);
  else {
    // As in njs, a promise that the function has not returned may still decide, as far as it needs no event.
    const undecided = !(result instanceof Promise) && !isDecided(x);
    pending.onIdle(() => {
      if (!x.finished) then(false);
    }, undecided);
  }
}

/** Whether the function has already determined the outcome of the request. */
function isDecided(x: Exchange): boolean {
  const { ended, status, declined, redirect } = outcomeOf(x);
  return ended || declined || status !== null || redirect !== '' || x.headSent || x.finished;
}

/** Handler of `js_content`: 500 if the function has not responded. */
export function contentHandler(fn: ScriptFunction, scripts: Scripts): Handler {
  const conclude = (x: Exchange, failed: boolean): void => {
    const { ended, redirect, status } = outcomeOf(x);
    if (ended && !failed) return;
    if (x.headSent) {
      // The response is incomplete.
      if (redirect !== '') {
        logError(x, 'warn', 'ignored internalRedirect() because headers were already sent');
      }
      if (!ended) x.abort();
    } else if (failed) x.finalize(500);
    else if (redirect !== '') redirectTo(x, redirect);
    else x.finalize(status ?? 500);
  };
  return (x) => {
    x.readBody(() => {
      runHandler(x, fn, [requestOf(x, scripts)], (failed) => conclude(x, failed));
    });
    return DONE;
  };
}

function redirectTo(x: Exchange, target: string): void {
  if (target.startsWith('@')) {
    if (x.toNamedLocation(target)) return;
    logError(x, 'error', `could not find named location "${target}"`);
    x.finalize(500);
    return;
  }
  const parsed = parseUnsafeUri(target);
  if (parsed === null) {
    logError(x, 'error', `unsafe URI "${target}" was detected`);
    x.finalize(500);
  } else x.internalRedirect(parsed.path, parsed.args);
}

/**
 * Handler of a function that allows the request, denies it, or leaves the decision to other rules.
 *
 * @param allowed verdict if the function neither denies nor declines
 * @param args arguments of the function
 */
export function decidingHandler(
  fn: ScriptFunction,
  allowed: Verdict,
  args: (x: Exchange) => readonly unknown[],
): Handler {
  /** Verdict, or DONE if the request continues elsewhere. */
  const conclude = (x: Exchange, failed: boolean): Verdict => {
    const outcome = outcomeOf(x);
    const { redirect, status, declined, ended } = outcome;
    // Reset for the handler of `js_content`, which may follow.
    outcome.status = null;
    outcome.declined = false;
    outcome.redirect = '';
    if (failed) {
      if (failsOpen(x) && !x.headSent) return NEXT;
      if (!x.headSent) return 500;
      if (!ended) x.abort();
      return DONE;
    }
    if (x.headSent) {
      if (!ended) x.abort();
      return DONE;
    }
    if (redirect !== '') {
      redirectTo(x, redirect);
      return DONE;
    }
    return status ?? (declined ? NEXT : allowed);
  };
  return (x) => {
    let returned = false;
    let verdict: Verdict = DONE;
    runHandler(x, fn, args(x), (failed) => {
      verdict = conclude(x, failed);
      if (returned && verdict !== DONE) x.resume(verdict);
    });
    returned = true;
    return verdict;
  };
}
