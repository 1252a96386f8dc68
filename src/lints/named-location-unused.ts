import { defineLint } from './engine/lint.js';
import { locationOf } from './engine/location.js';

export default defineLint({
  code: 'named-location-unused',
  severity: 'hint',
  on: 'location',
  story:
    'A named location is reached by `error_page`, `try_files` and the like alone, and nothing in its server names this one. It is left over, or the name is misspelt where it is used.',
  check(c) {
    const used = new Set<string>();
    for (const scope of c.main.all()) {
      for (const { args, name } of scope.statements) {
        if (name.text === 'location') continue;
        for (const { text } of args) {
          if (text.includes('@')) for (const [found] of text.matchAll(/@[\w.-]+/g)) used.add(found);
        }
      }
    }
    for (const server of c.scopes('server')) {
      for (const child of server.children) {
        const words = locationOf(child);
        if (words?.kind !== 'named' || used.has(words.name)) continue;
        c.report(words.at, `nothing leads to the named location "${words.name}"`, {
          help: `it is reached by: error_page 404 = ${words.name}; or try_files $uri ${words.name}; or X-Accel-Redirect`,
        });
      }
    }
  },
});
