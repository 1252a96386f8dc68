import type { OracleGroup } from '../oracle.js';
import { ask, knownFor, NEWER } from './request.js';

export const tryFiles: OracleGroup = {
  name: 'try_files',
  config: `
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      location / { try_files $uri /fallback; }
      location /short/ { try_files /short $uri =404; }
      location /file-file/ { try_files /found.html =404; }
      location /file-dir/ { try_files /found.html/ =404; }
      location /dir-dir/ { try_files /directory/ =404; }
      location /dir-file/ { try_files /directory =404; }
      location ~ /alias-re.html { alias %%ROOT%%/directory; try_files $uri =404; }
      location /alias-nested/ { alias %%ROOT%%/; location ~ html { try_files $uri =404; } }
      location /alias/ { alias %%ROOT%%/directory/; try_files $uri $uri.html /fallback?from=alias; }
      location /alias-same/ { alias %%ROOT%%/directory/; try_files $uri /alias-same/fallback$is_args$args; }
      location /args/ { try_files $uri /fallback?$args; }
      location /named/ { try_files $uri @named; }
      location /unnamed/ { try_files $uri @missing; }
      location /code/ { try_files $uri =418; }
      location /teapot/ { try_files $uri =204; }
      location /gone/ { try_files $uri =444; }
      location /index/ { try_files $uri $uri/ =404; index page.html; }
      location /posted/ { try_files $uri @named; }
      location /typed/ { try_files /data.html =404; }
      location /loop/ { try_files $uri /loop/$uri; }
      location /first/ { try_files /none /found.html /directory/alias-re.html =404; }
      location /if/ { try_files /found.html =404; if ($arg_x) { set $y 1; } }
      location /fallback { return 200 "fallback uri=$uri args=$args request=$request_uri\\n"; }
      location @named { return 200 "named uri=$uri args=$args method=$request_method\\n"; }
      types { text/html html; }
    }`,
  files: {
    'found.html': 'SEE THIS',
    'data.html': 'data',
    'directory/alias-re.html': 'SEE THIS TOO',
    'directory/a.html': 'a page',
    'alias-nested/x': '',
    'index/d/page.html': 'index page',
    'if/none': 'none',
  },
  cases: [
    ask('GET /found.html'),
    ask('GET /not/found?a=b'),
    ask('GET /short/long'),
    ask('GET /file-file/'),
    ask('GET /file-dir/'),
    ask('GET /dir-dir/'),
    ask('GET /dir-dir/?a=b'),
    ask('GET /dir-file/'),
    ask('GET /alias-re.html'),
    ask('GET /alias-nested/found.html'),
    ask('GET /alias/a.html'),
    ask('GET /alias/a'),
    ask('GET /alias/none'),
    ask('GET /alias-same/none?x=1'),
    ask('GET /args/none?x=1&y=2'),
    ask('GET /named/none?x=1'),
    ask('POST /named/none', ['Content-Length: 3'], 'abc'),
    ask('GET /unnamed/none'),
    ask('GET /code/none'),
    ask('GET /teapot/none'),
    ask('GET /gone/none'),
    ask('GET /index/d'),
    ask('GET /index/d/'),
    ask('GET /index/none/'),
    ask('GET /typed/x.css'),
    ask('GET /loop/none'),
    ask('GET /first/'),
    ask('GET /if/'),
    ask('GET /if/none?x=1'),
    ask('HEAD /not/found'),
  ],
};

export const errorPages: OracleGroup = {
  name: 'error pages',
  config: `
    root %%ROOT%%;
    types { text/html html; }
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      error_page 404 /404.html;
      location / { }
      location /status/ { error_page 404 =200 /404.html; }
      location /own/ { error_page 404 = /made; }
      location /redirect/ { error_page 404 =301 http://example.com/gone; }
      location /plain-redirect/ { error_page 404 http://example.com/gone; }
      location /named/ { error_page 404 = @named; }
      location /named-status/ { error_page 404 =418 @named; }
      location /vars/ { error_page 404 /made?from=$uri; }
      location /missing-page/ { error_page 404 /no-such-page.html; }
      location /recursive/ { recursive_error_pages on; error_page 404 /no-such-page.html; }
      location /several/ { error_page 404 405 500 502 503 /made; }
      location /deny { return 403; }
      location /deny-page { error_page 403 /made; return 403; }
      location /e500 { return 500; }
      location /e500-page { error_page 500 /made; return 500; }
      location /bad-gateway/ { error_page 502 504 /made; proxy_pass http://127.0.0.1:%%CLOSED%%; }
      location /intercept/ { proxy_intercept_errors on; error_page 404 503 /made; proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_http_version 1.1; proxy_set_header Connection close; }
      location /no-intercept/ { error_page 404 503 /made; proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_http_version 1.1; proxy_set_header Connection close; }
      location /tokens/ { server_tokens off; }
      location /made { return 200 "made uri=$uri args=$args method=$request_method\\n"; }
      location @named { return 200 "named uri=$uri\\n"; }
      location /too-large { client_max_body_size 3; error_page 413 /made; return 200 ok; }
      location /except { limit_except GET { deny all; } error_page 403 /made; return 200 ok; }
    }`,
  files: { '404.html': 'page for 404\n' },
  backend: (request) =>
    /503/.test(request.target)
      ? 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nRetry-After: 5\r\n\r\nbusy'
      : 'HTTP/1.1 404 Not Here\r\nContent-Length: 4\r\nX-Up: 1\r\n\r\nnone',
  cases: [
    ask('GET /none'),
    ask('HEAD /none'),
    ask('POST /none', ['Content-Length: 3'], 'abc'),
    ask('GET /status/none'),
    ask('GET /own/none'),
    ask('POST /own/none', ['Content-Length: 3'], 'abc'),
    ask('GET /redirect/none'),
    ask('GET /plain-redirect/none'),
    ask('GET /named/none'),
    ask('GET /named-status/none'),
    ask('GET /vars/none?x=1'),
    ask('GET /missing-page/none'),
    ask('GET /recursive/none'),
    ask('GET /several/none'),
    ask('PUT /several/none'),
    ask('GET /deny'),
    ask('GET /deny-page'),
    ask('GET /e500'),
    ask('GET /e500-page'),
    ask('GET /bad-gateway/'),
    ask('GET /intercept/404'),
    ask('GET /intercept/503'),
    ask('GET /no-intercept/404'),
    ask('GET /no-intercept/503'),
    ask('HEAD /intercept/404'),
    ask('GET /tokens/none'),
    ask('POST /too-large', ['Content-Length: 10'], '0123456789'),
    ask('POST /too-large', ['Content-Length: 3'], '012'),
    ask('GET /except'),
    ask('HEAD /except'),
    ask('POST /except', ['Content-Length: 0']),
    ask('DELETE /except'),
  ],
};

const STATUSES = [
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 425, 429, 431, 444, 451, 494, 495, 496, 497, 499, 500,
  501, 502, 503, 504, 505, 507, 511, 599, 600, 999,
];

export const statuses: OracleGroup = {
  name: 'return with every status',
  config: `
    server {
      listen 127.0.0.1:%%PORT%%;
      ${STATUSES.map((status) => `location = /${status} { return ${status}; }`).join('\n')}
      ${STATUSES.map((status) => `location = /text/${status} { return ${status} "text"; }`).join('\n')}
    }`,
  cases: knownFor(
    STATUSES.flatMap((status) => [ask(`GET /${status}`), ask(`GET /text/${status}`)]),
    { 'GET /407': NEWER.status407, 'GET /text/407': NEWER.status407 },
  ),
};

export const rewrites: OracleGroup = {
  name: 'rewrite, return, set and if',
  config: `
    root %%ROOT%%;
    map $arg_m $mapped { default none; a one; '~^b(.*)$' "b-$1"; "" empty; '~*^C' caseless; *.example.com host; }
    map $host $mapped_host { hostnames; default other; .example.com inside; www.example.* www; }
    map $arg_r $recursive { default $arg_m; x $mapped; }
    split_clients "$arg_s" $split { 20% a; 30% b; * c; }
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      rewrite ^/server/(.*)$ /echo/$1;
      location /echo { return 200 "$uri|$args|$is_args|$request_uri|$request_method\\n"; }
      location /last/ { rewrite ^/last/(.*)$ /echo/$1 last; return 500; }
      location /break/ { rewrite ^/break/(.*)$ /$1 break; }
      location /break-return/ { rewrite ^ /x break; return 200 "not reached"; }
      location /redirect/ { rewrite ^/redirect/(.*)$ /$1 redirect; }
      location /permanent/ { rewrite ^/permanent/(.*)$ http://example.com/$1 permanent; }
      location /args/ { rewrite ^/args/(.*)$ /echo/$1?a=b; }
      location /noargs/ { rewrite ^/noargs/(.*)$ /echo/$1? last; }
      location /encoded/ { rewrite ^/encoded/(.*)$ /echo?q=$1? last; }
      location /encoded-redirect/ { rewrite ^/encoded-redirect/(.*)$ /$1?q=$1 redirect; }
      location /loop/ { rewrite ^ /loop/x last; }
      location /url { return http://example.com$request_uri; }
      location /local { return 302 /there; }
      location /relative { return 301 there; }
      location /r303 { return 303 /see/other?x; }
      location /r308 { return 308 https://$host/x; }
      location /text { return 200 "host=$host arg=$arg_a cookie=$cookie_c http=$http_x_y\\n"; }
      location /type.html { default_type text/x-own; return 200 x; }
      location /empty { return 200; }
      location /empty-text { return 200 ""; }
      location /map { return 200 "$mapped|$mapped_host|$recursive|$split\\n"; }
      location /set { set $a 1; set $b "$a$a"; set $a 2; return 200 "$a $b"; }
      location /if {
        if ($request_method = POST) { return 405; }
        if ($arg_x) { return 200 "x"; }
        if ($arg_y = "") { set $e empty; }
        if ($http_user_agent ~* "MSIE (\\d)") { return 200 "msie $1"; }
        if ($arg_y !~ ^a) { return 200 "not a $e"; }
        if (-f %%ROOT%%/$arg_y) { return 200 "file"; }
        if (-d %%ROOT%%/$arg_y) { return 200 "directory"; }
        if (!-e %%ROOT%%/$arg_y) { return 200 "neither"; }
        return 200 "end";
      }
      location /if-header { add_header X-Outer 1; if ($arg_x) { add_header X-Inner 1; } return 200 ok; }
      location /if-inherits { add_header X-Outer 1; if ($arg_x) { set $z 1; } return 200 ok; }
      location /host { return 200 "$host|$http_host|$server_name\\n"; }
      location /vars { return 200 "$scheme|$request|$document_uri|$server_protocol|$content_length|$content_type|$query_string|$https|$request_filename|$document_root\\n"; }
      location ~ ^/cap/(?<first>[^/]+)/(.*)$ { return 200 "$first|$1|$2"; }
      location ~* \\.(gif|JPG)$ { return 200 "picture $1"; }
      location = /exact { return 200 exact; }
      location ^~ /prefix/ { return 200 prefix; }
      location ~ ^/prefix { return 200 regex; }
      location /long/ { return 200 short; location /long/er/ { return 200 longer; } }
    }`,
  files: { 'page.html': 'page\n', 'a-file': 'x', 'a-dir/x': '' },
  cases: [
    ask('GET /server/x?y=z'),
    ask('GET /last/abc?x=1'),
    ask('GET /break/page.html'),
    ask('GET /break-return/'),
    ask('GET /redirect/a%20b?c=d'),
    ask('GET /permanent/x?y'),
    ask('GET /args/x?c=d'),
    ask('GET /args/x'),
    ask('GET /noargs/x?c=d'),
    ask('GET /encoded/a%26b%20c%2Bd'),
    ask('GET /encoded-redirect/a%26b%20c%25'),
    ask('GET /loop/'),
    ask('GET /url?a=b'),
    ask('GET /local'),
    ask('GET /relative'),
    ask('GET /r303'),
    ask('GET /r308', ['Host: Name.Example:99']),
    ask('GET /text?a=%20b&A=c', ['Cookie: b=1; c=two; d=3', 'X-Y: zed']),
    ask('GET /type.html'),
    ask('GET /empty'),
    ask('GET /empty-text'),
    ask('HEAD /text'),
    ask('POST /text', ['Content-Length: 5'], 'hello'),
    ...['', 'a', 'A', 'bcd', 'cat', 'x.example.com', 'zzz'].map((m) => ask(`GET /map?m=${m}`)),
    ask('GET /map?r=x&m=a'),
    ask('GET /map?r=y&m=a'),
    ...['example.com', 'a.b.example.com', 'www.example.org', 'www.example.co.uk', 'example.org'].map((h) =>
      ask('GET /map', [`Host: ${h}`]),
    ),
    ...['a', 'b', 'c', 'd', 'e', 'longer value', '1234567'].map((s) => ask(`GET /map?s=${encodeURIComponent(s)}`)),
    ask('GET /set'),
    ask('POST /if', ['Content-Length: 0']),
    ask('GET /if?x=1'),
    ask('GET /if?x=0'),
    ask('GET /if'),
    ask('GET /if', ['User-Agent: Mozilla (compatible; msie 6.0)']),
    ask('GET /if?y=a-file'),
    ask('GET /if?y=a-dir'),
    ask('GET /if?y=a-none'),
    ask('GET /if?y=b'),
    ask('GET /if-header'),
    ask('GET /if-header?x=1'),
    ask('GET /if-inherits?x=1'),
    ask('GET /host', ['Host: UPPER.Example.COM:8080']),
    ask('GET /host', ['Host: trailing.dot.']),
    ask('GET http://absolute.example/host'),
    ask('GET http://absolute.example:81/host?x', ['Host: other']),
    ask('GET /host HTTP/1.0', ['X: no host', 'Host: h']),
    ask('GET /vars?q=1', ['Content-Type: text/x']),
    ask('POST /vars', ['Content-Length: 2', 'Content-Type: a/b'], 'xx'),
    ask('GET /cap/one/two/three'),
    ask('GET /x.GIF'),
    ask('GET /exact'),
    ask('GET /exact/'),
    ask('GET /prefix/x'),
    ask('GET /prefixx'),
    ask('GET /long/x'),
    ask('GET /long/er/x'),
  ],
};
