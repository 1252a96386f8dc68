import { existsSync } from 'node:fs';
import type { Statement } from '../../grammar/syntax-tree.js';
import { isClosed } from './engine/access.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { expressionOf } from './engine/regex.js';
import type { Scope } from './engine/scope.js';

/** Directories that hold what is nobody's business, with all below them where the pattern is open. */
const PRIVATE =
  /^\/(?:(?:etc|root|proc|sys|dev|boot|bin|sbin|lib|lib64|run)(?:\/.*)?|home|var|usr|tmp|var\/(?:log|lib|run|spool|mail|backups)|usr\/(?:bin|sbin|lib|local))?\/*$/;

/** What is below and meant to be seen. */
const MEANT =
  /^\/etc\/(?:nginx|apache2|httpd)\/.*(?:html|www|public|static|error|pages|well-known|acme|assets)|^\/(?:run|dev\/shm)\/.|^\/dev\/null\/*$/;

/** What lies in a directory that is a project or a home, and not one to be served. */
const TELLTALES = ['.git/config', '.env', '.svn/entries', '.hg/hgrc', '.ssh', '.bash_history', '.aws/credentials'];

export default defineLint({
  code: 'root-exposes',
  severity: 'warning',
  on: 'root alias',
  story:
    'What is served is a directory of the system, or the whole machine, or a project with all that lies in it: whoever guesses the name of a file reads keys, passwords and logs. Serve a directory that holds nothing else, such as the `public` of a project; keep the rest away with `location ~ /\\. { deny all; }`.',
  check(c) {
    for (const { scope, statement } of [...c.written('root'), ...c.written('alias')]) {
      const { name, args } = statement;
      const [path] = args;
      if (path === undefined || !PRIVATE.test(path.text) || MEANT.test(path.text)) continue;
      if (isClosed(scope) || isNarrow(scope)) continue;
      c.report(path, `"${name.text} ${path.text}" serves a directory of the system`, {
        help: 'serve a directory that holds nothing else than what may be seen',
      });
    }
  },
  async probe(c) {
    const telltales = new Map<string, string | undefined>();
    for (const { scope, statement } of c.written('root')) {
      if (!isClosed(scope) && !isNarrow(scope)) look(c, scope, statement, telltales);
    }
  },
});

/** Whether only names that are written out are read from there. */
function isNarrow(scope: Scope): boolean {
  const location = scope.location;
  if (location === null) return false;
  if (location.kind === 'exact' || location.kind === 'named') return true;
  // `location /doc/ { root /usr/share; }` reads /usr/share/doc only.
  if (location.kind === 'prefix') return location.name.length > 1 && scope.own('alias').length === 0;
  return location.name.startsWith('^/') && location.name.length > 4;
}

/** Looks at the directory itself; many servers may have the same one. */
function look(c: LintContext, scope: Scope, { args }: Statement, telltales: Map<string, string | undefined>): void {
  const [path] = args;
  if (path === undefined || !path.text.startsWith('/') || path.text.includes('$')) return;
  if (!telltales.has(path.text)) telltales.set(path.text, telltaleIn(path.text));
  const found = telltales.get(path.text);
  if (found === undefined || keepsAway(scope, `/${found}`)) return;
  c.report(path, `"${path.text}" holds "${found}", and serves it`, {
    help: 'serve a directory inside of it, or add: location ~ /\\. { deny all; }',
  });
}

function telltaleIn(path: string): string | undefined {
  const directory = Buffer.from(path, 'latin1').toString('utf8');
  return TELLTALES.find((name) => existsSync(`${directory}/${name}`));
}

/** Whether a location of the server takes a path and shows nobody what is there. */
function keepsAway(scope: Scope, path: string): boolean {
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
