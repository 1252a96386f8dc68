import { existsSync } from 'node:fs';
import type { Statement } from '../../grammar/syntax-tree.js';
import { toText } from '../diagnostics/byte-string.js';
import { isClosed } from './engine/access.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { expressionOf } from './engine/regex.js';
import type { Scope } from './engine/scope.js';

/** System directories that must not be served; patterns that end openly include everything below. */
const PRIVATE =
  /^\/(?:(?:etc|root|proc|sys|dev|boot|bin|sbin|lib|lib64|run)(?:\/.*)?|home|var|usr|tmp|var\/(?:log|lib|run|spool|mail|backups)|usr\/(?:bin|sbin|lib|local))?\/*$/;

/** Exceptions: subdirectories that are meant to be served. */
const PUBLIC =
  /^\/etc\/(?:nginx|apache2|httpd)\/.*(?:html|www|public|static|error|pages|well-known|acme|assets)|^\/(?:run|dev\/shm)\/.|^\/dev\/null\/*$/;

/** Files that identify a project or home directory, which should not be served. */
const MARKER_FILES = ['.git/config', '.env', '.svn/entries', '.hg/hgrc', '.ssh', '.bash_history', '.aws/credentials'];

export default defineLint({
  code: 'root-exposes',
  severity: 'warning',
  on: 'root alias',
  story:
    'A system directory, the whole file system, or a complete project directory is served: a client that guesses a file name can read keys, passwords and logs. Serve a directory that contains only public files, such as the `public` directory of a project; protect the rest with `location ~ /\\. { deny all; }`.',
  check(c) {
    for (const { scope, statement } of [...c.written('root'), ...c.written('alias')]) {
      const { name, args } = statement;
      const [path] = args;
      if (path === undefined || !PRIVATE.test(path.text) || PUBLIC.test(path.text)) continue;
      if (isClosed(scope) || isNarrow(scope)) continue;
      c.report(path, `"${name.text} ${path.text}" serves a system directory`, {
        help: 'serve a directory that contains only public files',
      });
    }
  },
  async probe(c) {
    const markers = new Map<string, string | undefined>();
    for (const { scope, statement } of c.written('root')) {
      if (!isClosed(scope) && !isNarrow(scope)) checkDirectory(c, scope, statement, markers);
    }
  },
});

/** Whether a location reads only specific files or subdirectories. */
function isNarrow(scope: Scope): boolean {
  const location = scope.location;
  if (location === null) return false;
  if (location.kind === 'exact' || location.kind === 'named') return true;
  // `location /doc/ { root /usr/share; }` reads /usr/share/doc only.
  if (location.kind === 'prefix') return location.name.length > 1 && scope.own('alias').length === 0;
  return location.name.startsWith('^/') && location.name.length > 4;
}

/** Checks the directory itself; the result is cached, because many servers may share one. */
function checkDirectory(
  c: LintContext,
  scope: Scope,
  { args }: Statement,
  markers: Map<string, string | undefined>,
): void {
  const [path] = args;
  if (path === undefined || !path.text.startsWith('/') || path.text.includes('$')) return;
  if (!markers.has(path.text)) markers.set(path.text, markerIn(path.text));
  const found = markers.get(path.text);
  if (found === undefined || isDenied(scope, `/${found}`)) return;
  c.report(path, `"${path.text}" contains "${found}", and it is served`, {
    help: 'serve a subdirectory of it, or add: location ~ /\\. { deny all; }',
  });
}

function markerIn(path: string): string | undefined {
  const directory = toText(path);
  return MARKER_FILES.find((name) => existsSync(`${directory}/${name}`));
}

/** Whether a location of the server matches a path and denies access to it. */
function isDenied(scope: Scope, path: string): boolean {
  const server = scope.within('server');
  const blocks = server === null ? scope.all() : server.all();
  for (const block of blocks) {
    const location = block.location;
    if (location === null || !isClosed(block)) continue;
    if (location.kind === 'prefix' && path.startsWith(location.name)) return true;
    if (location.kind === 'regex' && expressionOf(location.name, location.caseless)?.test(path) === true) return true;
  }
  return false;
}
