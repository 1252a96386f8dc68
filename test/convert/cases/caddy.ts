/** Caddyfiles as they are found in documentation and repositories, with requests that tell their parts apart. */
import type { ConversionCase } from '../comparison.js';

const FILES = {
  'www/index.html': '<h1>home</h1>\n',
  'www/style.css': 'body {}\n',
  'www/docs/index.html': '<h1>docs</h1>\n',
  'www/app.js': 'run();\n',
  'www/data.json': '{"a":1}\n',
  'other/index.html': '<h1>other</h1>\n',
  'other/page.html': '<h1>page</h1>\n',
};

/** bcrypt of `secret`. */
const HASH = '$2a$04$hfkNxh0qYuQh3sKRZPJQh.ChwmYO0e5n39ldDxhRn1/EDgqmbLani';
const ALICE = { Authorization: `Basic ${Buffer.from('alice:secret').toString('base64')}` };
const MALLORY = { Authorization: `Basic ${Buffer.from('alice:wrong').toString('base64')}` };

export const CADDY_CASES: readonly ConversionCase[] = [
  {
    name: 'a site is proxied, with the fields about the client',
    source: `:%PORT%

reverse_proxy 127.0.0.1:%A%
`,
    requests: [
      { path: '/' },
      { path: '/a/b?x=1&y=%20z', headers: { 'X-Custom': 'one' } },
      { path: '/post', method: 'POST', body: 'name=value', headers: { 'Content-Type': 'text/plain' } },
      { path: '/caf%C3%A9/%2Fx' },
      { path: '/x?status=404' },
      { path: '/moved?status=302' },
      { path: '/x', headers: { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'forged.example' } },
    ],
  },
  {
    name: 'paths select upstreams',
    source: `:%PORT% {
	reverse_proxy /api/* 127.0.0.1:%A%
	reverse_proxy /ws 127.0.0.1:%B%
	reverse_proxy 127.0.0.1:%C%
}
`,
    requests: [{ path: '/api/x' }, { path: '/api' }, { path: '/ws' }, { path: '/ws/x' }, { path: '/' }],
  },
  {
    name: 'handle blocks are exclusive, the longest path first',
    source: `:%PORT% {
	handle /api/* {
		reverse_proxy 127.0.0.1:%A%
	}
	handle /api/admin/* {
		reverse_proxy 127.0.0.1:%B%
	}
	handle {
		reverse_proxy 127.0.0.1:%C%
	}
}
`,
    requests: [{ path: '/api/x' }, { path: '/api/admin/y' }, { path: '/z' }],
  },
  {
    name: 'handle_path removes its prefix',
    source: `:%PORT% {
	handle_path /service/* {
		reverse_proxy 127.0.0.1:%A%
	}
	handle_path /files/* {
		root * %DIR%/www
		file_server
	}
	respond "not here" 404
}
`,
    files: FILES,
    requests: [
      { path: '/service/users?id=1' },
      { path: '/service/' },
      { path: '/files/style.css' },
      { path: '/files/none' },
      { path: '/else' },
    ],
  },
  {
    name: 'files are served, with an index',
    source: `:%PORT% {
	root * %DIR%/www
	file_server
}
`,
    files: FILES,
    requests: [
      { path: '/' },
      { path: '/style.css' },
      { path: '/app.js' },
      { path: '/data.json' },
      { path: '/docs/' },
      { path: '/none' },
      { path: '/style.css', method: 'HEAD' },
    ],
  },
  {
    name: 'a single-page application has an API beside it',
    source: `:%PORT% {
	handle /api/* {
		reverse_proxy 127.0.0.1:%A%
	}
	handle {
		root * %DIR%/www
		try_files {path} /index.html
		file_server
	}
}
`,
    files: FILES,
    requests: [{ path: '/api/users' }, { path: '/style.css' }, { path: '/some/route' }, { path: '/' }],
  },
  {
    name: 'redirects keep what they say',
    source: `:%PORT% {
	redir /old /new 301
	redir /temporary https://example.com{uri}
	redir /gone/* https://archive.example.com{uri} permanent
	@www host www.localhost
	redir @www http://localhost{uri} 308
	respond "ok"
}
`,
    requests: [
      { path: '/old' },
      { path: '/temporary?a=b' },
      { path: '/gone/1?x' },
      { path: '/x?y', headers: { Host: 'www.localhost' } },
      { path: '/other' },
    ],
  },
  {
    name: 'rewrites change what upstreams get',
    source: `:%PORT% {
	@users path /users /users/*
	handle @users {
		rewrite * /v2{uri}
		reverse_proxy 127.0.0.1:%A%
	}
	handle /app/* {
		uri strip_prefix /app
		reverse_proxy 127.0.0.1:%B%
	}
	handle /one {
		rewrite * /two?from=one
		reverse_proxy 127.0.0.1:%C%
	}
}
`,
    requests: [
      { path: '/users?page=2' },
      { path: '/users/7' },
      { path: '/app/x/y?z=1' },
      { path: '/one?ignored=1' },
      { path: '/unmatched' },
    ],
  },
  {
    name: 'fields of responses are set, added and removed',
    source: `:%PORT% {
	header {
		Strict-Transport-Security "max-age=31536000"
		X-Frame-Options DENY
		-X-Internal
		+X-Many one
	}
	header /api/* Cache-Control no-store
	reverse_proxy 127.0.0.1:%A%
}
`,
    requests: [{ path: '/' }, { path: '/api/x' }, { path: '/x?status=500' }],
  },
  {
    name: 'fields of the proxied request and response are changed',
    source: `:%PORT% {
	reverse_proxy 127.0.0.1:%A% {
		header_up X-Real-IP {remote_host}
		header_up Host {upstream_hostport}
		header_up -X-Secret
		header_up X-Path "{method} {path}"
		header_down -X-Internal
		header_down X-Served-By caddy
	}
}
`,
    requests: [{ path: '/p', headers: { 'X-Secret': 'yes', 'X-Path': 'client' } }],
  },
  {
    name: 'named matchers combine methods, fields and queries',
    source: `:%PORT% {
	@post {
		method POST PUT
		path /items/*
	}
	@beta header X-Beta yes
	@search query q=*
	@nope not path /allowed/* /items/*
	reverse_proxy @post 127.0.0.1:%A%
	reverse_proxy @beta 127.0.0.1:%B%
	reverse_proxy @search 127.0.0.1:%C%
	handle @nope {
		respond "denied" 403
	}
}
`,
    requests: [
      { path: '/items/1', method: 'POST', body: 'x' },
      { path: '/items/1', method: 'PUT', body: 'x' },
      { path: '/items/1' },
      { path: '/allowed/x', headers: { 'X-Beta': 'yes' } },
      { path: '/allowed/x' },
      { path: '/other', headers: { 'X-Beta': 'no' } },
    ],
  },
  {
    name: 'hosts are sites of their own',
    source: `{
	auto_https off
}
http://a.localhost:%PORT%, http://www.a.localhost:%PORT% {
	reverse_proxy 127.0.0.1:%A%
}
http://b.localhost:%PORT% {
	reverse_proxy 127.0.0.1:%B%
}
http://*.c.localhost:%PORT% {
	respond "wild {host}"
}
`,
    requests: [
      { path: '/', headers: { Host: 'a.localhost' } },
      { path: '/', headers: { Host: 'www.a.localhost' } },
      { path: '/', headers: { Host: 'b.localhost' } },
      { path: '/', headers: { Host: 'x.c.localhost' } },
      { path: '/', headers: { Host: 'unknown.localhost' } },
    ],
  },
  {
    name: 'snippets are imported with arguments',
    source: `(secure) {
	header X-Content-Type-Options nosniff
	header X-Site {args.0}
}
(app) {
	reverse_proxy 127.0.0.1:{args.0}
}
:%PORT% {
	handle /a/* {
		import secure first
		import app %A%
	}
	handle /b/* {
		import secure second
		import app %B%
	}
}
`,
    requests: [{ path: '/a/1' }, { path: '/b/1' }, { path: '/c' }],
  },
  {
    name: 'passwords protect a part of a site',
    source: `:%PORT% {
	basicauth /private/* {
		alice ${HASH}
	}
	reverse_proxy 127.0.0.1:%A%
}
`,
    requests: [
      { path: '/public' },
      { path: '/private/x' },
      { path: '/private/x', headers: ALICE },
      { path: '/private/x', headers: MALLORY },
    ],
  },
  {
    name: 'responses are compressed',
    source: `:%PORT% {
	encode gzip
	root * %DIR%/www
	file_server
}
`,
    files: { ...FILES, 'www/large.txt': 'tsproxy '.repeat(500) },
    requests: [{ path: '/large.txt' }, { path: '/style.css', headers: { 'Accept-Encoding': 'gzip' } }],
  },
  {
    name: 'several upstreams are used in turn and checked',
    source: `:%PORT% {
	reverse_proxy 127.0.0.1:%A% 127.0.0.1:%A% {
		lb_policy round_robin
		lb_try_duration 5s
		fail_duration 30s
		max_fails 3
		health_uri /health
		health_interval 10s
		transport http {
			dial_timeout 2s
			response_header_timeout 30s
		}
	}
}
`,
    requests: [{ path: '/1' }, { path: '/2' }],
  },
  {
    name: 'expressions select and rewrite paths',
    source: `:%PORT% {
	@article path_regexp article ^/blog/(\\d+)/(\\w+)$
	redir @article /posts/{re.article.2}?id={re.article.1} 301
	@image path_regexp \\.(png|jpg)$
	reverse_proxy @image 127.0.0.1:%A%
	reverse_proxy 127.0.0.1:%B%
}
`,
    requests: [{ path: '/blog/42/hello' }, { path: '/blog/x/hello' }, { path: '/a/b.png' }, { path: '/a/b.gif' }],
  },
  {
    name: 'route keeps the order of the file',
    source: `:%PORT% {
	route /api/* {
		uri strip_prefix /api
		respond /health "healthy"
		reverse_proxy 127.0.0.1:%A%
	}
	respond "site"
}
`,
    requests: [{ path: '/api/x' }, { path: '/other' }],
    missing: [/its matcher sees the path before the rewrite/],
  },
  {
    name: 'addresses and protocols are matched',
    source: `:%PORT% {
	@local remote_ip 127.0.0.0/8 ::1
	@blocked remote_ip 192.0.2.0/24
	@plain protocol http
	abort @blocked
	handle @local {
		header X-Local yes
		respond @plain "{scheme} {remote_host} {method} {path} {query}"
	}
}
`,
    requests: [{ path: '/p?q=1' }],
  },
  {
    name: 'WebSockets pass',
    source: `:%PORT% {
	@ws {
		header Connection *Upgrade*
		header Upgrade websocket
	}
	reverse_proxy @ws 127.0.0.1:%A%
	reverse_proxy 127.0.0.1:%B%
}
`,
    requests: [
      {
        path: '/socket',
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      },
      { path: '/socket' },
    ],
  },
  {
    name: 'what has no equivalent is listed',
    source: `:%PORT% {
	log {
		output discard
	}
	templates
	php_fastcgi /blog/* 127.0.0.1:9
	@cel expression \`{method}.startsWith("G") && true\`
	respond @cel "cel"
	reverse_proxy /api/* 127.0.0.1:%A%
}
`,
    requests: [{ path: '/api/x', method: 'POST', body: 'x' }],
    missing: [/^5: "templates" is not converted/, /^6: "php_fastcgi"/, /^7: the matcher "expression" of @cel/],
  },
];
