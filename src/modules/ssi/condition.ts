/** Expressions of the SSI commands `if` and `elif`. */
import { type Captures, Expression } from '../../config/pcre/expression.js';
import { MatchFailed } from '../../config/pcre/match-failed.js';
import { translate } from '../../config/pcre/translate.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { searchFor } from '../../program/pattern-search.js';
import type { Getter } from '../../program/variable-spec.js';
import { documentOf, interpolate } from './document.js';

/** Evaluates `$a`, `$a = text`, `$a != text`, `$a = /regex/` or `$a != /regex/`; null if the expression is invalid. */
export function evaluateCondition(
  x: Exchange,
  expression: string,
  lookup: (name: string) => Getter | null,
): boolean | null {
  const [left = '', spaces = ''] = /^([A-Za-z0-9${}_"']*)( *)/.exec(expression)?.slice(1) ?? [];
  const value = interpolate(x, left.toLowerCase(), lookup);
  if (value === null) return null;
  let rest = expression.slice(left.length + spaces.length);
  if (rest === '') return value !== '';
  const operator = /^!?=/.exec(rest)?.[0];
  if (operator === undefined) return invalid(x, expression);
  rest = rest.slice(operator.length).replace(/^ +/, '');
  const regex = rest.length > 1 && rest.startsWith('/');
  if (regex && !rest.endsWith('/')) return invalid(x, expression);
  const right = interpolate(x, regex ? rest.slice(1, -1) : rest.replace(/^\\\//, '/'), lookup);
  if (right === null) return null;
  const same = regex ? matches(x, right, value) : value === right;
  return same === null ? null : same === (operator === '=');
}

function invalid(x: Exchange, expression: string): null {
  logError(x, 'error', `invalid expression in "${expression}"`);
  return null;
}

/** Matches a regular expression and stores its captures in the document; null if it is invalid or matching fails. */
function matches(x: Exchange, written: string, subject: string): boolean | null {
  const result = translate(written, false);
  if ('mistake' in result) {
    const rest = written.slice(result.mistake.at);
    const where = rest === '' ? '' : ` at "${rest}"`;
    logError(x, 'error', `pcre2_compile() failed: ${result.mistake.message} in "${written}"${where}`);
    return null;
  }
  const { names, indexes } = result.pattern;
  let match: Captures | null;
  try {
    match = searchFor(x, new Expression(result.pattern), subject);
  } catch (error) {
    if (error instanceof MatchFailed) return null;
    throw error;
  }
  if (match === null) return false;
  const document = documentOf(x);
  document.captures = match;
  for (const [i, name] of names.entries()) document.variables.set(name, match[indexes[i] ?? 0] ?? '');
  return true;
}
