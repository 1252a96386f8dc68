import { isClosed } from './engine/access.js';
import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';
import { anchorsOf, treeOf } from './engine/regex.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'regex-unanchored',
  severity: 'hint',
  on: '*~',
  story:
    'The expression of a location matches anywhere in the path. `location ~ \\.php` also matches `/upload/picture.php.jpg` and passes it to PHP; end it with `$`, or with `(/|$)` if a path may follow. `location ~ /api/` also matches `/files/api/`; begin it with `^`, or use a prefix, which is faster.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const location = scope.location;
      if (location?.kind !== 'regex' || isClosed(scope)) continue;
      const tree = treeOf(location.name, location.caseless);
      if (tree === null) continue;
      const { start, end } = anchorsOf(tree.body);
      const extension = /^(?:\.[*+]\??)?\\\.\(?[?:|\w-]+\)?$/.test(location.name);
      if (extension && !end) {
        c.report(location.at, `"${titleOf(scope)}" also matches if more text follows`, {
          help: `it matches "/x${sampleOf(location.name)}.txt" as well; end it with "$", or with "(/|$)" if a path may follow`,
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

/** The first file extension that an expression matches: `.php` for `\.(php|phtml)`. */
function sampleOf(expression: string): string {
  return `.${/\w+/.exec(expression.replace(/^.*?\\\./, ''))?.[0] ?? 'x'}`;
}
