import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint, type LintContext } from './engine/lint.js';

const PATHS = ['proxy_cache_path', 'fastcgi_cache_path', 'uwsgi_cache_path', 'scgi_cache_path'];

/** Directives that name files or directories which the loader of a cache would remove. */
const FILES = [
  'root',
  'alias',
  'access_log',
  'error_log',
  'auth_basic_user_file',
  'ssl_certificate',
  'ssl_certificate_key',
];

interface Directory {
  /** Absolute, with a slash at the end. */
  readonly path: string;
  readonly at: Word;
}

export default defineLint({
  code: 'cache-path-shared',
  severity: 'warning',
  on: 'proxy_cache_path fastcgi_cache_path uwsgi_cache_path scgi_cache_path',
  story:
    'Two caches use the same directory, or one of them a directory within that of the other, or files of the site are in the directory of a cache. The loader of a cache removes every file that is not an entry of it, and each cache counts and evicts the entries of the other. Give each cache a directory of its own.',
  check(c) {
    const caches = PATHS.flatMap((name) =>
      c.written(name).flatMap(({ statement: { args } }) => directoryOf(c, args[0])),
    );
    caches.forEach(({ path, at }, index) => {
      const other = caches.slice(0, index).find((one) => one.path.startsWith(path) || path.startsWith(one.path));
      if (other === undefined) return;
      c.report(
        at,
        path === other.path ? 'two caches use this directory' : 'the directory of one cache is within that of another',
        {
          help: 'give each cache a directory of its own: each removes files that it does not know',
          related: [{ at: other.at, message: 'the other cache' }],
        },
      );
    });
    for (const name of FILES) {
      for (const { statement } of c.written(name)) {
        const [file] = directoryOf(c, statement.args[0]);
        const cache = file && caches.find(({ path }) => file.path.startsWith(path));
        if (file === undefined || cache === undefined) continue;
        c.report(file.at, `"${name} ${file.at.text}" is in the directory of a cache`, {
          help: 'the loader of the cache removes every file that is not an entry of it; move it, or the cache',
          related: [{ at: cache.at, message: 'the directory of the cache' }],
        });
      }
    }
  },
});

function directoryOf(c: LintContext, at: Word | undefined): Directory[] {
  if (at === undefined || at.text === '' || at.text.includes('$') || at.text.includes('{') || at.text === 'off')
    return [];
  if (/^(?:syslog|memory|data|engine|stderr\b|otel|store)/.test(at.text)) return [];
  const path = c
    .path(at.text)
    .replace(/\/\.(?=\/|$)/g, '')
    .replace(/\/+/g, '/');
  return [{ path: path.endsWith('/') ? path : `${path}/`, at }];
}
