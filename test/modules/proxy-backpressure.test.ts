/** A slow side slows the other down: the proxy holds a bounded part of what is on its way. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { connect, reply, request, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';

/** Total number of bytes in flight. */
const TOTAL = 192 << 20;
/** The most that the sockets of both sides and the proxy may hold: the system's buffers are some megabytes each. */
const HELD = 48 << 20;

const PIECE = Buffer.alloc(65_536, 'x');

/** Counts what a socket was given to send. */
interface Flood {
  given: number;
}

/** Sends `total` bytes as fast as the socket takes them. */
function flood(socket: Socket, total: number): Flood {
  const state: Flood = { given: 0 };
  const more = () => {
    while (state.given < total && !socket.destroyed) {
      const n = Math.min(PIECE.length, total - state.given);
      state.given += n;
      if (!socket.write(n === PIECE.length ? PIECE : PIECE.subarray(0, n))) return;
    }
  };
  socket.on('drain', more);
  more();
  return state;
}

/** Counts what a socket brings from here on, without keeping it. */
function counting(socket: Socket): { received: number } {
  const state = { received: 0 };
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    state.received += chunk.length;
  });
  return state;
}

/** Waits until nothing more was given for a while. */
async function stuck(state: Flood): Promise<void> {
  let before = -1;
  let times = 0;
  await until('nothing moves', () => {
    times = state.given === before ? times + 1 : 0;
    before = state.given;
    return times >= 20;
  });
}

async function proxied(t: TestContext, port: number, settings = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `client_max_body_size 0; server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: port },
  );
  t.after(() => proxy.close());
  return proxy;
}

describe('a slow client', () => {
  for (const [name, head, settings] of [
    ['with a length', `Content-Length: ${TOTAL}`, 'proxy_buffering off;'],
    ['until the end of the connection', 'Connection: close', 'proxy_buffering off;'],
    ['that may not go to a file', `Content-Length: ${TOTAL}`, 'proxy_max_temp_file_size 0;'],
  ] as const) {
    test(`slows down an answer ${name}, and gets all of it in the end`, { timeout: 60_000 }, async (t) => {
      let state: Flood = { given: 0 };
      const backend = await scriptedBackend(async (connection) => {
        await connection.head();
        connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
        state = flood(connection.socket, TOTAL);
        await until('all was given', () => state.given === TOTAL).catch(() => {});
        if (state.given === TOTAL) connection.end();
      });
      t.after(() => backend.close());
      const proxy = await proxied(t, backend.port, settings);
      const client = await connect(proxy.port);
      await client.send(request('/')).until('\r\n\r\n');
      client.socket.pause();
      await until('some was given', () => state.given > 0);
      await stuck(state);
      assert.ok(state.given < HELD, `${state.given} bytes were taken for a client that reads nothing`);
      const counter = counting(client.socket);
      const already = client.reader.pending.length;
      client.socket.resume();
      await until('all arrived', () => already + counter.received >= TOTAL);
      client.close();
    });
  }
  test('slows down an answer of many small chunks', { timeout: 60_000 }, async (t) => {
    const chunk = Buffer.from(`400\r\n${'x'.repeat(1024)}\r\n`);
    let given = 0;
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      // Each chunk is a write of its own, so that the proxy has small reads to pass on.
      const more = () => {
        if (given >= TOTAL || connection.socket.destroyed) return;
        let free = true;
        for (let i = 0; i < 16 && free; i++) {
          given += chunk.length;
          free = connection.socket.write(chunk);
        }
        if (free) setImmediate(more);
      };
      connection.socket.on('drain', more);
      more();
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend.port, 'proxy_buffering off;');
    const client = await connect(proxy.port);
    await client.send(request('/')).until('\r\n\r\n');
    client.socket.pause();
    let before = -1;
    let times = 0;
    await until('nothing moves', () => {
      times = given === before ? times + 1 : 0;
      before = given;
      return times >= 20;
    });
    assert.ok(given < HELD, `${given} bytes were taken for a client that reads nothing`);
    client.close();
  });
  test('that takes nothing for send_timeout is cut off, and its upstream with it', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
      flood(connection.socket, TOTAL);
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend.port, 'proxy_buffering off; send_timeout 200ms;');
    const client = await connect(proxy.port);
    await client.send(request('/')).until('\r\n\r\n');
    client.socket.pause();
    await until('it is given up', () => backend.connections[0]?.reader.ended === true);
    assert.match(
      proxy.messages('info').join('\n'),
      /client timed out \(110: Connection timed out\) while sending to client/,
    );
    client.close();
  });
});

describe('a slow upstream', () => {
  for (const name of ['streamed', 'chunked'] as const) {
    test(`slows down a ${name} upload, and gets all of it in the end`, { timeout: 60_000 }, async (t) => {
      let counter = { received: 0 };
      let readOn: () => void = () => {};
      const backend = await scriptedBackend(async (connection) => {
        await connection.head();
        connection.socket.pause();
        await new Promise<void>((resolve) => {
          readOn = resolve;
        });
        const already = connection.reader.pending.length;
        counter = counting(connection.socket);
        counter.received = already;
        connection.socket.resume();
        await until('all arrived', () => counter.received >= TOTAL);
        connection.send(reply('got it'));
      });
      t.after(() => backend.close());
      const proxy = await proxied(t, backend.port, 'proxy_request_buffering off;');
      const client = await connect(proxy.port);
      const chunked = name === 'chunked';
      const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${TOTAL}`;
      client.send(request('/', { method: 'POST', fields: [length] }));
      if (chunked) client.send(`${TOTAL.toString(16)}\r\n`);
      const state = flood(client.socket, TOTAL);
      await until('the upstream was asked', () => backend.open === 1);
      await stuck(state);
      assert.ok(state.given < HELD, `${state.given} bytes were taken for an upstream that reads nothing`);
      readOn();
      await until('all was given', () => state.given === TOTAL);
      if (chunked) client.send('\r\n0\r\n\r\n');
      assert.equal((await client.answer()).body, 'got it');
      client.close();
    });
  }
  test('gets a buffered upload from a file, piece by piece', { timeout: 60_000 }, async (t) => {
    const total = 32 << 20;
    let counter = { received: 0 };
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      const already = connection.reader.pending.length;
      counter = counting(connection.socket);
      counter.received = already;
      await until('all arrived', () => counter.received >= total);
      connection.send(reply('got it'));
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend.port);
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: [`Content-Length: ${total}`] }));
    flood(client.socket, total);
    assert.equal((await client.answer()).body, 'got it');
    assert.equal(counter.received, total);
    client.close();
  });
});
