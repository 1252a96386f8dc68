import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Backend,
  connect,
  get,
  type ReceivedRequest,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

describe('mirrored requests', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let copies: Backend;
  const requests: ReceivedRequest[] = [];
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      const received = await connection.request();
      connection.send(reply(`main ${received?.body.length}`)).end();
    });
    copies = await scriptedBackend(async (connection) => {
      const received = await connection.request();
      if (received !== null) requests.push(received);
      if (received?.target.startsWith('/cut') === true) connection.socket.resetAndDestroy();
      else if (received?.target.startsWith('/silent') !== true)
        connection.send(reply('copy', { status: '500 Failed' })).end();
    });
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        client_max_body_size 10;
        proxy_http_version 1.0;
        location / { mirror /copy; mirror /second; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /none/ { mirror off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /bodiless/ { mirror /copy; mirror_request_body off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /streamed/ {
          client_max_body_size 10m; client_body_buffer_size 1k; proxy_request_buffering off;
          mirror /copy; proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /failing/ { mirror /closed; mirror /cut; mirror /404; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /waiting/ { mirror /silent; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location = /copy { internal; proxy_pass http://127.0.0.1:%%COPIES%%/copied$request_uri; }
        location = /second { internal; proxy_pass http://127.0.0.1:%%COPIES%%; }
        location = /cut { internal; proxy_pass http://127.0.0.1:%%COPIES%%; }
        location = /silent { internal; proxy_pass http://127.0.0.1:%%COPIES%%; }
        location = /closed { internal; proxy_pass http://127.0.0.1:1; }
        location = /404 { internal; return 404; }
      }`,
      { BACKEND: backend.port, COPIES: copies.port },
    );
  });
  after(async () => {
    await proxy.close();
    await Promise.all([backend.close(), copies.close()]);
  });

  let known = 0;
  /** The copies that arrived since the last call. */
  async function received(count: number) {
    const from = known;
    known += count;
    await until(`${count} copies arrived`, () => requests.length === known);
    return requests.slice(from);
  }

  it('have the method, the arguments and the body of the request, once for each URI', async () => {
    const body = { method: 'PUT', body: '12345' };
    assert.equal((await get(proxy.port, '/x?a=1', body)).body, 'main 5');
    const both = (await received(2)).sort((a, b) => (a.target < b.target ? -1 : 1));
    assert.deepEqual(
      both.map(({ method, target, body }) => [method, target, body]),
      [
        ['PUT', '/copied/x?a=1', '12345'],
        ['PUT', '/second?a=1', '12345'],
      ],
    );
  });

  it('have a body that is in a file, and that would not be buffered without the copy', async () => {
    const body = 'x'.repeat(1_000_000);
    assert.equal((await get(proxy.port, '/streamed/', { method: 'POST', body })).body, 'main 1000000');
    const [copy] = await received(1);
    assert.ok(copy?.body === body);
  });

  it('have no body if so configured', async () => {
    assert.equal((await get(proxy.port, '/bodiless/', { method: 'POST', body: '12345' })).body, 'main 5');
    const [copy] = await received(1);
    assert.equal(copy?.body.length, 0);
    assert.ok(['0', undefined].includes(copy?.field('content-length')));
  });

  it('are not made with "off", nor for a request that is rejected', async () => {
    assert.equal((await get(proxy.port, '/none/')).body, 'main 0');
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'x'.repeat(11) })).status, 413);
    assert.equal(requests.length, known);
  });

  it('do not affect the response if they fail', async () => {
    assert.equal((await get(proxy.port, '/failing/')).body, 'main 0');
    await received(1);
  });

  it('do not delay the response, but the next one on the connection, as in nginx', async () => {
    const client = await connect(proxy.port);
    client.send(request('/waiting/', { fields: ['Connection: keep-alive'] }));
    assert.equal((await client.answer()).body, 'main 0');
    await received(1);
    client.send(request('/none/'));
    copies.connections.at(-1)?.send(reply('late')).end();
    assert.equal((await client.answer()).body, 'main 0');
    client.close();
  });
});
