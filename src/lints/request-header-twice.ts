import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'request-header-twice',
  severity: 'warning',
  on: 'proxy_set_header',
  story:
    '`proxy_set_header` for the same field twice in one block sends the field twice: the second does not replace the first. Most back ends reject two `Host` fields (400), and of two `X-Forwarded-For` fields different back ends use different ones. This happens when a file of common headers is included and one of its lines is repeated. Remove one of them, or set the unwanted one to an empty value.',
  check(c) {
    for (const scope of c.main.all()) {
      const first = new Map<string, Word>();
      for (const { args } of scope.own('proxy_set_header')) {
        const [name, value] = args;
        if (name === undefined || value === undefined || value.text === '') continue;
        const key = name.text.toLowerCase();
        const other = first.get(key);
        if (other === undefined) {
          first.set(key, name);
          continue;
        }
        // The file that contains it is included twice, which is an error of its own if it sets anything else.
        if (other.source.name === name.source.name && other.start === name.start && c.config === null) continue;
        c.report(name, `the field "${name.text}" is sent twice`, {
          help: 'a second proxy_set_header adds a field, it does not replace the first',
          related: [{ at: other, message: 'first set here' }],
        });
      }
    }
  },
});
