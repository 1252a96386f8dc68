import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  certificateFor,
  certificates,
  connect,
  connectTls,
  exchange,
  request,
  startProxy,
  type TestProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';

describe('listen … ssl', { skip: withoutOpenssl }, () => {
  const files = () => ({ C: certificates().directory });
  const SERVERS = `
    server {
      listen 127.0.0.1:0 ssl;
      server_name example.com;
      ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      location / { return 200 "$scheme $https $server_name $ssl_protocol $ssl_server_name $ssl_session_reused"; }
      location /dir { proxy_pass http://127.0.0.1:1; location /dir/ { return 200 x; } }
    }
    server {
      listen 127.0.0.1:0 ssl;
      server_name *.other.example ~^(?<who>\\w+)\\.pattern$;
      ssl_certificate %%C%%/other.crt; ssl_certificate_key %%C%%/other.key;
      location / { return 200 "other $who"; }
    }`;
  const start = (text: string): Promise<TestProxy> => startProxy(text, files());

  test('a request over TLS has the scheme https and the values of the connection', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const client = await connectTls(proxy.port, { servername: 'example.com', minVersion: 'TLSv1.3' });
    const { body } = await client.send(request('/', { fields: ['Host: example.com'] })).answer();
    assert.equal(body, 'https on example.com TLSv1.3 example.com .');
  });

  test('the server name selects the certificate, as exact name, wildcard and expression; others get the default', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    for (const [name, expected] of [
      ['example.com', 'example.com'],
      ['EXAMPLE.com', 'example.com'],
      ['www.other.example', 'other.example'],
      ['some.pattern', 'other.example'],
      ['unknown.example', 'example.com'],
    ] as const) {
      assert.equal(await certificateFor(proxy.port, name), expected, name);
    }
  });

  test('requests without a Host field are handled by the default server of the address, whatever the server name', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const client = await connectTls(proxy.port, { servername: 'www.other.example', rejectUnauthorized: false });
    const answer = await client.send('GET / HTTP/1.0\r\n\r\n').all();
    assert.match(answer, /\r\n\r\nhttps on example.com TLSv1.3 www.other.example \.$/);
  });

  test('ECDSA and RSA certificates of one server are selected by the client', async (t) => {
    const proxy = await start(`server {
      listen 127.0.0.1:0 ssl;
      ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      ssl_certificate %%C%%/rsa.crt; ssl_certificate_key %%C%%/rsa.key;
    }`);
    t.after(() => proxy.close());
    for (const [sigalgs, bits] of [
      ['ecdsa_secp256r1_sha256', 256],
      ['rsa_pss_rsae_sha256', 2048],
    ] as const) {
      const { socket } = await connectTls(proxy.port, { sigalgs });
      assert.equal(socket.getPeerCertificate().bits, bits);
      socket.destroy();
    }
  });

  test('a plain request to a TLS port gets the page of status 497 with status 400', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const answer = await exchange(proxy.port, request('/', { fields: ['Host: example.com'] }));
    assert.match(answer, /^HTTP\/1.1 400 /);
    assert.match(answer, /The plain HTTP request was sent to HTTPS port/);
    const [message = ''] = proxy.messages('info');
    assert.match(
      message,
      /client sent plain HTTP request to HTTPS port while reading client request headers, client: 127/,
    );
  });

  test('redirects of a TLS server have the scheme https', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const client = await connectTls(proxy.port, { servername: 'example.com' });
    const answer = await client.send(request('/dir', { fields: ['Host: example.com'] })).all();
    assert.match(answer, /\r\nLocation: https:\/\/example\.com|HTTP\/1.1 502/);
  });

  test('a session is resumed', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await connectTls(proxy.port, { servername: 'example.com', maxVersion });
      let session: Buffer | undefined;
      first.socket.on('session', (each: Buffer) => {
        session = each;
      });
      await first.send(request('/', { fields: ['Host: example.com'] })).answer();
      if (maxVersion === 'TLSv1.2') session = first.socket.getSession();
      await until('a session is there', () => session !== undefined);
      const second = await connectTls(proxy.port, { servername: 'example.com', maxVersion, session });
      const { body } = await second.send(request('/', { fields: ['Host: example.com'] })).answer();
      assert.equal(body, `https on example.com ${maxVersion} example.com r`);
    }
  });

  test('protocols and ciphers are those of the selected server', async (t) => {
    const proxy = await start(`
      server {
        listen 127.0.0.1:0 ssl; server_name old;
        ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
        return 200 "$ssl_protocol $ssl_cipher";
      }
      server {
        listen 127.0.0.1:0 ssl; server_name new;
        ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;
        return 200 "$ssl_protocol $ssl_cipher";
      }`);
    t.after(() => proxy.close());
    for (const [servername, expected] of [
      ['old', 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256'],
      ['new', 'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256'],
    ] as const) {
      const client = await connectTls(proxy.port, { servername, rejectUnauthorized: false });
      const { body } = await client.send(request('/', { fields: [`Host: ${servername}`] })).answer();
      assert.equal(body, expected);
    }
    await assert.rejects(
      connectTls(proxy.port, { servername: 'new', maxVersion: 'TLSv1.2', rejectUnauthorized: false }),
    );
    await until('it is logged', () => proxy.messages('info').length > 0);
    assert.match(
      proxy.messages('info').join(),
      /SSL_do_handshake\(\) failed \(SSL: error:0A000102:SSL routines::unsupported protocol\) while SSL handshaking, client: 127/,
    );
  });

  test('ssl_reject_handshake answers unknown names with an alert, and other servers are served', async (t) => {
    const proxy = await start(`
      server { listen 127.0.0.1:0 ssl default_server; ssl_reject_handshake on; }
      server {
        listen 127.0.0.1:0 ssl; server_name example.com;
        ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      }`);
    t.after(() => proxy.close());
    assert.equal(await certificateFor(proxy.port, 'example.com'), 'example.com');
    await assert.rejects(certificateFor(proxy.port, 'unknown.example'), /unrecognized name|SSL alert number 112/);
    const rejected = /handshake rejected while SSL handshaking/;
    await until('it is logged', () => proxy.messages('info').some((message) => rejected.test(message)));
  });

  test('certificates whose names have variables are read in each handshake', async (t) => {
    const proxy = await start(`
      map $ssl_server_name $file { default ec; other.example other; missing.example missing; }
      server { listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/$file.crt; ssl_certificate_key %%C%%/$file.key; }`);
    t.after(() => proxy.close());
    assert.equal(await certificateFor(proxy.port, 'other.example'), 'other.example');
    assert.equal(await certificateFor(proxy.port, 'example.com'), 'example.com');
    await assert.rejects(certificateFor(proxy.port, 'missing.example'));
    await until('it is logged', () => proxy.messages('error').length > 0);
    assert.match(
      proxy.messages('error')[0] ?? '',
      /cannot load certificate "[^"]*\/missing\.crt": BIO_new_file\(\) failed/,
    );
  });

  test('a ClientHello is read in any pieces, and in any number of records', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const hello = await capturedHello('www.other.example');
    const payload = hello.subarray(5);
    const perByte = Buffer.concat([...payload].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte])));
    const halves = [payload.subarray(0, 3), payload.subarray(3, 200), payload.subarray(200)];
    const records = Buffer.concat(
      halves.flatMap((each) => [Buffer.from([22, 3, 1, each.length >> 8, each.length & 255]), each]),
    );
    for (const bytes of [hello, perByte, records]) {
      const client = await connect(proxy.port);
      for (let at = 0; at < bytes.length; at += 97) {
        client.send(bytes.subarray(at, at + 97));
        await new Promise((resolve) => setImmediate(resolve));
      }
      // A ServerHello.
      assert.equal((await client.bytes(6)).charCodeAt(5), 2);
      client.close();
    }
  });

  test('a ClientHello that is too long is refused with an alert', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(Buffer.from([22, 3, 1, 0x10, 0, 1, 0, 0x80, 0]));
    assert.deepEqual([...Buffer.from(await client.all(), 'latin1')], [21, 3, 3, 0, 2, 2, 47]);
    await until('it is logged', () => proxy.messages('info').length > 0);
    assert.match(proxy.messages('info')[0] ?? '', /excessive message size/);
  });

  test('clients that leave during the handshake are logged once', async (t) => {
    const proxy = await start(SERVERS);
    t.after(() => proxy.close());
    const hello = await capturedHello('example.com');
    for (const [bytes, message] of [
      [Buffer.alloc(0), /client closed connection while SSL handshaking/],
      [hello.subarray(0, 50), /peer closed connection in SSL handshake while SSL handshaking/],
      [hello, /peer closed connection in SSL handshake while SSL handshaking/],
    ] as const) {
      const before = proxy.entries.length;
      const client = await connect(proxy.port);
      client.send(bytes).end();
      await client.all();
      await until('it is logged', () => proxy.entries.length > before);
      assert.equal(proxy.entries.length, before + 1);
      assert.match(proxy.entries.at(-1)?.message ?? '', message);
    }
  });

  test('client_header_timeout limits a handshake', async (t) => {
    const proxy = await start(`client_header_timeout 200ms; ${SERVERS}`);
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(Buffer.from([22, 3]));
    await client.all();
    assert.match(
      proxy.messages('info')[0] ?? '',
      /client timed out \(110: Connection timed out\) while SSL handshaking/,
    );
  });
});

/** The ClientHello of Node's client. */
async function capturedHello(servername: string): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const tls = await import('node:tls');
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        server.close();
        resolve(bytes as Buffer);
      });
    }).listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      tls.connect({ port, host: '127.0.0.1', servername }).on('error', () => {});
    });
  });
}
