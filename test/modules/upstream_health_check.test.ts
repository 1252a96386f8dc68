import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  certificates,
  closedPort,
  get,
  httpsBackend,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';

/** A back end that answers checks (`/health`) with what `state.check` says, and everything else with its name. */
async function checkedBackend(name: string, port = 0): Promise<{ backend: Backend; state: { check: string } }> {
  const state = { check: reply('fine') };
  const backend = await answeringBackend(({ target }) => (target === '/health' ? state.check : reply(name)), { port });
  return { backend, state };
}

const failing = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
const checksOf = (backend: Backend) => backend.requests.filter(({ target }) => target === '/health');

async function bodies(proxy: TestProxy, count: number): Promise<Set<string>> {
  const answers = await Promise.all(Array.from({ length: count }, () => get(proxy.port)));
  return new Set(answers.map(({ status, body }) => (status === 200 ? body : String(status))));
}

test('a server that fails its checks gets no requests until it passes them again', async (t) => {
  const [a, b] = [await checkedBackend('a'), await checkedBackend('b')];
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${a.backend.port}; server 127.0.0.1:${b.backend.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; health_check uri=/health interval=20ms fails=2 passes=2; } }`,
  );
  t.after(() => Promise.all([proxy.close(), a.backend.close(), b.backend.close()]));
  assert.deepEqual(await bodies(proxy, 8), new Set(['a', 'b']));
  a.state.check = failing;
  await until('a is unhealthy', () => proxy.messages('warn').length > 0);
  const [warning] = proxy.messages('warn');
  const peer = `health check "" of peer 127.0.0.1:${a.backend.port} in upstream "u"`;
  assert.equal(warning, `peer is unhealthy while checking status code (the status is 503), ${peer}`);
  assert.deepEqual(await bodies(proxy, 8), new Set(['b']));
  a.state.check = reply('fine');
  await until('a is healthy', () => proxy.messages('notice').some((line) => line.startsWith('peer is healthy')));
  assert.equal(proxy.messages('notice').filter((line) => line === `peer is healthy, ${peer}`).length, 1);
  assert.deepEqual(await bodies(proxy, 8), new Set(['a', 'b']));
  assert.equal(proxy.messages('warn').length, 1);
});

test('checks use the settings of the location, and close their connections', async (t) => {
  const { backend } = await checkedBackend('a');
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${backend.port}; }
     server { listen 127.0.0.1:0;
       location / {
         proxy_set_header Host checked.example; proxy_set_header X-Client "[$remote_addr$http_x]";
         proxy_pass http://u; health_check uri=/health interval=20ms;
       } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  await until('two checks were made', () => checksOf(backend).length >= 2);
  const [first] = checksOf(backend);
  assert.equal(first?.line, 'GET /health HTTP/1.1');
  assert.equal(first.field('host'), 'checked.example');
  assert.equal(first.field('x-client'), '[]');
  assert.equal(first.field('connection'), 'close');
  assert.ok(backend.connections.length >= 2);
});

test('keepalive_time uses a connection for several checks', async (t) => {
  const { backend } = await checkedBackend('a');
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${backend.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; health_check uri=/health interval=10ms keepalive_time=1m; } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  await until('three checks were made', () => checksOf(backend).length >= 3);
  assert.equal(backend.connections.length, 1);
  assert.equal(checksOf(backend)[0]?.field('connection'), 'keep-alive');
});

test('mandatory servers get no requests before their first check has passed', async (t) => {
  let answer = (_bytes: string): void => {};
  const first = new Promise<string>((resolve) => (answer = resolve));
  const backend = await answeringBackend(({ target }) => (target === '/health' ? first : reply('a')));
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${backend.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; health_check uri=/health mandatory interval=20ms; } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  assert.equal((await get(proxy.port)).status, 502);
  assert.ok(proxy.messages('error').some((line) => line.includes('no live upstreams')));
  answer(reply('fine'));
  await until('a is healthy', () => proxy.messages('notice').some((line) => line.startsWith('peer is healthy')));
  assert.deepEqual(await bodies(proxy, 2), new Set(['a']));
});

test('a reload keeps states with persistent, resets them without, and ends checks that it removes', async (t) => {
  const [a, b] = [await checkedBackend('a'), await checkedBackend('b')];
  const text = (parameters: string) =>
    `upstream u { zone u 64k; server 127.0.0.1:${a.backend.port}; server 127.0.0.1:${b.backend.port}; }
     server { listen 127.0.0.1:0; location / { proxy_pass http://u; ${parameters} } }`;
  a.state.check = failing;
  const proxy = await startProxy(text('health_check uri=/health mandatory persistent interval=1h;'));
  t.after(() => Promise.all([proxy.close(), a.backend.close(), b.backend.close()]));
  const lines = (start: string) => proxy.messages().filter((line) => line.startsWith(start)).length;
  await until('both are checked', () => lines('peer is') === 2);
  assert.deepEqual(await bodies(proxy, 4), new Set(['b']));
  await proxy.reload(text('health_check uri=/health mandatory persistent interval=1h; add_header X-New 1;'));
  assert.deepEqual(await bodies(proxy, 4), new Set(['b']));
  await until('a and b are checked again', () => checksOf(b.backend).length === 2 && checksOf(a.backend).length === 2);
  assert.equal(lines('peer is'), 2);
  await proxy.reload(text('health_check uri=/health interval=1h;'));
  await until('a is unhealthy again', () => lines('peer is unhealthy') === 2);
  await proxy.reload(text(''));
  assert.deepEqual(await bodies(proxy, 4), new Set(['a', 'b']));
  assert.equal(checksOf(a.backend).length, 3);
});

test('a match block decides about status, fields, body and variables', async (t) => {
  const head = 'HTTP/1.1 201 Created\r\nServer: demo\r\nX-Ready: 1\r\nContent-Length: 7\r\n\r\nWelcome';
  const backend = await answeringBackend(({ target }) => {
    if (target === '/ready') return head;
    return target === '/0' ? head.replace('X-Ready: 1', 'X-Ready: 0') : head;
  });
  const verdicts: Readonly<Record<string, string>> = {
    'status 201;': '',
    'status 200 202-299;': 'checking status code (the status is 201)',
    'status ! 200-299;': 'checking status code (the status is 201)',
    'header Server;': '',
    'header X-None;': 'checking "X-None" header',
    'header ! Server;': 'checking "Server" header',
    'header Server = demo;': '',
    'header Server != demo;': 'checking "Server" header',
    'header Server ~ ^d.*o$;': '',
    'header Server !~ ^d;': 'checking "Server" header',
    'header X-None != x;': 'checking "X-None" header',
    'body ~ ^Wel;': '',
    'body !~ come$;': 'checking response body',
    'require $upstream_http_x_ready $upstream_status;': '',
    'require $upstream_http_x_none;': 'checking required variables',
    'status 201; body ~ x;': 'checking response body',
  };
  const conditions = Object.entries(verdicts);
  const proxy = await startProxy(
    `${conditions.map(([condition], i) => `match m${i} { ${condition} }`).join('\n')}
     ${conditions.map((_, i) => `upstream u${i} { zone u 64k; server 127.0.0.1:${backend.port}; }`).join('\n')}
     server { listen 127.0.0.1:0;
       ${conditions.map((_, i) => `location /${i} { proxy_pass http://u${i}; health_check mandatory match=m${i} interval=1h; }`).join('\n')}
     }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const lines = () => proxy.messages().filter((line) => line.startsWith('peer is'));
  await until('all are checked', () => lines().length === conditions.length);
  for (const [i, [condition, failure]] of conditions.entries()) {
    const line = lines().find((each) => each.includes(`health check "m${i}"`)) ?? '';
    assert.ok(
      line.startsWith(failure === '' ? 'peer is healthy,' : `peer is unhealthy while ${failure},`),
      condition + line,
    );
  }
});

test('checks that are refused, cut short or too slow fail', async (t) => {
  const cut = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf').end();
  });
  const hanging = await scriptedBackend(() => {});
  const resetting = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200').reset();
  });
  const refused = await closedPort();
  const ports = [cut.port, hanging.port, resetting.port, refused];
  const proxy = await startProxy(
    `upstream u { zone u 64k; ${ports.map((port) => `server 127.0.0.1:${port};`).join(' ')} }
     server { listen 127.0.0.1:0; health_check_timeout 200ms;
       location / { proxy_pass http://u; health_check interval=1h; } }`,
  );
  t.after(() => Promise.all([proxy.close(), cut.close(), hanging.close(), resetting.close()]));
  await until('all have failed', () => proxy.messages('warn').length === 4);
  const reasons = ports.map((port) => {
    const line = proxy.messages('warn').find((each) => each.includes(`127.0.0.1:${port} `)) ?? '';
    return /^peer is unhealthy while (.*), health check/.exec(line)?.[1];
  });
  assert.deepEqual(reasons, [
    'reading upstream (upstream prematurely closed connection)',
    'reading response header from upstream (upstream timed out (110: Connection timed out))',
    'reading response header from upstream (recv() failed (104: Connection reset by peer))',
    'connecting to upstream (connect() failed (111: Connection refused))',
  ]);
});

test('type=tcp connects only, and port= names another port', async (t) => {
  const checked = await scriptedBackend(() => {});
  const { backend } = await checkedBackend('a');
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${backend.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; health_check type=tcp mandatory port=${checked.port}; } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close(), checked.close()]));
  await until('a is healthy', () => proxy.messages('notice').some((line) => line.startsWith('peer is healthy')));
  assert.deepEqual(await bodies(proxy, 2), new Set(['a']));
  assert.equal(checked.connections.length, 1);
});

test('type=websocket opens a WebSocket, and requires a Pong', async (t) => {
  const echo = await websocketEcho({ greeting: 'hello' });
  const { backend } = await checkedBackend('plain');
  const silent = await websocketEcho();
  // Pings are answered by the back end as soon as it reads them.
  silent.sockets.on('connection', (socket) => socket.pause());
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${echo.port}; server 127.0.0.1:${backend.port}; server 127.0.0.1:${silent.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; proxy_set_header Origin http://a.example;
         health_check type=websocket mandatory uri=/socket interval=1h; health_check_timeout 300ms; } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close(), echo.close(), silent.close()]));
  const line = (port: number) =>
    proxy.messages().find((each) => each.startsWith('peer is') && each.includes(`:${port} `));
  await until('all are checked', () => [echo, backend, silent].every(({ port }) => line(port) !== undefined));
  assert.match(line(echo.port) ?? '', /^peer is healthy/);
  assert.match(
    line(backend.port) ?? '',
    /^peer is unhealthy while checking status code \(the status is 200, not 101\)/,
  );
  assert.match(line(silent.port) ?? '', /^peer is unhealthy while reading upstream \(upstream timed out/);
  assert.equal(echo.upgrades[0]?.origin, 'http://a.example');
  await until('the WebSocket is closed', () => echo.closeCodes.length === 1);
  assert.deepEqual(echo.closeCodes, [1000]);
});

test('checks of https servers verify the certificate as the location does', async (t) => {
  const backend = await httpsBackend();
  const authority = certificates();
  const proxy = await startProxy(
    `upstream good { zone u 64k; server 127.0.0.1:${backend.port}; }
     upstream bad { zone u; server 127.0.0.1:${backend.port}; }
     server { listen 127.0.0.1:0;
       proxy_ssl_verify on; proxy_ssl_trusted_certificate ${authority.crt('ca')}; proxy_ssl_server_name on;
       location /good { proxy_pass https://good; proxy_ssl_name www.example.com; health_check mandatory interval=1h; }
       location /bad { proxy_pass https://bad; proxy_ssl_name wrong.example; health_check type=tcp mandatory interval=1h; } }`,
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const lines = () => proxy.messages().filter((each) => each.startsWith('peer is'));
  await until('both are checked', () => lines().length === 2);
  assert.match(lines().find((each) => each.includes('"good"')) ?? '', /^peer is healthy/);
  assert.match(
    lines().find((each) => each.includes('"bad"')) ?? '',
    /^peer is unhealthy while SSL handshaking to upstream/,
  );
  assert.equal(backend.requests[0]?.servername, 'www.example.com');
});

test('a server must pass all checks of its upstream', async (t) => {
  const [a, b] = [await checkedBackend('a'), await checkedBackend('b')];
  const proxy = await startProxy(
    `upstream u { zone u 64k; server 127.0.0.1:${a.backend.port}; server 127.0.0.1:${b.backend.port}; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://u; health_check uri=/ interval=20ms; health_check uri=/health interval=20ms; } }`,
  );
  t.after(() => Promise.all([proxy.close(), a.backend.close(), b.backend.close()]));
  a.state.check = failing;
  await until('a is unhealthy', () => proxy.messages('warn').length > 0);
  assert.deepEqual(await bodies(proxy, 6), new Set(['b']));
});

test('tunnels continue under a configuration with other checks', async (t) => {
  const echo = await websocketEcho();
  const text = (status: number, check: string) =>
    `match m { status ${status}; }
     upstream u { zone u 64k; server 127.0.0.1:${echo.port}; }
     server { listen 127.0.0.1:0; location / { proxy_pass http://u; proxy_websocket on; ${check} } }`;
  const proxy = await startProxy(text(200, 'health_check interval=1h match=m;'));
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  const client = await websocket(proxy.port, '/');
  await proxy.reload(text(299, 'health_check interval=2h match=m; health_check_timeout 1s;'));
  await until('no request has the old one', () => proxy.messages().includes('generation 1 exited with code 0'));
  client.send('still open');
  assert.equal(await client.next(), 'still open');
  await client.close();
});
