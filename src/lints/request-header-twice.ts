import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'request-header-twice',
  severity: 'warning',
  on: 'proxy_set_header',
  story:
    '`proxy_set_header` for the same field twice in one block sends the field twice: the second does not replace the first. Two `Host` fields are an error for most back ends (400), of two `X-Forwarded-For` each takes another one. It happens where a file of common headers is included and a line of it is written again. Leave one of them out, or put an empty value in the place of the one that is not to be sent.',
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
        c.report(name, `the field "${name.text}" is sent twice`, {
          help: 'a second proxy_set_header adds a field, it does not replace the first',
          related: [{ at: other, message: 'first set here' }],
        });
      }
    }
  },
});
