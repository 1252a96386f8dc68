/** The end of a WebSocket, whatever its cause: each end receives a Close frame with the code that tells why. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scriptedBackend, startProxy, until, websocket, websocketEcho } from '../kit/index.js';
import { close, codeOf, frame, SWITCH } from './raw-frames.js';
import { configuration, rawClient, rawTunnel } from './raw-tunnel.js';

/** The only frame in these bytes: a Close frame of a server. */
function closeFrameOf(bytes: string): { readonly code: number; readonly reason: string } {
  assert.equal(bytes.charCodeAt(0), 0x88, JSON.stringify(bytes));
  assert.equal(bytes.charCodeAt(1), bytes.length - 2, JSON.stringify(bytes));
  return { code: (bytes.charCodeAt(2) << 8) | bytes.charCodeAt(3), reason: bytes.slice(4) };
}

describe('the loss of one end', () => {
  test('is told to the client with 1014', async (t) => {
    for (const end of ['FIN', 'RST']) {
      const { client, upstream } = await rawTunnel(t, '');
      upstream.send(frame({ payload: 'last words' }));
      assert.equal(await client.bytes(12), frame({ payload: 'last words' }));
      if (end === 'FIN') upstream.socket.end();
      else upstream.socket.resetAndDestroy();
      assert.deepEqual(closeFrameOf(await client.all()), { code: 1014, reason: 'upstream connection lost' }, end);
    }
  });

  test('is told to the upstream with 1001', async (t) => {
    for (const end of ['FIN', 'RST']) {
      const { client, upstream } = await rawTunnel(t, '');
      client.send(frame({ payload: 'last words' }, true));
      assert.equal(await upstream.reader.bytes(16), frame({ payload: 'last words' }, true));
      if (end === 'FIN') client.end();
      else client.reset();
      assert.equal(codeOf(await upstream.reader.all()), 1001, end);
    }
  });

  test('is told between two fragments, but not inside of a frame, which is logged', async (t) => {
    const between = await rawTunnel(t, '');
    between.upstream.send(frame({ more: true, payload: 'begin' }));
    await between.client.bytes(7);
    between.upstream.socket.resetAndDestroy();
    assert.equal(closeFrameOf(await between.client.all()).code, 1014);

    const inside = await rawTunnel(t, '');
    const part = frame({ payload: 'begin' }).slice(0, 5);
    inside.upstream.send(part);
    await inside.client.bytes(5);
    inside.upstream.socket.resetAndDestroy();
    assert.equal(await inside.client.all(), '');
    const line = 'WebSocket ended in the middle of a frame from upstream: no Close frame sent to client';
    await until('it is logged', () => inside.proxy.messages('warn').some((each) => each.includes(line)));
  });

  test('of an end that has closed is no error, and it still receives its own code', async (t) => {
    const { client, upstream } = await rawTunnel(t, '');
    upstream.send(close(4003));
    upstream.socket.end();
    assert.equal(await client.all(), close(4003));
    client.end();
    assert.equal(codeOf(await upstream.reader.all()), 4003);
  });

  test('is not told with websocket_close off, as by nginx', async (t) => {
    const lost = await rawTunnel(t, 'websocket_close off;');
    lost.upstream.socket.resetAndDestroy();
    assert.equal(await lost.client.all(), '');
    const left = await rawTunnel(t, 'websocket_close off;');
    left.client.reset();
    assert.equal(await left.upstream.reader.all(), '');
  });

  test('is told to each of 200 clients at once', async (t) => {
    const connections: (() => void)[] = [];
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(SWITCH);
      connections.push(() => connection.socket.resetAndDestroy());
    });
    const proxy = await startProxy(configuration(backend.port, ''));
    t.after(async () => {
      await proxy.close();
      await backend.close();
    });
    // `ws` would check the accept hash that the back end does not compute.
    const clients = await Promise.all(Array.from({ length: 200 }, () => rawClient(proxy.port)));
    const start = performance.now();
    for (const reset of connections) reset();
    const times = await Promise.all(
      clients.map(async (client) => {
        const bytes = await client.bytes(4);
        assert.equal((bytes.charCodeAt(2) << 8) | bytes.charCodeAt(3), 1014);
        const time = performance.now() - start;
        client.close();
        return time;
      }),
    );
    // On an idle machine it takes less than 100 ms (bench/websocket-endings.ts), but tests run on busy ones.
    assert.ok(Math.max(...times) < 2000, `${Math.max(...times)} ms`);
  });
});

describe('proxy_read_timeout', () => {
  test('closes both ends with 1001', async (t) => {
    const { client, upstream } = await rawTunnel(t, 'proxy_read_timeout 300ms;');
    assert.deepEqual(closeFrameOf(await client.all()), { code: 1001, reason: 'timed out' });
    assert.equal(codeOf(await upstream.reader.all()), 1001);
  });
});

describe('a shutdown without any directive for it', () => {
  test('closes all WebSockets with 1001 between two messages, spread over five seconds', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const proxy = await startProxy(configuration(echo.port, ''));
    t.after(() => proxy.close());
    const clients = await Promise.all(Array.from({ length: 20 }, () => websocket(proxy.port)));
    await Promise.all(clients.map(async (client) => assert.equal(await client.ask('hello'), 'hello')));
    const start = performance.now();
    const over = proxy.proxy.close({ drain: true });
    const times = await Promise.all(
      clients.map(async ({ closed }) => {
        assert.equal(await closed, 1001);
        return performance.now() - start;
      }),
    );
    await over;
    times.sort((a, b) => a - b);
    assert.ok((times[0] ?? 0) < 2000 && (times.at(-1) ?? 0) > 4000, String(times));
    await until('the back end has noticed', () => echo.closeCodes.length === 20);
    assert.deepEqual(echo.closeCodes, new Array(20).fill(1001));
  });

  test('uses worker_shutdown_timeout: they continue until its last seconds', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const text = `worker_shutdown_timeout 3s; events { } http { ${configuration(echo.port, 'websocket_close on timeout=1s;')} }`;
    const proxy = await startProxy(text);
    t.after(() => proxy.close());
    const clients = await Promise.all(Array.from({ length: 10 }, () => websocket(proxy.port)));
    const start = performance.now();
    const over = proxy.proxy.close({ drain: true });
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), new Array(10).fill(1001));
    await over;
    assert.ok(performance.now() - start < 4500);
  });

  test('at once still sends Close frames', async (t) => {
    const { proxy, client, upstream } = await rawTunnel(t, '');
    await proxy.proxy.close();
    assert.equal(closeFrameOf(await client.all()).code, 1001);
    assert.equal(codeOf(await upstream.reader.all()), 1001);
  });
});

describe('an invalid frame', () => {
  const RESERVED = String.fromCharCode(0xc1, 0x80 | 2, 0, 0, 0, 0);

  test('is forwarded and logged once for each end and kind', async (t) => {
    const { proxy, client, upstream } = await rawTunnel(t, '');
    const bytes = `${RESERVED}ab`;
    client.send(bytes + bytes + frame({ payload: 'unmasked' }));
    assert.equal(await upstream.reader.bytes(26), bytes + bytes + frame({ payload: 'unmasked' }));
    upstream.send(frame({ opcode: 0, payload: 'stray' }));
    assert.equal(await client.bytes(7), frame({ opcode: 0, payload: 'stray' }));
    const lines = () => proxy.messages().filter((each) => each.includes('invalid WebSocket frame'));
    await until('it is logged', () => lines().length === 2);
    assert.match(
      lines()[0] ?? '',
      /client sent invalid WebSocket frame: a reserved bit is set, .*, wrong masking: .* while proxying upgraded connection, client: /,
    );
    assert.match(lines()[1] ?? '', /upstream sent invalid WebSocket frame: continuation frame without a message while/);
  });

  test('closes both ends with 1002 if configured, and no byte of it is forwarded, wherever it is split', async (t) => {
    const valid = frame({ payload: 'valid' }, true);
    for (let split = 0; split <= 8; split++) {
      const { client, upstream } = await rawTunnel(t, 'websocket_protocol_error close;');
      client.send(valid + RESERVED.slice(0, split));
      assert.equal(await upstream.reader.bytes(valid.length), valid);
      client.send(`${RESERVED}ab`.slice(split) + frame({ payload: 'later' }, true));
      assert.equal(closeFrameOf(await client.all()).code, 1002);
      assert.equal(codeOf(await upstream.reader.all()), 1002);
    }
  });

  test('of the upstream does so, too', async (t) => {
    const { client, upstream } = await rawTunnel(t, 'websocket_protocol_error close;');
    upstream.send(frame({ opcode: 3, payload: 'what' }));
    assert.deepEqual(closeFrameOf(await client.all()), { code: 1002, reason: 'unknown opcode' });
    assert.equal(codeOf(await upstream.reader.all()), 1002);
  });

  test('with a length whose highest bit is set closes both ends with 1002 in any case', async (t) => {
    const invalid = `\x82\xff\x80${'\0'.repeat(11)}`;
    for (const split of [0, 14]) {
      const { client, upstream } = await rawTunnel(t, '');
      client.send(frame({ payload: 'valid' }, true) + invalid.slice(0, split));
      assert.equal(await upstream.reader.bytes(11), frame({ payload: 'valid' }, true));
      client.send(`${invalid.slice(split)}payload`);
      assert.equal(closeFrameOf(await client.all()).code, 1002);
      assert.equal(codeOf(await upstream.reader.all()), 1002);
    }
  });

  test('with a length in a longer form than necessary is only logged', async (t) => {
    const { proxy, client, upstream } = await rawTunnel(t, 'websocket_protocol_error close;');
    const wide = `\x81\xfe\0\x02\0\0\0\0ab`;
    client.send(wide);
    assert.equal(await upstream.reader.bytes(wide.length), wide);
    await until('it is logged', () =>
      proxy.messages().some((each) => each.includes('length not in its shortest form')),
    );
    client.send(close(1000, true));
    upstream.send(close(1000));
    assert.equal(await upstream.reader.bytes(8), close(1000, true));
    assert.equal(await client.bytes(4), close(1000));
  });
});
