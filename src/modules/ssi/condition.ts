/** The expression of the SSI commands `if` and `elif`. */
import { translate } from '../../config/pcre/translate.js';
import { logError } from '../../exchange/error-context.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { Getter } from '../../exchange/variable.js';
import { documentOf, fillIn } from './document.js';

/** Whether `$a`, `$a = text`, `$a != text`, `$a = /regex/` or `$a != /regex/` holds; null where that cannot be said. */
export function holds(x: Exchange, expression: string, lookup: (name: string) => Getter | null): boolean | null {
  const [left = '', spaces = ''] = /^([A-Za-z0-9${}_"']*)( *)/.exec(expression)?.slice(1) ?? [];
  const value = fillIn(x, left.toLowerCase(), lookup);
  if (value === null) return null;
  let rest = expression.slice(left.length + spaces.length);
  if (rest === '') return value !== '';
  const operator = /^!?=/.exec(rest)?.[0];
  if (operator === undefined) return invalid(x, expression);
  rest = rest.slice(operator.length).replace(/^ +/, '');
  const regex = rest.length > 1 && rest.startsWith('/');
  if (regex && !rest.endsWith('/')) return invalid(x, expression);
  const right = fillIn(x, regex ? rest.slice(1, -1) : rest.replace(/^\\\//, '/'), lookup);
  if (right === null) return null;
  const same = regex ? matches(x, right, value) : value === right;
  return same === null ? null : same === (operator === '=');
}

function invalid(x: Exchange, expression: string): null {
  logError(x, 'error', `invalid expression in "${expression}"`);
  return null;
}

/** Matches, and puts the captures into the document; null where the expression cannot be used. */
function matches(x: Exchange, written: string, subject: string): boolean | null {
  const result = translate(written, false);
  if ('mistake' in result) {
    const rest = written.slice(result.mistake.at);
    const where = rest === '' ? '' : ` at "${rest}"`;
    logError(x, 'error', `pcre2_compile() failed: ${result.mistake.message} in "${written}"${where}`);
    return null;
  }
  const { source, flags, names } = result.pattern;
  const match = new RegExp(source, flags).exec(subject);
  if (match === null) return false;
  const document = documentOf(x);
  document.captures = match;
  for (const name of names) document.variables.set(name.toLowerCase(), match.groups?.[name] ?? '');
  return true;
}
