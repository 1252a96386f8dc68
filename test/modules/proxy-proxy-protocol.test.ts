import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { readProxyHeader } from '../../src/net/proxy-protocol.js';
import { crc32c, writeV1, writeV2 } from '../../src/net/proxy-protocol-writer.js';
import {
  ByteReader,
  certificates,
  connect,
  connectTls,
  get,
  request,
  startProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';

const KEEP = { fields: ['Connection: keep-alive'] };

/** A back end that shows the addresses of its PROXY protocol header and the number of its connection. */
const BACKEND = `
  server {
    listen 127.0.0.1:0 proxy_protocol %%SSL%%;
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $connection|$proxy_protocol_tlv_authority|$proxy_protocol_tlv_ssl_version|$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_ssl_verify"; }
  }`;

describe('proxy_protocol to upstreams', () => {
  for (const version of ['on', 'v2']) {
    test(`${version}: a connection per client connection, reused for its requests only, and closed with it`, async (t) => {
      const backend = await startProxy(BACKEND, { SSL: '' });
      t.after(() => backend.close());
      const proxy = await startProxy(
        `upstream back { server 127.0.0.1:%%BACK%%; keepalive 8; }
        server { listen 127.0.0.1:0; proxy_protocol ${version}; location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
        { BACK: backend.port },
      );
      t.after(() => proxy.close());
      const one = await connect(proxy.port);
      const two = await connect(proxy.port);
      const ask = async (client: typeof one) =>
        (await client.send(request('/', KEEP)).answer()).body.split('|')[0] ?? '';
      const first = await ask(one);
      assert.match(first, new RegExp(`^127\\.0\\.0\\.1 ${one.localPort} \\d+$`));
      const other = await ask(two);
      assert.match(other, new RegExp(`^127\\.0\\.0\\.1 ${two.localPort} \\d+$`));
      assert.equal(await ask(one), first);
      assert.equal(await ask(two), other);
      assert.equal(await ask(one), first);
      assert.equal(backend.proxy.status.connections, 2);
      one.close();
      await until('its connection is closed', () => backend.proxy.status.connections === 1);
      assert.equal(await ask(two), other);
      two.close();
      await until('all are closed', () => backend.proxy.status.connections === 0);
    });
  }

  test('the address is the one that real_ip_header found, and clients of one proxy do not share a connection', async (t) => {
    const backend = await startProxy(BACKEND, { SSL: '' });
    t.after(() => backend.close());
    const proxy = await startProxy(
      `upstream back { server 127.0.0.1:%%BACK%%; }
      server { listen 127.0.0.1:0; set_real_ip_from 127.0.0.1; proxy_protocol v2; location / { proxy_pass http://back; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    const ask = async (address: string) =>
      (await client.send(request('/', { fields: [...KEEP.fields, `X-Real-IP: ${address}`] })).answer()).body.split(
        /[ |]/,
      );
    const [a1, , n1] = await ask('192.0.2.1:99');
    const [a2, , n2] = await ask('[2001:db8::1]:99');
    const [a3, , n3] = await ask('192.0.2.1:99');
    client.close();
    assert.deepEqual([a1, a2, a3], ['192.0.2.1', '2001:db8::1', '192.0.2.1']);
    assert.notEqual(n1, n2);
    assert.equal(n1, n3);
  });

  test('to https upstreams the header precedes the handshake', { skip: withoutOpenssl }, async (t) => {
    const { directory } = certificates();
    const backend = await startProxy(
      `ssl_certificate ${directory}/ec.crt; ssl_certificate_key ${directory}/ec.key; ${BACKEND}`,
      {
        SSL: 'ssl',
      },
    );
    t.after(() => backend.close());
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; proxy_protocol v2; location / { proxy_pass https://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    for (let i = 0; i < 3; i++) assert.match((await get(proxy.port)).body, /^127\.0\.0\.1 \d+ \d+\|/);
  });

  test('v2 describes the TLS connection of the client', { skip: withoutOpenssl }, async (t) => {
    const { directory } = certificates();
    const backend = await startProxy(BACKEND, { SSL: '' });
    t.after(() => backend.close());
    const proxy = await startProxy(
      `server {
        listen 127.0.0.1:0 ssl; ssl_certificate ${directory}/ec.crt; ssl_certificate_key ${directory}/ec.key;
        ssl_verify_client optional; ssl_client_certificate ${directory}/ca.crt;
        proxy_protocol v2; location / { proxy_pass http://127.0.0.1:%%BACK%%; }
      }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const ask = async (options: object) => {
      const client = await connectTls(proxy.port, { servername: 'localhost', ...options });
      const { body } = await client.send(request('/')).answer();
      client.close();
      return body.split('|').slice(1).join('|');
    };
    assert.equal(await ask({}), 'localhost|TLSv1.3||1');
    const { subject } = new (await import('node:crypto')).X509Certificate(certificates().read('client.crt'));
    const own = { cert: certificates().read('client.crt'), key: certificates().read('client.key') };
    assert.equal(await ask(own), `localhost|TLSv1.3|${/CN=(.*)/.exec(subject)?.[1]}|0`);
  });

  test('a tunnel begins with the header as well', async (t) => {
    const received: string[] = [];
    const backend = net.createServer((socket) => {
      const reader = new ByteReader(socket);
      void reader.until('\r\n\r\n').then((head) => {
        received.push(head);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello');
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    t.after(() => backend.close());
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; location / { proxy_protocol on; proxy_pass http://127.0.0.1:%%BACK%%; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`,
      { BACK: (backend.address() as net.AddressInfo).port },
    );
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    t.after(() => client.close());
    client.send(request('/', { fields: ['Connection: upgrade', 'Upgrade: x'] }));
    assert.match(await client.until('hello'), /^HTTP\/1\.1 101 /);
    assert.ok(
      received[0]?.startsWith(`PROXY TCP4 127.0.0.1 127.0.0.1 ${client.localPort} ${proxy.port}\r\nGET / HTTP/1.1\r\n`),
    );
  });
});

describe('written headers', () => {
  const addresses = { address: '192.0.2.1', port: 4321, serverAddress: '198.51.100.2', serverPort: 443 };
  const unix = { address: 'unix:', port: 0, serverAddress: 'unix:/run/x', serverPort: 0 };

  test('have a checksum of all bytes in version 2', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    const header = writeV2(addresses, [{ type: 2, value: Buffer.from('example.com') }]);
    const sum = header.readUInt32BE(header.length - 4);
    assert.equal(crc32c(Buffer.concat([header.subarray(0, -4), Buffer.alloc(4)])), sum);
  });
  test('are read as they were written, with both addresses of the same family', () => {
    const mixed = { ...addresses, address: '2001:db8::1' };
    const both = { ...mixed, serverAddress: '::ffff:198.51.100.2' };
    for (const write of [
      (each: typeof addresses) => Buffer.from(writeV1(each)),
      (each: typeof addresses) => writeV2(each, []),
    ]) {
      for (const [written, expected] of [
        [addresses, addresses],
        [mixed, both],
        [unix, null],
      ] as const) {
        const bytes = write(written);
        const result = readProxyHeader(bytes);
        assert.ok(result !== null && typeof result === 'object');
        assert.equal(result.length, bytes.length);
        if (expected === null) assert.equal(result.header, null);
        else assert.deepEqual({ ...result.header, tlvs: null }, { ...expected, tlvs: null });
      }
    }
  });
});
