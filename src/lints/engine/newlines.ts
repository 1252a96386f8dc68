/** Which variables may hold a line break that a client has sent. */
import { capturesOf } from './captures.js';
import type { LintContext } from './lint.js';
import { enclosingLocation } from './location.js';
import { anchorsOf, mayHold, treeOf } from './regex.js';
import type { Scope } from './scope.js';
import { assignedIn } from './values.js';
import { variablesIn } from './variables.js';

/** Decoded: `%0a` of a request has become a line break. */
const DECODED: ReadonlySet<string> = new Set([
  'uri',
  'document_uri',
  'request_filename',
  'fastcgi_script_name',
  'fastcgi_path_info',
]);

const NEWLINE = 10;
const DEEPEST = 6;

/** Why a variable may hold a line break where it is used in a block; null where it holds none. */
export function newlineIn(c: LintContext, scope: Scope, variable: string, depth = 0): string | null {
  if (depth > DEEPEST) return null;
  if (DECODED.has(variable)) {
    return uriIsBound(scope) ? null : `"$${variable}" is decoded, and %0a in a request becomes a line break`;
  }
  for (const { body, pattern, subject } of capturesOf(c, scope, variable)) {
    if (!mayHold(body, NEWLINE) || newlineIn(c, pattern.scope.parent ?? scope, subject, depth + 1) === null) continue;
    return `what "${pattern.text}" matches for "$${variable}" may hold a line break, which %0a in a request becomes`;
  }
  for (const { value, scope: holder } of assignedIn(c, variable, scope)) {
    for (const inner of variablesIn(value.text)) {
      const why = newlineIn(c, holder, inner, depth + 1);
      if (why !== null) return why;
    }
  }
  return null;
}

/** Whether the location around takes only URIs that hold no line break. */
function uriIsBound(scope: Scope): boolean {
  const location = enclosingLocation(scope);
  if (location === null) return false;
  if (location.kind === 'exact') return true;
  if (location.kind !== 'regex') return false;
  const tree = treeOf(location.name, location.caseless);
  if (tree === null) return false;
  const { start, end } = anchorsOf(tree.body);
  return start && end && !mayHold(tree.body, NEWLINE);
}
