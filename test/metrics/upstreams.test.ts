/** Metrics of upstreams, WebSockets, event streams, limits, zones and TLS. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import {
  answeringBackend,
  certificates,
  closedPort,
  connectTls,
  EventClient,
  get,
  reply,
  request,
  startProxy,
  until,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';
import { eventually } from '../modules/api-client.js';
import { scrape, sumIn, valueIn } from './samples.js';

test('attempts are counted by upstream, server and status, with their times and bytes', async (t) => {
  const backend = await answeringBackend(({ target }) => reply(target, target === '/e' ? { status: '503 X' } : {}));
  t.after(() => backend.close());
  const other = await answeringBackend(() => reply('other'));
  t.after(() => other.close());
  const dead = await closedPort();
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%DEAD%% max_fails=2; server 127.0.0.1:%%PORT%% backup; keepalive 4; queue 10; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
      location /direct { proxy_pass http://127.0.0.1:%%PORT%%; }
      location /by/ { proxy_pass http://$arg_to; }
    }`,
    { PORT: backend.port, DEAD: dead },
  );
  t.after(() => proxy.close());
  for (const path of ['/a', '/b', '/e', '/direct']) await get(proxy.port, path);
  await get(proxy.port, `/by/?to=127.0.0.1:${other.port}`);
  const samples = await scrape(proxy.port);
  const [alive, gone] = [`upstream="app",peer="127.0.0.1:${backend.port}"`, `upstream="app",peer="127.0.0.1:${dead}"`];
  const requests = (labels: string): number => valueIn(samples, `tsproxy_upstream_requests_total{${labels}}`);
  assert.equal(requests(`${gone},code="none"`), 2);
  assert.equal(requests(`${alive},code="200"`), 2);
  assert.equal(requests(`${alive},code="503"`), 1);
  const address = `127.0.0.1:${backend.port}`;
  assert.equal(requests(`upstream="${address}",peer="${address}",code="200"`), 1);
  assert.equal(requests('upstream="other",peer="other",code="200"'), 1);
  assert.equal(valueIn(samples, `tsproxy_upstream_fails_total{${gone}}`), 2);
  assert.equal(valueIn(samples, `tsproxy_upstream_up{${gone}}`), 0);
  assert.equal(valueIn(samples, `tsproxy_upstream_state{${gone},state="unavail"}`), 1);
  assert.equal(valueIn(samples, `tsproxy_upstream_up{${alive}}`), 1);
  assert.equal(samples.get(`tsproxy_upstream_active{${alive}}`), 0);
  assert.equal(valueIn(samples, 'tsproxy_upstream_idle_connections{upstream="app"}'), 1);
  assert.equal(samples.get('tsproxy_upstream_queue_requests{upstream="app"}'), 0);
  // The second and third response used the first connection.
  assert.equal(valueIn(samples, `tsproxy_upstream_connect_duration_seconds_count{${alive}}`), 1);
  assert.equal(valueIn(samples, `tsproxy_upstream_header_duration_seconds_count{${alive}}`), 3);
  assert.equal(valueIn(samples, `tsproxy_upstream_response_duration_seconds_count{${alive}}`), 3);
  assert.ok(valueIn(samples, `tsproxy_upstream_received_bytes_total{${alive}}`) > 3 * 'HTTP/1.1 200 OK'.length);
  assert.ok(valueIn(samples, `tsproxy_upstream_sent_bytes_total{${alive}}`) > 3 * 'GET / HTTP/1.1'.length);
});

test('a circuit breaker shows its state and the refused requests', async (t) => {
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%DEAD%%; circuit_breaker failures=1 open=1h; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { proxy_pass http://app; }
    }`,
    { DEAD: await closedPort() },
  );
  t.after(() => proxy.close());
  const state = async (name: string): Promise<number | undefined> => {
    return (await scrape(proxy.port)).get(
      `tsproxy_circuit_breaker_state{breaker="upstream \\"app\\"",state="${name}"}`,
    );
  };
  assert.equal(await state('closed'), 1);
  for (let i = 0; i < 3; i++) await get(proxy.port, '/');
  assert.equal(await state('closed'), 0);
  assert.equal(await state('open'), 1);
  assert.equal(sumIn(await scrape(proxy.port), 'tsproxy_circuit_breaker_refused_total'), 2);
});

test('WebSockets are counted while they are open, and by side and code when they end', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location /ws { proxy_pass ws://127.0.0.1:%%PORT%%; websocket_ping_interval 1h; }
      location /pinged { proxy_pass ws://127.0.0.1:%%PORT%%; websocket_ping_interval 20ms; }
    }`,
    { PORT: echo.port },
  );
  t.after(() => proxy.close());
  const client = await websocket(proxy.port, '/ws');
  const large = 'x'.repeat(3000);
  for (const message of ['short', Buffer.alloc(100), large]) await client.ask(message);
  client.socket.ping();
  await new Promise((resolve) => client.socket.once('pong', resolve));
  // A message in three frames.
  client.socket.send('one', { fin: false });
  client.socket.send('x'.repeat(200), { fin: false });
  client.socket.send('three', { fin: true });
  await client.next();
  const labels = 'server="",location="/ws"';
  let samples = await scrape(proxy.port);
  const value = (name: string, more = ''): number => valueIn(samples, `tsproxy_${name}{${labels}${more}}`);
  assert.equal(valueIn(samples, 'tsproxy_tunnels'), 1);
  assert.equal(value('websockets'), 1);
  assert.equal(value('websocket_opened_total'), 1);
  for (const from of ['client', 'upstream']) {
    assert.equal(value('websocket_messages_total', `,from="${from}"`), 4);
    assert.equal(value('websocket_message_bytes_total', `,from="${from}"`), 5 + 100 + 3000 + 208);
    assert.equal(value('websocket_message_size_bytes_count', `,from="${from}"`), 4);
    assert.equal(value('websocket_message_size_bytes_sum', `,from="${from}"`), 5 + 100 + 3000 + 208);
    assert.equal(value('websocket_message_size_bytes_bucket', `,from="${from}",le="64"`), 1);
    assert.equal(value('websocket_message_size_bytes_bucket', `,from="${from}",le="256"`), 3);
    assert.equal(value('websocket_message_size_bytes_bucket', `,from="${from}",le="4096"`), 4);
  }
  assert.equal(value('websocket_control_frames_total', ',from="client",kind="ping"'), 1);
  assert.equal(value('websocket_control_frames_total', ',from="upstream",kind="pong"'), 1);
  await client.ask('after the scrape');
  await client.close(4321);
  await eventually('it has ended', async () => {
    samples = await scrape(proxy.port);
    return value('websocket_closed_total', ',by="client",code="4xxx"') === 1;
  });
  assert.equal(value('websockets'), 0);
  assert.equal(value('websocket_messages_total', ',from="client"'), 5);
  assert.equal(value('websocket_duration_seconds_count'), 1);
  assert.equal(sumIn(samples, 'tsproxy_http_requests_total', `${labels},code="101"`), 1);
  const pinged = await websocket(proxy.port, '/pinged');
  await eventually('pings were answered by both sides', async () => {
    const found = await scrape(proxy.port);
    return ['client', 'upstream'].every((side) => {
      return sumIn(found, 'tsproxy_websocket_ping_duration_seconds_count', `location="/pinged",side="${side}"`) > 0;
    });
  });
  await pinged.close();
  // A tunnel is no response time.
  assert.equal(value('http_request_duration_seconds_count'), 0);
});

test('event streams are counted, with the time between events', async (t) => {
  let send: (text: string) => void = () => {};
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    send = (text) => void response.write(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { proxy_pass http://127.0.0.1:${port}; }
    }`,
  );
  t.after(() => proxy.close());
  const before = await scrape(proxy.port);
  const client = new EventClient(proxy.port, '/');
  t.after(() => client.close());
  await until('the stream is open', () => client.state === 'open');
  send('data: 1\n\n');
  await client.received(1);
  send('data: 2\n\ndata: 3\n\n');
  await client.received(3);
  const samples = await scrape(proxy.port);
  const increase = (series: string): number => valueIn(samples, series) - valueIn(before, series);
  assert.equal(increase('tsproxy_sse_streams'), 1);
  assert.equal(increase('tsproxy_sse_events_total'), 3);
  assert.equal(increase('tsproxy_sse_event_gap_seconds_count'), 2);
});

test('limits count their decisions by zone, and zones show their memory', async (t) => {
  const proxy = await startProxy(
    `limit_req_zone $server_name zone=rate:64k rate=1r/m;
    limit_conn_zone $server_name zone=conns:64k;
    server {
      listen 127.0.0.1:0;
      server_name limited.example;
      location = /metrics { metrics; }
      location /file { limit_req zone=rate; limit_conn conns 5; proxy_pass http://127.0.0.1:%%DEAD%%; }
      location /dry { limit_req zone=rate; limit_req_dry_run on; proxy_pass http://127.0.0.1:%%DEAD%%; }
    }`,
    { DEAD: await closedPort() },
  );
  t.after(() => proxy.close());
  for (const path of ['/file', '/file', '/file', '/dry']) await get(proxy.port, path);
  const samples = await scrape(proxy.port);
  const limited = (limit: string, zone: string, result: string): number =>
    valueIn(samples, `tsproxy_limit_requests_total{limit="${limit}",zone="${zone}",result="${result}"}`);
  assert.equal(limited('limit_req', 'rate', 'passed'), 1);
  assert.equal(limited('limit_req', 'rate', 'rejected'), 2);
  assert.equal(limited('limit_req', 'rate', 'rejected_dry_run'), 1);
  assert.equal(limited('limit_conn', 'conns', 'passed'), 1);
  assert.ok(valueIn(samples, 'tsproxy_zone_used_bytes{zone="rate"}') > 0);
  assert.ok(valueIn(samples, 'tsproxy_zone_size_bytes{zone="rate"}') >= 48 << 10);
});

test('TLS handshakes are counted by version, and the failed ones', { skip: withoutOpenssl }, async (t) => {
  const authority = certificates();
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
    }
    server {
      listen 127.0.0.2:0 ssl;
      ssl_certificate ${authority.directory}/ec.crt;
      ssl_certificate_key ${authority.directory}/ec.key;
      location / { return 200; }
    }`,
  );
  t.after(() => proxy.close());
  const secure = proxy.portOf('127.0.0.2');
  const ask = async (options: object): Promise<void> => {
    const client = await connectTls(secure, { host: '127.0.0.2', ...options });
    client.send(request('/'));
    await client.answer();
    client.close();
  };
  await ask({});
  await ask({ maxVersion: 'TLSv1.2' });
  await assert.rejects(ask({ ca: '' }));
  const metrics = proxy.portOf('127.0.0.1');
  await eventually('all are counted', async () => sumIn(await scrape(metrics), 'tsproxy_tls_handshakes_total') >= 3);
  const samples = await scrape(metrics);
  const completed = (version: string): number =>
    valueIn(samples, `tsproxy_tls_handshakes_total{result="completed",version="${version}",resumed="no"}`);
  const expiry = sumIn(samples, 'tsproxy_tls_certificate_expiry_timestamp_seconds', `ec.crt",name="localhost"`);
  assert.ok(expiry * 1000 > Date.now() && expiry * 1000 < Date.now() + 60 * 86_400_000, String(expiry));
  assert.ok(completed('TLSv1.3') >= 1);
  assert.equal(completed('TLSv1.2'), 1);
});

test('health checks are counted by server and result', async (t) => {
  const backend = await answeringBackend(() => reply('healthy'));
  t.after(() => backend.close());
  const proxy = await startProxy(
    `upstream app { zone app 64k; server 127.0.0.1:%%PORT%%; server 127.0.0.1:%%DEAD%%; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { proxy_pass http://app; health_check interval=100ms fails=1; }
    }`,
    { PORT: backend.port, DEAD: await closedPort() },
  );
  t.after(() => proxy.close());
  await eventually('both were checked', async () => {
    const samples = await scrape(proxy.port);
    const checks = (result: string): number =>
      sumIn(samples, 'tsproxy_upstream_health_checks_total', `result="${result}"`);
    return checks('passed') > 0 && checks('failed') > 0;
  });
  const samples = await scrape(proxy.port);
  assert.equal(sumIn(samples, 'tsproxy_upstream_state', 'state="unhealthy"'), 1);
  assert.equal(sumIn(samples, 'tsproxy_upstream_up'), 1);
});

test('writes that a log has dropped are counted by log', {
  skip: !existsSync('/dev/full') && 'needs /dev/full',
}, async (t) => {
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; access_log off; }
      location / { access_log /dev/full; return 200; }
    }`,
  );
  t.after(() => proxy.close());
  const dropped = async (): Promise<number> =>
    sumIn(await scrape(proxy.port), 'tsproxy_log_writes_dropped_total', 'log="/dev/full"');
  const before = await dropped();
  for (let i = 0; i < 3; i++) await get(proxy.port, '/');
  assert.equal((await dropped()) - before, 3);
});
