import type { OracleGroup } from '../oracle.js';
import { ask } from './request.js';

const targets = (list: string) => list.trim().split(/\s+/);

export const rewriting: OracleGroup = {
  name: 'rewrite, set and if',
  config: `
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      rewrite ^/server/(.*)$ /show/$1;
      rewrite ^/serverbreak/(.*)$ /show/$1 break;
      if ($arg_gone) { return 410; }
      location /show/ { return 200 "$uri|$args|$request_uri"; }
      location /w1/ { rewrite ^/w1/(.*)$ /show/$1?q=$1; }
      location /w2/ { rewrite ^/w2/(.*)$ /show/$1?; }
      location /w3/ { rewrite ^/w3/(.*)$ /show/$1?a=b?; }
      location /w4/ { rewrite ^/w4/(.*)$ /show/?x=$1&u=$uri last; }
      location /w5/ { rewrite ^/w5/(.*)$ /a/$1; rewrite ^/a/(.*)$ /show/$1-$arg_a last; return 200 no; }
      location /w6/ { set $v "a$1"; rewrite ^/w6/(.*)$ /show/x; set $w $1; set $args "v=$v&w=$w"; }
      location /w7/ { if ($uri ~ ^/w7/(.*)$) { set $c "$1"; } return 200 "[$c][$1]"; }
      location /w8/ { if ($uri ~ ^/w8/(.*)$) { set $d "$1"; } if ($uri ~ nomatch) { } return 200 "[$d][$1]"; }
      location /r1/ { rewrite ^/r1/(.*)$ http://e.example/$1 redirect; }
      location /r2/ { rewrite ^/r2/(.*)$ /to/$1?x=$1 redirect; }
      location /r3/ { rewrite ^ $scheme://$host$uri?z permanent; }
      location /r4/ { rewrite ^ http://e.example$request_uri? redirect; }
      location /r5 { rewrite ^ $arg_r? redirect; }
      location /r6/ { rewrite ^/r6/(.*)$ "http://e.example/?a=$1&b=%20%2f%3F"; }
      location /i1 { if ($arg_a) { add_header I 1; } if ($arg_b = 1) { add_header I 2; } return 200 x; }
      location /i2 { if (-f %%ROOT%%/page) { return 200 f; } return 200 n; }
      location /i3 { if (!-d %%ROOT%%) { return 200 d; } return 200 n; }
      location /i4 { if ($arg_a !~* "^[a-c]+$") { return 200 y; } return 200 "n$1"; }
    }`,
  files: { page: 'a page' },
  cases: targets(`
    /server/x?a=1 /serverbreak/x /w1/a%26b /w1/a%20b?z=1 /w1/a+b /w1/a&b /w2/x?a=1 /w3/x?c=d /w4/a%2Fb%3Fc?o=1 /w4/%E4%F6
    /w5/x?a=7 /w6/a%20b /w6/ab /w7/a%26b /w7/a&b /w8/ab /r1/a%20b%3Fc?x=1 /r1/a%25b /r1/%e4%f6 /r2/a%20b?y=1 /r2/a+b
    /r3/a?y=1 /r4/blah%20%3Fblah?q /r5?r=http%3A%2F%2Fexample.com%2F%3Ffrom /r5?r=http%3A%2F%2Fexample.com%0D%0Asplit
    /r5?r=http%3A%2F%2Fexample.com%2F%3Ffrom%3Dblah /r5?r=a%2 /r5?r=a%%41%4 /r5 /r6/a%26b%20c /i1 /i1?a=1 /i1?a=1&b=1
    /i1?a=0&b=1 /i2 /i3 /i4?a=abc /i4?a=XYZ /show/x?gone=1 /show/x?gone=0
  `).map((target) => ask(`GET ${target}`)),
};

export const variables: OracleGroup = {
  name: 'map, split_clients and geo',
  config: `
    map $args $m { default d; foo bar; "" empty; ~^x(?<rest>.*)$ "re:$rest:$1"; ~*^Y y; \\default word; }
    map $arg_h $h {
      hostnames; default d; .a.com both; *.b.com left; c.* right; d.com exact; *.x.b.com longer; c.d.* longer-right;
    }
    split_clients $args $s { 10% a; 20.55% b; 33% c; * d; }
    geo $arg_ip $g { default none; 10.0.0.0/8 ten; 10.1.0.0/16 ten-one; 2001:db8::/32 six; }
    geo $arg_ip $r { ranges; default none; 10.0.0.0-10.255.255.255 ten; 10.1.0.0-10.1.0.5 in; }
    geo $p { default none; proxy 127.0.0.1; proxy_recursive; 127.0.0.0/8 loopback; 192.0.2.0/24 test; }
    server {
      listen 127.0.0.1:%%PORT%%;
      location /map { return 200 "$m|$h|$s"; }
      location /geo { return 200 "$g|$r|$p"; }
    }`,
  cases: [
    ...targets(`
      /map /map?foo /map?FOO /map?xabc /map?yy /map?default /map?h=a.com /map?h=q.a.com /map?h=q.b.com /map?h=b.com
      /map?h=q.x.b.com /map?h=c.de /map?h=c.d.e /map?h=d.com. /map?h=D.COM /map?client1 /map?client2 /map?client3
      /map?client4 /map?client5 /map?client6 /map?client7 /geo /geo?ip=10.2.3.4 /geo?ip=10.1.0.3 /geo?ip=10.1.0.6
      /geo?ip=2001:db8::5 /geo?ip=::ffff:10.1.0.1 /geo?ip=unknown
    `).map((target) => ask(`GET ${target}`)),
    ask('GET /geo', ['X-Forwarded-For: 192.0.2.1, 127.0.0.1']),
    ask('GET /geo', ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 127.0.0.1']),
    ask('GET /geo', ['X-Forwarded-For: 10.0.0.1, nonsense, 127.0.0.1']),
  ],
};
