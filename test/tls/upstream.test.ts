import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import {
  answeringBackend,
  certificates,
  get,
  httpsBackend,
  reply,
  startProxy,
  type TestProxy,
  withoutOpenssl,
} from '../kit/index.js';
import { facts, setUp, VERIFY } from './upstream-set-up.js';

describe('proxy_pass https://', { skip: withoutOpenssl }, () => {
  test('requests are encrypted, with nginx’s defaults: TLS 1.3, no server name, no ALPN, no verification', async (t) => {
    const { proxy, backend } = await setUp(t, 'location / { proxy_pass https://127.0.0.1:%%B%%; }');
    const request = await facts(proxy, '/path?query');
    assert.deepEqual(
      { ...request, cipher: '' },
      {
        url: '/path?query',
        host: `127.0.0.1:${backend.port}`,
        servername: false,
        protocol: 'TLSv1.3',
        cipher: '',
        reused: false,
        alpn: false,
        client: null,
        authorized: false,
        connection: 1,
      },
    );
  });

  test('the port is 443 unless it is written, and is omitted from the Host field as written', async (t) => {
    const { proxy } = await setUp(
      t,
      `location / { proxy_pass https://named.example/; }
       location /port { proxy_pass https://127.0.0.1/; proxy_connect_timeout 1s; add_header X "$proxy_host $proxy_port" always; }
       location /values { proxy_pass https://named.example/; add_header X "$proxy_host $proxy_port"; }`,
    );
    assert.equal((await facts(proxy, '/')).host, 'named.example');
    assert.equal((await get(proxy.port, '/values')).field('x'), 'named.example 443');
    assert.equal((await get(proxy.port, '/port')).field('x'), `127.0.0.1 443`);
  });

  test('proxy_ssl_server_name sends the name of the target, or proxy_ssl_name without its port, but no address', async (t) => {
    const { proxy } = await setUp(
      t,
      `proxy_ssl_server_name on; proxy_set_header Host x;
       location /address { proxy_pass https://127.0.0.1:%%B%%; }
       location /host { proxy_pass https://localhost:%%B%%; }
       location /upstream { proxy_pass https://named.example; }
       location /name { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_name some.example:123; }
       location /variable { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_name $name; }
       location /url { proxy_pass https://$name; }`,
    );
    assert.equal((await get(proxy.port, `/variable?name=${'a'.repeat(256)}`)).status, 500);
    assert.match(
      proxy.messages('error').join(),
      /SSL_set_tlsext_host_name\("a{256}"\) failed \(SSL: error:0A00013F:SSL/,
    );
    for (const [path, expected] of [
      ['/address', false],
      ['/host', 'localhost'],
      ['/upstream', 'named.example'],
      ['/name', 'some.example'],
      ['/variable?name=a.example', 'a.example'],
      ['/variable?name=b.example', 'b.example'],
      ['/variable?name=::1', false],
      ['/variable?name=[::1]:5', false],
      ['/variable', false],
      ['/url?name=named.example', 'named.example'],
    ] as const) {
      assert.equal((await facts(proxy, path)).servername, expected, path);
    }
  });

  test('the scheme may come from a variable', async (t) => {
    const plain = await answeringBackend(reply('plain'));
    t.after(() => plain.close());
    const { proxy } = await setUp(t, `location / { proxy_pass $arg_scheme://127.0.0.1:$arg_port; }`);
    assert.equal((await get(proxy.port, `/?scheme=http&port=${plain.port}`)).body, 'plain');
    assert.equal((await get(proxy.port, `/?scheme=ftp&port=1`)).status, 500);
    assert.deepEqual(proxy.messages('error').length, 1);
    const backend = await httpsBackend();
    t.after(() => backend.close());
    assert.equal((await facts(proxy, `/?scheme=HTTPS&port=${backend.port}`)).protocol, 'TLSv1.3');
  });

  test('a back end on a unix socket is reached with TLS', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-tls-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'socket');
    const { proxy } = await setUp(t, `location / { proxy_pass https://unix:${path}:/x; proxy_ssl_server_name on; }`, {
      path,
    });
    const { host, url, protocol } = await facts(proxy, '/');
    assert.deepEqual([host, url, protocol], ['localhost', '/x', 'TLSv1.3']);
  });

  test('redirects to the https URL of the target are rewritten by default', async (t) => {
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; location /app/ { proxy_pass https://127.0.0.1:%%B%%/; } }`,
      { B: (await redirecting(t)).port },
    );
    t.after(() => proxy.close());
    assert.match((await get(proxy.port, '/app/')).field('location') ?? '', /^http:\/\/localhost:\d+\/app\/there$/);
  });

  test('a large body in both directions arrives unchanged', async (t) => {
    const received: Buffer[] = [];
    const server = await tlsServer(t, (socket) => {
      socket.on('data', (data: Buffer) => {
        received.push(data);
        const all = Buffer.concat(received);
        if (all.length < all.indexOf('\r\n\r\n') + 4 + BODY.length) return;
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
      });
    });
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; client_max_body_size 0; location / { proxy_pass https://127.0.0.1:%%B%%; } }`,
      { B: server },
    );
    t.after(() => proxy.close());
    const { body } = await get(proxy.port, '/', { method: 'POST', body: BODY });
    assert.equal(body === BODY, true);
    assert.equal(Buffer.concat(received).toString('latin1').endsWith(BODY), true);
  });
});

const BODY = Array.from({ length: 300_000 }, (_, i) => String(i)).join(' ');

/** A TLS server that runs `script` for each connection; returns its port. */
async function tlsServer(t: TestContext, script: (socket: tls.TLSSocket) => void, options: tls.TlsOptions = {}) {
  const authority = certificates();
  const server = tls.createServer({ cert: authority.read('ec.crt'), key: authority.read('ec.key'), ...options });
  const sockets = new Set<tls.TLSSocket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    script(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A back end that redirects to an absolute URL of its own. */
async function redirecting(t: TestContext): Promise<{ port: number }> {
  const port = await tlsServer(t, (socket) => {
    socket.once('data', () =>
      socket.end(`HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:${port}/there\r\nContent-Length: 0\r\n\r\n`),
    );
  });
  return { port };
}

describe('proxy_ssl_verify', { skip: withoutOpenssl }, () => {
  const fails = async (proxy: TestProxy, path: string, message: RegExp): Promise<void> => {
    const before = proxy.messages('error').length;
    assert.equal((await get(proxy.port, path)).status, 502, path);
    const [line, ...others] = proxy.messages('error').slice(before);
    assert.match(line ?? '', message);
    assert.deepEqual(others, []);
  };

  test('accepts a certificate of a trusted authority with the right name, and no other', async (t) => {
    const { proxy } = await setUp(
      t,
      `location /right { proxy_pass https://localhost:%%B%%; ${VERIFY} }
       location /wrong-name { proxy_pass https://127.0.0.1:%%B%%; ${VERIFY} proxy_ssl_name other.example; }
       location /address { proxy_pass https://127.0.0.1:%%B%%; ${VERIFY} }
       location /wrong-ca {
         proxy_pass https://localhost:%%B%%; proxy_ssl_verify on; proxy_ssl_trusted_certificate %%C%%/stranger-ca.crt;
       }`,
    );
    await facts(proxy, '/right');
    await fails(
      proxy,
      '/wrong-name',
      /^\*\d+ upstream SSL certificate does not match "other.example" while SSL handshaking to upstream, client: 127/,
    );
    // As in nginx, addresses in certificates are not compared.
    await fails(proxy, '/address', /^\*\d+ upstream SSL certificate does not match "127.0.0.1" while SSL/);
    await fails(
      proxy,
      '/wrong-ca',
      /^\*\d+ upstream SSL certificate verify error: \(19:self-signed certificate in certificate chain\) while SSL handshaking to upstream, client: .*, upstream: "https:\/\/127/,
    );
  });

  test('rejects an expired certificate', async (t) => {
    const { proxy } = await setUp(t, `location / { proxy_pass https://localhost:%%B%%; ${VERIFY} }`, {
      certificate: 'expired',
    });
    await fails(proxy, '/', /^\*\d+ upstream SSL certificate verify error: \(10:certificate has expired\) while SSL/);
  });

  test('rejects a certificate that proxy_ssl_crl lists', async (t) => {
    const { proxy } = await setUp(
      t,
      `proxy_ssl_name revoked; ${VERIFY}
       location /revoked { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_crl %%C%%/revoked.crl; }
       location /empty { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_crl %%C%%/empty.crl; }`,
      { certificate: 'revoked' },
    );
    await facts(proxy, '/empty');
    await fails(
      proxy,
      '/revoked',
      /^\*\d+ upstream SSL certificate verify error: \(23:certificate revoked\) while SSL/,
    );
  });

  test('limits the number of intermediate certificates by proxy_ssl_verify_depth, also when sessions are reused', async (t) => {
    const authority = certificates();
    const { proxy } = await setUp(
      t,
      `proxy_ssl_name deep; ${VERIFY} proxy_set_header Connection close;
       location /default { proxy_pass https://127.0.0.1:%%B%%; }
       location /none { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_verify_depth 0; }`,
      { cert: authority.read('deep.crt') + authority.read('intermediate.crt'), key: authority.read('deep.key') },
    );
    for (let i = 0; i < 3; i++) {
      await facts(proxy, '/default');
      await fails(
        proxy,
        '/none',
        /^\*\d+ upstream SSL certificate verify error: \(20:unable to get local issuer certificate\) while SSL/,
      );
    }
  });

  test('a refused server is a reason to try the next one', async (t) => {
    const other = await httpsBackend();
    t.after(() => other.close());
    const { proxy } = await setUp(
      t,
      `set $unused ${other.port};
       location / { proxy_pass https://both; ${VERIFY} proxy_ssl_name localhost; add_header X $upstream_status; }
     }
     upstream both { server 127.0.0.1:%%B%%; server 127.0.0.1:${other.port} backup;`,
      { certificate: 'stranger' },
    );
    const { status, fields } = await get(proxy.port, '/');
    assert.equal(status, 200);
    assert.equal(fields.find(([name]) => name === 'X')?.[1], '502, 200');
  });
});

describe('proxy_ssl_certificate', { skip: withoutOpenssl }, () => {
  const required = { requestCert: true, rejectUnauthorized: true };

  test('a server that requires a certificate accepts one of its authority and rejects requests without', async (t) => {
    const { proxy } = await setUp(
      t,
      `location /with { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_certificate %%C%%/client.crt; proxy_ssl_certificate_key %%C%%/client.key; }
       location /without { proxy_pass https://127.0.0.1:%%B%%; }
       location /stranger { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_certificate %%C%%/stranger.crt; proxy_ssl_certificate_key %%C%%/stranger.key; }`,
      required,
    );
    const { client, authorized } = await facts(proxy, '/with');
    assert.deepEqual([client, authorized], ['client', true]);
    for (const path of ['/without', '/stranger']) assert.equal((await get(proxy.port, path)).status, 502);
    for (const message of proxy.messages('error')) {
      assert.match(
        message,
        /^\*\d+ (SSL_read\(\) failed \((SSL: error:.*alert|104: Connection reset)|upstream prematurely closed connection).* while reading response header from upstream, /,
      );
    }
    assert.equal(proxy.messages('error').length, 2);
  });

  test('names with variables are evaluated for each connection; an empty one sends no certificate', async (t) => {
    const { proxy, backend } = await setUp(
      t,
      `location / {
         proxy_pass https://named.example;
         proxy_ssl_certificate %%C%%/$arg_name.crt; proxy_ssl_certificate_key %%C%%/$arg_name.key;
       }
       location /none { proxy_pass https://named.example; proxy_ssl_certificate $arg_name; proxy_ssl_certificate_key $arg_name; }`,
      { requestCert: true, rejectUnauthorized: false },
    );
    assert.equal((await facts(proxy, '/?name=client')).client, 'client');
    assert.equal((await facts(proxy, '/?name=revoked')).client, 'revoked');
    assert.equal((await facts(proxy, '/?name=client')).client, 'client');
    assert.equal((await facts(proxy, '/none')).client, null);
    // One connection for each certificate, and one without.
    assert.deepEqual(
      backend.requests.map(({ connection }) => connection),
      [1, 2, 1, 3],
    );
    assert.equal((await get(proxy.port, '/?name=absent')).status, 500);
    assert.match(
      proxy.messages('error').join(),
      /^\*\d+ cannot load certificate ".*\/absent.crt": BIO_new_file\(\) failed \(SSL: error:80000002:system library::No such file or directory:.* while connecting to upstream, client: /,
    );
  });

  test('a key is decrypted with a password of proxy_ssl_password_file', async (t) => {
    const { proxy } = await setUp(
      t,
      `location / {
         proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_password_file %%C%%/passwords;
         proxy_ssl_certificate %%C%%/ec.crt; proxy_ssl_certificate_key %%C%%/encrypted.key;
       }`.replace('%%C%%/passwords', `${passwords(t)}`),
      required,
    );
    assert.equal((await facts(proxy, '/')).client, 'example.com');
  });

  test('proxy_ssl_certificate_cache keeps files that were replaced, until they are checked again', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-tls-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const put = (name: string): void => {
      for (const kind of ['crt', 'key'])
        copyFileSync(join(certificates().directory, `${name}.${kind}`), join(directory, `x.${kind}`));
    };
    put('client');
    const { proxy } = await setUp(
      t,
      `proxy_set_header Connection close; proxy_ssl_session_reuse off;
       proxy_ssl_certificate ${directory}/$arg_name.crt; proxy_ssl_certificate_key ${directory}/$arg_name.key;
       location /kept { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_certificate_cache max=4 valid=1h; }
       location /checked { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_certificate_cache max=4 valid=0; }
       location /off { proxy_pass https://127.0.0.1:%%B%%; }`,
      { requestCert: true, rejectUnauthorized: false },
    );
    for (const path of ['/kept', '/checked', '/off'])
      assert.equal((await facts(proxy, `${path}?name=x`)).client, 'client');
    put('revoked');
    assert.equal((await facts(proxy, '/kept?name=x')).client, 'client');
    assert.equal((await facts(proxy, '/off?name=x')).client, 'revoked');
  });
});

/** A file with passwords, the second of which is that of `encrypted.key`. */
function passwords(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'passwords'), 'wrong\nsecret\n');
  return join(directory, 'passwords');
}
