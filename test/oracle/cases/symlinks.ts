import type { OracleGroup } from '../oracle.js';
import { ask } from './request.js';

const paths = (...names: readonly string[]) => names.map((name) => ask(`GET ${name}`));

export const symlinks: OracleGroup = {
  name: 'disable_symlinks',
  config: `
    types { text/html html; text/plain txt; }
    default_type text/plain;
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      location / { }
      location /on/ { disable_symlinks on; gzip_static always; }
      location /own/ { disable_symlinks if_not_owner; }
      location /tried/ { disable_symlinks on; try_files $uri $uri.txt =404; }
      location /tested/ { disable_symlinks on; if (-f $request_filename) { return 204; } if (-d $request_filename) { return 205; } if (-e $request_filename) { return 206; } }
      location /indexed/ { disable_symlinks on; index missing.html linked.html file.html; }
      location /from/ { disable_symlinks on from=$document_root/from/linked; }
      location /from-slash/ { alias %%ROOT%%/from/; disable_symlinks on from=%%ROOT%%/from/linked/; }
      location /from-partial/ { alias %%ROOT%%/from/; disable_symlinks on from=%%ROOT%%/from/link; }
      location /from-other/ { alias %%ROOT%%/from/; disable_symlinks on from=/nowhere; }
      location = /from-exact { alias %%ROOT%%/on/link.txt; disable_symlinks on from=%%ROOT%%/on/link.txt; }
      location = /from-missing { alias %%ROOT%%/missing/x; disable_symlinks on from=%%ROOT%%/missing; }
      location ~ ^/dots/(.*)$ { disable_symlinks on; alias %%ROOT%%/on/.././/on/$1; }
      location ~ ^/slash/(.*)$ { disable_symlinks on; alias %%ROOT%%/on/$1/; }
      location /nested/ { disable_symlinks on; location /nested/off/ { disable_symlinks off; } }
    }`,
  files: {
    'on/file.txt': 'file',
    'on/link.txt': '-> file.txt',
    'on/dangling.txt': '-> nowhere',
    'on/loop.txt': '-> loop.txt',
    'on/directory/file.txt': 'inner',
    'on/linked': '-> directory',
    'on/packed.txt.gz': '-> file.txt',
    'on/packed.txt': 'packed',
    'own/file.txt': 'file',
    'own/link.txt': '-> file.txt',
    'own/dangling.txt': '-> nowhere',
    'own/loop.txt': '-> loop.txt',
    'own/directory/file.txt': 'inner',
    'own/linked': '-> directory',
    'tried/a': '-> a.txt',
    'tried/a.txt': 'fallback',
    'tried/b': '-> c',
    'tested/file': 'file',
    'tested/link': '-> file',
    'tested/directory/x': '',
    'tested/linked': '-> directory',
    'indexed/file.html': 'index',
    'indexed/linked.html': '-> file.html',
    'indexed/directory/file.html': 'inner',
    'indexed/linked': '-> directory',
    'from/directory/file.txt': 'inner',
    'from/directory/link.txt': '-> file.txt',
    'from/linked': '-> directory',
    'nested/file': 'file',
    'nested/link': '-> file',
    'nested/off/file': 'file',
    'nested/off/link': '-> file',
  },
  cases: [
    ...['/on', '/own'].flatMap((at) =>
      paths(
        `${at}/file.txt`,
        `${at}/link.txt`,
        `${at}/dangling.txt`,
        `${at}/loop.txt`,
        `${at}/directory`,
        `${at}/directory/`,
        `${at}/directory/file.txt`,
        `${at}/linked`,
        `${at}/linked/`,
        `${at}/linked/file.txt`,
        `${at}/missing`,
        `${at}/file.txt/x`,
      ),
    ),
    ...paths('/on/packed.txt', '/tried/a', '/tried/b', '/tried/c'),
    ...paths(
      '/tested/file',
      '/tested/link',
      '/tested/directory',
      '/tested/linked',
      '/tested/missing',
      '/tested/linked/x',
    ),
    ...paths('/indexed/', '/indexed/directory/', '/indexed/linked/', '/indexed/missing/'),
    ...['/from', '/from-slash', '/from-partial', '/from-other'].flatMap((at) =>
      paths(`${at}/linked/file.txt`, `${at}/linked/link.txt`, `${at}/directory/file.txt`, `${at}/linked`),
    ),
    ...paths('/from-exact', '/from-missing', '/dots/file.txt', '/dots/link.txt', '/slash/file.txt', '/slash/directory'),
    ...paths('/nested/file', '/nested/link', '/nested/off/file', '/nested/off/link'),
  ],
};
