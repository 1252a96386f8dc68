import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { certificates, request, startProxy, until, withoutOpenssl } from '../kit/index.js';

test('a damaged record of a client closes its connection', { skip: withoutOpenssl }, async (t) => {
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; return 200 ok; }`,
    { C: certificates().directory },
  );
  t.after(() => proxy.close());
  const damaged = Buffer.concat([Buffer.from([0x17, 3, 3, 0, 20]), Buffer.alloc(20)]);
  // Forwards the bytes of the client, so that more can be inserted.
  let insert = (_bytes: Buffer): void => {};
  const between = net.createServer((client) => {
    const server = net.connect(proxy.port, '127.0.0.1');
    server.on('error', () => {});
    client.on('error', () => {});
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => client.write(data));
    server.on('close', () => client.destroy());
    insert = (bytes) => server.write(bytes);
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  t.after(() => between.close());
  const { port } = between.address() as net.AddressInfo;
  const client = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  client.write(request('/'));
  await once(client, 'data');
  insert(damaged);
  await once(client, 'close');
  await until('no connection is open', () => proxy.proxy.status.connections === 0);
  assert.deepEqual(proxy.messages('error'), []);
});
