import { isClosed } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';
import { passesIn } from './engine/pass.js';
import { anchorsOf, treeOf } from './engine/regex.js';

export default defineLint({
  code: 'regex-unanchored',
  severity: 'hint',
  on: '*~',
  story:
    'An expression of a location matches anywhere in the path. `location ~ \\.php` also takes `/upload/picture.php.jpg` and hands it to PHP; end it with `$`, or with `(/|$)` where a path follows. `location ~ /api/` also takes `/files/api/`; begin it with `^`, or write a prefix, which is faster.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      if (location?.kind !== 'regex' || isClosed(scope)) continue;
      const tree = treeOf(location.name, location.caseless);
      if (tree === null) continue;
      const { start, end } = anchorsOf(tree.body);
      const extension = /^(?:\.[*+]\??)?\\\.\(?[?:|\w-]+\)?$/.test(location.name);
      if (extension && !end) {
        c.report(location.at, `"${titleOf(scope)}" also matches where more follows`, {
          help: `it takes "/x${sampleOf(location.name)}.txt" as well; end it with "$", or with "(/|$)" where a path may follow`,
          fix: {
            title: 'end it with $',
            guess: true,
            edits: [{ at: { source: location.at.source, start: location.at.end, end: location.at.end }, text: '$' }],
          },
        });
        continue;
      }
      const [pass] = passesIn(scope);
      if (start || end || pass === undefined || !/^\/[\w/-]+$/.test(location.name.replace(/\\/g, ''))) continue;
      c.report(location.at, `"${titleOf(scope)}" matches anywhere in the path`, {
        help: `begin it with "^", or write: location ${location.name.replace(/\\/g, '')} { ... }`,
      });
    }
  },
});

/** What an expression for the end of a name is about: `.php` of `\.(php|phtml)`. */
function sampleOf(expression: string): string {
  return `.${/\w+/.exec(expression.replace(/^.*?\\\./, ''))?.[0] ?? 'x'}`;
}
