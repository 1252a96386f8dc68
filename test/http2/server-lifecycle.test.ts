/** The lifetime of a connection: limits, timeouts, reloads, and its end. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { connect as connectPlain, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';
import { FrameClient, request } from './frame-client.js';
import { frame } from './frames.js';

async function start(t: TestContext, directives: string, text = '$config_generation'): Promise<TestProxy> {
  const proxy = await startProxy(
    `http2 on; access_log logs/access.log; server { listen 127.0.0.1:0; ${directives} location / { return 200 "${text}"; } }`,
  );
  t.after(() => proxy.close());
  return proxy;
}

describe('a connection', () => {
  test('begins with SETTINGS and the window of the connection, and splits of the preface do not matter', async (t) => {
    const proxy = await start(t, 'http2_max_concurrent_streams 7; http2_body_preread_size 32k;');
    const client = FrameClient.connect(t, proxy.port);
    await client.settled(1);
    for (const line of ['setting 3 7', 'setting 4 32768', 'settings', 'window 0 2147418112']) {
      assert.ok(client.lines.includes(line), line);
    }
    const slow = await connectPlain(proxy.port);
    t.after(() => slow.close());
    for (const byte of PREFACE) {
      slow.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('SETTINGS', () => slow.reader.pending.length >= 9 + 12);
    assert.equal(slow.reader.pending.charCodeAt(3), FrameType.Settings);
  });

  test('whose preface is incomplete or wrong is one of HTTP/1', async (t) => {
    const proxy = await start(t, '');
    const client = await connectPlain(proxy.port);
    t.after(() => client.close());
    assert.equal((await client.send('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n').answer()).status, 400);
  });

  test('refuses streams beyond http2_max_concurrent_streams, whose fields still reach the table', async (t) => {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; http2_max_concurrent_streams 1; server { listen 127.0.0.1:0;
        location / { return 200 $http_x_field; } location /wait { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/wait'));
    const fields = [...request('/'), ['x-field', 'kept'] as const, ['x-field', 'kept'] as const];
    client.headers(3, fields);
    await client.line(/^reset 3 7$/);
    client.reset(1, 8).headers(5, [...request('/'), ['x-field', 'kept']]);
    assert.equal(await client.line(/^data 5 /), 'data 5 kept ended');
    assert.ok(proxy.messages('info').some((each) => each.includes('concurrent streams exceeded 1')));
  });

  test('ends after keepalive_requests: the last stream is named', async (t) => {
    const proxy = await start(t, 'keepalive_requests 2; lingering_timeout 100ms;');
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/'));
    await client.line(/^data 1 /);
    assert.equal(client.find(/^goaway/), undefined);
    client.headers(3, request('/'));
    await client.line(/^data 3 /);
    assert.equal(await client.line(/^goaway /), 'goaway 3 0 ');
    await client.end();
  });

  test('with concurrent requests ends after keepalive_requests without losing those in flight', async (t) => {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; server { listen 127.0.0.1:0; keepalive_requests 2; lingering_timeout 100ms;
        location / { return 200 $connection_requests; } location /wait { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/wait')).headers(3, request('/'));
    assert.equal(await client.line(/^goaway /), 'goaway 2147483647 0 ');
    // Sent before the announcement has arrived.
    client.headers(5, request('/')).headers(7, request('/'));
    assert.equal(await client.line(/^data 7 /), 'data 7 4 ended');
    const ping = /^ping 0 (\d+)$/.exec(await client.line(/^ping 0 /));
    client.ping(Number(ping?.[1]), true);
    assert.equal(await client.line(/^goaway 7 /), 'goaway 7 0 ');
    client.headers(9, request('/')).reset(1, 8);
    await client.end();
    assert.equal(client.find(/^headers 9 /), undefined);
  });

  test('is closed after keepalive_timeout, and one without a request after client_header_timeout', async (t) => {
    const proxy = await start(t, 'keepalive_timeout 200ms; client_header_timeout 300ms; lingering_timeout 100ms;');
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/'));
    assert.equal(await client.line(/^goaway /), 'goaway 1 0 ');
    await client.end();
    const unused = FrameClient.connect(t, proxy.port);
    assert.equal(await unused.line(/^goaway /), 'goaway 0 1 ');
    await unused.end();
  });

  test('survives a header block that is not complete in time', async (t) => {
    const proxy = await start(t, 'client_header_timeout 300ms;', '$http_x_a');
    const client = FrameClient.connect(t, proxy.port);
    const block = client.block([...request('/'), ['x-a', 'b'], ['x-a', 'b']]);
    const whole = frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, block);
    client.send(whole.subarray(0, 20));
    await client.line(/^reset 1 1$/);
    client.send(whole.subarray(20));
    await client.settled(1);
    await until('the line in the log', () => proxy.accessLog().length > 0);
    assert.match(proxy.accessLog()[0] ?? '', / 408 0 /);
    client.headers(3, [...request('/'), ['x-a', 'b']]);
    assert.equal(await client.line(/^data 3 /), 'data 3 b ended');
  });

  test('is used by the next configuration for new streams, while open ones keep theirs', async (t) => {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const text = (name: string): string => `http2 on; server { listen 127.0.0.1:0; location / { return 200 ${name}; }
      location /wait { proxy_pass http://127.0.0.1:%%BACK%%; } }`;
    const proxy = await startProxy(text('first'), { BACK: backend.port });
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/')).headers(3, request('/wait'));
    assert.equal(await client.line(/^data 1 /), 'data 1 first ended');
    await until('the request of the back end', () => backend.connections.length === 1);
    await proxy.reload(text('second'), { BACK: backend.port });
    client.headers(5, request('/'));
    assert.equal(await client.line(/^data 5 /), 'data 5 second ended');
    backend.connections[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold');
    assert.equal(await client.line(/^data 3 /), 'data 3 old ended');
    assert.equal(client.find(/^goaway/), undefined);
  });

  test('of a listener that was removed finishes its requests, and those that were under way', async (t) => {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; lingering_timeout 100ms; server { listen 127.0.0.1:0; location / { return 200 old; }
        location /wait { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/wait'));
    await until('the request of the back end', () => backend.connections.length === 1);
    await proxy.reload('server { listen 127.0.0.2:0; }');
    assert.equal(await client.line(/^goaway /), 'goaway 2147483647 0 ');
    client.headers(3, request('/'));
    assert.equal(await client.line(/^data 3 /), 'data 3 old ended');
    const ping = /^ping 0 (\d+)$/.exec(await client.line(/^ping 0 /));
    client.ping(Number(ping?.[1]), true);
    await client.line(/^goaway 3 0 /);
    backend.connections[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend');
    assert.equal(await client.line(/^data 1 /), 'data 1 end ended');
    await client.end();
  });

  test('of a client that leaves ends its requests with 499', async (t) => {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; access_log logs/access.log; server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/a')).headers(3, request('/b'));
    await until('both requests', () => backend.connections.length === 2);
    client.socket.destroy();
    await until('two lines', () => proxy.accessLog().length === 2);
    assert.ok(proxy.accessLog().every((line) => / 499 0 /.test(line)));
    assert.ok(
      proxy
        .messages('info')
        .some((each) => each.includes('client prematurely closed connection while processing HTTP/2 connection')),
    );
    await until('the ends of both connections', () => backend.connections.every(({ reader }) => reader.ended));
  });

  test('that violates the protocol ends with GOAWAY and its code', async (t) => {
    const proxy = await start(t, 'lingering_timeout 100ms;');
    const cases: readonly (readonly [name: string, bytes: Buffer, code: number])[] = [
      ['an even stream', frame(FrameType.Headers, 5, 2, Buffer.of(0x82, 0x86, 0x84)), 1],
      ['a PING of another length', frame(FrameType.Ping, 0, 0, 'seven77'), 6],
      ['an unexpected CONTINUATION', frame(FrameType.Continuation, 4, 1, Buffer.of(0x82)), 1],
      ['an invalid index', frame(FrameType.Headers, 5, 1, Buffer.of(0xff, 0xff, 0x03)), 9],
      ['PUSH_PROMISE', frame(FrameType.PushPromise, 4, 1, Buffer.alloc(4)), 1],
    ];
    for (const [name, bytes, code] of cases) {
      const client = FrameClient.connect(t, proxy.port);
      client.send(bytes);
      const [, , found] = (await client.line(/^goaway /)).split(' ');
      assert.equal(Number(found), code, name);
      await client.end();
    }
  });
});
