import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { answeringBackend, get, reply, websocket, websocketEcho } from '../../kit/index.js';
import { type DevProcess, directory, startDev, writeFiles } from './dev-process.js';

const MAIN = `user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;
load_module modules/ngx_http_geoip_module.so;
include /etc/nginx/modules-enabled/*.conf;
events { worker_connections 768; }
http {
    include /etc/nginx/mime.types;
    access_log /var/log/nginx/access.log;
    resolver 127.0.0.11 valid=30s;
    upstream app {
        server app-1.invalid:3000;
        server app-2.invalid:3000;
    }
    include /etc/nginx/conf.d/*.conf;
}
`;

const SHOP = `server {
    listen 80;
    server_name shop.example www.shop.example;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl;
    http2 on;
    server_name shop.example www.shop.example;
    ssl_certificate /etc/letsencrypt/live/shop.example/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/shop.example/privkey.pem;
    include /etc/letsencrypt/options-ssl-nginx.conf;
    ssl_dhparam /etc/letsencrypt/ssl-dhparams.pem;
    ssl_stapling on;
    add_header Strict-Transport-Security "max-age=31536000" always;
    root /var/www/shop/public;
    error_page 502 /50x.html;
    if ($host = www.shop.example) { return 301 https://shop.example$request_uri; }
    location / {
        proxy_pass http://app;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_http_version 1.1;
    }
    location /api/ {
        proxy_pass https://api.invalid:8443/v1/;
    }
    location /variable/ {
        set $backend wiki.invalid;
        proxy_pass https://$backend:443;
    }
    location /members/ { auth_request /auth; empty_gif; }
    location = /auth { internal; proxy_pass http://auth.invalid:4180; }
    location /admin/ {
        auth_basic "staff";
        auth_basic_user_file /etc/nginx/.htpasswd;
        empty_gif;
    }
    location /inside/ { allow 192.0.2.0/24; deny all; empty_gif; }
    location ~ \\.php$ {
        fastcgi_pass unix:/run/php/shop.sock;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        include fastcgi_params;
    }
    location /asset.css { return 200 "a{}"; }
    location /style.css { alias /etc/nginx/style.css; }
}
`;

/** Ports of the banner. */
interface Ports {
  readonly plain: number;
  readonly secure: number;
}

async function production(
  t: { after(fn: () => void): void },
  words: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<DevProcess & Ports> {
  const cwd = directory(t);
  writeFiles(cwd, { 'nginx/nginx.conf': MAIN, 'nginx/conf.d/shop.conf': SHOP, 'nginx/style.css': 'a{}', ...files });
  const dev = await startDev(t, cwd, ['nginx/nginx.conf', ...words]);
  const [, plain] = await dev.shows(/ http:\/\/shop\.example\.localhost:(\d+)\//);
  const [, secure] = await dev.shows(/ https:\/\/shop\.example\.localhost:(\d+)\//);
  return Object.assign(dev, { plain: Number(plain), secure: Number(secure) });
}

/** A response over TLS, verified with the local CA of the process. */
async function getSecure(
  { cwd, secure }: Pick<DevProcess, 'cwd'> & Ports,
  path: string,
  options: { readonly host?: string; readonly fields?: readonly string[] } = {},
): Promise<string> {
  const { host = 'shop.example.localhost', fields = [] } = options;
  const ca = readFileSync(join(cwd, '.data/tsproxy/ca/root.pem'));
  const socket = connectTls({ port: secure, host: '127.0.0.1', servername: host, ca, ALPNProtocols: ['http/1.1'] });
  socket.setEncoding('latin1');
  const head = [`GET ${path} HTTP/1.1`, `Host: ${host}:${secure}`, 'Connection: close', ...fields];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('a production file runs unchanged: ports, certificates, users, logs and paths of this machine', async (t) => {
  const backend = await answeringBackend(reply('the shop'));
  t.after(() => backend.close());
  const dev = await production(t, ['--upstream', `app=localhost:${backend.port}`]);
  assert.ok(dev.plain >= 8080 && dev.secure >= 8443, 'privileged ports are moved');
  for (const line of [
    /^ {2}user: /m,
    /^ {2}pid: /m,
    /^ {2}error_log: /m,
    /^ {2}access_log: /m,
    /^ {2}load_module modules\/ngx_http_geoip_module\.so: /m,
    /^ {2}port 80: \d+$/m,
    /^ {2}port 443: \d+$/m,
    /^ {2}ssl_certificate \/etc\/letsencrypt\/live\/shop\.example\/fullchain\.pem: .*local CA/m,
    /^ {2}include \/etc\/letsencrypt\/options-ssl-nginx\.conf: /m,
    /^ {2}ssl_dhparam \/etc\/letsencrypt\/ssl-dhparams\.pem: /m,
    /^ {2}root \/var\/www\/shop\/public: .*--path/m,
    new RegExp(`^ {2}upstream app: localhost:${backend.port}$`, 'm'),
  ]) {
    assert.match(dev.text, line);
  }
  assert.match(await getSecure(dev, '/cart'), /^HTTP\/1\.1 200 [\s\S]*the shop$/);
  const [request] = backend.requests;
  assert.equal(request?.field('host'), 'shop.example', 'the upstream gets the name of the configuration');
  assert.match(await getSecure(dev, '/style.css'), /Content-Type: text\/css[\s\S]*a\{\}$/, 'mime.types is built in');
});

test('redirects of the configuration lead to the ports and names of this machine', async (t) => {
  const dev = await production(t, []);
  const to = async (host: string): Promise<string | undefined> =>
    (await get(dev.plain, '/a?b', { fields: [`Host: ${host}`] })).field('location');
  assert.equal(
    await to(`www.shop.example.localhost:${dev.plain}`),
    `https://www.shop.example.localhost:${dev.secure}/a?b`,
  );
  assert.equal(await to(`localhost:${dev.plain}`), `https://localhost:${dev.secure}/a?b`);
  // By a name of the hosts file, say.
  assert.equal(await to('shop.example'), `https://shop.example:${dev.secure}/a?b`);
  const answer = await getSecure(dev, '/a', { host: 'www.shop.example.localhost' });
  assert.match(answer, new RegExp(`Location: https://shop\\.example\\.localhost:${dev.secure}/a\r\n`));
  assert.doesNotMatch(answer, /strict-transport-security/i);
});

test('an upstream that is missing is answered by a page that names the option, even if there is an error_page', async (t) => {
  const dev = await production(t, []);
  assert.match(dev.text, /^ {2}upstream app: .*nginx\.conf:13.*--upstream app=localhost:3000$/m);
  for (const [path, name, line] of [
    ['/', 'app', 19],
    ['/api/', 'api.invalid', 26],
    ['/variable/', 'wiki.invalid', 29],
  ] as const) {
    const text = await getSecure(dev, path);
    assert.match(text, /^HTTP\/1\.1 502 [\s\S]*Content-Type: text\/plain/);
    assert.ok(text.includes(`--upstream ${name}=localhost:3000`), text);
    assert.ok(text.includes(`shop.conf:${line}`), text);
    assert.match(
      await getSecure(dev, path, { fields: ['Accept: text/html,*/*'] }),
      /Content-Type: text\/html[\s\S]*<!doctype html>/i,
    );
  }
});

test('so is a request whose authorization needs a missing upstream', async (t) => {
  const dev = await production(t, []);
  const text = await getSecure(dev, '/members/');
  assert.match(text, /^HTTP\/1\.1 500 /);
  assert.ok(text.includes('--upstream auth.invalid=localhost:3000'), text);
  assert.match(text, /shop\.conf:34/);
});

test('over HTTP/2 the upstream gets the name of the configuration, too', async (t) => {
  const backend = await answeringBackend((request) => reply(`${request.target} ${request.field('host')}`));
  t.after(() => backend.close());
  const dev = await production(t, ['--upstream', `app=${backend.port}`]);
  const ca = readFileSync(join(dev.cwd, '.data/tsproxy/ca/root.pem'));
  const session = connectHttp2(`https://shop.example.localhost:${dev.secure}`, {
    ca,
    lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/cart' });
  let body = '';
  for await (const chunk of stream.setEncoding('utf8')) body += chunk;
  assert.equal(body, '/cart shop.example');
  const moved = session.request({ ':path': '/x', ':authority': `www.shop.example.localhost:${dev.secure}` });
  const [head] = await once(moved, 'response');
  assert.equal(head.location, `https://shop.example.localhost:${dev.secure}/x`);
});

test('--upstream and --map name servers for blocks, hosts, hosts in variables, and protocols that are not supported', async (t) => {
  const backend = await answeringBackend((request) => reply(`${request.target} ${request.field('host')}`));
  t.after(() => backend.close());
  const dev = await production(t, [
    ...['--upstream', `app=${backend.port}`],
    ...['--upstream', `api.invalid:8443=http://127.0.0.1:${backend.port}`],
    ...['--map', `wiki.invalid=localhost:${backend.port}`],
    ...['--upstream', `unix:/run/php/shop.sock=localhost:${backend.port}`],
  ]);
  const body = async (path: string): Promise<string> => (await getSecure(dev, path)).replace(/^[\s\S]*\r\n\r\n/, '');
  assert.equal(await body('/cart'), '/cart shop.example');
  assert.equal(await body('/api/items'), '/v1/items api.invalid:8443');
  assert.match(await body('/variable/x'), /^\/variable\/x wiki\.invalid(?::443)?$/);
  assert.equal(await body('/index.php?a=b'), '/index.php?a=b shop.example');
});

test('WebSockets get through with the origin that the application expects', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const dev = await production(t, ['--upstream', `app=${echo.port}`]);
  const ca = readFileSync(join(dev.cwd, '.data/tsproxy/ca/root.pem'));
  const host = `shop.example.localhost:${dev.secure}`;
  const fields = { Host: host, Origin: `https://${host}` };
  const socket = await websocket(dev.secure, '/ws', fields, { ca, servername: 'shop.example.localhost' });
  assert.equal(await socket.ask('hello'), 'hello');
  assert.equal(echo.upgrades[0]?.host, 'shop.example');
  assert.equal(echo.upgrades[0]?.origin, 'https://shop.example');
  await socket.close();
});

test('access control stays: no login is accepted without the password file, and addresses are checked', async (t) => {
  const dev = await production(t, []);
  assert.match(dev.text, /auth_basic_user_file \/etc\/nginx\/\.htpasswd: .*--login/);
  const authorization = `Authorization: Basic ${Buffer.from('admin:secret').toString('base64')}`;
  assert.match(await getSecure(dev, '/admin/'), /^HTTP\/1\.1 401 /);
  assert.match(await getSecure(dev, '/admin/', { fields: [authorization] }), /^HTTP\/1\.1 401 /);
  assert.match(await getSecure(dev, '/inside/'), /^HTTP\/1\.1 403 /);

  const open = await production(t, ['--login', 'admin:secret']);
  assert.match(await getSecure(open, '/admin/'), /^HTTP\/1\.1 401 /);
  assert.match(await getSecure(open, '/admin/', { fields: [authorization] }), /^HTTP\/1\.1 200 /);
});

test('files of the configuration that are here are used as they are, and --path says where others are', async (t) => {
  const hash = '{PLAIN}open';
  const dev = await production(t, ['--path', '/var/www/shop/public=site'], {
    'nginx/.htpasswd': `admin:${hash}\n`,
    'site/50x.html': 'ours',
    'nginx/conf.d/files.conf': 'server { listen 8081; root /var/www/shop/public; }',
  });
  const authorization = `Authorization: Basic ${Buffer.from('admin:open').toString('base64')}`;
  assert.match(await getSecure(dev, '/admin/', { fields: [authorization] }), /^HTTP\/1\.1 200 /);
  const [, port] = await dev.shows(/ http:\/\/localhost:(\d+)\/ +nginx\/conf\.d\/files\.conf:1/);
  assert.equal((await get(Number(port), '/50x.html')).body, 'ours');
});

test('a site runs on its own, and so do the sites of a directory; what the rest of the configuration defines is assumed', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, {
    'sites-enabled/shop':
      'server { listen 80; server_name shop.example; limit_req zone=front; location / { try_files /none @app; } location @app { return 200 $upstream_color; } }',
    'sites-enabled/blog': 'server { listen 80; server_name blog.example; return 200 blog; }',
  });
  const dev = await startDev(t, cwd, ['sites-enabled/shop']);
  const [, port] = await dev.shows(/ http:\/\/shop\.example\.localhost:(\d+)\/ +sites-enabled\/shop:1/);
  await dev.shows(/limit_req_zone .* zone=front.*: assumed/);
  assert.equal((await get(Number(port), '/', { fields: ['Host: shop.example.localhost'] })).status, 200);

  const all = await startDev(t, cwd, ['sites-enabled']);
  const [, other] = await all.shows(/ http:\/\/blog\.example\.localhost:(\d+)\/ +sites-enabled\/blog:1/);
  assert.equal((await get(Number(other), '/', { fields: ['Host: blog.example.localhost'] })).body, 'blog');
  assert.equal((await get(Number(other), '/', { fields: ['Host: shop.example.localhost'] })).status, 200);
});

test('a missing file that appears is used at once', async (t) => {
  const dev = await production(t, []);
  assert.match(dev.text, /auth_basic_user_file .*no login is accepted/);
  writeFiles(dev.cwd, { 'nginx/.htpasswd': 'admin:{PLAIN}open\n' });
  await dev.shows(/reloaded \(nginx\/\.htpasswd\)/);
  const authorization = `Authorization: Basic ${Buffer.from('admin:open').toString('base64')}`;
  assert.match(await getSecure(dev, '/admin/', { fields: [authorization] }), /^HTTP\/1\.1 200 /);
});
