/** Clients and upstreams that take nothing, or little: what they are sent stays bounded, and their time runs out. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { closedPort, connect, request, scriptedBackend, startProxy, until } from '../kit/index.js';

test('send_timeout counts once the streamed body of a client that takes nothing has ended', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    const { socket } = connection;
    const piece = Buffer.alloc(1 << 20);
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', pour);
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n');
    pour();
  });
  const proxy = await startProxy(
    `send_timeout 100ms;
    server { listen 127.0.0.1:0; location / { proxy_request_buffering off; proxy_buffering off; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const client = await connect(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345');
  await client.until('\r\n\r\n');
  client.socket.pause();
  // The upstream is left alone when the client's window, and what waits before it, is full.
  let sent = -1;
  await until('the proxy stops reading from the upstream', () => {
    const now = backend.connections[0]?.socket.bytesWritten ?? 0;
    const still = now === sent && (backend.connections[0]?.socket.writableLength ?? 0) > 0;
    sent = now;
    return still;
  });
  client.send('67890');
  await until('the connection to the upstream is closed', () => backend.open === 0);
  client.close();
  assert.ok(proxy.messages('info').some((message) => message.includes('timed out')));
});

test('early hints do not pile up in front of a client that takes nothing', async (t) => {
  const hints = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(3000)}\r\n\r\n`.repeat(20));
  const flood = 64 << 20;
  let poured = false;
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    for (let sent = 0; sent < flood; sent += hints.length) {
      if (!connection.socket.write(hints)) await new Promise((resolve) => connection.socket.once('drain', resolve));
    }
    poured = true;
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { early_hints 1; proxy_pass http://127.0.0.1:%%PORT%%; } }',
    { PORT: backend.port },
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const client = await connect(proxy.port);
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('all hints were read from the upstream', () => poured);
  client.socket.resume();
  const answer = await client.answer();
  assert.equal(answer.body, 'ok');
  assert.ok(answer.raw.length < flood / 2, `${answer.raw.length} bytes`);
  client.close();
});

/** Takes a little of what comes, time and again. */
function sip(socket: Socket, most: number): { received: number } {
  const state = { received: 0 };
  let left = 0;
  socket.removeAllListeners('data');
  socket.pause();
  socket.on('data', (chunk: Buffer) => {
    state.received += chunk.length;
    left -= chunk.length;
    if (left <= 0) socket.pause();
  });
  const timer = setInterval(() => {
    left = most;
    socket.resume();
  }, 50);
  socket.on('close', () => clearInterval(timer));
  return state;
}

/** More than the system holds for a connection. */
const LARGE = 40 << 20;

test('proxy_send_timeout is no limit for the whole of a body that an upstream takes slowly', async (t) => {
  let state = { received: 0 };
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    state = sip(connection.socket, 1 << 20);
    await until('all arrived', () => state.received > LARGE - (1 << 16));
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });
  const proxy = await startProxy(
    `client_max_body_size 0; client_body_buffer_size 64m; proxy_send_timeout 500ms;
    server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const client = await connect(proxy.port);
  client.send(request('/', { method: 'POST', fields: [`Content-Length: ${LARGE}`] })).send(Buffer.alloc(LARGE));
  assert.equal((await client.answer()).body, 'ok');
  client.close();
});

test('send_timeout is no limit for the whole of an answer that a client takes slowly', async (t) => {
  const proxy = await startProxy(
    `client_max_body_size 0; client_body_buffer_size 64m; send_timeout 500ms;
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://127.0.0.1:%%CLOSED%%; error_page 502 = /mirror; }
      location /mirror { return 200 $request_body; }
    }`,
    { CLOSED: await closedPort() },
  );
  t.after(() => proxy.close());
  const client = await connect(proxy.port);
  const state = sip(client.socket, 1 << 20);
  client.send(request('/', { method: 'POST', fields: [`Content-Length: ${LARGE}`] })).send(Buffer.alloc(LARGE));
  await until('all arrived, or the connection is closed', () => state.received > LARGE || client.reader.ended);
  assert.ok(state.received > LARGE, `${state.received} bytes`);
  client.close();
});
