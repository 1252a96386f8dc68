/** Regular expression searches of a session. */
import type { Captures, Expression } from '../config/pcre/expression.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import { logError } from './error-context.js';
import type { Session } from './session.js';

/** Returns the first match, or null. If the search is aborted, logs nginx's line and throws `MatchFailed`. */
export function searchFor(x: Session, expression: Expression, subject: string): Captures | null {
  try {
    return expression.exec(subject);
  } catch (error) {
    if (error instanceof MatchFailed) {
      logError(x, 'alert', `${error.message} on "${subject}" using "${expression.written}"`);
    }
    throw error;
  }
}

/** Logs an exception of a handler; an aborted search has already been logged. */
export function logFailure(x: Session, error: unknown): void {
  if (error instanceof MatchFailed) return;
  logError(x, 'alert', `handler failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
