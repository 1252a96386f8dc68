/** Tunnels that are asked to end: both sides hear why, no message is cut, and all is over by the deadline. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { connect, scriptedBackend, startProxy, until, websocket, websocketEcho } from '../kit/index.js';
import { close, codeOf, frame, SWITCH, UPGRADE } from './raw-frames.js';
import { configuration, quit, rawTunnel } from './raw-tunnel.js';

describe('a hundred WebSockets at a shutdown', () => {
  test('hear 1001 on both sides, evenly spread, with whole messages in both directions', async (t) => {
    const spread = 2000;
    const wanted = 100;
    const codes: number[] = [];
    const failures: unknown[] = [];
    let sent = 0;
    let got = 0;
    // Each message says how often it was sent, in fragments between which other frames may come.
    const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => sockets.once('listening', resolve));
    t.after(() => sockets.close());
    sockets.on('connection', (socket) => {
      socket.on('error', (error) => failures.push(error));
      socket.on('close', (code) => codes.push(code));
      socket.on('message', (data) => {
        const text = String(data);
        if (text.length < 5 || !text.startsWith('begin') || !text.endsWith('end')) failures.push(text);
        got++;
      });
      const talk = (): void => {
        if (socket.readyState !== socket.OPEN) return;
        socket.send('begin', { fin: false });
        setTimeout(() => {
          if (socket.readyState !== socket.OPEN) return;
          socket.send('x'.repeat(2000), { fin: false });
          socket.send('end', { fin: true }, () => setTimeout(talk, 50));
        }, 50);
      };
      talk();
    });
    const address = sockets.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const proxy = await startProxy(configuration(port, `tunnel_drain on spread=${spread}ms timeout=20s;`));
    t.after(() => proxy.close());
    const clients = await Promise.all(Array.from({ length: wanted }, () => websocket(proxy.port)));
    const times: number[] = [];
    let start = 0;
    let whole = 0;
    const closed = clients.map(async (client) => {
      client.socket.on('error', (error) => failures.push(error));
      client.socket.on('message', (data) => {
        if (/^beginx{2000}end$/.test(String(data))) whole++;
        else failures.push(data);
      });
      const talk = (): void => {
        if (client.socket.readyState !== client.socket.OPEN) return;
        sent++;
        client.socket.send('begin', { fin: false });
        client.socket.send('y'.repeat(70_000), { fin: false });
        client.socket.send('end', { fin: true }, () => setTimeout(talk, 500));
      };
      talk();
      const code = await client.closed;
      times.push(performance.now() - start);
      return code;
    });
    await until('everybody talks', () => whole > 2 * wanted && got >= wanted);
    start = performance.now();
    const over = proxy.proxy.close({ drain: true });
    assert.deepEqual(await Promise.all(closed), new Array(wanted).fill(1001));
    await over;
    await until('the back end has noticed', () => codes.length === wanted);
    assert.deepEqual(failures, []);
    assert.deepEqual(codes, new Array(wanted).fill(1001));
    assert.equal(got, sent, 'all bytes of the clients have arrived');
    // Nobody is early; how late they are is a matter of the machine.
    for (const [i, time] of times.sort((a, b) => a - b).entries()) {
      const due = (i * spread) / wanted;
      assert.ok(time > due - 150, `the ${i}. closed after ${time} ms, not ${due}`);
    }
  });
});

describe('a Close frame', () => {
  test('waits for the end of a message, and later data of the sender is dropped', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=5s;');
    upstream.send(frame({ more: true, payload: 'first ' }));
    assert.equal(await client.bytes(8), frame({ more: true, payload: 'first ' }));
    const { over } = await quit();
    client.send(frame({ payload: 'still heard' }, true));
    assert.equal(await upstream.reader.bytes(17), frame({ payload: 'still heard' }, true));
    upstream.send(frame({ opcode: 9, payload: 'ping' }) + frame({ opcode: 0, payload: 'last' }).slice(0, 3));
    assert.equal(
      await client.bytes(9),
      frame({ opcode: 9, payload: 'ping' }) + frame({ opcode: 0, payload: 'last' }).slice(0, 3),
    );
    upstream.send(`ast${frame({ payload: 'too late' })}`);
    assert.equal(await client.bytes(7), `ast${close(1001)}`);
    // Data that the client sends before its Close frame is still forwarded to the upstream; the Close frame itself is not.
    client.send(frame({ payload: 'before' }, true) + close(1001, true));
    assert.equal(await upstream.reader.bytes(12), frame({ payload: 'before' }, true));
    assert.equal(codeOf(await upstream.reader.bytes(8)), 1001);
    upstream.send(frame({ payload: 'dropped' }) + close(1001));
    assert.equal(await client.all(), '');
    assert.equal(await upstream.reader.all(), '');
    await over;
  });

  test('is also sent to the upstream if the client does not answer, and the tunnel ends at the deadline', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=2s;');
    const start = performance.now();
    const { over, isOver } = await quit();
    assert.equal(await client.bytes(4), close(1001));
    assert.equal(codeOf(await upstream.reader.bytes(8)), 1001);
    assert.ok(!isOver(), 'before the deadline');
    await over;
    assert.ok(performance.now() - start > 1900);
    assert.equal(await client.all(), '');
  });

  test('is put between two frames of a message that never ends, on both sides, before the deadline', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=400ms;');
    const down = frame({ more: true, payload: 'begin' });
    upstream.send(down);
    assert.equal(await client.bytes(down.length), down);
    const up = frame({ more: true, payload: 'begin' }, true);
    client.send(up);
    assert.equal(await upstream.reader.bytes(up.length), up);
    const { over } = await quit();
    assert.equal(await client.bytes(4), close(1001));
    assert.equal(codeOf(await upstream.reader.bytes(8)), 1001);
    // With both answers it is over.
    client.send(close(1001, true));
    upstream.send(close(1001));
    await over;
    assert.equal(await client.all(), '');
    assert.equal(await upstream.reader.all(), '');
  });

  test('is not put into a frame that never ends: the deadline cuts it', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=400ms;');
    const half = frame({ payload: 'x'.repeat(1000) }).slice(0, 500);
    upstream.send(half);
    assert.equal(await client.bytes(500), half);
    const start = performance.now();
    await (await quit()).over;
    assert.ok(performance.now() - start > 300);
    assert.equal(await client.all(), '');
    assert.equal(codeOf(await upstream.reader.all()), 1001);
  });

  test('of the client that crosses ours counts as its answer', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=5s;');
    upstream.send(frame({ more: true, payload: 'open' }));
    assert.equal(await client.bytes(6), frame({ more: true, payload: 'open' }));
    const { over } = await quit();
    // The client cannot be told yet, and closes by itself: its own code reaches the upstream, whose answer reaches it.
    client.send(close(1000, true));
    assert.equal(await upstream.reader.bytes(8), close(1000, true));
    upstream.send(close(1000));
    assert.equal(await client.all(), close(1000));
    await over;
  });

  test('of the upstream that had arrived before is forwarded, and none is sent twice', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=5s;');
    upstream.send(close(4000));
    assert.equal(await client.bytes(4), close(4000));
    const { over } = await quit();
    client.send(close(4000, true));
    assert.equal(await upstream.reader.all(), close(4000, true));
    assert.equal(await client.all(), '');
    await over;
  });

  test('reaches the one side before the end when the other side breaks off', async (t) => {
    const { client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=5s;');
    const { over } = await quit();
    assert.equal(await client.bytes(4), close(1001));
    client.reset();
    assert.equal(codeOf(await upstream.reader.all()), 1001);
    await over;
  });
});

describe('a shutdown with less time than the spread', () => {
  test('sends all Close frames within it', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const text = `worker_shutdown_timeout 1s; events { } http { ${configuration(echo.port, 'tunnel_drain on spread=1m timeout=1m;')} }`;
    const proxy = await startProxy(text);
    t.after(() => proxy.close());
    const clients = await Promise.all(Array.from({ length: 20 }, () => websocket(proxy.port)));
    const { over } = await quit(proxy);
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), new Array(20).fill(1001));
    await over;
    await until('the back end has noticed', () => echo.closeCodes.length === 20);
    assert.deepEqual(echo.closeCodes, new Array(20).fill(1001));
  });
});

describe('a shutdown while tunnels drain after a reload', () => {
  test('leaves them no more time than it has, and both sides still hear Close', async (t) => {
    const main = (text: string) => `worker_shutdown_timeout 2s; events { } http { ${text} }`;
    const { proxy, client, upstream, quit } = await rawTunnel(t, 'tunnel_drain on spread=0 timeout=1m;', main);
    await proxy.reload(main('server { listen 127.0.0.1:0; return 404; }'));
    assert.equal(await client.bytes(4), close(1012));
    const { over, isOver } = await quit();
    // The client does not answer.
    assert.equal(codeOf(await upstream.reader.bytes(8)), 1012);
    assert.ok(!isOver(), 'before the deadline');
    await over;
    assert.equal(await client.all(), '');
  });
});

describe('with websocket_close off and without tunnel_drain', () => {
  test('a tunnel outlives the shutdown until it ends by itself', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const proxy = await startProxy(configuration(echo.port, 'websocket_close off;'));
    t.after(() => proxy.close());
    const client = await websocket(proxy.port);
    const { over } = await quit(proxy);
    assert.equal(await client.ask('still here'), 'still here');
    assert.equal(await client.close(), 1000);
    await over;
  });
});

describe('a tunnel of another protocol', () => {
  test('continues until the deadline and is cut then', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(SWITCH.replace('websocket', 'other'));
      for (;;) connection.send(await connection.reader.bytes(1));
    });
    t.after(() => backend.close());
    const proxy = await startProxy(configuration(backend.port, 'tunnel_drain on spread=0 timeout=400ms;'));
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(UPGRADE.replace('websocket', 'other'));
    assert.match(await client.until('\r\n\r\n'), / 101 /);
    const { over } = await quit(proxy);
    client.send('\x81');
    assert.equal(await client.bytes(1), '\x81');
    await over;
    assert.equal(await client.all(), '');
  });
});
