/** Event streams that outlive their upstream, through real sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Backend,
  type BackendConnection,
  closedPort,
  connect,
  EventServer,
  request,
  scriptedBackend,
  startProxy,
  until,
} from '../kit/index.js';
import { CHUNKED, chunk, client, HEAD, logged, scene, started } from './event-scene.js';

test('Last-Event-ID is part of the request to the next server, too', async (t) => {
  const dead = await closedPort();
  const server = await scriptedBackend(async (connection) => {
    const received = await connection.request();
    connection.send(`${HEAD}data: ${received?.field('last-event-id')}\n\n`).end();
  });
  t.after(() => server.close());
  const proxy = await startProxy(
    `upstream two { server 127.0.0.1:${dead}; server 127.0.0.1:${server.port}; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://two; } }`,
  );
  t.after(() => proxy.close());
  for (let i = 0; i < 2; i++) {
    const stream = client(t, proxy, '/', { headers: { 'Last-Event-ID': 'seven' } });
    await stream.end();
    assert.deepEqual(stream.data, ['seven']);
  }
});

test('sse_reconnect keeps a stream open over restarts: no event is lost or repeated', async (t) => {
  const server = new EventServer(2);
  await server.start();
  t.after(() => server.stop());
  const proxy = await started(t, 'sse_reconnect on; gzip on; gzip_types text/event-stream;', server.port);
  const streams = [client(t, proxy, '/a'), client(t, proxy, '/b', { headers: { 'Last-Event-ID': '0' } })];
  await until('both are connected', () => server.open.size === 2);
  const sent: string[] = [];
  const send = () => {
    sent.push(`event ${sent.length + 1}`);
    server.send(sent.at(-1) ?? '');
  };
  send();
  for (const stream of streams) await stream.received(1);
  for (let restart = 0; restart < 4; restart++) {
    send();
    await server.stop(restart % 2 === 0);
    // While nobody is connected.
    send();
    await server.start();
    send();
    for (const stream of streams) await stream.received(sent.length);
  }
  for (const stream of streams) {
    assert.deepEqual(stream.data, sent);
    assert.equal(stream.state, 'open');
  }
  // The stripped path of the location.
  assert.ok(server.paths.every((path) => path === '/base/a' || path === '/base/b'));
  assert.ok(server.lastIds.length >= 10);
});

test('a stream whose upstream is away waits with heartbeats, and is counted', async (t) => {
  const server = new EventServer();
  await server.start();
  t.after(() => server.stop());
  const proxy = await started(t, 'sse_reconnect on time=5m attempts=1000; sse_heartbeat 100ms;', server.port);
  const stream = client(t, proxy, '/');
  await until('it is connected', () => server.open.size === 1);
  server.send('a');
  await stream.received(1);
  await server.stop();
  await until('it waits', () => proxy.messages().some((line) => line.includes('Connection refused')));
  const counts = await connect(proxy.port);
  assert.match(await counts.send(request('/counts')).all(), /\r\n\r\n1 1$/);
  counts.close();
  const { length } = stream.text;
  await until('comments arrive', () => stream.text.length > length + 20);
  stream.close();
  assert.match(await logged(proxy), /^200 1 \d+ \d+ 0 0 "1"$/);
  const after = await connect(proxy.port);
  assert.match(await after.send(request('/counts')).all(), /\r\n\r\n0 0$/);
  after.close();
});

test('a client that arrives while the upstream is unavailable waits for it, as open streams do', async (t) => {
  const server = new EventServer();
  await server.start();
  t.after(() => server.stop());
  await server.stop();
  const proxy = await started(t, 'sse_reconnect on time=5m attempts=1000;', server.port);
  const stream = client(t, proxy, '/', { headers: { 'Last-Event-ID': '7' } });
  const refused = (): number => proxy.messages().filter((line) => line.includes('Connection refused')).length;
  await until('two attempts have failed', () => refused() >= 2);
  assert.equal(stream.state, 'waiting');
  await server.start();
  await until('it is connected', () => server.open.size === 1);
  server.send('a');
  await stream.received(1);
  assert.equal(stream.status, 200);
  assert.deepEqual(stream.data, ['a']);
  assert.deepEqual(server.lastIds, ['7']);
  stream.close();
  const line = await logged(proxy);
  assert.match(line, /^200 1 \d+ 0 0 0 /);
  assert.equal(proxy.messages('info').filter((each) => each.includes('waits for its upstream')).length, 1);
});

test('a request that is for no event stream, or cannot be sent again, does not wait for an upstream', async (t) => {
  const port = await closedPort();
  const proxy = await started(t, 'sse_reconnect on time=5m attempts=1000;', port);
  for (const options of [
    { headers: { accept: 'text/html, */*' } },
    { method: 'POST', body: 'a' },
    { method: 'HEAD' },
  ]) {
    const other = client(t, proxy, '/', options);
    await other.end();
    assert.equal(other.status, 502);
  }
  const off = client(t, await started(t, '', port));
  await off.end();
  assert.equal(off.status, 502);
});

test('a client that waits for the upstream of an event stream gets the error when a limit is reached', async (t) => {
  const port = await closedPort();
  const attempts = await started(t, 'sse_reconnect on attempts=2;', port);
  const first = client(t, attempts);
  await first.end();
  assert.equal(first.status, 502);
  assert.equal(attempts.messages().filter((line) => line.includes('Connection refused')).length, 3);

  const time = await started(t, 'sse_reconnect on; upstream_timeout 150ms;', port);
  const second = client(t, time);
  await second.end();
  assert.equal(second.status, 504);
});

test('the request of a client that disconnects while it waits for an upstream is not sent again', async (t) => {
  const {
    proxy,
    backend,
    client: open,
  } = await scene(t, 'sse_reconnect on time=5m attempts=1000;', (connection) => void connection.reset());
  const stream = open();
  await until('two attempts have failed', () => backend.requests.length >= 2);
  stream.close();
  assert.match(await logged(proxy), /^499 /);
  const { length } = backend.requests;
  const other = client(t, proxy, '/', { headers: { accept: '*/*' } });
  await other.end();
  assert.equal(backend.requests.length, length + 1);
});

test('a stream whose listener was removed ends with its upstream', async (t) => {
  const server = new EventServer();
  await server.start();
  t.after(() => server.stop());
  const proxy = await started(t, 'sse_reconnect on;', server.port);
  const stream = client(t, proxy, '/');
  await until('it is connected', () => server.open.size === 1);
  server.send('a');
  await stream.received(1);
  await proxy.reload('server { listen 127.0.0.2:0; return 204; }');
  server.send('b');
  await stream.received(2);
  await server.stop(true);
  await stream.end();
  assert.equal(stream.state, 'complete');
});

test('a stream without ids ends with its upstream, or continues if without_ids is set', async (t) => {
  const script = (connection: BackendConnection, { requests }: Backend) => {
    connection.send(`${HEAD}data: ${requests.length}\n\n`);
    if (requests.length < 3) connection.end();
  };
  const ended = await scene(t, 'sse_reconnect on;', script);
  const first = ended.client();
  await first.end();
  assert.equal(first.state, 'complete');
  assert.deepEqual(first.data, ['1']);
  assert.match(ended.proxy.messages('info').join(), /event stream is not continued: its events have no ids/);

  const continued = await scene(t, 'sse_reconnect on without_ids;', script);
  const second = continued.client();
  await second.received(3);
  assert.deepEqual(second.data, ['1', '2', '3']);
  assert.ok(continued.backend.requests.every((each) => each.field('last-event-id') === undefined));
});

for (const [status, state] of [
  ['204 No Content', 'complete'],
  ['403 Forbidden', 'complete'],
] as const) {
  test(`a stream ends if its continuation is refused with ${status}`, async (t) => {
    const { client, backend } = await scene(t, 'sse_reconnect on;', (connection, { requests }) => {
      if (requests.length === 1) connection.send(`${HEAD}id: 1\ndata: a\n\n`).end();
      else connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    });
    const stream = client();
    await stream.end();
    assert.equal(stream.state, state);
    assert.equal(stream.text, 'id: 1\ndata: a\n\n');
    assert.equal(backend.requests.length, 2);
  });
}

test('a continuation that fails with 503 is requested again', async (t) => {
  const { client, backend } = await scene(t, 'sse_reconnect on;', (connection, { requests }) => {
    if (requests.length === 1) connection.send(`${HEAD}retry: 10\n\nid: 1\ndata: a\n\n`).end();
    else if (requests.length < 4) connection.send('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy');
    else connection.send(`${HEAD}id: 2\ndata: b\n\n`);
  });
  const stream = client();
  await stream.received(2);
  assert.equal(stream.text, 'retry: 10\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n\n');
  assert.deepEqual(
    backend.requests.map((each) => each.field('last-event-id')),
    [undefined, '1', '1', '1'],
  );
});

test('interim responses of a continuation are not passed on', async (t) => {
  const { client } = await scene(t, 'sse_reconnect on; early_hints 1;', (connection, { requests }) => {
    if (requests.length === 1) connection.send(`${HEAD}id: 1\ndata: a\n\n`).end();
    else connection.send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${HEAD}id: 2\ndata: b\n\n`);
  });
  const stream = client();
  await stream.received(2);
  assert.equal(stream.text, 'id: 1\ndata: a\n\nid: 2\ndata: b\n\n');
});

test('when the limits are reached the stream is cut, or ends with the event of sse_error', async (t) => {
  for (const [directives, state, end] of [
    ['sse_reconnect on attempts=2;', 'cut', ''],
    ['sse_reconnect on attempts=2; sse_error gone;', 'complete', 'event: error\ndata: gone\n\n'],
  ] as const) {
    const { proxy, client } = await scene(t, directives, (connection, { requests }) => {
      if (requests.length === 1) connection.send(`${HEAD}retry: 1\nid: 1\ndata: a\n\n`);
      connection.end();
    });
    const stream = client();
    await stream.end();
    assert.equal(stream.state, state);
    assert.equal(stream.text, `retry: 1\nid: 1\ndata: a\n\n${end}`);
    assert.match(proxy.messages('error').join(), /a limit of "sse_reconnect" was reached/);
  }
});

test('a POST is sent again after a failure if non_idempotent is set, with its body, and never after its end', async (t) => {
  const script = (connection: BackendConnection, { requests }: Backend) => {
    if (requests.length === 1) connection.send(`${CHUNKED}${chunk('id: 1\ndata: token\n\n')}`).end();
    else connection.send(`${CHUNKED}${chunk('id: 2\ndata: end\n\n')}0\r\n\r\n`);
  };
  const cut = await scene(t, 'sse_reconnect on;', script);
  const options = { method: 'POST', body: '{"prompt":"x"}' };
  const once = client(t, cut.proxy, '/', options);
  await once.end();
  assert.equal(once.state, 'cut');
  assert.equal(cut.backend.requests.length, 1);

  const continued = await scene(t, 'sse_reconnect on non_idempotent;', script);
  const twice = client(t, continued.proxy, '/', options);
  await twice.end();
  assert.equal(twice.state, 'complete');
  assert.deepEqual(twice.data, ['token', 'end']);
  assert.deepEqual(
    continued.backend.requests.map(({ method, body }) => `${method} ${body}`),
    ['POST {"prompt":"x"}', 'POST {"prompt":"x"}'],
  );
});

test('a long stream is requested again any number of times without keeping its attempts', async (t) => {
  const { proxy, client, backend } = await scene(
    t,
    'sse_reconnect on; add_trailer X-Addr $upstream_addr;',
    (connection, { requests }) => {
      connection.send(`${HEAD}${requests.length === 1 ? 'retry: 0\n' : ''}id: ${requests.length}\ndata: x\n\n`).end();
    },
  );
  const stream = client();
  await stream.received(200);
  stream.close();
  assert.match(await logged(proxy), /^200 2\d\d /);
  assert.ok(backend.requests.length >= 200);
});

test('a stream with an event that is longer than the buffer is passed on, but not continued within it', async (t) => {
  const long = `id: 2\ndata: ${'x'.repeat(5000)}`;
  const { proxy, client } = await scene(t, 'sse_reconnect on buffer=1k;', (connection) => {
    connection.send(CHUNKED + chunk(long)).end();
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.state, 'cut');
  assert.equal(stream.text, long);
  assert.match(proxy.messages('info').join(), /longer than the buffer of "sse_reconnect"/);
});
