/** Configurations of HAProxy as they are found in documentation and repositories. Sections of a case have names of their own. */
import type { ConversionCase } from '../comparison.js';

const DEFAULTS = `defaults
    mode http
    log global
    option httplog
    option dontlognull
    timeout connect 5000
    timeout client 50s
    timeout server 50s
`;

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

export const HAPROXY_CASES: readonly ConversionCase[] = [
  {
    name: 'a frontend has one backend',
    source: `global
    maxconn 1000
${DEFAULTS}
frontend one_in
    bind *:%PORT%
    default_backend one_app
backend one_app
    server app1 127.0.0.1:%A%
`,
    requests: [
      { path: '/' },
      { path: '/a/b?x=1&y=%20z', headers: { 'X-Custom': 'one', Host: 'shop.example' } },
      { path: '/post', method: 'POST', body: 'name=value', headers: { 'Content-Type': 'text/plain' } },
      { path: '/caf%C3%A9/%2Fx' },
      { path: '/x?status=404' },
      { path: '/moved?status=302' },
    ],
  },
  {
    name: 'a listen section has its servers',
    source: `${DEFAULTS}
listen two_web
    bind 127.0.0.1:%PORT%
    balance roundrobin
    option forwardfor
    option http-server-close
    server web1 127.0.0.1:%A% check inter 10s weight 3 maxconn 100
    server web2 127.0.0.1:%B% backup
`,
    requests: [{ path: '/' }, { path: '/x', headers: { 'X-Forwarded-For': '192.0.2.9' } }],
  },
  {
    name: 'paths select backends',
    source: `${DEFAULTS}
frontend three_in
    bind *:%PORT%
    acl is_api path_beg /api
    acl is_static path_end .css .js .png
    acl is_health path /health
    use_backend three_health if is_health
    use_backend three_api if is_api
    use_backend three_static if is_static
    default_backend three_web
backend three_health
    http-request return status 200 content-type text/plain string "OK"
backend three_api
    server a 127.0.0.1:%A%
backend three_static
    server b 127.0.0.1:%B%
backend three_web
    server c 127.0.0.1:%C%
`,
    requests: [
      { path: '/health' },
      { path: '/api/x' },
      { path: '/api/style.css' },
      { path: '/a/style.css?v=1' },
      { path: '/index.html' },
      { path: '/healthy' },
    ],
  },
  {
    name: 'hosts select backends',
    source: `${DEFAULTS}
frontend four_in
    bind *:%PORT%
    acl host_a hdr(host) -i a.example www.a.example
    acl host_b hdr(host) -i b.example
    acl wild hdr_end(host) -i .wild.example
    use_backend four_a if host_a
    use_backend four_b if host_b
    use_backend four_c if wild
backend four_a
    server a 127.0.0.1:%A%
backend four_b
    server b 127.0.0.1:%B%
backend four_c
    server c 127.0.0.1:%C%
`,
    requests: [
      { path: '/', headers: { Host: 'a.example' } },
      { path: '/', headers: { Host: 'WWW.A.example' } },
      { path: '/', headers: { Host: 'b.example' } },
      { path: '/', headers: { Host: 'x.wild.example' } },
      { path: '/', headers: { Host: 'other.example' } },
    ],
  },
  {
    name: 'hosts and paths select together',
    source: `${DEFAULTS}
frontend five_in
    bind *:%PORT%
    acl host_a hdr(host) -i a.example
    acl admin path_beg /admin/
    use_backend five_a if host_a admin
    use_backend five_b if host_a || { path_beg /shared/ }
    default_backend five_c
backend five_a
    server a 127.0.0.1:%A%
backend five_b
    server b 127.0.0.1:%B%
backend five_c
    server c 127.0.0.1:%C%
`,
    requests: [
      { path: '/admin/x', headers: { Host: 'a.example' } },
      { path: '/x', headers: { Host: 'a.example' } },
      { path: '/shared/x', headers: { Host: 'b.example' } },
      { path: '/admin/x', headers: { Host: 'b.example' } },
    ],
  },
  {
    name: 'fields of requests are set, added and removed',
    source: `${DEFAULTS}
frontend six_in
    bind *:%PORT%
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Client %[src]
    http-request add-header X-Many two
    http-request del-header X-Secret
    http-request set-header X-Host %[req.hdr(Host)]
    http-request set-header X-Api yes if { path_beg /api }
    default_backend six_app
backend six_app
    http-request set-header X-Backend-Name app
    server a 127.0.0.1:%A%
`,
    requests: [
      { path: '/', headers: { 'X-Secret': 'no', 'X-Client': 'forged' } },
      { path: '/api/x', headers: { 'X-Many': 'one', 'X-Api': 'client' } },
    ],
  },
  {
    name: 'fields of responses are set, added and removed',
    source: `${DEFAULTS}
frontend seven_in
    bind *:%PORT%
    http-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains"
    http-response del-header X-Internal
    default_backend seven_app
backend seven_app
    http-response add-header X-Many one
    http-response set-header X-Backend replaced
    server a 127.0.0.1:%A%
`,
    requests: [{ path: '/' }, { path: '/x?status=500' }],
  },
  {
    name: 'redirects have all forms',
    source: `${DEFAULTS}
frontend eight_in
    bind *:%PORT%
    http-request redirect location /new code 301 if { path /old }
    http-request redirect prefix https://archive.example code 308 if { path_beg /archive/ }
    http-request redirect scheme https code 301 if { path_beg /secure }
    redirect location https://example.com/ if { path / }
    default_backend eight_app
backend eight_app
    server a 127.0.0.1:%A%
`,
    requests: [
      { path: '/old?x=1' },
      { path: '/archive/2020?x=1' },
      { path: '/secure/a?b', headers: { Host: 'shop.example' } },
      { path: '/' },
      { path: '/else' },
    ],
  },
  {
    name: 'requests are denied',
    source: `${DEFAULTS}
frontend nine_in
    bind *:%PORT%
    acl blocked_path path_beg /private /.git
    acl good_network src 127.0.0.0/8
    acl bad_agent hdr_sub(User-Agent) -i evilbot
    http-request deny if blocked_path
    http-request deny deny_status 429 if bad_agent
    http-request deny unless good_network
    http-request deny deny_status 405 if !METH_GET !METH_POST
    default_backend nine_app
backend nine_app
    server a 127.0.0.1:%A%
`,
    requests: [
      { path: '/' },
      { path: '/private/x' },
      { path: '/.git/config' },
      { path: '/', headers: { 'User-Agent': 'Mozilla EvilBot/1.0' } },
      { path: '/', method: 'DELETE' },
      { path: '/', method: 'POST', body: 'x' },
    ],
  },
  {
    name: 'paths are changed',
    source: `${DEFAULTS}
frontend ten_in
    bind *:%PORT%
    use_backend ten_api if { path_beg /api/ }
    use_backend ten_fixed if { path /fixed }
    default_backend ten_app
backend ten_api
    http-request replace-path /api/(.*) /\\1
    server a 127.0.0.1:%A%
backend ten_fixed
    http-request set-path /other/place
    server b 127.0.0.1:%B%
backend ten_app
    http-request set-path /app%[path]
    server c 127.0.0.1:%C%
`,
    requests: [{ path: '/api/users?id=1' }, { path: '/fixed?q=2' }, { path: '/x/y?z' }],
  },
  {
    name: 'methods and fields select backends',
    source: `${DEFAULTS}
frontend eleven_in
    bind *:%PORT%
    acl writes method POST PUT DELETE
    acl beta req.hdr(X-Beta) -m found
    acl mobile req.hdr(User-Agent) -m sub -i iphone android
    acl has_session cook(session) -m found
    acl search url_param(q) -m found
    use_backend eleven_a if writes
    use_backend eleven_b if beta or mobile
    use_backend eleven_c if has_session !search
    default_backend eleven_d
backend eleven_a
    server a 127.0.0.1:%A%
backend eleven_b
    server b 127.0.0.1:%B%
backend eleven_c
    server c 127.0.0.1:%C%
backend eleven_d
    http-request return status 200 content-type "text/plain" lf-string "%[method] %[path]"
`,
    requests: [
      { path: '/', method: 'PUT', body: 'x' },
      { path: '/', headers: { 'X-Beta': '1' } },
      { path: '/', headers: { 'User-Agent': 'My Android' } },
      { path: '/', headers: { Cookie: 'session=abc' } },
      { path: '/?q=1', headers: { Cookie: 'session=abc' } },
      { path: '/p/q?r=1' },
    ],
  },
  {
    name: 'WebSockets have a backend of their own',
    source: `${DEFAULTS}
frontend twelve_in
    bind *:%PORT%
    acl is_ws hdr(Upgrade) -i websocket
    acl is_upgrade hdr(Connection) -i upgrade
    use_backend twelve_ws if is_ws is_upgrade
    default_backend twelve_web
backend twelve_ws
    timeout tunnel 1h
    server a 127.0.0.1:%A%
backend twelve_web
    server b 127.0.0.1:%B%
`,
    requests: [{ path: '/socket', headers: UPGRADE }, { path: '/socket' }],
  },
  {
    name: 'cookies keep clients at their server',
    source: `${DEFAULTS}
frontend thirteen_in
    bind *:%PORT%
    default_backend thirteen_app
backend thirteen_app
    balance roundrobin
    cookie SRV insert indirect nocache httponly
    server a 127.0.0.1:%A% cookie first
    server b 127.0.0.1:%B% cookie second
`,
    requests: [
      // `indirect` removes the cookie from requests, and sets it once.
      ...['SRV=second', 'SRV=first', 'SRV=second; other=1'].map((Cookie) => ({
        path: '/',
        headers: { Cookie },
        except: ['set-cookie'],
        exceptReceived: ['cookie'],
      })),
    ],
  },
  {
    name: 'expressions select paths',
    source: `${DEFAULTS}
frontend fourteen_in
    bind *:%PORT%
    acl version path_reg ^/v[0-9]+/
    acl upper path_beg -i /Files/
    acl dir path_dir admin
    acl sub path_sub secret
    use_backend fourteen_a if version
    use_backend fourteen_b if upper
    http-request deny if dir
    use_backend fourteen_c if sub
backend fourteen_a
    server a 127.0.0.1:%A%
backend fourteen_b
    server b 127.0.0.1:%B%
backend fourteen_c
    server c 127.0.0.1:%C%
`,
    requests: [
      { path: '/v1/x' },
      { path: '/vx/y' },
      { path: '/FILES/a' },
      { path: '/x/admin/y' },
      { path: '/xadmin/topsecret' },
      { path: '/v2/admin' },
    ],
  },
  {
    name: 'health checks, limits and algorithms belong to the upstream',
    source: `${DEFAULTS}
    option redispatch
    retries 3
frontend fifteen_in
    bind *:%PORT%
    default_backend fifteen_app
backend fifteen_app
    balance leastconn
    option httpchk GET /health
    http-check expect status 200
    default-server inter 10s fall 3 rise 2
    server a 127.0.0.1:%A% check maxconn 50
    server b 127.0.0.1:%A% check maxconn 50 weight 2
`,
    requests: [{ path: '/1' }, { path: '/2' }],
  },
  {
    name: 'several frontends share a backend',
    source: `${DEFAULTS}
frontend sixteen_in
    bind 127.0.0.1:%PORT%
    option forwardfor header X-Client-IP
    http-request set-header X-Entry main
    default_backend sixteen_app
frontend sixteen_other
    bind 127.0.0.2:%PORT%
    http-request set-header X-Entry other
    default_backend sixteen_app
backend sixteen_app
    server a 127.0.0.1:%A%
`,
    requests: [{ path: '/' }],
  },
  {
    name: 'users have passwords',
    source: `userlist seventeen_users
    user alice insecure-password secret
${DEFAULTS}
frontend seventeen_in
    bind *:%PORT%
    acl auth_ok http_auth(seventeen_users)
    acl private path_beg /private
    http-request auth realm Private if private !auth_ok
    default_backend seventeen_app
backend seventeen_app
    server a 127.0.0.1:%A%
`,
    requests: [
      { path: '/public' },
      { path: '/private' },
      { path: '/private', headers: { Authorization: `Basic ${Buffer.from('alice:secret').toString('base64')}` } },
      { path: '/private', headers: { Authorization: `Basic ${Buffer.from('alice:wrong').toString('base64')}` } },
    ],
  },
  {
    name: 'named defaults and quotes are read',
    source: `defaults eighteen_base
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout http-request 10s
    timeout http-keep-alive 15s
frontend eighteen_in from eighteen_base
    bind *:%PORT% name main # the only address
    http-request set-header X-Text "a \\"b\\" c"
    http-request set-header X-Other 'single # quoted'
    http-request set-header X-Escaped one\\ two
    default_backend eighteen_app
backend eighteen_app from eighteen_base
    server a 127.0.0.1:%A%
`,
    requests: [{ path: '/' }],
  },
  {
    name: 'nothing selected is 503, and a dead server 502 or 503',
    source: `${DEFAULTS}
frontend nineteen_in
    bind *:%PORT%
    use_backend nineteen_dead if { path /dead }
    use_backend nineteen_a if { path /a }
backend nineteen_dead
    retries 0
    server x 127.0.0.1:1
backend nineteen_a
    server a 127.0.0.1:%A%
`,
    requests: [{ path: '/a' }, { path: '/none' }],
  },
  {
    name: 'the first rule counts, whatever its path',
    source: `${DEFAULTS}
frontend twenty_in
    bind *:%PORT%
    use_backend twenty_a if { path_beg /a }
    use_backend twenty_b if { path_beg /a/b }
    use_backend twenty_c if { path_end .txt } { method GET }
    default_backend twenty_b
backend twenty_a
    server a 127.0.0.1:%A%
backend twenty_b
    server b 127.0.0.1:%B%
backend twenty_c
    server c 127.0.0.1:%C%
`,
    requests: [
      { path: '/a/b/c' },
      { path: '/a/x.txt' },
      { path: '/x.txt' },
      { path: '/x.txt', method: 'POST', body: 'x' },
      { path: '/b' },
    ],
  },
  {
    name: 'what has no equivalent is listed',
    source: `${DEFAULTS}
frontend last_in
    bind *:%PORT%
    stats enable
    stick-table type ip size 1m expire 30s store http_req_rate(10s)
    http-request track-sc0 src
    http-request set-var(txn.a) path
    acl abuse sc0_http_req_rate gt 100
    http-request deny if abuse
    default_backend last_app
backend last_app
    balance rdp-cookie
    server a 127.0.0.1:%A%
`,
    requests: [{ path: '/x' }],
    missing: [
      /the page of statistics is not converted/,
      /"stick-table" is not converted/,
      /"http-request track-sc0" is not converted/,
      /"http-request set-var\(txn\.a\)" is not converted/,
      /the ACL "abuse"/,
      /"http-request deny" is not converted: the requests that it refuses are passed/,
      /"balance rdp-cookie" is not converted/,
    ],
  },
];
