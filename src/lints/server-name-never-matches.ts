import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'server-name-never-matches',
  severity: 'warning',
  on: 'server_name',
  story:
    'A `server_name` is compared with the host of a request, which has no port, no comma and no quote in it. Names are separated by spaces; a port belongs to `listen`; a regular expression begins with `~`; and variables are not expanded, except `$hostname`. The intended requests are handled by the default server.',
  check(c) {
    for (const { statement } of c.written('server_name')) {
      for (const word of statement.args) {
        const help = reason(word);
        if (help === null) continue;
        c.report(word, `server name "${word.text}" matches no host`, { help });
      }
    }
  },
});

/** Reason why a name matches no host; null if it may match. */
function reason({ text }: Word): string | null {
  if (text === '$hostname' || text.startsWith('~') || text.includes('/') || text.includes('{{')) return null;
  if (text.includes(',')) return 'names are separated by spaces, without commas';
  if (/["']/.test(text)) return 'a quote is missing or superfluous';
  if (/^[^$]*:\d+$/.test(text) && !text.includes('::'))
    return 'the port is not compared: write only the name here, and the port in listen';
  if (/^\^|\\\.|\.\*.*\$$/.test(text)) return `a regular expression begins with "~": ~${text}`;
  if (/\$\{?[a-z_]\w*/i.test(text))
    return 'variables are not expanded in server_name; if envsubst should have replaced it, it was not run';
  return null;
}
