/** Regular expression searches of an exchange. */
import type { Captures, Expression } from '../config/pcre/expression.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import type { Exchange } from '../exchange/exchange.js';
import type { LocationProgram } from '../program/program.js';
import { logError } from './error-context.js';

/** Returns the first match, or null. If the search is aborted, logs nginx's line and throws `MatchFailed`. */
export function searchFor(x: Exchange, expression: Expression, subject: string): Captures | null {
  try {
    return expression.exec(subject);
  } catch (error) {
    if (error instanceof MatchFailed) {
      logError(x, 'alert', `${error.message} on "${subject}" using "${expression.written}"`);
    }
    throw error;
  }
}

/** Returns the location for the exchange's URI, null for none, or undefined if the search was aborted. */
export function locationFor(x: Exchange): LocationProgram | null | undefined {
  try {
    return x.server.locations.find(x.uri, x);
  } catch (error) {
    if (error instanceof MatchFailed) return undefined;
    throw error;
  }
}

/** Logs an exception of a handler; an aborted search has already been logged. */
export function logFailure(x: Exchange, error: unknown): void {
  if (error instanceof MatchFailed) return;
  logError(x, 'alert', `handler failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
