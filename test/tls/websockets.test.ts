import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  certificates,
  httpsBackend,
  startProxy,
  type TestProxy,
  until,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';

const UPGRADE = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';
const CERTIFICATE = 'ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;';
const VERIFY = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate %%C%%/ca.crt; proxy_ssl_server_name on;';

const secured = () => ({ ca: certificates().read('ca.crt'), servername: 'localhost' });

async function proxyTo(t: TestContext, listen: string, location: string, more = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0 ${listen}; ${more} location / { ${UPGRADE} ${location} } }`,
    {
      C: certificates().directory,
    },
  );
  t.after(() => proxy.close());
  return proxy;
}

describe('WebSockets over TLS', { skip: withoutOpenssl }, () => {
  const exchangeMessages = async (port: number, secure?: ReturnType<typeof secured>): Promise<void> => {
    const client = await websocket(port, '/chat', {}, secure);
    assert.equal(await client.ask('small'), 'small');
    const large = Buffer.alloc(3_000_000, 7);
    assert.equal(large.equals((await client.ask(large)) as Buffer), true);
    for (let i = 0; i < 200; i++) client.send(`message ${i}`);
    for (let i = 0; i < 200; i++) assert.equal(await client.next(), `message ${i}`);
    assert.equal(await client.close(1000), 1000);
  };

  test('wss to ws', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const proxy = await proxyTo(t, 'ssl', `proxy_pass http://127.0.0.1:${echo.port};`, CERTIFICATE);
    await exchangeMessages(proxy.port, secured());
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('ws to wss, verified', async (t) => {
    const backend = await httpsBackend();
    t.after(() => backend.close());
    const proxy = await proxyTo(t, '', `proxy_pass https://localhost:${backend.port}/; ${VERIFY}`);
    await exchangeMessages(proxy.port);
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('wss to wss, with client certificates on both sides', async (t) => {
    const backend = await httpsBackend({ requestCert: true, rejectUnauthorized: true });
    t.after(() => backend.close());
    const authority = certificates();
    const proxy = await proxyTo(
      t,
      'ssl',
      `proxy_pass https://localhost:${backend.port}; ${VERIFY}
       proxy_ssl_certificate %%C%%/client.crt; proxy_ssl_certificate_key %%C%%/client.key;`,
      `${CERTIFICATE} ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on;`,
    );
    const own = { ...secured(), cert: authority.read('client.crt'), key: authority.read('client.key') };
    await exchangeMessages(proxy.port, own);
    await assert.rejects(websocket(proxy.port, '/', {}, secured()), /Unexpected server response: 400/);
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('ws to wss with the wrong authority is answered with 502 and one clear message', async (t) => {
    const backend = await httpsBackend({ certificate: 'stranger' });
    t.after(() => backend.close());
    const proxy = await proxyTo(t, '', `proxy_pass https://localhost:${backend.port}; ${VERIFY}`);
    await assert.rejects(websocket(proxy.port), /Unexpected server response: 502/);
    const [message = '', ...others] = proxy.messages('error');
    assert.match(message, /upstream SSL certificate verify error: \(\d+:[a-z ]+\) while SSL handshaking to upstream/);
    assert.deepEqual(others, []);
  });

  test('a close of either side is passed on, and a lost one ends the tunnel', async (t) => {
    const backend = await httpsBackend();
    t.after(() => backend.close());
    const proxy = await proxyTo(t, 'ssl', `proxy_pass https://localhost:${backend.port}; ${VERIFY}`, CERTIFICATE);
    const closing = await websocket(proxy.port, '/', {}, secured());
    assert.equal(await closing.close(4000), 4000);
    const lost = await websocket(proxy.port, '/', {}, secured());
    await lost.ask('x');
    lost.socket.terminate();
    await until('no tunnel is open', () => proxy.proxy.status.active === 0);
    const kept = await websocket(proxy.port, '/', {}, secured());
    await kept.ask('x');
    await backend.close();
    assert.equal(await kept.closed, 1014);
  });
});
