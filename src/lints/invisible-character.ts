import { invisibleIn, visible } from '../config/invisible-characters.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'invisible-character',
  severity: 'warning',
  story:
    'An unquoted word contains an invisible character: a zero-width space, a no-break space, or a soft hyphen. It usually comes from text copied from a web page or a chat. nginx treats it as an ordinary character, so a name with it differs from the same name without it: a `server_name` never matches, a file is not found. In quoted words such characters are not reported.',
  check(c) {
    for (const scope of c.main.all()) {
      for (const statement of scope.statements) {
        // In a directive name this is an error, which is reported for the whole statement.
        if (invisibleIn(statement.name.text) !== null) continue;
        for (const word of statement.args) {
          const found = word.quote === '' ? invisibleIn(word.text) : null;
          if (found === null) continue;
          c.report(word, `"${word.text}" contains a ${found}`, {
            help: 'nginx treats it as an ordinary character; write the word without it',
            fix: {
              title: 'remove the invisible character',
              edits: [{ at: word, text: visible(word.source.text.slice(word.start, word.end)) }],
            },
          });
        }
      }
    }
  },
});
