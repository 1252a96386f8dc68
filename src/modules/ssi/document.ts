/** State shared by the commands of a page and all its includes: variables, blocks, captures. */
import type { Captures } from '../../config/pcre/expression.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { StateKey } from '../../program/state-key.js';
import type { Getter } from '../../program/variable-spec.js';

export class Document {
  readonly variables = new Map<string, string>();
  /** Of several blocks with the same name, the first is used. */
  readonly blocks: { readonly name: string; text: string }[] = [];
  /** Captures of the last regular expression that matched. */
  captures: Captures | null = null;
}

const DOCUMENT = new StateKey<Document>('ssi document');

/** Document of an exchange; stored in the main request and shared by its subrequests. */
export function documentOf(x: Exchange): Document {
  const main = x.nested?.main ?? x;
  let document = main.state(DOCUMENT);
  if (document === undefined) main.setState(DOCUMENT, (document = new Document()));
  return document;
}

/** Value of a variable of the document or of the proxy; undefined if there is none. */
export function variableValue(x: Exchange, name: string, lookup: (name: string) => Getter | null): string | undefined {
  const document = documentOf(x);
  const key = name.toLowerCase();
  if (/^[0-9]$/.test(key) && document.captures !== null && Number(key) < document.captures.length) {
    return document.captures[Number(key)] ?? '';
  }
  return document.variables.get(key) ?? lookup(key)?.(x);
}

/**
 * Substitutes variables in a text and resolves the escapes `\$`, `\"`, `\'` and `\\`. Returns null and logs an error if a
 * variable reference is malformed.
 */
export function interpolate(x: Exchange, text: string, lookup: (name: string) => Getter | null): string | null {
  let out = '';
  for (let i = 0; i < text.length; ) {
    const char = text.charAt(i);
    if (char === '\\') {
      const escaped = text.charAt(i + 1);
      out += '\\\'"$'.includes(escaped) ? escaped : char + escaped;
      i += 2;
    } else if (char === '$') {
      const rest = text.slice(i);
      const [written, inner = '', close = '', plain = ''] = /^\$(?:\{(\w*)(\}?)|(\w*))/.exec(rest) as RegExpExecArray; // a `$` matches
      const name = inner + plain;
      if (rest.startsWith('${') && close === '' && rest !== '${') {
        logError(x, 'error', `the closing bracket in "${name}" variable is missing`);
        return null;
      }
      if (name === '') {
        logError(x, 'error', `invalid variable name in "${text}"`);
        return null;
      }
      out += variableValue(x, name, lookup) ?? '';
      i += written.length;
    } else {
      out += char;
      i++;
    }
  }
  return out;
}
