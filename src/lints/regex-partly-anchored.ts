import type { Node } from '../config/pcre/syntax.js';
import { defineLint } from './engine/lint.js';
import { patternsOf } from './engine/patterns.js';
import { anchorsOf, treeOf } from './engine/regex.js';

export default defineLint({
  code: 'regex-partly-anchored',
  severity: 'hint',
  on: '*~ rewrite',
  story:
    '`|` has the lowest precedence: in `^/a|b$` the `^` applies to the first alternative only and the `$` to the last, so everything that begins with `/a` matches, and everything that ends with `b`. Use a group: `^/(a|b)$`.',
  check(c) {
    for (const { text, at } of patternsOf(c)) {
      const body = withoutGroup(treeOf(text)?.body);
      if (body?.kind !== 'alternatives') continue;
      const anchors = body.branches.map(anchorsOf);
      const last = anchors.length - 1;
      const split = anchors.every(({ start, end }, i) => start === (i === 0) && end === (i === last));
      const alternatives = text.replace(/^\((?:\?:)?(.*)\)$/s, '$1');
      if (!split || (last === 1 && isPrefixOrSuffix(alternatives))) continue;
      c.report(at, `"^" applies to the first alternative only, and "$" to the last`, {
        help: `to anchor all of them at both ends, use a group: ^(?:${alternatives.slice(1, -1)})$`,
      });
    }
  },
});

/** Whether two alternatives are meant as a prefix and a suffix, such as ^/admin|\.php$, and not as two whole paths. */
function isPrefixOrSuffix(alternatives: string): boolean {
  const suffix = alternatives.slice(alternatives.lastIndexOf('|') + 1);
  return /^(?:\\\.|\.|\(?\/)/.test(suffix) && !/^\^\/[\w/-]+\|\/[\w/-]+\$$/.test(alternatives);
}

/** The body of an expression that is one group as a whole. */
function withoutGroup(body: Node | undefined): Node | undefined {
  return body?.kind === 'group' ? withoutGroup(body.body) : body;
}
