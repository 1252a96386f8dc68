/** The server that a request is for is in force as soon as its host was read. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answeringBackend, connect, exchange, startProxy, type TestProxy, until } from '../kit/index.js';

const SERVERS = `
  log_format one 'one|$status|$host|$server_name|$uri|$args|$request_uri|$server_protocol|$request_method|$request_length|$request';
  log_format times '$request_time';
  log_format two 'two|$status|$host|$server_name|$uri|$args|$request_uri|$server_protocol|$request_method|$request_length|$request';
  server {
    listen 127.0.0.1:0 default_server;
    server_name one;
    client_header_timeout 300ms;
    access_log %%DIR%%/log one;
    error_page 400 494 @moved;
    location / { return 200 "one $uri $http_api_key"; }
    location @moved { return 302 /one; }
  }
  server {
    listen 127.0.0.1:0;
    server_name two ~^(?<sub>\\w+)\\.two$;
    underscores_in_headers on;
    large_client_header_buffers 4 32k;
    merge_slashes off;
    max_headers 3;
    access_log %%DIR%%/log two; access_log %%DIR%%/times times;
    error_log %%DIR%%/two info;
    error_page 400 494 @moved;
    location / { return 200 "two $uri $http_api_key $sub"; }
    location @moved { return 302 /two; }
  }`;

async function logged(proxy: TestProxy, lines = 1): Promise<string> {
  await until('it is logged', () => proxy.accessLog('log').length >= lines);
  return proxy.accessLog('log').at(-1) ?? '';
}

async function started(t: { after(end: () => Promise<void>): void }): Promise<TestProxy> {
  const proxy = await startProxy(SERVERS);
  t.after(() => proxy.close());
  return proxy;
}

const location = (answer: string, proxy: TestProxy): string =>
  (/^Location: (.*)\r$/m.exec(answer)?.[1] ?? '').replace(`:${proxy.port}/`, ':PORT/');

describe('settings of the named server', () => {
  test('its underscores_in_headers holds for fields behind the Host field', async (t) => {
    const proxy = await started(t);
    const ask = (fields: string): Promise<string> =>
      exchange(proxy.port, `GET / HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);
    assert.match(await ask('Host: two\r\napi_key: 1\r\n'), /two \/ 1 $/);
    assert.match(await ask('api_key: 1\r\nHost: two\r\n'), /two \/ {2}$/);
    assert.match(await ask('Host: one\r\napi_key: 1\r\n'), /one \/ $/);
    assert.match(
      await exchange(proxy.port, 'GET http://two/ HTTP/1.1\r\napi_key: 1\r\nHost: one\r\nConnection: close\r\n\r\n'),
      /two \/ 1 $/,
    );
  });

  test('its buffers hold a cookie of 20 kB', async (t) => {
    const proxy = await started(t);
    const cookie = `Cookie: ${'c'.repeat(20_000)}\r\n`;
    const ask = (fields: string): Promise<string> =>
      exchange(proxy.port, `GET / HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);
    assert.match(await ask(`Host: two\r\n${cookie}`), /^HTTP\/1\.1 200/);
    const refused = await ask(`${cookie}Host: two\r\n`);
    assert.match(refused, /^HTTP\/1\.1 302/);
    assert.equal(location(refused, proxy), 'http://127.0.0.1:PORT/one');
  });

  test('its captures are there, and slashes are merged as the default server says', async (t) => {
    const proxy = await started(t);
    const answer = await exchange(proxy.port, 'GET //a HTTP/1.1\r\nHost: x.two\r\nConnection: close\r\n\r\n');
    assert.match(answer, /two \/a {2}x$/);
  });

  test('an upstream gets the fields that it lets through, in whatever pieces the head comes', async (t) => {
    const backend = await answeringBackend(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    t.after(() => backend.close());
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; server_name one; return 400; }
       server {
         listen 127.0.0.1:0; server_name two; underscores_in_headers on;
         location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
       }`,
      { BACKEND: backend.port },
    );
    t.after(() => proxy.close());
    const head = 'GET / HTTP/1.1\r\nHost: two\r\na_b: 1\r\nConnection: close\r\n\r\n';
    for (let cut = 1; cut < head.length; cut++) {
      const client = await connect(proxy.port);
      client.send(head.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      const answer = await client.send(head.slice(cut)).all();
      client.close();
      assert.match(answer, /^HTTP\/1\.1 204/, `cut at ${cut}`);
    }
    assert.equal(backend.requests.length, head.length - 1);
    for (const { head: received } of backend.requests) assert.match(received, /^a_b: 1\r$/m);
  });

  test('a reload that changes names and limits holds for the next head, the same again', async (t) => {
    const proxy = await started(t);
    const client = await connect(proxy.port);
    t.after(async () => client.close());
    const ask = async (): Promise<string> =>
      (await client.send('GET / HTTP/1.1\r\nHost: two\r\napi_key: 1\r\n\r\n').answer()).body;
    assert.equal(await ask(), 'two / 1 ');
    assert.equal(await ask(), 'two / 1 ');
    await proxy.reload(SERVERS.replace('underscores_in_headers on;', ''));
    assert.equal(await ask(), 'two /  ');
    await proxy.reload(SERVERS.replace('server_name two', 'server_name three'));
    assert.equal(await ask(), 'one / ');
  });
});

const CUT: readonly (readonly [sent: string, line: string])[] = [
  ['GET /api/x?a', 'one|400|one|one|-|-|-|-|-|0|GET /api/x?a'],
  ['GET /api/x?a=b HTTP', 'one|400|one|one|-|-|-||-|0|GET /api/x?a=b HTTP'],
  ['GET /a?b HTTP/1.1\r\nHost: two', 'one|400|one|one|/a|b|/a?b|HTTP/1.1|GET|19|GET /a?b HTTP/1.1'],
  ['GET /a?b HTTP/1.1\r\nHost: two\r\n', 'two|400|two|two|/a|b|/a?b|HTTP/1.1|GET|30|GET /a?b HTTP/1.1'],
  ['GET http://two?b HTTP/1.0\r\nA: ', 'two|400|two|two|/|b|?b|HTTP/1.0|GET|27|GET http://two?b HTTP/1.0'],
];

describe('a head that is never complete is logged with what was read of it', () => {
  for (const [sent, line] of CUT) {
    test(`the client leaves behind ${JSON.stringify(sent)}`, async (t) => {
      const proxy = await started(t);
      const client = await connect(proxy.port);
      assert.equal(await client.send(sent).end().all(), '');
      assert.equal(await logged(proxy), line);
      client.close();
    });
  }

  test('client_header_timeout is the default server’s, and the log the named one’s', async (t) => {
    const proxy = await started(t);
    const client = await connect(proxy.port);
    assert.equal(await client.send('GET /a?b HTTP/1.1\r\nHost: two\r\n').all(), '');
    assert.equal(await logged(proxy), 'two|408|two|two|/a|b|/a?b|HTTP/1.1|GET|30|GET /a?b HTTP/1.1');
    assert.ok(Number(proxy.file('times')) >= 0.2, 'it took as long as the head');
    assert.match(
      proxy.file('two'),
      /\[info\] .* client timed out \(110: Connection timed out\) while reading client request headers, client: 127\.0\.0\.1, server: two, request: "GET \/a\?b HTTP\/1\.1", host: "two"\n$/,
    );
    client.close();
  });
});

test('on a kept connection client_header_timeout is that of the server that the first bytes name', async (t) => {
  const proxy = await startProxy(`
    server { listen 127.0.0.1:0; server_name one; client_header_timeout 1h; return 200; }
    server { listen 127.0.0.1:0; server_name two; client_header_timeout 200ms; return 200; }`);
  t.after(() => proxy.close());
  const client = await connect(proxy.port);
  await client.send('GET / HTTP/1.1\r\nHost: one\r\n\r\n').answer();
  assert.equal(await client.send('GET / HTTP/1.1\r\nHost: two\r\n').all(), '');
  client.close();
});

/** [what is sent, where the error page leads, the log up to the path]. */
const REFUSED: readonly (readonly [sent: string, location: string, log: string])[] = [
  ['GET /a HTTP/1.1\r\nHost: two\r\nHost: one\r\n', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET /a HTTP/1.1\r\nHost: a b\r\n', 'http://127.0.0.1:PORT/one', 'one|302|one|one|/a'],
  ['GET /a HTTP/1.1\r\nbad name: x\r\nHost: two\r\n', 'http://127.0.0.1:PORT/one', 'one|302|one|one|/a'],
  ['GET /a HTTP/1.1\r\nHost: two\r\nbad name: x\r\n', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET /a HTTP/1.1\r\nHost: two\r\nbad name', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET /a HTTP/1.1\r\nHost: two\r\nIf-Match: a\r\nIf-Match: b\r\n', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET /a HTTP/1.1\r\nHost: two\r\nA: 1\r\nB: 2\r\nC: 3\r\n', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET http://two/a HTTP/1.1\r\nHost: a b\r\n', 'http://two:PORT/two', 'two|302|two|two|/a'],
  ['GET /a HTTP/1.1\r\n\r\n', 'http://127.0.0.1:PORT/one', 'one|302|one|one|/a'],
];

describe('a head is refused by the server of the host that was accepted, and otherwise has none', () => {
  for (const [sent, target, log] of REFUSED) {
    test(JSON.stringify(sent), async (t) => {
      const proxy = await started(t);
      const client = await connect(proxy.port);
      const answer = await client.send(sent).end().all();
      client.close();
      assert.match(answer, /^HTTP\/1\.1 302/);
      assert.equal(location(answer, proxy), target);
      assert.ok((await logged(proxy)).startsWith(log), await logged(proxy));
    });
  }
});

test('an absolute Location precedes Connection, and one that was configured so follows', async (t) => {
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location /a { return 301 /b; } location /c { return 301 http://d/; } }',
  );
  t.after(() => proxy.close());
  const names = async (path: string): Promise<string[]> =>
    (await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`))
      .split('\r\n\r\n', 1)
      .flatMap((head) => head.split('\r\n').slice(1))
      .map((line) => line.slice(0, line.indexOf(':')));
  assert.deepEqual((await names('/a')).slice(-2), ['Location', 'Connection']);
  assert.deepEqual((await names('/c')).slice(-2), ['Connection', 'Location']);
});
