/** nginx's sentences, word for word: each mistake is put to Debian's nginx and to the checker. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { check } from '../../src/config/check.js';
import { findingsToJson } from '../../src/diagnostics/json.js';
import { modules } from '../../src/modules/index.js';

const NGINX = '/usr/sbin/nginx';
const skip = existsSync(NGINX) ? false : 'nginx is not installed: there is nothing to compare with';

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-mistakes-'));
after(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, 'logs'));
const FILE = join(directory, 'nginx.conf');

/** Around what stands in a block of that kind; the mistake has lines of its own. */
const AROUND: Readonly<Record<string, readonly [before: string, after: string]>> = {
  main: ['', 'events {}\nhttp {}'],
  events: ['events {\n', '}\nhttp {}'],
  http: ['events {}\nhttp {\n', '}'],
  server: ['events {}\nhttp {\nserver {\n', '}\n}'],
  location: ['events {}\nhttp {\nserver {\nlocation / {\n', '}\n}\n}'],
};

const MISTAKES: Readonly<Record<string, readonly string[]>> = {
  main: [
    'user;',
    'worker_processes x;',
    'worker_processes -1;',
    'worker_processes 1 2;',
    'worker_processes;',
    'worker_processes 1; worker_processes 2;',
    'daemon maybe;',
    'master_process 1;',
    'worker_rlimit_nofile x;',
    'worker_rlimit_nofile -1;',
    'worker_priority x;',
    'worker_cpu_affinity 12;',
    'worker_shutdown_timeout x;',
    'thread_pool a threads=0;',
    'debug_points x;',
    'pcre_jit maybe;',
    'events2 {}',
    'listen 80;',
    'proxy_pass http://a;',
    'set $a b;',
  ],
  events: [
    'worker_connections x;',
    'worker_connections 1; worker_connections 2;',
    'worker_connections -5;',
    'use foo;',
    'use epoll;use epoll;',
    'worker_conections 5;',
  ],
  http: [
    'types { text/html html }',
    'types html;',
    'types { a { } }',
    'map $host b { }',
    'map $host $b',
    'map $host $b;',
    'map $host $b { a b c; }',
    'map $host $b { default a; default b; }',
    'map $host $b { a 1; a 2; }',
    'map $host $b { ~( 1; }',
    'map $host $b { hostnames; *.a.*.b 1; }',
    'map $host $b { hostnames; "" 1; *. 2; }',
    'map $host $b { include nosuch.map; }',
    'map $host $b { a $nosuchvar; }',
    'geo $a { 300.0.0.0/8 1; }',
    'geo $a { 1.0.0.0/33 1; }',
    'geo a { }',
    'geo $a { default; }',
    'geo $a { ranges; 2.0.0.0-1.0.0.0 a; }',
    'geo $a { ranges; 1.0.0.0/8 a; }',
    'geo $a { proxy x; }',
    'split_clients a $b { 50% a; 60% b; }',
    'split_clients $host $b { x a; }',
    'split_clients $host b { * a; }',
    'split_clients $host $b { 50.001% a; }',
    'split_clients $host $b { 0% a; }',
    'log_format a b; log_format a c;',
    'log_format combined x;',
    'log_format a escape=foo b;',
    'log_format a $nosuch;',
    'access_log off x;',
    'access_log syslog:server=127.0.0.1,tag=a-b;',
    'access_log syslog:serv=127.0.0.1;',
    'open_log_file_cache max=0;',
    'open_log_file_cache inactive=5;',
    'open_log_file_cache foo;',
    'limit_conn_zone $host zone=a;',
    'limit_conn_zone $host zone=a:1k;',
    'limit_conn_zone $host zone=:1m;',
    'limit_conn_zone $host zone=a:1m; limit_conn_zone $host zone=a:1m;',
    'limit_conn_zone host zone=a:x;',
    'limit_conn_zone $host foo=a;',
    'limit_conn nosuch 5;',
    'limit_conn a x;',
    'limit_conn_zone $host zone=a:1m; limit_conn a 0;',
    'limit_conn_zone $host zone=a:1m; limit_conn a 70000;',
    'limit_req_zone $host zone=a:1m rate=0r/s;',
    'limit_req_zone $host zone=a:1m rate=xr/s;',
    'limit_req zone=nosuch;',
    'limit_req_zone $host zone=a:1m rate=1r/s; limit_req zone=a burst=x;',
    'limit_req_zone $host zone=a:1m rate=1r/s; limit_req zone=a delay=0;',
    'limit_req_zone $host zone=a:1m rate=1r/s; limit_req zone=a foo;',
    'limit_req_status 99;',
    'limit_req_status 700;',
    'limit_req_log_level foo;',
    'limit_conn_log_level foo;',
    'resolver 127.0.0.1 valid=x;',
    'resolver = 127.0.0.1;',
    'resolver ${DNS};',
    'resolver @DNS@ valid=x;',
    'resolver 127.0.0.1 ipv6=maybe;',
    'upstream a { }',
    'upstream a { server 127.0.0.1; } upstream a { server 127.0.0.1; }',
    'upstream a { server 127.0.0.1:99999; }',
    'upstream a { server 127.0.0.1:0; }',
    'upstream a { server 127.0.0.1 backup; }',
    'upstream a { server 127.0.0.1 down backup; }',
    'upstream a { server http://127.0.0.1; }',
    'upstream a { ip_hash; server 127.0.0.1; server 127.0.0.2 backup; }',
    'upstream a { keepalive x; server 127.0.0.1; }',
    'upstream a { zone a 1k; server 127.0.0.1; }',
    'set_real_ip_from 1.0.0.0/40;',
    'error_page 200 /a;',
    'error_page 700 /a;',
    'expires @25h;',
    'server;',
    'open_file_cache max=0;',
    'connection_pool_size 1;',
    'connection_pool_size 100;',
    'request_pool_size 17;',
  ],
  server: [
    'listen 99999;',
    'listen = 8080;',
    'listen <%= port %>;',
    'listen "8080 default_server";',
    'listen [::1;',
    'listen [::1]:x;',
    'listen 127.0.0.1:8080; listen 127.0.0.1:8080;',
    'listen 8080 default_server; } server { listen 8080 default_server;',
    'listen 8080 backlog=x;',
    'listen 8080 rcvbuf=x;',
    'listen 8080 sndbuf=x;',
    'listen 8080 fastopen=x;',
    'listen 8080 so_keepalive=x;',
    'listen 8080 so_keepalive=::;',
    'listen 8080 backlog=10; } server { listen 8080 backlog=20;',
    'listen 127.0.0.1:;',
    'server_name ~(;',
    'server_name "~^(?<a>x";',
    'server_name _ *;',
    'server_name .;',
    'location ~ [a-z { }',
    'location ~ a{2,1} { }',
    'location ~ "a{2,1}" { }',
    'location ~ "(?<n>a)(?<n>b)" { }',
    'location ~ *.php { }',
    'location ~ "(?z)a" { }',
    'location ~ "a**" { }',
    'location ~ "\\p{Foo}" { }',
    'location ~ "[[:foo:]]" { }',
    'location ~ "(?<=a*)b" { }',
    'location ~ "(?<1a>x)" { }',
    'location ~ "\\1" { }',
    'location ~ "(?P=x)" { }',
    'location ~ "[b-a]" { }',
    'location ~ "\\x{110000}" { }',
    'location / { } location / { }',
    'location = / { } location = / { }',
    'location ^~ /a { } location /a { }',
    'location @a { location /b { } }',
    'location = /a { location /a/b { } }',
    'location /a { location /b { } }',
    'location /a { location @x { } }',
    'location ~ a { location /b { } }',
    'location !~ a { }',
    'if ($a) { }',
    'if (a) { }',
    'if $host { }',
    'if ($host = ) { }',
    'if ($host == a) { }',
    'if ($host !* a) { }',
    'if ($host !~ "[") { }',
    'set $host b;',
    'set $a "${b";',
    'set $a $;',
    'set $a "$";',
    'return x;',
    'return 1000;',
    'return http;',
    'try_files a =x;',
    'try_files a b =1000;',
    'root $document_root;',
    'root ${realpath_root};',
    'index $;',
  ],
  location: [
    'proxy_pass a;',
    'proxy_pass http://;',
    'proxy_pass http:/a;',
    'proxy_pass ftp://a;',
    'proxy_pass http://127.0.0.1:99999;',
    'proxy_pass http://[::1;',
    'proxy_redirect default;',
    'proxy_bind foo;',
    'proxy_bind off x;',
    'alias /a; root /b;',
    'root /a; alias /b;',
    'alias $document_root;',
    'limit_except FOO { }',
    'sub_filter "" b;',
    'return 200 "a;',
    'if ($request_method == POST) { return 405; }',
    'if ($http_upgrade = websocket) { proxy_pass http://a/b; }',
    'limit_conn x y;',
    'set $request_uri x;',
    'rewrite ^/(?<x>a)(?<x>b) /y;',
    'rewrite ^/a{2} /b;',
    'rewrite ^/[0-9]{2,}$ /b last;',
  ],
};

/** The first sentence of nginx, with its line; 0 where it names none. */
function nginxSays(text: string): { readonly message: string; readonly line: number } | null {
  writeFileSync(FILE, text, 'latin1');
  const words = [
    '-t',
    '-q',
    '-p',
    `${directory}/`,
    '-c',
    FILE,
    '-e',
    join(directory, 'log'),
    '-g',
    `pid ${directory}/pid;`,
  ];
  const { stderr } = spawnSync(NGINX, words, { encoding: 'latin1', timeout: 20_000 });
  const found = /\[emerg\] ([\s\S]*?)(?: in \/[^\n]*?:(\d+))?\n/.exec(stderr);
  return found === null ? null : { message: found[1] ?? '', line: Number(found[2] ?? 0) };
}

for (const [block, mistakes] of Object.entries(MISTAKES)) {
  const [before, behind] = AROUND[block] ?? ['', ''];
  test(`mistakes in ${block} are reported in nginx’s words, with its line`, { skip }, () => {
    const different: unknown[] = [];
    for (const mistake of mistakes) {
      const text = `${before}${mistake}\n${behind}\n`;
      const theirs = nginxSays(text);
      const found = findingsToJson(check({ name: FILE, text }, modules, { prefix: `${directory}/` }).findings);
      const same = found.find(({ message, severity }) => severity === 'error' && message === theirs?.message);
      const places = [same?.at, ...(same?.related ?? []).map(({ at }) => at)];
      // A missing token is reported before the position where nginx notices it, which is a related place then.
      const lines = places.flatMap((at) => (at == null ? [] : [at.line, at.endLine]));
      if (same === undefined || (theirs?.line !== 0 && !lines.includes(theirs?.line ?? 0)))
        different.push({ mistake, theirs, ours: found.map(({ message, at }) => `${message}:${at?.line}`) });
    }
    assert.deepEqual(different, []);
  });
}
