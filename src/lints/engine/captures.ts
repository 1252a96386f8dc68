/** Captures of regular expressions that are visible in a block. */
import type { Node } from '../../config/pcre/syntax.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import { openingPatterns, patternsOf, type WrittenPattern } from './patterns.js';
import { groupBody, treeOf } from './regex.js';
import type { Scope } from './scope.js';

export interface Capture {
  readonly body: Node;
  readonly pattern: WrittenPattern;
  /** Subject of the expression: the name of a variable, in lower case; `uri` for a location. */
  readonly subject: string;
}

/** All expressions with named groups, by group name. */
const byGroup = oncePerConfig((c: LintContext): ReadonlyMap<string, readonly WrittenPattern[]> => {
  const found = new Map<string, WrittenPattern[]>();
  for (const pattern of patternsOf(c)) {
    if (!pattern.text.includes('(?')) continue;
    for (const each of treeOf(pattern.text, pattern.caseless)?.names ?? []) {
      const others = found.get(each);
      if (others === undefined) found.set(each, [pattern]);
      else others.push(pattern);
    }
  }
  return found;
});

/** Groups that may have set `$1` to `$9`, or a named capture, when it is used in a block. */
export function capturesOf(c: LintContext, scope: Scope, key: string): readonly Capture[] {
  const numbered = key.length === 1 && key >= '1' && key <= '9';
  const patterns = numbered
    ? nearestPatterns(scope)
    : (byGroup(c).get(key) ?? []).filter((pattern) => isVisible(scope, pattern));
  return patterns.flatMap((pattern) => {
    if (!pattern.text.includes('(')) return [];
    const tree = treeOf(pattern.text, pattern.caseless);
    const body = tree === null ? null : groupBody(tree, key);
    return body === null ? [] : [{ body, pattern, subject: subjectOf(pattern) }];
  });
}

/** Expressions of the nearest enclosing block whose expressions have groups. */
function nearestPatterns(scope: Scope): readonly WrittenPattern[] {
  for (let each: Scope | null = scope; each !== null && each.kind !== 'http'; each = each.parent) {
    const opened = openingPatterns(each);
    if (opened.some(({ text }) => text.includes('('))) return opened;
  }
  return [];
}

function isVisible(scope: Scope, { scope: holder, directive }: WrittenPattern): boolean {
  return directive === 'map' || holder.within('server') === scope.within('server');
}

/** Name of the variable that an expression is matched against. */
export function subjectOf({ directive, scope, statement }: WrittenPattern): string {
  if (directive === 'location' || directive === 'rewrite') return 'uri';
  if (directive === 'server_name') return 'host';
  const word = directive === 'map' ? scope.opener?.args[0]?.text : statement.args[0]?.text;
  return (word ?? '')
    .replace(/^\(?\s*/, '')
    .replace(/[${}]/g, '')
    .toLowerCase();
}
