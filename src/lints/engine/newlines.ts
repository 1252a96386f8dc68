/** Variables that may contain a line break sent by a client. */
import { capturesOf } from './captures.js';
import type { LintContext } from './lint.js';
import { anchorsOf, mayContain, treeOf } from './regex.js';
import type { Scope } from './scope.js';
import { enclosingLocation } from './scope.js';
import { assignedIn } from './values.js';
import { variablesIn } from './variables.js';

/** Variables with decoded values, in which `%0a` of a request is a line break. */
const DECODED: ReadonlySet<string> = new Set([
  'uri',
  'document_uri',
  'request_filename',
  'fastcgi_script_name',
  'fastcgi_path_info',
]);

const NEWLINE = 10;
const MAX_DEPTH = 6;

/** Reason why a variable may contain a line break when it is used in a block; null if it cannot. */
export function newlineIn(c: LintContext, scope: Scope, variable: string, depth = 0): string | null {
  if (depth > MAX_DEPTH) return null;
  if (DECODED.has(variable)) {
    return excludesNewlines(scope) ? null : `"$${variable}" is decoded, and %0a in a request becomes a line break`;
  }
  for (const { body, pattern, subject } of capturesOf(c, scope, variable)) {
    if (!mayContain(body, NEWLINE) || newlineIn(c, pattern.scope.parent ?? scope, subject, depth + 1) === null)
      continue;
    return `the capture "$${variable}" of "${pattern.text}" may contain a line break, because %0a in a request is decoded`;
  }
  for (const { value, scope: holder } of assignedIn(c, variable, scope)) {
    for (const inner of variablesIn(value.text)) {
      const why = newlineIn(c, holder, inner, depth + 1);
      if (why !== null) return why;
    }
  }
  return null;
}

/** Whether the enclosing location matches only URIs without line breaks. */
function excludesNewlines(scope: Scope): boolean {
  const location = enclosingLocation(scope);
  if (location === null) return false;
  if (location.kind === 'exact') return true;
  if (location.kind !== 'regex') return false;
  const tree = treeOf(location.name, location.caseless);
  if (tree === null) return false;
  const { start, end } = anchorsOf(tree.body);
  return start && end && !mayContain(tree.body, NEWLINE);
}
