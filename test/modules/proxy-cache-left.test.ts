import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connect, get, READ_TIMEOUT, reply, scriptedBackend, startProxy } from '../kit/index.js';

it('a response without an end is not read for a client that has left before its head', async () => {
  let asked: () => void = () => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  let send: () => void = () => {};
  const isSent = new Promise<void>((resolve) => (send = resolve));
  let closed: () => void = () => {};
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.request();
    if (request?.target !== '/events') {
      connection.send(reply('other')).end();
      return;
    }
    connection.socket.on('error', () => {}).on('close', closed);
    asked();
    await isSent;
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: a\n\n');
    await connection.reader.all();
    connection.end();
  });
  const proxy = await startProxy(
    `
    proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
    proxy_cache one;
    server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACKEND%%; } }`,
    { BACKEND: backend.port },
  );
  try {
    const client = await connect(proxy.port);
    client.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
    await isAsked;
    client.reset();
    // After this response the proxy knows of the reset as well.
    assert.equal((await get(proxy.port, '/other')).body, 'other');
    send();
    const timeout = new Promise((_, reject) => {
      setTimeout(() => reject(new Error('the upstream connection stays open')), READ_TIMEOUT / 3).unref();
    });
    await Promise.race([isClosed, timeout]);
  } finally {
    await proxy.close();
    await backend.close();
  }
});
