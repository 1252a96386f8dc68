import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { closedPort, connect, get, request, scriptedBackend, startProxy, type TestProxy } from '../kit/index.js';
import { scrape, sumIn, valueIn } from './samples.js';

async function started(t: TestContext, server: string, http = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `${http}
    server {
      listen 127.0.0.1:0;
      server_name site.example;
      location = /metrics { metrics; }
      ${server}
    }`,
    { CLOSED: await closedPort() },
  );
  t.after(() => proxy.close());
  return proxy;
}

test('requests are counted by server, location and status, with durations and sizes', async (t) => {
  const proxy = await started(
    t,
    `location /a/ { return 200 0123456789; }
     location = /b { return 404; }
     location ~ ^/c"x { return 204; }
     location /down { proxy_pass http://127.0.0.1:%%CLOSED%%; }`,
  );
  for (let i = 0; i < 3; i++) await get(proxy.port, `/a/${i}`);
  await get(proxy.port, '/b');
  await get(proxy.port, '/down');
  await get(proxy.port, '/c%22x');
  const samples = await scrape(proxy.port);
  const at = (location: string, code: number): number =>
    valueIn(samples, `tsproxy_http_requests_total{server="site.example",location="${location}",code="${code}"}`);
  assert.equal(at('/a/', 200), 3);
  assert.equal(at('= /b', 404), 1);
  assert.equal(at('/down', 502), 1);
  assert.equal(at('^/c\\"x', 204), 1);
  const labels = 'server="site.example",location="/a/"';
  assert.equal(valueIn(samples, `tsproxy_http_request_duration_seconds_count{${labels}}`), 3);
  assert.equal(valueIn(samples, `tsproxy_http_request_duration_seconds_bucket{${labels},le="+Inf"}`), 3);
  assert.equal(valueIn(samples, `tsproxy_http_response_size_bytes_bucket{${labels},le="64"}`), 0);
  assert.equal(valueIn(samples, `tsproxy_http_response_size_bytes_bucket{${labels},le="256"}`), 3);
  assert.ok(valueIn(samples, `tsproxy_http_request_size_bytes_sum{${labels}}`) > 3 * 'GET /a/0 HTTP/1.1'.length);
  assert.equal(valueIn(samples, 'tsproxy_connections_accepted_total'), 7);
  assert.equal(valueIn(samples, 'tsproxy_http_requests_in_flight{state="handling"}'), 1);
});

test('requests that are refused before a location is found belong to the level of the server', async (t) => {
  const proxy = await started(t, 'location / { return 200; }');
  const client = await connect(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: a b\r\n\r\n');
  assert.equal((await client.answer()).status, 400);
  const samples = await scrape(proxy.port);
  assert.equal(valueIn(samples, 'tsproxy_http_requests_total{server="site.example",location="",code="400"}'), 1);
});

test('statuses without a meaning are counted by class', async (t) => {
  const proxy = await started(t, 'location /x { return 299 x; } location /y { return 599 x; }');
  await get(proxy.port, '/x');
  await get(proxy.port, '/y');
  const samples = await scrape(proxy.port);
  assert.equal(sumIn(samples, 'tsproxy_http_requests_total', 'code="2xx"'), 1);
  assert.equal(sumIn(samples, 'tsproxy_http_requests_total', 'code="5xx"'), 1);
});

test('a response that ends early is counted as incomplete', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart');
    connection.socket.end();
  });
  t.after(() => backend.close());
  const proxy = await started(t, `location /cut { proxy_pass http://127.0.0.1:${backend.port}; }`);
  const client = await connect(proxy.port);
  client.send(request('/cut'));
  assert.match(await client.all(), /start$/);
  const samples = await scrape(proxy.port);
  assert.equal(sumIn(samples, 'tsproxy_http_responses_incomplete_total', 'location="/cut"'), 1);
  assert.equal(sumIn(samples, 'tsproxy_http_requests_total', 'location="/cut",code="200"'), 1);
});

test('event streams have no part in the durations of requests', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
    connection.socket.end();
  });
  t.after(() => backend.close());
  const proxy = await started(
    t,
    `location /events { proxy_pass http://127.0.0.1:${backend.port}; }
     location /local { default_type text/event-stream; return 200 "data: 1\n\n"; }
     location /text { default_type text/plain; return 200 text; }`,
  );
  for (const path of ['/events', '/local', '/text']) assert.equal((await get(proxy.port, path)).status, 200);
  const samples = await scrape(proxy.port);
  for (const [path, measured] of [
    ['/events', 0],
    ['/local', 0],
    ['/text', 1],
  ] as const) {
    const labels = `location="${path}"`;
    assert.equal(sumIn(samples, 'tsproxy_http_requests_total', `${labels},code="200"`), 1);
    assert.equal(sumIn(samples, 'tsproxy_http_response_size_bytes_count', labels), 1);
    assert.equal(sumIn(samples, 'tsproxy_http_request_duration_seconds_count', labels), measured, path);
  }
});

test('the format is OpenMetrics if the client accepts it', async (t) => {
  const proxy = await started(t, '');
  const plain = await get(proxy.port, '/metrics');
  assert.equal(plain.field('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(plain.body, /^# HELP tsproxy_/);
  assert.equal(plain.field('cache-control'), 'no-store');
  const accepted = [
    'application/openmetrics-text',
    'text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.75',
  ];
  for (const accept of accepted) {
    const open = await get(proxy.port, '/metrics', { fields: [`Accept: ${accept}`] });
    assert.equal(open.field('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.match(open.body, /\n# EOF\n$/);
    assert.match(open.body, /# TYPE tsproxy_http_requests counter\ntsproxy_http_requests_total\{/);
  }
  for (const accept of ['text/plain', '*/*', 'application/openmetrics-text;q=0', 'xapplication/openmetrics-text']) {
    const answer = await get(proxy.port, '/metrics', { fields: [`Accept: ${accept}`] });
    assert.equal(answer.field('content-type'), plain.field('content-type'), accept);
  }
});

test('only GET and HEAD are allowed, and requests that another site may have caused are refused', async (t) => {
  const proxy = await started(t, '');
  const status = async (method: string, ...fields: string[]): Promise<number> =>
    (await get(proxy.port, '/metrics', { method, fields })).status;
  assert.equal(await status('HEAD'), 200);
  assert.equal(await status('POST'), 405);
  assert.equal(await status('GET', 'Origin: https://evil.example'), 403);
  assert.equal(await status('GET', 'Sec-Fetch-Site: cross-site'), 403);
  const client = await connect(proxy.port);
  client.send('GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
  assert.equal((await client.answer()).status, 421);
});

test('paths, hosts and addresses of clients add no series', async (t) => {
  const proxy = await started(
    t,
    `location / { return 200 ok; }
     location /to/ { proxy_pass http://$host:%%CLOSED%%; }`,
  );
  const client = await connect(proxy.port);
  const series = async (): Promise<number> =>
    [...(await scrape(proxy.port)).keys()].filter((series) => !series.startsWith('tsproxy_worker_')).length;
  const ask = async (n: number, prefix: string): Promise<void> => {
    client.send(`GET ${prefix}${n} HTTP/1.1\r\nHost: 127.${n % 250}.${n >> 8}.1\r\n\r\n`);
    await client.answer();
  };
  await ask(0, '/');
  await ask(0, '/to/');
  await series();
  const before = await series();
  for (let i = 1; i < 500; i++) await ask(i, i % 10 === 0 ? '/to/' : '/');
  assert.equal(await series(), before);
});

test('counts continue over a reload', async (t) => {
  const proxy = await started(t, 'location /a { return 200; }');
  await get(proxy.port, '/a');
  const series = 'tsproxy_http_requests_total{server="site.example",location="/a",code="200"}';
  assert.equal(valueIn(await scrape(proxy.port), series), 1);
  await proxy.reload(`server {
    listen 127.0.0.1:0;
    server_name site.example;
    location = /other { metrics; }
    location /a { return 200 again; }
  }`);
  await get(proxy.port, '/a');
  assert.equal(valueIn(await scrape(proxy.port, '/other'), series), 2);
});

test('the package that renders metrics is loaded only for the directive', async () => {
  const library = new URL('../../src/index.js', import.meta.url).href;
  const loads = async (location: string): Promise<string> => {
    const program = `import { createRequire } from 'node:module';
      import { createProxy } from ${JSON.stringify(library)};
      const proxy = createProxy({ config: 'events {} http { server { listen 127.0.0.1:0; location / { ${location} } } }' });
      await proxy.start();
      const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('/prom-client/'));
      console.log(loaded);
      await proxy.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    return stdout.trim();
  };
  assert.deepEqual([await loads('return 200;'), await loads('metrics;')], ['false', 'true']);
});

test('without the directive nothing is recorded, and nothing responds', async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; location / { return 404; } }');
  t.after(() => proxy.close());
  for (const path of ['/metrics', '/console', '/console/', '/api/', '/console/state']) {
    assert.equal((await get(proxy.port, path)).status, 404, path);
  }
});
