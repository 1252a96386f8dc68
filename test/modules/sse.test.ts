/** Event streams through real sockets: delivery, comments, failures, and streams that outlive their upstream. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createGunzip } from 'node:zlib';
import {
  type Backend,
  type BackendConnection,
  closedPort,
  connect,
  EventClient,
  EventServer,
  parseEvents,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
const CHUNKED = HEAD.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n');

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** A back end that responds to each request by a script, and a proxy with these directives in front of it. */
async function scene(
  t: TestContext,
  directives: string,
  script: (connection: BackendConnection, backend: Backend) => void | Promise<void>,
): Promise<{ proxy: TestProxy; backend: Backend; client(path?: string): EventClient }> {
  const backend: Backend = await scriptedBackend(async (connection) => {
    const received = await connection.request();
    if (received === null) return;
    backend.requests.push(received);
    await script(connection, backend);
  });
  const proxy = await started(t, directives, backend.port);
  t.after(() => backend.close());
  return { proxy, backend, client: (path = '/') => client(t, proxy, path) };
}

async function started(t: TestContext, directives: string, port: number): Promise<TestProxy> {
  const proxy = await startProxy(
    `log_format sse '$status $sse_events $sse_bytes $sse_heartbeats $sse_reconnects $sse_replays "$sse_last_event_id"';
    access_log logs/access.log sse;
    upstream app { server 127.0.0.1:%%PORT%%; }
    server {
      listen 127.0.0.1:0;
      location /counts { access_log off; return 200 "$sse_open $sse_waiting"; }
      location / { ${directives} proxy_pass http://app/base/; }
    }`,
    { PORT: port },
  );
  t.after(() => proxy.close());
  return proxy;
}

function client(
  t: TestContext,
  proxy: TestProxy,
  path = '/',
  options?: ConstructorParameters<typeof EventClient>[2],
): EventClient {
  const client = new EventClient(proxy.port, path, options);
  t.after(() => client.close());
  return client;
}

async function logged(proxy: TestProxy): Promise<string> {
  await until('the request is logged', () => proxy.accessLog().length > 0);
  return proxy.accessLog()[0] ?? '';
}

test('events arrive one by one with proxy_buffering and gzip, and are counted', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy } = await scene(t, 'gzip on; gzip_types text/event-stream;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const raw = await connect(proxy.port);
  t.after(() => raw.close());
  raw.send(request('/', { fields: ['Accept-Encoding: gzip'] }));
  const head = await raw.until('\r\n\r\n');
  assert.match(head, /content-encoding: gzip/i);
  let text = '';
  const gunzip = createGunzip().on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
  });
  raw.socket.on('data', (chunk: Buffer) => {
    // One chunk per event: size line, data, line end.
    let at = 0;
    while (at < chunk.length) {
      const line = chunk.indexOf('\r\n', at);
      const size = Number.parseInt(chunk.latin1Slice(at, line), 16);
      gunzip.write(chunk.subarray(line + 2, line + 2 + size));
      at = line + 4 + size;
    }
  });
  for (const event of ['data: one\n\n', 'data: two\n\n', ': comment\n\n', 'data: three\n\n']) {
    const expected = text + event;
    upstream?.send(event);
    await until('the event has arrived', () => text === expected);
  }
  upstream?.end();
  assert.equal(await logged(proxy), '200 3 46 0 0 0 ""');
});

test('without the directives a stream is passed on byte for byte', async (t) => {
  const body = '\xef\xbb\xbf\r\n: c\rdata: a\n\r\n\r\ndata: incomplete';
  const { client } = await scene(t, '', (connection) => connection.send(`${HEAD}${body}`).end());
  const stream = client();
  await stream.end();
  assert.equal(stream.text, body);
});

test('variables of other responses are empty', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 1s;', (connection) => {
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\ndata:\n\n');
  });
  await client().end();
  assert.equal(await logged(proxy), '200 - - - - - "-"');
});

test('sse_heartbeat sends comments while the upstream is silent, but not within an event', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy, client } = await scene(t, 'sse_heartbeat 100ms;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const stream = client();
  await until('two comments have arrived', () => stream.text === ': heartbeat\n\n'.repeat(2));
  upstream?.send('data: a');
  await until('the beginning of the event has arrived', () => stream.text.endsWith('data: a'));
  await new Promise((resolve) => setTimeout(resolve, 400));
  upstream?.send('\n\n');
  await until('a comment follows the event', () => stream.text.endsWith('data: a\n\n: heartbeat\n\n'));
  assert.deepEqual(stream.data, ['a']);
  upstream?.end();
  await stream.end();
  assert.match(await logged(proxy), /^200 1 \d+ [34] 0 0 ""$/);
});

test('sse_heartbeat does not prolong proxy_read_timeout', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 50ms; proxy_read_timeout 400ms;', (connection) => {
    connection.send(HEAD);
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.state, 'cut');
  assert.ok(parseEvents(stream.text).comments.length >= 2);
  assert.match(proxy.messages('error').join(), /upstream timed out .* while reading upstream/);
});

test('sse_retry is sent at once, and that of the upstream follows it', async (t) => {
  let upstream: BackendConnection | undefined;
  const { client } = await scene(t, 'sse_retry 1500ms;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const stream = client();
  await until('it has arrived', () => stream.text === 'retry: 1500\n\n');
  upstream?.send('\xef\xbb\xbfretry: 2000\n\n').end();
  await stream.end();
  assert.deepEqual(parseEvents(stream.text).retries, [1500, 2000]);
});

test('sse_error sends an event when the upstream fails, and the response is complete', async (t) => {
  const { client } = await scene(t, `sse_error '{"of":"$uri"}';`, (connection) => {
    connection.send(CHUNKED + chunk('data: a\n\ndata: incomp')).end();
  });
  const stream = client('/x');
  await stream.end();
  assert.equal(stream.state, 'complete');
  assert.equal(stream.text, 'data: a\n\nevent: error\ndata: {"of":"/x"}\n\n');
});

test('without sse_error the connection is cut when the upstream fails', async (t) => {
  const { client } = await scene(t, '', (connection) => {
    connection.send(CHUNKED + chunk('data: a\n\n')).end();
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.state, 'cut');
  assert.deepEqual(stream.data, ['a']);
});

for (const [name, directives, path] of [
  ['', '', '/'],
  [' with proxy_store', 'proxy_store on; proxy_temp_path temp;', '/stored'],
  [' with sse_reconnect', 'sse_reconnect on;', '/'],
]) {
  test(`a client that leaves a silent stream ends the request to the upstream within 100 ms${name}`, async (t) => {
    let upstream: BackendConnection | undefined;
    const { proxy, client } = await scene(t, directives ?? '', (connection) => {
      upstream = connection.send(`${HEAD}data: a\n\n`);
    });
    const stream = client(path);
    await stream.received(1);
    const closed = new Promise<number>((resolve) => upstream?.socket.on('close', () => resolve(performance.now())));
    upstream?.socket.on('end', () => upstream?.socket.end());
    const left = performance.now();
    stream.close();
    // The event loop of a busy machine may itself be late.
    const time = (await closed) - left;
    assert.ok(time < 1000, `${time} ms`);
    t.diagnostic(`${time.toFixed(1)} ms`);
    assert.equal(await logged(proxy), '200 1 9 0 0 0 ""');
    assert.equal(proxy.file('html/stored'), '');
  });
}

test('a stream ends with its upstream at once', async (t) => {
  let upstream: BackendConnection | undefined;
  const { client } = await scene(t, 'sse_heartbeat 15s;', (connection) => {
    upstream = connection.send(`${HEAD}data: a\n\n`);
  });
  const stream = client();
  await stream.received(1);
  upstream?.end();
  await stream.end();
  assert.equal(stream.state, 'complete');
});

test('a stream is never stored', async (t) => {
  const { proxy, client } = await scene(t, 'proxy_store on; proxy_temp_path temp;', (connection) => {
    connection.send(`${HEAD}data: a\n\n`).end();
  });
  await client('/stored').end();
  await logged(proxy);
  assert.equal(proxy.file('html/stored'), '');
});

test('a stream that the upstream has compressed is passed on unchanged', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 50ms; sse_retry 1s;', async (connection) => {
    connection.send(HEAD.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\nxyz'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    connection.end();
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.text, 'xyz');
  assert.match(proxy.messages('warn').join(), /event stream is passed on unchanged because upstream has compressed it/);
});

test('nothing is inserted into a stream whose length is declared', async (t) => {
  const { proxy, client } = await scene(
    t,
    'sse_heartbeat 50ms; sse_retry 1s; sse_reconnect on;',
    async (connection) => {
      connection.send(HEAD.replace('\r\n\r\n', '\r\nContent-Length: 9\r\n\r\n'));
      await new Promise((resolve) => setTimeout(resolve, 200));
      connection.send('data: a\n\n');
    },
  );
  const stream = client();
  await stream.end();
  assert.equal(stream.text, 'data: a\n\n');
  assert.equal(await logged(proxy), '200 1 9 0 0 0 ""');
});

test('a HEAD request gets the head only', async (t) => {
  const { proxy } = await scene(t, 'sse_retry 1s;', (connection) => connection.send(HEAD).end());
  const raw = await connect(proxy.port);
  const answer = await raw.send(request('/', { method: 'HEAD' })).all();
  assert.ok(answer.endsWith('\r\n\r\n'), answer);
  raw.close();
});

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
    assert.match(proxy.messages('error').join(), /the limits of "sse_reconnect" are reached/);
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

test('tokens of a POST arrive one by one, and its end is passed on', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy } = await scene(t, 'sse_heartbeat 15s; sse_error x;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const stream = client(t, proxy, '/v1/chat', { method: 'POST', body: '{}' });
  await until('it is open', () => stream.state === 'open');
  for (let i = 1; i <= 5; i++) {
    upstream?.send(`data: ${i}\n\n`);
    await stream.received(i);
  }
  upstream?.send('data: [DONE]\n\n').end();
  await stream.end();
  assert.equal(stream.state, 'complete');
  assert.equal(stream.data.at(-1), '[DONE]');
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
