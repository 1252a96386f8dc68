/** Sites in the shape of the configurations that popular self-hosted projects publish. */
import type { OracleCase, OracleGroup } from '../oracle.js';
import { ask } from './request.js';

const FORWARDED = `
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Forwarded-Uri $request_uri;
  proxy_set_header X-Original-Method $request_method;`;

const SITES = {
  // A subdomain per application, an identity provider in front of it, and an API that it does not protect.
  'app.example': `
    client_max_body_size 0;
    location / {
      auth_request /verify;
      auth_request_set $user $upstream_http_remote_user;
      error_page 401 = @login;
      proxy_set_header Remote-User $user;
      ${FORWARDED}
      set $upstream_port %%BACKEND%%;
      proxy_pass http://127.0.0.1:$upstream_port;
    }
    location ~ (/app)?/api { ${FORWARDED} proxy_pass http://127.0.0.1:%%BACKEND%%; }
    location = /verify { internal; ${FORWARDED} proxy_set_header Content-Length ""; proxy_pass_request_body off; proxy_pass http://127.0.0.1:%%BACKEND%%/verify; }
    location @login { internal; add_header Set-Cookie "target=$request_uri"; return 302 https://login.example/?rd=$scheme://$http_host$request_uri; }`,
  // Several applications below paths of one host, with and without their prefix.
  'paths.example': `
    location /kept { return 301 $scheme://$host/kept/; }
    location ^~ /kept/ { ${FORWARDED} proxy_pass http://127.0.0.1:%%BACKEND%%; }
    location ^~ /removed/ { ${FORWARDED} rewrite /removed(.*) $1 break; proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect / /removed/; proxy_hide_header X-Frame-Options; }
    location ^~ /replaced/ { ${FORWARDED} proxy_pass http://127.0.0.1:%%BACKEND%%/base/; proxy_cookie_path /base/ /replaced/; }`,
  // A set of policies for static files.
  'static.example': `
    root %%ROOT%%/static; index index.html; charset utf-8; charset_types text/css;
    error_page 404 /404.html;
    add_header X-Content-Type-Options $x_content_type_options always;
    add_header Referrer-Policy strict-origin-when-cross-origin always;
    expires $expires;
    location ~* /\\.(?!well-known\\/) { deny all; }
    location ~* (?:#.*#|\\.(?:bak|conf|dist|sql|sw[op])|~)$ { deny all; }
    location ~* ^(.+)\\.(?:\\d+)\\.(css|js)$ { try_files $uri $1.$2; }`,
  // A conference server: WebSockets, long polling, pages for any room.
  'meet.example': `
    root %%ROOT%%/meet; index index.html;
    error_page 404 /static/404.html;
    ssi on; ssi_types application/x-javascript application/javascript;
    set $prefix "";
    location = /config.js { alias %%ROOT%%/meet/config.js; }
    location ~ ^/(libs|static)/(.*)$ { add_header Access-Control-Allow-Origin *; alias %%ROOT%%/meet/$1/$2; if ($arg_v) { expires 1y; } }
    location = /http-bind { proxy_pass http://127.0.0.1:%%BACKEND%%/http-bind?prefix=$prefix&$args; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host; proxy_set_header Connection ""; }
    location ~ ^/([^/?&:'"]+)$ { set $roomname "$1"; try_files $uri @root; }
    location @root { rewrite ^/(.*)$ / break; }
    location ~ ^/([^/?&:'"]+)/config.js$ { set $subdomain "$1."; set $subdir "$1/"; alias %%ROOT%%/meet/config.js; }
    location ~ ^/([^/?&:'"]+)/http-bind$ { set $prefix "$1"; rewrite ^/(.*)$ /http-bind; }
    location ~ ^/([^/?&:'"]+)/(.*)$ { set $subdomain "$1."; rewrite ^/([^/?&:'"]+)/(.*)$ /$2; }`,
  // A chat server: an API with WebSockets, and everything else.
  'chat.example': `
    location ~ /api/v[0-9]+/(users/)?websocket$ { ${FORWARDED.replace('Connection ""', 'Connection upgrade')} proxy_set_header Upgrade $http_upgrade; client_max_body_size 50M; proxy_read_timeout 600s; proxy_pass http://127.0.0.1:%%BACKEND%%; }
    location / { ${FORWARDED} client_max_body_size 1k; proxy_set_header X-Frame-Options SAMEORIGIN; proxy_buffers 256 16k; proxy_buffer_size 16k; proxy_pass http://127.0.0.1:%%BACKEND%%; }`,
  // A federated server: the interface or the back end, by method and Accept.
  'federated.example': `
    location / {
      set $target "ui";
      if ($http_accept ~ "^application/.*$") { set $target "api"; }
      if ($request_method = POST) { set $target "api"; }
      proxy_set_header X-Target $target;
      proxy_set_header Connection "";
      proxy_pass http://127.0.0.1:%%BACKEND%%;
      rewrite ^(.+)/+$ $1 permanent;
      proxy_set_header Host $host;
    }
    location ~ ^/(api|pictrs|feeds|nodeinfo|.well-known) { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }`,
  // A forum: files by the back end's X-Accel-Redirect, and limits.
  'forum.example': `
    root %%ROOT%%/forum; server_tokens off;
    set $public %%ROOT%%/forum;
    location ^~ /backups/ { internal; }
    location / {
      add_header ETag "";
      if (-f $document_root/maintenance.html) { return 503; }
      location ~ ^/uploads/ { proxy_set_header X-Accel-Mapping $public/=/downloads/; try_files $uri @forum; expires 1y; add_header Cache-Control public,immutable; }
      location ~ ^/admin/backups/ { ${FORWARDED} proxy_set_header X-Sendfile-Type X-Accel-Redirect; proxy_set_header X-Accel-Mapping $public/=/downloads/; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      try_files $uri @forum;
    }
    location /downloads/ { internal; alias %%ROOT%%/forum/; }
    location @forum { proxy_hide_header ETag; ${FORWARDED} add_header Referrer-Policy no-referrer-when-downgrade; proxy_pass http://127.0.0.1:%%BACKEND%%; }`,
  // The output of a generator: one upstream per container, and fields as they came.
  'generated.example': `
    proxy_http_version 1.1;
    proxy_set_header Host $host$host_port;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $proxy_connection;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $proxy_x_forwarded_proto;
    proxy_set_header X-Forwarded-Port $proxy_x_forwarded_port;
    proxy_set_header X-Original-URI $request_uri;
    proxy_set_header Proxy "";
    location /.well-known/acme-challenge/ { auth_basic off; allow all; root %%ROOT%%/acme; try_files $uri =404; break; }
    location / { proxy_pass http://generated; set $upstream_keepalive false; }`,
} as const;

const at = (
  host: keyof typeof SITES | 'unknown.example',
  line: string,
  fields: readonly string[] = [],
  body = '',
): OracleCase =>
  ask(line, [`Host: ${host}`, ...fields, ...(body === '' ? [] : [`Content-Length: ${body.length}`])], body);

export const sites: OracleGroup = {
  name: 'sites of self-hosted applications',
  config: `
    proxy_http_version 1.1;
    types { text/html html; text/css css; application/javascript js; image/png png; }
    default_type application/octet-stream;
    server_names_hash_bucket_size 128;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    map $http_upgrade $proxy_connection { default upgrade; '' close; }
    map $http_x_forwarded_proto $proxy_x_forwarded_proto { default $http_x_forwarded_proto; '' $scheme; }
    map $http_x_forwarded_port $proxy_x_forwarded_port { default $http_x_forwarded_port; '' 80; }
    map $http_host $host_port { default ''; '~(?<port>:\\d+)$' $port; }
    map $sent_http_content_type $x_content_type_options { default nosniff; ~image/ ''; }
    map $sent_http_content_type $expires { default off; ~*text/css 1y; ~*text/html epoch; }
    gzip on; gzip_vary on; gzip_proxied any; gzip_min_length 256; gzip_types text/css application/javascript;
    upstream generated { server 127.0.0.1:%%BACKEND%%; keepalive 2; }
    server { listen 127.0.0.1:%%PORT%% default_server; server_name _; return 444; }
    ${Object.entries(SITES)
      .map(([name, text]) => `server { listen 127.0.0.1:%%PORT%%; server_name ${name} www.${name}; ${text} }`)
      .join('\n')}`,
  files: {
    'static/index.html': '<p>index</p>',
    'static/404.html': '<p>not here</p>',
    'static/style.css': 'p { color: red }\n'.repeat(50),
    'static/image.png': 'png',
    'static/.env': 'secret',
    'static/.well-known/security.txt': 'contact',
    'static/dump.sql': 'secret',
    'meet/index.html': '<!--# echo var="subdomain" default="" --><!--# include virtual="/static/title.html" -->',
    'meet/config.js': 'var room = "<!--# echo var="subdir" default="" -->";',
    'meet/static/title.html': '<title>',
    'meet/static/404.html': 'no such page',
    'meet/libs/lib.js': 'library',
    'forum/uploads/a.png': 'upload',
    'forum/backups/b.gz': 'backup',
    'acme/.well-known/acme-challenge/token': 'answer',
  },
  backend(request) {
    const { target } = request;
    const response = (status: string, fields: readonly string[] = [], body = 'ok') =>
      `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
    if (target.startsWith('/verify')) {
      const known = request.field('cookie') === 'session=1';
      return known ? response('200 OK', ['Remote-User: ann']) : response('401 Unauthorized');
    }
    if (target.includes('redirect')) return response('302 Found', ['Location: /elsewhere'], '');
    if (target.includes('cookie'))
      return response('200 OK', ['Set-Cookie: a=b; Path=/base/; HttpOnly', 'X-Frame-Options: DENY']);
    if (target.includes('backups'))
      return response('200 OK', ['X-Accel-Redirect: /downloads/backups/b.gz', 'Content-Type: application/gzip'], '');
    if (target.includes('tagged')) return response('200 OK', ['ETag: "1"', 'Content-Type: text/html']);
    return response('200 OK', ['Content-Type: text/html']);
  },
  cases: [
    at('unknown.example', 'GET /'),
    at('app.example', 'GET /page?a=1'),
    at('app.example', 'GET /page?a=1', ['Cookie: session=1', 'X-Forwarded-For: 192.0.2.1']),
    at('app.example', 'POST /form', ['Cookie: session=1'], 'a=1&b=2'),
    at('app.example', 'GET /api/items'),
    at('app.example', 'GET /verify'),
    ...[
      '/kept',
      '/kept/x?y=1',
      '/removed/x',
      '/removed/redirect',
      '/removed/cookie',
      '/replaced/a/../b',
      '/replaced/cookie',
      '/none',
    ].map((path) => at('paths.example', `GET ${path}`)),
    ...[
      '/',
      '/style.css',
      '/style.123.css',
      '/image.png',
      '/missing',
      '/.env',
      '/.well-known/security.txt',
      '/dump.sql',
    ].map((path) => at('static.example', `GET ${path}`)),
    at('static.example', 'HEAD /style.css', ['Accept-Encoding: gzip']),
    ...[
      '/',
      '/room',
      '/config.js',
      '/tenant/room',
      '/tenant/config.js',
      '/libs/lib.js?v=1',
      '/libs/none.js',
      '/tenant/http-bind?room=x',
    ].map((path) => at('meet.example', `GET ${path}`)),
    at('meet.example', 'POST /http-bind?room=x', [], '<body/>'),
    at('chat.example', 'GET /api/v4/websocket', ['Upgrade: websocket', 'Connection: Upgrade']),
    at('chat.example', 'GET /channel'),
    at('chat.example', 'POST /files', [], 'x'.repeat(1025)),
    ...['GET /post/1', 'GET /post/1/', 'POST /inbox', 'GET /api/v3/site', 'GET /.well-known/webfinger?r=a'].map(
      (line) => at('federated.example', line),
    ),
    at('federated.example', 'GET /u/ann', ['Accept: application/activity+json']),
    ...[
      '/',
      '/tagged',
      '/uploads/a.png',
      '/uploads/none.png',
      '/admin/backups/b.gz',
      '/backups/b.gz',
      '/downloads/backups/b.gz',
    ].map((path) => at('forum.example', `GET ${path}`)),
    at('generated.example', 'GET /x'),
    at('generated.example', 'GET /x', [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 443',
      'Proxy: http://attacker.example',
    ]),
    at('generated.example', 'GET /.well-known/acme-challenge/token'),
    at('generated.example', 'GET /.well-known/acme-challenge/none'),
    ask('GET /port', ['Host: generated.example:8080']),
    ask('GET /', ['Host: WWW.App.Example']),
  ],
};
