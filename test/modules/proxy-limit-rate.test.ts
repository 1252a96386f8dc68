/** `proxy_limit_rate`: an answer is taken from its upstream no faster than that. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chunkOf, patternBytes } from '../kit/flood.js';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const LENGTH = 12_000;
const BODY = patternBytes(0, LENGTH).toString('latin1');
/** How long an answer takes at the rate below, in ms; the last piece does not wait. */
const LIMITED = 1000;

describe('proxy_limit_rate', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend(({ target }) => {
      if (target === '/chunked') {
        const chunks = chunkOf(Buffer.from(BODY, 'latin1')).toString('latin1');
        return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
      }
      if (target === '/cut') return `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n${BODY}`;
      if (target === '/yes') return reply(BODY, { fields: ['X-Accel-Buffering: yes'] });
      return reply(BODY);
    });
    proxy = await startProxy(
      `upstream app { server 127.0.0.1:%%PORT%%; keepalive 1; }
      server {
        listen 127.0.0.1:0;
        proxy_limit_rate 10000;
        location / { proxy_pass http://app; }
        location /variable { proxy_limit_rate $arg_rate; proxy_pass http://app; }
        location /none { proxy_limit_rate 0; proxy_pass http://app; }
        location /off { proxy_buffering off; proxy_pass http://app; }
        location /yes { proxy_buffering off; proxy_pass http://app; }
      }`,
      { PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  /** How long an answer takes, in ms. */
  async function time(path: string, body = BODY): Promise<number> {
    const start = performance.now();
    assert.equal((await get(proxy.port, path)).body, body);
    return performance.now() - start;
  }

  test('holds answers back that are buffered', async () => {
    const paths = ['/', '/chunked', '/variable?rate=10000', '/yes'];
    for (const ms of await Promise.all(paths.map((path) => time(path)))) assert.ok(ms > LIMITED, `${ms} ms`);
  });
  test('does not hold others', async () => {
    const paths = ['/none', '/off', '/variable?rate=0', '/variable'];
    for (const ms of await Promise.all(paths.map((path) => time(path)))) assert.ok(ms < LIMITED, `${ms} ms`);
  });
  test('lets the first bytes through at once', async () => {
    const client = await connect(proxy.port);
    const start = performance.now();
    await client.send(request('/')).until(BODY.slice(0, 500));
    assert.ok(performance.now() - start < LIMITED / 2);
    client.reset();
    await until('the request is over', () => proxy.proxy.status.active === 0);
  });
  test('is over with an upstream that leaves in the middle, when what came has passed', async () => {
    const client = await connect(proxy.port);
    const raw = await client.send(request('/cut')).all();
    assert.equal(raw.slice(-LENGTH), BODY);
    await until('the request is over', () => proxy.proxy.status.active === 0);
  });
  test('leaves the connection to the upstream as it was', async () => {
    const { length } = backend.connections;
    await time('/');
    await time('/none');
    assert.ok(backend.connections.length <= length + 1);
  });
});
