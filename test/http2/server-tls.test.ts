/** HTTP/2 over TLS: the choice of the protocol, and requests for servers for which the connection was not opened. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { certificates, connectTls, request, startProxy, type TestProxy, withoutOpenssl } from '../kit/index.js';
import { Http2Client } from './client.js';

const SERVERS = `
  ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
  server { listen 127.0.0.1:0 ssl; server_name two.test; http2 on;
    location / { return 200 "$server_name $http2 $ssl_alpn_protocol $scheme $server_protocol"; } }
  server { listen 127.0.0.1:0 ssl; server_name one.test; http2 off;
    location / { return 200 "$server_name $http2"; } }
  server { listen 127.0.0.1:0 ssl; server_name verified.test; http2 on;
    ssl_verify_client on; ssl_client_certificate %%C%%/ca.crt;
    location / { return 200 "$server_name $ssl_client_verify"; } }
  server { listen 127.0.0.2:0 ssl http2; server_name parameter.test; location / { return 200 $http2; } }`;

async function start(t: TestContext): Promise<TestProxy> {
  const proxy = await startProxy(SERVERS, { C: certificates().directory });
  t.after(() => proxy.close());
  return proxy;
}

function connect(t: TestContext, port: number, servername: string, options: object = {}): Http2Client {
  const client = new Http2Client(`https://127.0.0.1:${port}`, { servername, ...options });
  t.after(() => client.close());
  return client;
}

describe('HTTP/2 over TLS', { skip: withoutOpenssl }, () => {
  test('is used by clients that offer it, and HTTP/1.1 by others', async (t) => {
    const proxy = await start(t);
    const client = connect(t, proxy.port, 'two.test');
    const answer = await client.request({ ':path': '/', ':authority': 'two.test' });
    assert.equal(answer.body, 'two.test h2 h2 https HTTP/2.0');
    const old = await connectTls(proxy.port, {
      servername: 'two.test',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    const { body } = await old.send(request('/', { fields: ['Host: two.test'] })).answer();
    assert.equal(body, 'two.test  http/1.1 https HTTP/1.1');
  });

  test('is not offered for a server that does not allow it', async (t) => {
    const proxy = await start(t);
    const { socket } = await connectTls(proxy.port, {
      servername: 'one.test',
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
    });
    t.after(() => socket.destroy());
    assert.equal(socket.alpnProtocol, 'http/1.1');
  });

  test('is offered by all servers of an address with the parameter http2', async (t) => {
    const proxy = await start(t);
    const { socket } = await connectTls(proxy.portOf('127.0.0.2'), {
      host: '127.0.0.2',
      servername: 'parameter.test',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    t.after(() => socket.destroy());
    assert.equal(socket.alpnProtocol, 'h2');
  });

  test('does not reach servers that do not allow it, or that verify clients: 421', async (t) => {
    const proxy = await start(t);
    const client = connect(t, proxy.port, 'two.test');
    assert.equal((await client.request({ ':path': '/', ':authority': 'one.test' })).status, 421);
    assert.equal((await client.request({ ':path': '/', ':authority': 'verified.test' })).status, 421);
    const messages = proxy.messages('info').join('\n');
    assert.match(messages, /request the server name for which the negotiated protocol is disabled/);
    assert.match(messages, /request the server name different from the one that was negotiated/);
    assert.equal((await client.request({ ':path': '/', ':authority': 'two.test' })).status, 200);
  });

  test('requires the certificate of a client on each request', async (t) => {
    const proxy = await start(t);
    const without = connect(t, proxy.port, 'verified.test');
    assert.equal((await without.request({ ':path': '/', ':authority': 'verified.test' })).status, 400);
    const client = connect(t, proxy.port, 'verified.test', {
      cert: certificates().read('client.crt'),
      key: certificates().read('client.key'),
    });
    const answer = await client.request({ ':path': '/', ':authority': 'verified.test' });
    assert.equal(answer.body, 'verified.test SUCCESS');
  });
});
