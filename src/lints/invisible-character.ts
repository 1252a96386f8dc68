import { invisibleIn, visible } from '../config/invisible-characters.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'invisible-character',
  severity: 'warning',
  story:
    'An unquoted word has a character in it that cannot be seen: a zero-width space, a no-break space, a soft hyphen. It came with text that was copied from a web page or a chat. nginx takes it for a letter, so that a name with it equals no name without it: a `server_name` is never matched, a file is not found. Within quotes such characters are not reported.',
  check(c) {
    for (const scope of c.main.all()) {
      for (const statement of scope.statements) {
        // One in the name is an error, which is reported with the whole statement.
        if (invisibleIn(statement.name.text) !== null) continue;
        for (const word of statement.args) {
          const found = word.quote === '' ? invisibleIn(word.text) : null;
          if (found === null) continue;
          c.report(word, `"${word.text}" has a ${found} in it`, {
            help: 'nginx takes it for a letter; write the word without it',
            fix: {
              title: 'write what is visible',
              edits: [{ at: word, text: visible(word.source.text.slice(word.start, word.end)) }],
            },
          });
        }
      }
    }
  },
});
