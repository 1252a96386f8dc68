import { defineLint } from './engine/lint.js';
import { patternsOf } from './engine/patterns.js';
import { anchorsOf, treeOf } from './engine/regex.js';

export default defineLint({
  code: 'regex-partly-anchored',
  severity: 'hint',
  on: '*~',
  story:
    '`|` has the lowest precedence: in `^/a|b$` the `^` applies to the first alternative only and the `$` to the last, so everything that begins with `/a` matches, and everything that ends with `b`. Use a group: `^/(a|b)$`.',
  check(c) {
    for (const { text, at } of patternsOf(c)) {
      const body = treeOf(text)?.body;
      if (body?.kind !== 'alternatives' || !text.startsWith('^') || !text.endsWith('$')) continue;
      const anchors = body.branches.map(anchorsOf);
      const last = anchors.length - 1;
      const split = anchors.every(({ start, end }, i) => start === (i === 0) && end === (i === last));
      // A prefix or a suffix, such as ^/admin|\.php$, is intended.
      const suffix = text.slice(text.lastIndexOf('|') + 1);
      if (!split || (last === 1 && /^(?:\\\.|\.|\(?\/)/.test(suffix))) continue;
      c.report(at, `"^" applies to the first alternative only, and "$" to the last`, {
        help: `to anchor all of them at both ends, use a group: ^(?:${text.slice(1, -1)})$`,
      });
    }
  },
});
