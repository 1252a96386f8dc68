import { type ReceivedRequest, reply } from '../../kit/index.js';
import type { OracleGroup } from '../oracle.js';
import { ask, knownFor, NEWER } from './request.js';

function basic(credentials: string): string {
  return `Authorization: Basic ${Buffer.from(credentials, 'latin1').toString('base64')}`;
}

/** The password of every user is `password`. */
const USERS = `# comment
des:abJnggxhB/yWI
md5:$1$salt$qJH7.N4xYta3aEG/dfqo/0
apr1:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.
sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
ssha:{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0
plain:{PLAIN}password:further:fields
crlf:{PLAIN}password\r
sha256:$5$rounds=1000$salt$p.wiWs2zrZ7irikO2AL64QDIJo00A3KDq2xWHpLJGgB
twice:{PLAIN}other
twice:{PLAIN}password
locked:*
bad:zz:!
#commented:{PLAIN}password
 space:{PLAIN}password
empty:{PLAIN}
last:{PLAIN}password`;

const NAMES = 'des md5 apr1 sha ssha plain crlf sha256 twice locked bad #commented commented space none last DES'.split(
  ' ',
);

/** `auth_basic`, `satisfy`, `limit_except`. */
export const accessRules: OracleGroup = {
  name: 'access rules',
  config: `
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      auth_basic "closed $arg_realm";
      auth_basic_user_file %%ROOT%%/users;
      location / { }
      location /off { auth_basic off; return 200 off; }
      location /variable { auth_basic $arg_realm; alias %%ROOT%%/t.html; }
      location /file { auth_basic_user_file %%ROOT%%/$arg_file; alias %%ROOT%%/t.html; }
      location /any-allowed { satisfy any; allow 127.0.0.1; deny all; alias %%ROOT%%/t.html; }
      location /any-denied { satisfy any; deny all; alias %%ROOT%%/t.html; }
      location /all-denied { deny all; alias %%ROOT%%/t.html; }
      location /page { error_page 401 /off; alias %%ROOT%%/t.html; }
      location /page200 { error_page 401 =200 /off; alias %%ROOT%%/t.html; }
      location /redirect { error_page 401 =302 /login; alias %%ROOT%%/t.html; }
      location /except { auth_basic off; limit_except GET { auth_basic except; } alias %%ROOT%%/t.html; }
      location /except-deny { auth_basic off; limit_except GET POST { deny all; } alias %%ROOT%%/t.html; }
    }`,
  files: { 't.html': 'SEE THIS', users: USERS, other: 'plain:{PLAIN}secret\n' },
  cases: [
    ask('GET /t.html'),
    ask('HEAD /t.html'),
    ask('POST /t.html', ['Content-Length: 3'], 'abc'),
    ...NAMES.flatMap((name) => [
      ask(`GET /t.html?user=${name.replace('#', '')}`, [basic(`${name}:password`)]),
      ask(`GET /t.html?wrong=${name.replace('#', '')}`, [basic(`${name}:passwor`)]),
    ]),
    ask('GET /t.html', [basic('empty:')]),
    ask('GET /t.html', [basic('empty:x')]),
    ask('GET /t.html', [basic('plain:password:further')]),
    ask('GET /t.html', [basic('plain:password\0more')]),
    ask('GET /t.html', [basic('plain')]),
    ask('GET /t.html', [basic(':password')]),
    ask('GET /t.html', [basic('plain:')]),
    ask('GET /t.html', ['Authorization: Basic']),
    ask('GET /t.html', ['Authorization: Basic ']),
    ask('GET /t.html', ['Authorization: Basic !!!']),
    ask('GET /t.html', ['Authorization: Basic cGxhaW46cGFzc3dvcmQ']),
    ask('GET /t.html', ['Authorization: Basic cGxhaW46cGFzc3dvcmQ=']),
    ask('GET /t.html', ['Authorization: Basic cGxhaW46cGFzc3dvcmQ=garbage']),
    ask('GET /t.html', ['Authorization: Basic cGxhaW46cGFzc3dvcmQgarbage']),
    ask('GET /t.html', ['Authorization: basic    cGxhaW46cGFzc3dvcmQ=']),
    ask('GET /t.html', ['Authorization: Basic\tcGxhaW46cGFzc3dvcmQ=']),
    ask('GET /t.html', ['Authorization: Bearer cGxhaW46cGFzc3dvcmQ=']),
    ask('GET /t.html', ['Authorization: BasicX cGxhaW46cGFzc3dvcmQ=']),
    ask('GET /off'),
    ask('GET /t.html?realm=my"realm'),
    ask('GET /variable?realm=off'),
    ask('GET /variable?realm=on'),
    ask('GET /variable'),
    ask('GET /file?file=other', [basic('plain:secret')]),
    ask('GET /file?file=other', [basic('plain:password')]),
    ask('GET /file?file=missing', [basic('plain:secret')]),
    ask('GET /file?file=missing'),
    ask('GET /file?file=', [basic('plain:secret')]),
    ask('GET /any-allowed'),
    ask('GET /any-allowed', [basic('plain:wrong')]),
    ask('GET /any-denied'),
    ask('GET /any-denied', [basic('plain:password')]),
    ask('GET /any-denied', [basic('plain:wrong')]),
    ask('GET /all-denied', [basic('plain:password')]),
    ask('GET /page'),
    ask('GET /page200'),
    ask('GET /redirect'),
    ask('GET /except'),
    ask('HEAD /except'),
    ask('DELETE /except'),
    ask('DELETE /except', [basic('plain:password')]),
    ask('POST /except', ['Content-Length: 0']),
    ask('PUT /except-deny', ['Content-Length: 0']),
    ask('OPTIONS /except-deny'),
    ask('HEAD /except-deny'),
  ],
};

function authorize(request: ReceivedRequest): string {
  const status = /status=(\d+)/.exec(request.target)?.[1] ?? request.field('x-status');
  if (status === undefined) return reply(`back end: ${request.target} ${request.field('x-user') ?? '-'}`);
  const fields = ['X-User: joe', 'WWW-Authenticate: Basic realm="a"', 'WWW-Authenticate: Bearer'];
  return reply('authorization body', { status: `${status} Reason`, fields });
}

/** `auth_request`, `auth_request_set`. */
export const authorization: OracleGroup = {
  name: 'authorization by subrequests',
  config: `
    root %%ROOT%%;
    proxy_http_version 1.1;
    server {
      listen 127.0.0.1:%%PORT%%;
      auth_request_set $user $upstream_http_x_user;
      auth_request_set $status_of_auth $upstream_status;
      location / {
        auth_request /auth;
        proxy_set_header Connection "";
        proxy_set_header X-User $user;
        proxy_set_header X-Status "";
        proxy_pass http://127.0.0.1:%%BACKEND%%;
      }
      location = /auth {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URI $request_uri;
        proxy_pass http://127.0.0.1:%%BACKEND%%;
      }
      location /text { auth_request /return/204; add_header X-User "$user|$status_of_auth" always; alias %%ROOT%%/t.html; }
      location /denied { auth_request /return/403; alias %%ROOT%%/t.html; }
      location /challenged { auth_request /return/401; alias %%ROOT%%/t.html; }
      location /missing { auth_request /return/404; alias %%ROOT%%/t.html; }
      location /redirected { auth_request /return/302; alias %%ROOT%%/t.html; }
      location /failed { auth_request /down; alias %%ROOT%%/t.html; }
      location /query { auth_request /auth?a=b; alias %%ROOT%%/t.html; }
      location /any { satisfy any; auth_request /return/403; allow 127.0.0.1; deny all; alias %%ROOT%%/t.html; }
      location /any-no { satisfy any; auth_request /return/401; deny all; alias %%ROOT%%/t.html; }
      location /off { auth_request off; alias %%ROOT%%/t.html; }
      location /nested { auth_request /static-auth; alias %%ROOT%%/t.html; }
      location /login { auth_request /return/401; error_page 401 =302 /login-page?from=$request_uri; alias %%ROOT%%/t.html; }
      location /page { auth_request /return/403; error_page 403 /off; alias %%ROOT%%/t.html; }
      location = /login-page { return 302 /sign-in; }
      location = /static-auth { auth_request off; alias %%ROOT%%/t.html; }
      location = /return/204 { return 204; }
      location = /return/401 { add_header WWW-Authenticate Added always; return 401; }
      location = /return/403 { return 403; }
      location = /return/404 { return 404; }
      location = /return/302 { return 302 /elsewhere; }
      location = /down { proxy_pass http://127.0.0.1:%%CLOSED%%; }
    }`,
  files: { 't.html': 'SEE THIS' },
  backend: authorize,
  cases: knownFor(
    [
      ...[200, 201, 204, 299, 302, 400, 401, 403, 404, 500, 503].map((status) =>
        ask(`GET /page?x=${status}`, [`X-Status: ${status}`]),
      ),
      ...[200, 201, 204, 299, 302, 400, 401, 403, 404, 500, 503].map((status) =>
        ask(`GET /proxied/${status}`, [`X-Status: ${status}`]),
      ),
      ask('POST /proxied', ['X-Status: 200', 'Content-Length: 5'], 'hello'),
      ask('POST /proxied', ['X-Status: 200', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
      ask('POST /proxied', ['X-Status: 403', 'Content-Length: 5'], 'hello'),
      ask('HEAD /proxied', ['X-Status: 200']),
      ask('PUT /proxied', ['X-Status: 401', 'Content-Length: 0']),
      ask('GET /text'),
      ask('GET /denied'),
      ask('GET /challenged'),
      ask('GET /missing'),
      ask('GET /redirected'),
      ask('GET /failed'),
      ask('GET /query'),
      ask('GET /any'),
      ask('GET /any-no'),
      ask('GET /off'),
      ask('GET /nested'),
      ask('GET /nested', ['Range: bytes=0-2']),
      ask('GET /nested', ['If-None-Match: *']),
      ask('GET /login'),
      ask('GET /page'),
      ask('GET /auth'),
    ],
    {
      'GET /proxied/401, X-Status: 401': NEWER.challenges,
      'PUT /proxied, X-Status: 401, Content-Length: 0': NEWER.challenges,
    },
  ),
};
