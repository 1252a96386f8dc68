import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Backend,
  connect,
  get,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

describe('responses to which something is added', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      const received = await connection.request();
      const [, kind, size = '0'] = received?.target.split('/') ?? [];
      connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n');
      connection.send(`${kind}:`);
      await new Promise((resolve) => setTimeout(resolve, kind === 'late' ? 50 : 0));
      connection.send('z'.repeat(Number(size))).end();
    });
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /page/ { add_before_body /late/3; add_after_body /after/2; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /large/ {
          proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%;
          add_before_body /before/15000000; add_after_body /after/15000000;
        }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  it('are in order, although the added one is later', async () => {
    for (const size of [0, 10, 100_000, 1_000_000]) {
      const { body } = await get(proxy.port, `/page/${size}`);
      assert.ok(body === `late:zzzpage:${'z'.repeat(size)}after:zz`, String(size));
    }
  });

  it('are paused with all their parts while the client is slow, and complete afterwards', async () => {
    const client = await connect(proxy.port);
    client.socket.pause();
    const count = backend.connections.length;
    client.send(request('/large/15000000'));
    await until('two requests are made', () => backend.connections.length === count + 2);
    let pending = -1;
    await until('the back end is paused', () => {
      const left = backend.connections.slice(count).map(({ socket }) => socket.writableLength);
      const sum = left.reduce((a, b) => a + b, 0);
      const same = sum > 0 && sum === pending;
      pending = sum;
      return same;
    });
    assert.ok(pending > 10_000_000, `${pending} bytes are still in the back end`);
    client.socket.resume();
    const raw = await client.all();
    const length = raw.match(/z/g)?.length;
    assert.equal(length, 45_000_000);
    assert.ok(raw.endsWith('0\r\n\r\n'));
    client.close();
  });

  it('end their subrequests when the client leaves', async () => {
    const client = await connect(proxy.port);
    client.socket.pause();
    const count = backend.connections.length;
    client.send(request('/large/15000000'));
    await until('two requests are made', () => backend.connections.length === count + 2);
    client.reset();
    await until('they are closed', () => backend.connections.slice(count).every(({ socket }) => socket.destroyed));
  });
});
