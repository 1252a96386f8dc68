/** Lists of variables, of which the first with a value counts. */
import type { Session } from '../../program/session.js';
import type { Variable } from '../../program/variable.js';

/** Returns the value of the first variable that has one; empty if none has. */
export function firstValue(variables: readonly Variable[], x: Session): string {
  for (const variable of variables) {
    const value = variable.value(x);
    if (value !== undefined && value !== '') return value;
  }
  return '';
}
