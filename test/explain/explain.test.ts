import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, type ExplainedStep, type ExplainRequest, type Explanation, explain } from '../../src/index.js';

/** Explains a request by what stands in `http`; files go below the prefix. */
async function explained(
  http: string,
  request: string | ExplainRequest,
  files: Readonly<Record<string, string>> = {},
): Promise<Explanation> {
  const prefix = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(prefix, path)), { recursive: true });
      writeFileSync(join(prefix, path), content);
    }
    return await explain(`events {}\nhttp {\n${http}\n}\n`, request, { prefix });
  } finally {
    rmSync(prefix, { recursive: true, force: true });
  }
}

function of<K extends ExplainedStep['kind']>(explanation: Explanation, kind: K): Extract<ExplainedStep, { kind: K }>[] {
  return explanation.steps.filter((step): step is Extract<ExplainedStep, { kind: K }> => step.kind === kind);
}

/** Events, in a word or two for each step. */
function story({ steps }: Explanation): string[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case 'location':
        return [`${step.uri} -> ${step.chosen?.text ?? 'server'}`];
      case 'directive':
        return [`${step.directive.text}: ${step.outcome}`];
      case 'redirect':
        return [`${step.by} to ${step.to}`];
      case 'status':
        return [`status ${step.status}`];
      case 'file':
        return [
          `${step.directory ? 'directory' : 'file'} ${step.path.replace(/^.*\/html(?=\/)/, '')} ${step.found ? 'found' : 'missing'}`,
        ];
      default:
        return [];
    }
  });
}

const SERVERS = `
server { listen 80; server_name a.example; return 200; }
server { listen 80 default_server; server_name other; return 200; }
server { listen 80; server_name *.example .b.org www.*; return 200; }
server { listen 80; server_name ~^x[0-9]+; return 200; }
`;

for (const [host, why, matched, line] of [
  ['a.example', 'exact', 'a.example', 4],
  ['A.Example:8080', 'exact', 'a.example', 4],
  ['z.example', 'leading wildcard', '*.example', 6],
  ['b.org', 'leading wildcard', '.b.org', 6],
  ['www.net', 'trailing wildcard', 'www.*', 6],
  ['x12', 'regex', '~^x[0-9]+', 7],
  ['nobody', 'default', null, 5],
] as const) {
  test(`${host} is for the server by ${why}`, async () => {
    const { server } = await explained(SERVERS, { request: '/', host });
    assert.deepEqual([server.why, server.matched, server.at?.line], [why, matched, line]);
    assert.deepEqual(
      server.considered.map(({ default: isDefault }) => isDefault),
      [false, true, false, false],
    );
  });
}

const LOCATIONS = `server { listen 80;
  location / { return 200; }
  location /a/ { return 200; location ~ inner { return 200; } location /a/b { return 200; } }
  location ^~ /fixed/ { return 200; }
  location = /exact { return 200; }
  location ~ x$ { return 200; }
  location ~* Y { return 200; }
  location /dir/ { proxy_pass http://127.0.0.1:1; }
}`;

for (const [uri, why, considered] of [
  ['/', 'prefix', ['/ chosen', 'x$ no match', 'Y no match']],
  ['/exact', 'exact', ['/exact chosen', '/ shorter', 'x$ not tried', 'Y not tried']],
  ['/fixed/x', 'prefix ^~', ['/fixed/ chosen', '/ shorter', 'x$ not tried', 'Y not tried']],
  ['/x', 'regex', ['/ remembered', 'x$ chosen', 'Y not tried']],
  ['/y', 'regex', ['/ remembered', 'x$ no match', 'Y chosen']],
  ['/a/b/c', 'prefix', ['/a/ remembered', '/a/b chosen', 'inner no match', '/ shorter', 'x$ no match', 'Y no match']],
  ['/a/inner', 'regex', ['/a/ remembered', 'inner chosen', '/ shorter', 'x$ not tried', 'Y not tried']],
  ['/dir', 'redirect to slash', ['/dir/ chosen', '/ shorter', 'x$ not tried', 'Y not tried']],
] as const) {
  test(`the location of ${uri} is found by ${why}`, async () => {
    const [search] = of(await explained(LOCATIONS, uri), 'location');
    assert.equal(search?.why, why);
    assert.deepEqual(
      search?.considered.map(({ text, outcome }) => `${text.split(' ').at(-1)} ${outcome}`),
      considered,
    );
  });
}

test('rewrites are told step by step, and the search after each', async () => {
  const explanation = await explained(
    `server { listen 80;
      location /old/ { set $v "$arg_a!"; if ($v = "1!") { set $w yes; } rewrite ^/no$ /x; rewrite ^/old/(.*)$ /new/$1?b=2 last; }
      location /new/ { rewrite ^ /kept break; return 200 $uri; }
    }`,
    '/old/x?a=1',
  );
  assert.deepEqual(story(explanation), [
    '/old/x -> location /old/',
    'set $v "$arg_a!": set',
    'if ($v = "1!"): true',
    'set $w yes: set',
    'rewrite ^/no$ /x: no match',
    'rewrite ^/old/(.*)$ /new/$1?b=2 last: last',
    '/new/x -> location /new/',
    'rewrite ^ /kept break: break',
    'status 404',
  ]);
  const [, , , , last] = of(explanation, 'directive');
  assert.deepEqual(last?.uri, { from: '/old/x', to: '/new/x' });
  assert.deepEqual(last?.args, { from: 'a=1', to: 'b=2&a=1' });
  assert.deepEqual(of(explanation, 'directive')[0]?.values, { $v: '1!' });
});

test('files that are looked for, and where they lead, are told', async () => {
  const http = `server { listen 80; root html;
    error_page 404 /missing.html;
    location / { try_files $uri $uri/ @named; }
    location @named { return 404; }
    location = /missing.html { }
  }`;
  const files = { 'html/missing.html': 'gone', 'html/d/index.html': 'index' };
  assert.deepEqual(story(await explained(http, '/none', files)), [
    '/none -> location /',
    'file /none missing',
    'directory /none missing',
    'try_files to @named',
    'return 404: 404',
    'status 404',
    'error_page to /missing.html',
    '/missing.html -> location = /missing.html',
  ]);
  const index = await explained(http, '/d/', files);
  assert.deepEqual(story(index).slice(-6), [
    'file /d/ missing',
    'directory /d/ found',
    'file /d/index.html found',
    'index to /d/index.html',
    '/d/index.html -> location /',
    'file /d/index.html found',
  ]);
  assert.equal(index.answer.body, 'index');
});

test('directives are told with what they override and where they come from', async () => {
  const { directives, location } = await explained(
    `proxy_set_header A http; proxy_read_timeout 5s; add_header X 1;
    server { listen 80;
      proxy_set_header B server; add_header_inherit merge; add_header Y 2; deny 192.0.2.1;
      location / { proxy_pass http://127.0.0.1:1; add_header Z 3; allow all; proxy_set_header C location; }
    }`,
    '/',
  );
  assert.equal(location.text, 'location /');
  const find = (name: string) => directives.find(({ directive }) => directive === name);
  const texts = (name: string) => find(name)?.statements.map(({ text }) => text);
  assert.deepEqual(texts('proxy_set_header'), ['proxy_set_header C location']);
  assert.deepEqual(
    find('proxy_set_header')?.overrides.map(({ text, at }) => `${text} ${at?.line}`),
    ['proxy_set_header A http 3', 'proxy_set_header B server 5'],
  );
  assert.deepEqual([find('proxy_read_timeout')?.from.text, find('proxy_read_timeout')?.inherited], ['http', true]);
  assert.deepEqual(texts('add_header'), ['add_header X 1', 'add_header Y 2', 'add_header Z 3']);
  // Both are one list, and the location has one of its own.
  assert.deepEqual([texts('allow'), texts('deny')], [['allow all'], undefined]);
  assert.deepEqual(find('proxy_pass')?.phases, ['content']);
});

test('what has nothing to act on is told apart', async () => {
  const { directives } = await explained('server { listen 80; proxy_read_timeout 5s; return 200; }', '/');
  assert.deepEqual(directives.find(({ directive }) => directive === 'proxy_read_timeout')?.used, false);
});

const UPSTREAM = `upstream app { server 127.0.0.1:1 weight=2; server 127.0.0.1:2; server 127.0.0.1:3 backup; server 127.0.0.1:4 down; }
server { listen 80; location / { proxy_pass http://app; } }`;

test('round robin is told for this request and the next ones', async () => {
  const { upstreams } = await explained(UPSTREAM, '/');
  const [app] = upstreams;
  assert.equal(app?.method.text, 'round robin');
  assert.deepEqual(app?.order, ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']);
  assert.deepEqual(
    app?.following.slice(0, 4).map((peer) => peer.at(-1)),
    ['1', '2', '1', '1'],
  );
  assert.deepEqual(
    app?.peers.map(({ weight, backup, state }) => `${weight} ${backup} ${state}`),
    ['2 false up', '1 false up', '1 false down', '1 true up'],
  );
  assert.deepEqual(
    app?.requests.map(({ address }) => address),
    ['127.0.0.1:1'],
  );
});

test('a method that hashes tells its key, and the peer that was asked is the first of the order', async () => {
  const http = `upstream app { hash "$uri-$arg_k" consistent; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3; }
    server { listen 80; location / { proxy_pass http://app; } }`;
  for (const k of ['a', 'b', 'c', 'd']) {
    const [app] = (await explained(http, `/x?k=${k}`)).upstreams;
    assert.deepEqual([app?.method.text, app?.key], ['hash "$uri-$arg_k" consistent', `/x-${k}`]);
    assert.equal(app?.requests[0]?.address, app?.order[0]);
    assert.deepEqual(new Set(app?.following), new Set([app?.order[0]]));
  }
});

test('an upstream whose servers are all down is told with them', async () => {
  const http =
    'upstream app { server 127.0.0.1:1 down; server 127.0.0.1:2 down; } server { listen 80; location / { proxy_pass http://app; } }';
  const { upstreams, answer } = await explained(http, '/');
  assert.deepEqual(
    upstreams.map(({ order, requests }) => [order, requests]),
    [[[], []]],
  );
  assert.equal(answer.status, 502);
});

test('each peer that is asked is told, as far as proxy_next_upstream goes', async () => {
  const http = `upstream app { server 127.0.0.1:1; server 127.0.0.1:2; }
    server { listen 80; location / { proxy_next_upstream http_503; proxy_pass http://app; } }`;
  const again = await explained(http, { request: '/', answer: { status: 503 } });
  assert.deepEqual(
    again.upstreams[0]?.requests.map(({ address }) => address.at(-1)),
    ['1', '2'],
  );
  const post = await explained(http, { request: 'POST /', answer: { status: 503 } });
  assert.deepEqual(
    post.upstreams[0]?.requests.map(({ address }) => address.at(-1)),
    ['1'],
  );
});

test('a handshake whose fields do not reach the upstream opens no WebSocket, and the missing ones are named', async () => {
  const http = `server { listen 80;
    location /none { proxy_pass http://127.0.0.1:1; }
    location /half { proxy_pass http://127.0.0.1:1; proxy_set_header Upgrade $http_upgrade; }
    location /1.0 { proxy_pass http://127.0.0.1:1; proxy_http_version 1.0; }
    location /all { proxy_pass http://127.0.0.1:1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
    location /one { proxy_pass ws://127.0.0.1:1; }
    location /refused { deny all; }
    location /here { return 200; } }`;
  const reason = async (request: string) => (await explained(http, request)).answer.noWebSocket;
  assert.match(
    (await reason('ws://a/none')) ?? '',
    /does not receive "Upgrade" and "Connection: upgrade" \(proxy_websocket on;\)/,
  );
  assert.match((await reason('ws://a/half')) ?? '', /does not receive "Connection: upgrade" /);
  assert.match((await reason('ws://a/1.0')) ?? '', /HTTP\/1\.0 request/);
  assert.equal(await reason('ws://a/all'), null);
  assert.equal(await reason('ws://a/one'), null);
  assert.match((await reason('ws://a/here')) ?? '', /passes no requests to an upstream/);
  assert.equal(await reason('ws://a/refused'), null);
  assert.equal(await reason('/none'), null);
});

test('hosts that have no address here are taken as they are written', async () => {
  const http = `upstream app { server app.invalid:3000; }
    server { listen 80; location / { proxy_pass http://app; } location /b { proxy_pass http://b.invalid/x; } }`;
  const { upstreams, assumptions } = await explained(http, '/');
  assert.deepEqual(upstreams[0]?.order, ['app.invalid:3000']);
  assert.match(assumptions.join('\n'), /nginx does not\): app\.invalid, b\.invalid/);
  const [b] = (await explained(http, '/b')).upstreams;
  assert.equal(b?.requests[0]?.head.split('\r\n', 2).join(' '), 'GET /x HTTP/1.1 Host: b.invalid');
});

test('the head and the body that an upstream gets are told', async () => {
  const { upstreams, request } = await explained(
    'server { listen 80; location /a/ { proxy_pass http://127.0.0.1:81/b/; proxy_set_header X-From $remote_addr; } }',
    {
      request: 'POST http://h.example/a/x?y=1',
      headers: { Connection: 'close', 'X-A': 'ä' },
      from: '192.0.2.7',
      body: 'ä',
    },
  );
  assert.equal(request.body, 2);
  assert.deepEqual(
    upstreams[0]?.requests[0]?.head,
    ['POST /b/x?y=1 HTTP/1.1', 'Host: 127.0.0.1:81', 'X-From: 192.0.2.7', 'Content-Length: 2', 'X-A: ä', '', ''].join(
      '\r\n',
    ),
  );
  assert.equal(upstreams[0]?.requests[0]?.body, 2);
});

test('a WebSocket is told whether the upstream hears of it', async () => {
  const http = (fields: string) => `server { listen 80; location / { proxy_pass http://127.0.0.1:1; ${fields} } }`;
  const passed = await explained(
    http('proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;'),
    'wss://h.example/',
  );
  assert.equal(passed.answer.status, 101);
  assert.match(passed.answer.head, /\r\nUpgrade: websocket\r\n/);
  const lost = await explained(http(''), 'wss://h.example/');
  assert.equal(lost.answer.status, 200);
  assert.doesNotMatch(lost.upstreams[0]?.requests[0]?.head ?? '', /upgrade/i);
});

test('a tunnel behind another status than 101 is not waited for', async () => {
  const http = `server { listen 80; error_page 404 =200 /p; location / { return 404; }
    location /p { proxy_pass http://127.0.0.1:1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`;
  const { answer, assumptions } = await explained(http, 'ws://h/');
  assert.equal(answer.status, 200);
  assert.ok(!assumptions.join().includes('still waited'));
});

test("changes of the answer's head are told by module", async () => {
  const explanation = await explained(
    `server { listen 80; location /app/ {
      proxy_pass http://127.0.0.1:81/; proxy_hide_header X-Inner; proxy_cookie_path / /app/; add_header X-Own 1; } }`,
    {
      request: '/app/',
      answer: {
        headers: [
          ['X-Inner', '1'],
          ['Set-Cookie', 'a=b; Path=/'],
        ],
      },
    },
  );
  const [proxy, headers] = of(explanation, 'fields');
  assert.equal(proxy?.module, 'proxy');
  assert.ok(proxy?.removed.includes('X-Inner: 1'));
  assert.deepEqual(proxy?.added, ['Set-Cookie: a=b; Path=/app/']);
  assert.deepEqual([headers?.module, headers?.added], ['headers', ['X-Own: 1']]);
  assert.deepEqual(explanation.answer.redirect, { from: 'http://127.0.0.1:81/', to: 'http://localhost/app/' });
});

test('access, sizes and broken requests are told by their status and the log', async () => {
  const http =
    'server { listen 80; client_max_body_size 5; location /no { deny 192.0.2.0/24; return 200; } location / { deny 192.0.2.0/24; } }';
  const denied = await explained(http, { request: '/', from: '192.0.2.9:80' });
  assert.deepEqual(
    [denied.answer.status, of(denied, 'log').map(({ message }) => message)],
    [403, ['access forbidden by rule']],
  );
  const large = await explained(http, { request: 'POST /', body: 6 });
  assert.equal(large.answer.status, 413);
  const twice = await explained(http, {
    request: '/',
    headers: [
      ['Host', 'a'],
      ['Host', 'b'],
    ],
  });
  assert.deepEqual([twice.answer.status, twice.server.why, twice.server.host], [400, 'default', 'a']);
  const invalid = await explained(http, { request: '/', headers: { Host: 'a b' } });
  assert.deepEqual([invalid.answer.status, invalid.server.why], [400, 'refused']);
  assert.match(of(twice, 'log')[0]?.message ?? '', /duplicate host header/);
});

test('a connection that is closed without an answer is told', async () => {
  const { answer } = await explained('server { listen 80; return 444; }', '/');
  assert.deepEqual([answer.status, answer.head], [0, '']);
});

test('the listener is chosen by the URL, or as is asked', async () => {
  const http = `server { listen 80; return 200; } server { listen 127.0.0.2:80; return 201; }
    server { listen 8080; return 202; } server { listen unix:/tmp/explain.sock; return 203; }`;
  const at = async (request: ExplainRequest) => (await explained(http, request)).listener.address;
  assert.equal(await at({ request: 'http://h/' }), '0.0.0.0:80');
  assert.equal(await at({ request: 'http://127.0.0.2/' }), '127.0.0.2:80');
  assert.equal(await at({ request: 'http://h:8080/' }), '0.0.0.0:8080');
  assert.equal(await at({ request: '/', listen: '127.0.0.2:80' }), '127.0.0.2:80');
  assert.equal(await at({ request: '/', listen: '127.0.0.3:80' }), '0.0.0.0:80');
  assert.equal(await at({ request: '/', listen: 'unix:/tmp/explain.sock' }), 'unix:/tmp/explain.sock');
  assert.equal(await at({ request: 'https://h/' }), '0.0.0.0:80');
});

test('requests of the proxy to itself are told as such', async () => {
  const explanation = await explained('server { listen 80; root html; ssi on; }', '/a.html', {
    'html/a.html': '<!--# include virtual="/b.html" -->',
    'html/b.html': 'inner',
  });
  assert.deepEqual(
    of(explanation, 'location').map(({ uri, subrequest }) => [uri, subrequest]),
    [
      ['/a.html', undefined],
      ['/b.html', true],
    ],
  );
  assert.match(explanation.answer.body, /inner/);
});

test('nothing is listened on, connected to or logged', async () => {
  const taken = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  let connections = 0;
  taken.on('connection', () => connections++);
  const { port } = taken.address() as import('node:net').AddressInfo;
  const prefix = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
  try {
    const config = `error_log error.log debug; pid run.pid; events {} http { access_log access.log; error_log inner.log debug;
      server { listen 127.0.0.1:${port}; client_body_in_file_only on; client_body_temp_path bodies;
        location / { proxy_pass http://127.0.0.1:${port}; deny 192.0.2.1; } } }`;
    const { answer } = await explain(config, { request: 'POST /', body: 100_000 }, { prefix });
    assert.equal(answer.status, 200);
    for (const name of ['error.log', 'inner.log', 'access.log', 'run.pid', 'bodies']) {
      assert.ok(!existsSync(join(prefix, name)), name);
    }
    assert.equal(connections, 0);
  } finally {
    taken.close();
    rmSync(prefix, { recursive: true, force: true });
  }
});

for (const [request, message] of [
  ['', /it is empty/],
  ['GET', /no path or URL/],
  ['get /', /methods are written in capital letters/],
  ['GET /a b', /unexpected "b"/],
  ['GET /a HTTP/2', /neither HTTP\/1.0 nor HTTP\/1.1/],
  ['GET ftp://h/', /the scheme "ftp" is not one of/],
  ['GET example.org', /neither a path nor a URL/],
  ['GET http://u:p@h/', /a user name in a URL is not sent/],
  ['GET http://h:99/', /there is no listener on port 99; the configuration listens on 0.0.0.0:80/],
  ['GET /\u0007', /control characters/],
] as const) {
  test(`${JSON.stringify(request)} is refused with a sentence`, async () => {
    await assert.rejects(explained('server { listen 80; }', request), { name: 'TypeError', message });
  });
}

for (const [wrong, message] of [
  [{ listen: '81' }, /there is no listener on "81"/],
  [{ listen: ':x' }, /is not a listen address/],
  [{ from: 'nobody' }, /"nobody" is not an IP address/],
  [{ headers: [['A B\n', '1']] }, /is not a header/],
  [{ body: -1 }, /invalid body size/],
  [{ body: 1e12 }, /exceeds the limit of/],
] as const) {
  test(`${JSON.stringify(wrong)} is refused with a sentence`, async () => {
    await assert.rejects(explained('server { listen 80; }', { request: '/', ...wrong }), {
      name: 'TypeError',
      message,
    });
  });
}

test('a configuration that is refused has its findings', async () => {
  await assert.rejects(explained('server { listenn 80; }', '/'), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.findings.map(({ code }) => code),
      ['unknown-directive'],
    );
    return true;
  });
});

test('an upstream with TLS is explained without its certificates, and redirects to its own https URL', async () => {
  const explanation = await explained(
    `server {
      listen 80;
      location /app/ {
        proxy_pass https://10.0.0.1/;
        proxy_ssl_certificate absent.crt; proxy_ssl_certificate_key absent.key;
      }
    }`,
    'GET http://x/app/page',
  );
  assert.deepEqual(explanation.answer.redirect, { from: 'https://10.0.0.1/page/', to: 'http://x/app/page/' });
  assert.match(explanation.upstreams[0]?.requests[0]?.head ?? '', /^GET \/page HTTP\/1.1\r\nHost: 10.0.0.1\r\n/);
});

test('an https request to a TLS listener has the scheme https, without certificates', async () => {
  const text = `server {
    listen 443 ssl; ssl_certificate missing.crt; ssl_certificate_key missing.key;
    location /dir/ { proxy_pass http://10.0.0.1; }
    location / { return 301 "$scheme://$host/$https"; }
  }`;
  const { answer, assumptions } = await explained(text, 'https://h/');
  assert.match(JSON.stringify(answer), /https:\/\/h\/on/);
  assert.deepEqual(
    assumptions.filter((each) => each.includes('TLS')),
    [],
  );
  assert.match(JSON.stringify((await explained(text, 'https://h/dir')).answer), /https:\/\/h\/dir\//);
});
