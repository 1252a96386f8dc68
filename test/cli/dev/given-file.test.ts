/** Arguments of `tsproxy dev` other than a whole configuration, and configurations as PHP applications have them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, get, reply } from '../../kit/index.js';
import { directory, startDev, writeFiles } from './dev-process.js';

test('a site alone runs as in http, with relative includes from the directory above', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, {
    'nginx/conf.d/site.conf': `upstream app { server app.invalid:1; }
server { listen 80; server_name a.test; include snippets/headers.conf; location / { proxy_pass http://app; }
  location /style.css { alias style.css; } }
`,
    'nginx/snippets/headers.conf': 'add_header X-Snippet here;',
    'nginx/style.css': 'a{}',
  });
  const backend = await answeringBackend(reply('the application'));
  t.after(() => backend.close());
  const dev = await startDev(t, cwd, ['nginx/conf.d/site.conf', '--upstream', `app=${backend.port}`]);
  const [, port] = await dev.shows(/ http:\/\/a\.test\.localhost:(\d+)\//);
  const answer = await get(Number(port), '/');
  assert.equal(answer.body, 'the application');
  assert.equal(answer.field('x-snippet'), 'here');
});

test('a directory is that of its configuration', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, {
    'copy/etc/nginx/nginx.conf': `events {} http { include mime.types; include /etc/nginx/sites-enabled/*; }`,
    'copy/etc/nginx/sites-enabled/a': 'server { listen 80; root /srv/a; }',
    'copy/srv/a/style.css': 'a{}',
  });
  const dev = await startDev(t, cwd, ['copy']);
  const [, port] = await dev.shows(/ http:\/\/localhost:(\d+)\//);
  const answer = await get(Number(port), '/style.css');
  assert.equal(answer.body, 'a{}');
  // The file with media types is built in.
  assert.equal(answer.field('content-type'), 'text/css');
  const none = await startDev(t, cwd, ['copy/srv']);
  assert.equal(await none.exited, 2);
  assert.match(none.text, /^tsproxy dev: no configuration file in ".*copy\/srv\/"\n$/);
});

test('an application that is passed over FastCGI can be given as a server of HTTP', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, {
    'nginx.conf': `events {}
http {
    upstream php { server app:9000; }
    server {
        listen 80;
        server_name cloud.test;
        root /var/www/html;
        index index.php /index.php$request_uri;
        location ~ \\.php(?:$|/) {
            rewrite ^/(?!index|status) /index.php$request_uri;
            fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
            set $path_info $fastcgi_path_info;
            try_files $fastcgi_script_name =404;
            if (!-f $document_root$fastcgi_script_name) { return 404; }
            include fastcgi_params;
            fastcgi_param PATH_INFO $path_info;
            fastcgi_pass php;
            fastcgi_intercept_errors on;
        }
        location /plain/ {
            fastcgi_pass other:9000;
        }
        location / { try_files $uri $uri/ /index.php$request_uri; }
    }
}
`,
  });
  const backend = await answeringBackend((request) => reply(`${request.target} ${request.field('host')}`));
  t.after(() => backend.close());
  const dev = await startDev(t, cwd, ['--upstream', `php=${backend.port}`]);
  const [, found] = await dev.shows(/ http:\/\/cloud\.test\.localhost:(\d+)\//);
  const port = Number(found);
  const fields = [`Host: cloud.test.localhost:${port}`];
  for (const [path, target] of [
    ['/', '/index.php/'],
    ['/index.php', '/index.php'],
    ['/apps/files/?a=b', '/index.php/apps/files/?a=b'],
    ['/other.php', '/index.php/other.php'],
  ] as const) {
    assert.equal((await get(port, path, { fields })).body, `${target} cloud.test`, path);
  }
  assert.equal((await get(port, '/plain/', { fields })).status, 501);
  assert.match(dev.text, /^ {2}fastcgi_pass other:9000: not supported, requests get 501/m);
});

test('a configuration without servers says which files are missing', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, { 'nginx.conf': 'events {} http { include /etc/nginx/sites-enabled/*; }' });
  const dev = await startDev(t, cwd, []);
  assert.match(dev.text, /^ {2}server: there is none; no file matches .*\/sites-enabled\/\*$/m);
});
