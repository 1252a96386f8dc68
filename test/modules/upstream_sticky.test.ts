import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  type Answer,
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
  websocket,
  websocketEcho,
} from '../kit/index.js';

/** A back end that answers with its name, and with the fields that a request asks for. */
async function named(t: TestContext, name: string, status = '200 OK'): Promise<Backend> {
  const backend = await answeringBackend((received) => {
    const cookie = received.field('x-set');
    return reply(name, { status, fields: cookie === undefined ? [] : [`Set-Cookie: ${cookie}`] });
  });
  t.after(() => backend.close());
  return backend;
}

const idOf = ({ port }: { readonly port: number }): string =>
  createHash('md5').update(`127.0.0.1:${port}`).digest('hex');

/** A proxy to the servers `upstream`, in which %%A%%, %%B%% … are the ports of the back ends. */
async function proxyTo(t: TestContext, servers: readonly { readonly port: number }[], upstream: string, more = '') {
  const ports = Object.fromEntries(servers.map(({ port }, i) => ['ABCD'.charAt(i), port]));
  const proxy = await startProxy(configuration(upstream, more), ports);
  t.after(() => proxy.close());
  return { proxy, ports };
}

const configuration = (upstream: string, more = '') => `
  upstream app { ${upstream} }
  ${more}
  server {
    listen 127.0.0.1:0;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    location / { proxy_pass http://app; }
    location /next { proxy_pass http://app; proxy_next_upstream http_503; }
    location /page { proxy_pass http://app; proxy_intercept_errors on; error_page 503 /own; }
    location /own { return 200 own; }
  }`;

const setCookies = ({ fields }: Answer): string[] =>
  fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);

const withCookie = (proxy: TestProxy, cookie: string, path = '/', ...fields: string[]) =>
  get(proxy.port, path, { fields: [`Cookie: ${cookie}`, ...fields] });

test('sticky cookie: every response sets the cookie, and requests with it reach the same server', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const { proxy } = await proxyTo(
    t,
    [a, b],
    'server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%% route=second; sticky cookie srv;',
  );
  const answers = [await get(proxy.port), await get(proxy.port)];
  assert.deepEqual(
    answers.map((answer) => [answer.body, setCookies(answer)]),
    [
      ['a', [`srv=${idOf(a)}`]],
      ['b', ['srv=second']],
    ],
  );
  for (let n = 0; n < 3; n++) {
    const bound = await withCookie(proxy, 'x=1; srv=second');
    assert.deepEqual([bound.body, setCookies(bound)], ['b', ['srv=second']]);
  }
  const stranger = await withCookie(proxy, `srv=${'x'.repeat(5000)}`);
  assert.match(stranger.body, /^[ab]$/);
  assert.equal(setCookies(stranger)[0], stranger.body === 'a' ? `srv=${idOf(a)}` : 'srv=second');
});

test('sticky cookie: attributes are those of nginx, in its order', async (t) => {
  const a = await named(t, 'a');
  const attributes = 'path=/x secure httponly domain=$arg_d samesite=$arg_s expires=1h';
  const { proxy } = await proxyTo(t, [a], `server 127.0.0.1:%%A%%; sticky cookie srv ${attributes};`);
  const cookie = async (args: string) => setCookies(await get(proxy.port, `/?${args}`))[0] ?? '';
  const time = /; expires=\w{3}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT; max-age=3600/;
  const start = `srv=${idOf(a)}`;
  const whole = await cookie('d=example.com&s=Lax');
  assert.match(whole, time);
  assert.equal(whole.replace(time, ''), `${start}; domain=example.com; httponly; secure; samesite=Lax; path=/x`);
  assert.equal((await cookie('')).replace(time, ''), `${start}; httponly; secure; path=/x`);
  assert.equal((await cookie('s=any')).replace(time, ''), `${start}; httponly; secure; samesite=strict; path=/x`);
  await proxy.reload(configuration('server 127.0.0.1:%%A%%; sticky cookie srv expires=max;'), { A: a.port });
  assert.equal(await cookie(''), `${start}; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000`);
});

test('sticky cookie: a line break in a variable does not end the field', async (t) => {
  const a = await named(t, 'a');
  const { proxy } = await proxyTo(t, [a], 'server 127.0.0.1:%%A%%; sticky cookie srv domain=$uri;');
  const answer = await get(proxy.port, '/x%0d%0aInjected:%20yes');
  assert.equal(answer.field('injected'), undefined);
  assert.match(setCookies(answer)[0] ?? '', /; domain=\/x Injected: yes$/);
});

test('sticky cookie: precedes the cookies of the server, names the one that answered, and is sent with error pages', async (t) => {
  const [bad, good] = [await named(t, 'bad', '503 No'), await named(t, 'good')];
  const servers = 'server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% max_fails=0; sticky cookie srv;';
  const { proxy } = await proxyTo(t, [bad, good], servers);
  const next = await withCookie(proxy, `srv=${idOf(bad)}`, '/next', 'X-Set: srv=own');
  assert.deepEqual([next.body, setCookies(next)], ['good', [`srv=${idOf(good)}`, 'srv=own']]);
  const page = await withCookie(proxy, `srv=${idOf(bad)}`, '/page');
  assert.deepEqual([page.body, setCookies(page)], ['own', [`srv=${idOf(bad)}`]]);
  await bad.close();
  await good.close();
  const failed = await get(proxy.port);
  assert.equal(failed.status, 502);
  assert.equal(setCookies(failed).length, 1);
  await proxy.reload(configuration('server 127.0.0.1:1 down; sticky cookie srv;'));
  const none = await withCookie(proxy, 'srv=a');
  assert.deepEqual([none.status, setCookies(none)], [502, []]);
});

test('sticky route: the first variable with a value selects the server; a drained one only gets bound clients', async (t) => {
  const [a, b, c] = [await named(t, 'a'), await named(t, 'b'), await named(t, 'c')];
  const servers =
    'server 127.0.0.1:%%A%% route=1 drain; server 127.0.0.1:%%B%% route=2; server 127.0.0.1:%%C%% route=3;';
  const { proxy } = await proxyTo(t, [a, b, c], `${servers} sticky route $cookie_r $arg_r;`);
  const body = async (path: string, cookie = '') => (await withCookie(proxy, cookie, path)).body;
  assert.equal(await body('/?r=1'), 'a');
  assert.equal(await body('/?r=1', 'r=3'), 'c');
  assert.equal(await body('/?r=2', 'r='), 'b');
  const others = [await body('/'), await body('/'), await body('/?r=4'), await body('/?r=')];
  assert.deepEqual(others.sort(), ['b', 'b', 'c', 'c']);
  assert.deepEqual(setCookies(await get(proxy.port)), []);
});

test('a load balancing method after sticky replaces it, as in nginx', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const servers = 'server 127.0.0.1:%%A%% route=a; server 127.0.0.1:%%B%% route=b;';
  const { proxy, ports } = await proxyTo(t, [a, b], `${servers} sticky route $arg_r; least_conn;`);
  const bodies = [await get(proxy.port, '/?r=a'), await get(proxy.port, '/?r=a')].map(({ body }) => body);
  assert.deepEqual(bodies.sort(), ['a', 'b']);
  await proxy.reload(configuration(`least_conn; ${servers} sticky route $arg_r; keepalive 2;`), ports);
  for (let n = 0; n < 3; n++) assert.equal((await get(proxy.port, '/?r=b')).body, 'b');
});

const LEARN = 'sticky learn create=$upstream_cookie_sid lookup=$cookie_sid';
const TWO = 'server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%;';

test('sticky learn: a session that a response begins is bound to its server, also after a reload', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const { proxy, ports } = await proxyTo(t, [a, b], `${TWO} ${LEARN} zone=s:1m;`);
  const begin = async (sid: string) => (await get(proxy.port, '/', { fields: [`X-Set: sid=${sid}; Path=/`] })).body;
  const [first, second] = [await begin('one'), await begin('two')];
  assert.deepEqual([first, second], ['a', 'b']);
  const check = async () => {
    for (let n = 0; n < 3; n++) {
      assert.equal((await withCookie(proxy, 'sid=one')).body, first);
      assert.equal((await withCookie(proxy, 'sid=two')).body, second);
    }
  };
  await check();
  await proxy.reload(configuration(`${TWO} ${LEARN} zone=s:1m; keepalive 3;`), ports);
  await check();
  assert.deepEqual(setCookies(await withCookie(proxy, 'sid=one')), []);
  const other = configuration(`${TWO} ${LEARN} zone=s:1m;`).replaceAll(/app\b/g, 'other');
  await assert.rejects(
    proxy.reload(other, ports),
    /sticky zone "s" is used in upstream "other" while previously it was used in upstream "app"/,
  );
});

test('sticky learn: a session follows its client to another server, and expires when it is not used', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const { proxy } = await proxyTo(
    t,
    [a, b],
    `${TWO} ${LEARN} zone=s:1m timeout=1s;`.replaceAll('%%;', '%% max_fails=0;'),
  );
  const bodies = async (count: number) => {
    const found: string[] = [];
    for (let n = 0; n < count; n++) found.push((await withCookie(proxy, 'sid=x')).body);
    return found;
  };
  // A request with an unknown session does not create it.
  assert.deepEqual(await bodies(2), ['a', 'b']);
  assert.equal((await get(proxy.port, '/', { fields: ['X-Set: sid=x'] })).body, 'a');
  // Each request extends the session.
  const end = Date.now() + 1500;
  while (Date.now() < end) {
    assert.deepEqual(await bodies(1), ['a']);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const bound = a.port;
  await a.close();
  assert.deepEqual(await bodies(2), ['b', 'b']);
  const again = await answeringBackend(reply('again'), { port: bound });
  t.after(() => again.close());
  assert.deepEqual(await bodies(2), ['b', 'b']);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.deepEqual(new Set(await bodies(4)), new Set(['again', 'b']));
});

test('sticky learn: with header, concurrent requests of a session reach one server before the first one is complete', async (t) => {
  const slow = async (name: string) => {
    const release: (() => void)[] = [];
    const backend = await answeringBackend(async (_received, connection) => {
      connection.send(`HTTP/1.1 200 OK\r\nX-Name: ${name}\r\nContent-Length: 4\r\n\r\n`);
      await new Promise<void>((resolve) => release.push(resolve));
      return 'done';
    });
    t.after(() => backend.close());
    return { backend, port: backend.port, release };
  };
  for (const [parameter, servers] of [
    ['', 2],
    ['header', 1],
  ] as const) {
    const [a, b] = [await slow('a'), await slow('b')];
    const learn = `sticky learn create=$cookie_sid lookup=$cookie_sid zone=s:1m ${parameter}`;
    const { proxy } = await proxyTo(t, [a, b], `${TWO} ${learn};`, 'proxy_buffering off;');
    const names = new Set<string>();
    for (let n = 0; n < 4; n++) {
      const client = await connect(proxy.port);
      t.after(() => client.close());
      client.send(request('/', { fields: ['Cookie: sid=x'] }));
      const head = await client.reader.until('\r\n\r\n');
      names.add(/X-Name: (\w)/.exec(head)?.[1] ?? '');
    }
    assert.equal(names.size, servers, parameter);
    for (const release of [...a.release, ...b.release]) release();
  }
});

test('sticky learn: a full zone drops the least recently used session, which is logged as by nginx', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const { proxy } = await proxyTo(t, [a, b], `${TWO} ${LEARN} zone=small:32k;`);
  const client = await connect(proxy.port);
  t.after(() => client.close());
  for (let n = 0; n < 200; n++) {
    client.send(request('/', { fields: ['Connection: keep-alive', `X-Set: sid=${n}`] }));
    await client.answer('GET');
  }
  const warnings = proxy.messages('warn');
  const expected = 'could not allocate node in sticky session zone "small", expiring least recently used session';
  assert.ok(warnings.length > 0);
  assert.ok(warnings.every((message) => message.includes(expected)));
});

test('sticky cookie and learn: WebSockets are bound like requests', async (t) => {
  const echoes = [await websocketEcho({ name: 'a', greeting: 'a' }), await websocketEcho({ name: 'b', greeting: 'b' })];
  for (const echo of echoes) t.after(() => echo.close());
  const { proxy, ports } = await proxyTo(t, echoes, `${TWO} sticky cookie srv;`);
  const open = async (cookie: string) => {
    const client = await websocket(proxy.port, '/', cookie === '' ? {} : { Cookie: cookie });
    const greeting = await client.next();
    return { client, greeting };
  };
  const id = idOf(echoes[1] as { port: number });
  for (let n = 0; n < 3; n++) {
    const { client, greeting } = await open(`srv=${id}`);
    assert.equal(greeting, 'b');
    await client.close();
  }
  // The handshake sets the cookie, too.
  const raw = await connect(proxy.port);
  t.after(() => raw.close());
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  raw.send(request('/', { fields: [...upgrade, `Sec-WebSocket-Key: ${'A'.repeat(22)}==`, `Cookie: srv=${id}`] }));
  assert.match(await raw.reader.until('\r\n\r\n'), new RegExp(`^HTTP/1\\.1 101 .*\r\nSet-Cookie: srv=${id}\r\n`, 's'));
  // Requests of a client reach the server of its open WebSocket.
  const learn = 'sticky learn create=$cookie_sid lookup=$cookie_sid zone=s:1m;';
  await proxy.reload(configuration(`${TWO} ${learn}`), ports);
  const { client, greeting } = await open('sid=x');
  for (let n = 0; n < 3; n++) {
    assert.match((await withCookie(proxy, 'sid=x')).body, new RegExp(`^plain ${greeting} `));
  }
  await client.close();
});
