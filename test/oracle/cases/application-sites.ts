/** Patterns of the sites that projects of self-hosted applications publish: their choices of upstreams, authentication and caching. */
import type { ReceivedRequest } from '../../kit/index.js';
import type { OracleCase, OracleGroup } from '../oracle.js';
import { ask, NEWER } from './request.js';

/** What such projects include in every location. */
const COMMON = `
  proxy_http_version 1.1; proxy_buffers 32 4k; proxy_redirect http:// $scheme://; proxy_cache_bypass $cookie_session;
  proxy_next_upstream error timeout invalid_header http_500 http_502 http_503;
  proxy_set_header Connection $hop; proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host; proxy_set_header Proxy "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Server $host; proxy_set_header X-Forwarded-Ssl on;
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;`;
const APP = `${COMMON} set $app 127.0.0.1; set $app_port %%BACKEND%%; set $app_scheme http; proxy_pass $app_scheme://$app:$app_port;`;

const SITES = {
  // A media server: ranges, fields for one kind of client, a socket below any prefix, metrics for the local network.
  'media.example': `
    location / { if ($http_user_agent ~ TV) { add_header Access-Control-Allow-Origin "luna://app" always; } ${APP} proxy_set_header Range $http_range; proxy_set_header If-Range $http_if_range; }
    location ~ (/media)?/socket { ${APP} }
    location /metrics { allow 192.0.2.0/24; deny all; ${APP} }
    location /library/streams/ { set $app_port %%BACKEND%%; proxy_pass http://127.0.0.1:$app_port; proxy_pass_request_headers off; }`,
  // Below a path: redirects to the slash, prefixes that are removed after proxy_pass was written, own fields.
  'paths2.example': `
    location /tool { return 301 $scheme://$host/tool/; }
    location ^~ /tool/ { ${APP} proxy_buffering off; rewrite /tool(.*) $1 break; proxy_hide_header X-Frame-Options; }
    location ^~ /books/ { ${APP} proxy_set_header X-Scheme $scheme; proxy_set_header X-Script-Name /books; proxy_cookie_path / /books/; }
    location ^~ /books/sync/ { set $app_port %%BACKEND%%; proxy_pass http://127.0.0.1:$app_port; proxy_buffer_size 128k; proxy_buffers 4 256k; proxy_busy_buffers_size 256k; }`,
  // The page of the login server with 200 in place of 401.
  'login.example': `
    location /login { set $login_port %%BACKEND%%; proxy_pass http://127.0.0.1:$login_port; proxy_set_header Connection ""; proxy_set_header X-Target $request_uri; }
    location = /auth { proxy_pass http://127.0.0.1:%%BACKEND%%/identity; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_set_header Cookie session=$cookie_session; proxy_set_header X-Realm "users"; }
    location / { auth_request /auth; error_page 401 =200 /login; ${APP} }`,
  // The identity server below a path of the application, its cookies, its fields, and its login page by redirect.
  'identity.example': `
    location ^~ /outpost { auth_request off; ${APP} }
    location = /outpost/auth { internal; ${COMMON} set $app_port %%BACKEND%%; proxy_pass http://127.0.0.1:$app_port/identity; auth_request_set $cookie $upstream_http_set_cookie; add_header Set-Cookie $cookie; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location @sign-in { internal; auth_request_set $cookie $upstream_http_set_cookie; add_header Set-Cookie $cookie; auth_request_set $login $upstream_http_location; set $login_url $login; set $name $host; if ($host ~* "^[^.]+\\.(.+)$") { set $name $1; } return 302 https://login.$name/?rd=$scheme://$http_host$request_uri; }
    location / { auth_request /outpost/auth; error_page 401 = @sign-in; auth_request_set $user $upstream_http_remote_user; auth_request_set $groups $upstream_http_remote_groups; proxy_set_header Remote-User $user; proxy_set_header Remote-Groups $groups; auth_request_set $cookie $upstream_http_set_cookie; add_header Set-Cookie $cookie; ${APP} }
    location ~ (/app)?/api { ${APP} }`,
  // A back end by method and Accept, in one map; a rewrite after proxy_pass.
  'fediverse.example': `
    set $ui "127.0.0.1:%%BACKEND%%";
    location / { proxy_pass $target; rewrite ^(.+)/+$ $1 permanent; }
    location = /.well-known/security.txt { proxy_pass "http://$ui"; }
    location ~ ^/(api|nodeinfo|.well-known|version|sitemap.xml) { proxy_set_header Connection ""; proxy_set_header X-Real-IP $remote_addr; proxy_pass "http://$ui"; }`,
  // One canonical host; files before the application; internal downloads; no validators; a cheap 204.
  'community.example': `
    add_header Strict-Transport-Security 'max-age=31536000';
    if ($http_host != community.example) { rewrite (.*) https://community.example$1 permanent; }
    root %%ROOT%%/community; set $public %%ROOT%%/community; etag off; client_max_body_size 1k; gzip on; gzip_min_length 100; gzip_proxied any; gzip_types text/css;
    location /favicon.ico { return 204; access_log off; log_not_found off; }
    location / {
      root $public; add_header ETag "";
      location ~* (assets|plugins)/.*\\.(woff2|ico)$ { expires 1d; add_header Cache-Control public,immutable; add_header Access-Control-Allow-Origin *; }
      location ~ ^/assets/(?<asset>.+)$ { expires max; gzip_static on; add_header X-Asset $asset; add_header Cache-Control public,immutable; break; }
      location ~ ^/uploads/ {
        proxy_set_header Connection ""; proxy_set_header X-Sendfile-Type X-Accel-Redirect; proxy_set_header X-Accel-Mapping $public/=/downloads/;
        location ~* \\.(png|gif)$ { add_header Access-Control-Allow-Origin *; try_files $uri =404; }
        location ~* \\.(svg)$ { }
        location ~ /_?optimized/ { try_files $uri =404; }
        proxy_pass http://127.0.0.1:%%BACKEND%%; break;
      }
      location ~ ^/(avatar/|stylesheets|locales/(mf|overrides)) { proxy_ignore_headers "Set-Cookie"; proxy_hide_header "Set-Cookie"; proxy_hide_header X-Runtime; proxy_pass http://127.0.0.1:%%BACKEND%%; break; }
      location /bus/ { proxy_http_version 1.1; proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; break; }
      try_files $uri @app;
    }
    location /downloads/ { internal; alias $public/; }
    location @app { proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $proto; proxy_pass http://127.0.0.1:%%BACKEND%%; }`,
  // Files of a PHP application, with its front controller as a proxied one.
  'files.example': `
    root %%ROOT%%/files; index index.php index.html /index.php$request_uri;
    add_header X-Robots-Tag "noindex, nofollow" always; add_header Referrer-Policy no-referrer always;
    location = / { if ( $http_user_agent ~ ^Dav ) { return 302 /remote.php/dav/$is_args$args; } }
    location = /robots.txt { allow all; log_not_found off; access_log off; }
    location ^~ /.well-known {
      location = /.well-known/carddav { return 301 /remote.php/dav/; }
      location /.well-known/acme-challenge { try_files $uri $uri/ =404; }
      return 301 /index.php$request_uri;
    }
    location ~ ^/(?:build|config|data)(?:$|/) { return 404; }
    location ~ ^/(?:\\.|autotest|console) { return 404; }
    location ~ \\.php(?:$|/) { rewrite ^/(?!index|remote|ocs\\/v[12]|.+\\/proxy) /index.php$request_uri; proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_intercept_errors on; }
    location ~ \\.(?:css|js|svg)$ { try_files $uri /index.php$request_uri; add_header Cache-Control "public, max-age=15778463$immutable"; }
    location ~ \\.(otf|woff2?)$ { try_files $uri /index.php$request_uri; expires 7d; }
    location /remote { return 301 /remote.php$request_uri; }
    location / { try_files $uri $uri/ /index.php$request_uri; }`,
  // The output of a generator: a destination path, a policy for https only, redirects that keep the method, a page for debugging.
  'containers.example': `
    set $sts ""; if ($https) { set $sts "max-age=1"; } add_header Strict-Transport-Security $sts always;
    location ^~ /.well-known/acme-challenge/ { auth_basic off; auth_request off; allow all; root %%ROOT%%/acme; try_files $uri =404; break; }
    location /api/ { proxy_set_header Connection $generated_connection; proxy_pass http://containers/v1/; set $upstream_keepalive true; }
    location /plain/ { proxy_set_header Connection $generated_connection; proxy_pass http://containers; set $upstream_keepalive false; }
    location /debug { default_type application/json; return 200 '{"host":"$host","https":"$https"}\\n'; }
    location /moved { if ($request_method ~ (OPTIONS|POST|PUT)) { return 308 https://$host:8443$request_uri; } return 301 https://$host:8443$request_uri; }
    location /none { return 404; }`,
} as const;
type Host = keyof typeof SITES;

function at(host: Host, line: string, fields: readonly string[] = [], body = ''): OracleCase {
  return ask(line, [`Host: ${host}`, ...fields, ...(body === '' ? [] : [`Content-Length: ${body.length}`])], body);
}
function each(host: Host, paths: readonly string[]): OracleCase[] {
  return paths.map((path) => at(host, `GET ${path}`));
}

function response(status: string, fields: readonly string[], body = 'ok'): string {
  return `HTTP/1.1 ${status}\r\n${fields.map((field) => `${field}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Fields before and after those that the proxy changes. */
function backend({ target, field, method }: ReceivedRequest): string {
  if (target === '/identity') {
    return (field('cookie') ?? '').includes('session=1')
      ? response('200 OK', ['Remote-User: ann', 'Remote-Groups: users', 'Set-Cookie: seen=1'])
      : response('401 Unauthorized', ['Location: https://login.example/', 'Set-Cookie: login=1']);
  }
  if (target.includes('redirect')) {
    return response(
      '302 Found',
      ['X-Before: 1', `Location: http://${field('host')}/else`, 'Set-Cookie: a=1; Path=/', 'X-After: 1'],
      '',
    );
  }
  if (target.includes('ranged') && field('range') !== undefined)
    return response(
      '206 Partial Content',
      ['Content-Range: bytes 0-1/9', 'Accept-Ranges: bytes', 'ETag: "v1"', 'X-After: 1'],
      '01',
    );
  if (target.includes('sendfile'))
    return response('200 OK', ['X-Accel-Redirect: /downloads/backups/a.gz', 'X-Runtime: 1'], '');
  if (target.includes('missing')) return response('404 Not Found', ['Content-Type: text/html', 'X-Before: 1'], 'none');
  const fields = [
    'X-Before: 1',
    'ETag: "v1"',
    'Content-Type: text/css',
    'Set-Cookie: a=1; Path=/',
    'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
    'X-Frame-Options: DENY',
    'X-Runtime: 2',
    'X-After: 1',
  ];
  return response('200 OK', fields, method === 'HEAD' ? '' : 'p { color: red }\n'.repeat(20));
}

export const applicationSites: OracleGroup = {
  name: 'sites of applications',
  config: `
    resolver 127.0.0.1; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_headers_hash_bucket_size 128; server_names_hash_bucket_size 128;
    types { text/html html; text/css css; application/javascript js; image/png png; image/svg+xml svg; font/woff2 woff2; }
    default_type application/octet-stream;
    map $http_upgrade $hop { default upgrade; '' close; }
    map "$request_method:$http_accept" $target {
      default "http://127.0.0.1:%%BACKEND%%/ui";
      "~^(?:GET|HEAD):.*?application\\/(?:activity|ld)\\+json" "http://127.0.0.1:%%BACKEND%%/api-read";
      "~^(?!(GET|HEAD)).*:" "http://127.0.0.1:%%BACKEND%%/api-write";
    }
    map $http_x_forwarded_proto $proto { default $scheme; "~https$" https; }
    map $arg_v $immutable { "" ""; default ", immutable"; }
    map $http_upgrade $generated_connection { default upgrade; '' $without_upgrade; }
    map $upstream_keepalive $without_upgrade { default close; true ''; }
    map "" $upstream_keepalive { default false; }
    upstream containers { server 127.0.0.1:%%BACKEND%%; keepalive 2; }
    server { listen 127.0.0.1:%%PORT%% default_server; server_name _; location ^~ / { return 503; } }
    ${Object.entries(SITES)
      .map(([name, text]) => `server { listen 127.0.0.1:%%PORT%%; server_name ${name} www.${name}; ${text} }`)
      .join('\n')}`,
  files: {
    'community/assets/app.js': 'let app = 1;\n'.repeat(20),
    'community/assets/app.js.gz': 'not compressed',
    'community/assets/font.woff2': 'font',
    'community/uploads/a.png': 'png',
    'community/uploads/a.svg': '<svg/>',
    'community/backups/a.gz': 'backup',
    'files/robots.txt': 'User-agent: *',
    'files/core/app.css': 'p { color: red }',
    'files/core/font.woff2': 'font',
    'files/.well-known/acme-challenge/token': 'answer',
    'files/config/config.php': 'secret',
    'acme/.well-known/acme-challenge/token': 'answer',
  },
  backend,
  cases: [
    ask('GET /', ['Host: none.example']),
    at('media.example', 'GET /ranged', ['Range: bytes=0-1', 'If-Range: "v1"']),
    at('media.example', 'GET /', ['User-Agent: TV/1']),
    at('media.example', 'GET /missing', ['User-Agent: TV/1']),
    at('media.example', 'GET /media/socket', ['Upgrade: websocket', 'Connection: Upgrade']),
    at('media.example', 'GET /library/streams/1?a=b', ['X-Token: 1', 'Cookie: a=b']),
    at('media.example', 'POST /library/streams/1', ['X-Token: 1'], 'body'),
    ...each('media.example', ['/metrics', '/redirect', '/a%2Fb?c=%41']),
    ...each('paths2.example', [
      '/tool',
      '/tool?a=1',
      '/tool/x%20y?z',
      '/tool/redirect',
      '/toolbox',
      '/books/',
      '/books/redirect',
      '/books/sync/v1',
      '/books',
    ]),
    ...['/private', '/private?a=1', '/login/x'].flatMap((path) => [
      at('login.example', `GET ${path}`),
      at('login.example', `GET ${path}`, ['Cookie: session=1']),
      at('login.example', `POST ${path}`, [], 'a=1'),
      at('identity.example', `GET ${path}`),
      at('identity.example', `GET ${path}`, ['Cookie: session=1']),
    ]),
    at('identity.example', 'POST /form', ['Cookie: session=1'], 'a=1'),
    at('identity.example', 'GET /redirect', ['Cookie: session=1']),
    at('identity.example', 'GET /outpost/start'),
    at('identity.example', 'GET /outpost/auth'),
    at('identity.example', 'GET /app/api/items'),
    ask('GET /deep', ['Host: www.identity.example']),
    ...[
      'GET /u/ann',
      'HEAD /u/ann',
      'POST /inbox',
      'GET /post/1/',
      'GET /post/1///?a=1',
      'DELETE /u/ann',
      'GET /',
    ].flatMap((line) => [
      at('fediverse.example', line, ['Accept: application/activity+json']),
      at('fediverse.example', line, ['Accept: text/html, application/xhtml+xml']),
    ]),
    ...each('fediverse.example', [
      '/.well-known/security.txt',
      '/.well-known/webfinger?r=a',
      '/sitemap.xml',
      '/versions',
    ]),
    ask('GET /t/1?a=b', ['Host: www.community.example']),
    ask('GET /t/1?a=b', ['Host: community.example:8080']),
    ask('POST /t/1', ['Host: WWW.community.example', 'Content-Length: 1'], 'x'),
    ...each('community.example', [
      '/favicon.ico',
      '/',
      '/t/1',
      '/assets/app.js',
      '/assets/font.woff2',
      '/assets/none.js',
      '/uploads/a.png',
      '/uploads/none.png',
      '/uploads/a.svg',
      '/uploads/optimized/a',
      '/uploads/sendfile',
      '/avatar/a',
      '/bus/poll',
      '/downloads/backups/a.gz',
      '/missing',
      '/redirect',
    ]),
    { ...at('community.example', 'GET /assets/app.js', ['Accept-Encoding: gzip']), known: NEWER.rangesOfCompressed },
    at('community.example', 'GET /t/1', ['Accept-Encoding: gzip', 'X-Forwarded-Proto: http, https']),
    at('community.example', 'HEAD /uploads/sendfile'),
    at('community.example', 'POST /t', [], 'x'.repeat(1025)),
    ...each('files.example', [
      '/',
      '/robots.txt',
      '/core/app.css',
      '/core/app.css?v=1',
      '/core/none.css?v=1',
      '/core/font.woff2',
      '/.well-known/carddav',
      '/.well-known/acme-challenge/token',
      '/.well-known/acme-challenge/none',
      '/.well-known/x?a=1',
      '/config/config.php',
      '/data',
      '/.env',
      '/console',
      '/status.php',
      '/index.php/missing',
      '/remote.php/dav/',
      '/remote/x',
      '/apps/files/?dir=/',
    ]),
    at('files.example', 'GET /?a=1', ['User-Agent: DavClnt']),
    at('files.example', 'PUT /remote.php/dav/a', [], 'text'),
    ...each('containers.example', [
      '/api/x?y=1',
      '/api',
      '/plain/x',
      '/debug',
      '/moved?a=1',
      '/none',
      '/',
      '/.well-known/acme-challenge/token',
      '/.well-known/acme-challenge/none',
    ]),
    at('containers.example', 'POST /moved?a=1', [], 'a'),
    at('containers.example', 'GET /api/x', ['Upgrade: websocket', 'Connection: Upgrade']),
  ],
};
