/** Statements that failed the check. */
import { hasSyntaxError, type Statement } from '../../grammar/syntax-tree.js';

/** A statement with an error in its own words. */
export interface Failure {
  readonly statement: Statement;
  /** Whether the directive is unknown: it may have been intended to define anything. */
  readonly unknown: boolean;
  /** Whether a syntax error makes the other findings about its words doubtful. */
  readonly doubtful: boolean;
}

export function failureOf(statement: Statement, unknown = false): Failure {
  return { statement, unknown, doubtful: hasSyntaxError(statement) };
}
