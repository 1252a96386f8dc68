import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import {
  answeringBackend,
  type Backend,
  certificates,
  closedPort,
  connect,
  get,
  httpsBackend,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';

/** A proxy whose only location passes to `target`. */
async function setUp(t: TestContext, target: string, more = ''): Promise<TestProxy> {
  const proxy = await startProxy(`log_format times '$upstream_connect_time $upstream_header_time $upstream_status';
    server {
      listen 127.0.0.1:0; access_log logs/access.log times;
      location / { proxy_pass ${target}; ${more} }
    }`);
  t.after(() => proxy.close());
  return proxy;
}

/** A back end that runs a script for the bytes of each connection: the ClientHello. */
async function hostile(t: TestContext, script: Parameters<typeof scriptedBackend>[0]): Promise<Backend> {
  const backend = await scriptedBackend(script);
  t.after(() => backend.close());
  return backend;
}

/** Performs a request and returns its status, and the only error that was logged. */
async function failure(proxy: TestProxy): Promise<[status: number, message: string, level: string]> {
  const before = proxy.entries.length;
  const { status } = await get(proxy.port);
  const entries = proxy.entries.slice(before).filter(({ level }) => level !== 'info' && level !== 'notice');
  assert.equal(entries.length, 1, JSON.stringify(entries));
  const [entry] = entries;
  return [status, entry?.message.replace(/^\*\d+ /, '').replace(/, client: .*/, '') ?? '', entry?.level ?? ''];
}

describe('a handshake with an upstream fails', () => {
  test('if the upstream sends something else than TLS, which is logged', async (t) => {
    const { port } = await hostile(t, async (connection) => {
      await connection.reader.some();
      connection.send('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n').end();
    });
    const [status, message, level] = await failure(await setUp(t, `https://127.0.0.1:${port}`));
    assert.deepEqual([status, level], [502, 'error']);
    assert.match(
      message,
      /^SSL_do_handshake\(\) failed \(SSL: error:0A[0-9A-F]{6}:SSL routines::[a-z ]+\), upstream sent no TLS while SSL handshaking to upstream$/,
    );
  });

  test('if the upstream closes or resets the connection', async (t) => {
    const closing = await hostile(t, async (connection) => {
      await connection.reader.some();
      connection.end();
    });
    const resetting = await hostile(t, async (connection) => {
      await connection.reader.some();
      connection.reset();
    });
    assert.deepEqual(await failure(await setUp(t, `https://127.0.0.1:${closing.port}`)), [
      502,
      'peer closed connection in SSL handshake while SSL handshaking to upstream',
      'error',
    ]);
    assert.deepEqual(await failure(await setUp(t, `https://127.0.0.1:${resetting.port}`)), [
      502,
      'peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream',
      'error',
    ]);
  });

  test('if the upstream sends an alert', async (t) => {
    const { port } = await hostile(t, async (connection) => {
      await connection.reader.some();
      connection.send(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])).end();
    });
    const [status, message, level] = await failure(await setUp(t, `https://127.0.0.1:${port}`));
    assert.deepEqual([status, level], [502, 'error']);
    assert.match(
      message,
      /^SSL_do_handshake\(\) failed \(SSL: error:0A000410:SSL routines::[^:]*alert handshake failure:SSL alert number 40\) while SSL handshaking to upstream$/,
    );
  });

  test('within proxy_connect_timeout, which includes the handshake', async (t) => {
    const { port } = await hostile(t, async (connection) => {
      await connection.reader.some();
      // Part of a record keeps the connection busy, but completes nothing.
      connection.send(Buffer.from([0x16, 3]));
    });
    const proxy = await setUp(t, `https://127.0.0.1:${port}`, 'proxy_connect_timeout 200ms;');
    assert.deepEqual(await failure(proxy), [
      504,
      'upstream timed out (110: Connection timed out) while SSL handshaking to upstream',
      'error',
    ]);
  });

  test('before that if the TCP connection is refused', async (t) => {
    const proxy = await setUp(t, `https://127.0.0.1:${await closedPort()}`);
    assert.deepEqual(await failure(proxy), [
      502,
      'connect() failed (111: Connection refused) while connecting to upstream',
      'error',
    ]);
  });

  test('and the next server is tried', { skip: withoutOpenssl }, async (t) => {
    const good = await httpsBackend();
    t.after(() => good.close());
    const { port } = await hostile(t, async (connection) => {
      await connection.reader.some();
      connection.reset();
    });
    const silent = await hostile(t, () => {});
    const proxy = await startProxy(`
      upstream all { server 127.0.0.1:${port} weight=9; server 127.0.0.1:${silent.port} weight=8; server 127.0.0.1:${good.port} backup; }
      server { listen 127.0.0.1:0; location / { proxy_pass https://all; proxy_connect_timeout 150ms; add_header X $upstream_status; } }`);
    t.after(() => proxy.close());
    const answer = await get(proxy.port);
    assert.deepEqual([answer.status, answer.field('x')], [200, '502, 504, 200']);
    // POST is not repeated once it was sent; here nothing was sent before the handshake.
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'x' })).status, 200);
  });

  test('without a trace if the client leaves meanwhile', async (t) => {
    const backend = await hostile(t, () => {});
    const proxy = await setUp(t, `https://127.0.0.1:${backend.port}`);
    const client = await connect(proxy.port);
    client.send(request('/'));
    await until('the back end is connected', () => backend.connections.length === 1);
    client.close();
    await until('the connection is closed', () => backend.connections[0]?.reader.ended === true);
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('at any byte of the server’s messages, each with one message', { skip: withoutOpenssl }, async (t) => {
    const good = await httpsBackend();
    t.after(() => good.close());
    let limit = 0;
    const { port } = await hostile(t, (connection) => {
      const raw = net.connect(good.port, '127.0.0.1');
      let left = limit;
      raw.on('error', () => {});
      raw.on('data', (data) => {
        connection.send(data.subarray(0, left));
        left -= data.length;
        if (left <= 0) {
          raw.destroy();
          connection.end();
        }
      });
      connection.socket.on('data', (data) => raw.write(data));
      connection.socket.on('error', () => {});
    });
    const proxy = await setUp(t, `https://127.0.0.1:${port}`);
    for (limit = 1; limit < 900; limit += 37) {
      const [status, message] = await failure(proxy);
      assert.equal(status, 502);
      assert.match(message, /^(peer closed connection in SSL handshake|upstream prematurely closed connection) /);
    }
  });
});

/** A TLS server whose script also gets the TCP socket. */
async function tamperable(
  t: TestContext,
  script: (secured: tls.TLSSocket, raw: net.Socket) => void,
): Promise<{ readonly port: number }> {
  const authority = certificates();
  const secureContext = tls.createSecureContext({ cert: authority.read('ec.crt'), key: authority.read('ec.key') });
  const server = net.createServer((raw) => {
    const secured = new tls.TLSSocket(raw, { isServer: true, secureContext });
    secured.on('error', () => {});
    raw.on('error', () => {});
    secured.once('data', () => script(secured, raw));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as net.AddressInfo).port };
}

describe('an established TLS connection fails', { skip: withoutOpenssl }, () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';

  test('while the head is read: damaged records, a reset, an end', async (t) => {
    for (const [script, expected] of [
      [
        (_secured: tls.TLSSocket, raw: net.Socket) => raw.end(Buffer.from([0x17, 3, 3, 0, 20, ...Buffer.alloc(20)])),
        /^SSL_read\(\) failed \(SSL: error:0A[0-9A-F]{6}:SSL routines::[^)]*\) while reading response header from upstream$/,
      ],
      [
        (_secured: tls.TLSSocket, raw: net.Socket) => raw.resetAndDestroy(),
        /^SSL_read\(\) failed \(104: Connection reset by peer\) while reading response header from upstream$/,
      ],
      [
        (secured: tls.TLSSocket) => secured.end(),
        /^upstream prematurely closed connection while reading response header from upstream$/,
      ],
    ] as const) {
      const { port } = await tamperable(t, script);
      const [status, message] = await failure(await setUp(t, `https://127.0.0.1:${port}`));
      assert.equal(status, 502);
      assert.match(message, expected);
    }
  });

  test('while the body is read: the client sees an incomplete response', async (t) => {
    for (const [end, expected] of [
      [
        (_secured: tls.TLSSocket, raw: net.Socket) => raw.end(Buffer.from([0x17, 3, 3, 0, 20, ...Buffer.alloc(20)])),
        /^SSL_read\(\) failed \(SSL: error:0A[0-9A-F]{6}:SSL routines::.*\) while reading upstream$/,
      ],
      [
        (_secured: tls.TLSSocket, raw: net.Socket) => raw.resetAndDestroy(),
        /^SSL_read\(\) failed \(104: Connection reset by peer\) while reading upstream$/,
      ],
      [(secured: tls.TLSSocket) => secured.end(), /^upstream prematurely closed connection while reading upstream$/],
    ] as const) {
      let secured: tls.TLSSocket | null = null;
      let raw: net.Socket | null = null;
      const { port } = await tamperable(t, (each, under) => {
        secured = each;
        raw = under;
        each.write(`${HEAD}part`);
      });
      const proxy = await setUp(t, `https://127.0.0.1:${port}`);
      const client = await connect(proxy.port);
      client.send(request('/'));
      await client.until('part');
      assert.ok(secured !== null && raw !== null);
      end(secured, raw);
      await client.all();
      const [message = ''] = proxy.messages('error');
      assert.match(message.replace(/^\*\d+ /, '').replace(/, client: .*/, ''), expected);
    }
  });
});

test('a TLS upstream that is addressed with http:// is recognized by its alert', async (t) => {
  const { port } = await hostile(t, async (connection) => {
    await connection.head();
    connection.send(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])).end();
  });
  assert.deepEqual(await failure(await setUp(t, `http://127.0.0.1:${port}`)), [
    502,
    'upstream sent no valid HTTP/1.0 header but a TLS record while reading response header from upstream',
    'error',
  ]);
});

test('$upstream_connect_time includes the handshake', { skip: withoutOpenssl }, async (t) => {
  const good = await httpsBackend();
  t.after(() => good.close());
  const { port } = await hostile(t, async (connection) => {
    const first = await connection.reader.bytes(1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    const raw = net.connect(good.port, '127.0.0.1');
    raw.write(Buffer.from(first + connection.reader.pending, 'latin1'));
    raw.on('data', (data) => connection.send(data));
    raw.on('error', () => {});
    connection.socket.on('data', (data) => raw.write(data));
    connection.socket.on('close', () => raw.destroy());
  });
  const proxy = await setUp(t, `https://127.0.0.1:${port}`);
  assert.equal((await get(proxy.port)).status, 200);
  await until('the request is logged', () => proxy.accessLog().length === 1);
  const [connectTime = 0, headerTime = 0] = (proxy.accessLog()[0] ?? '').split(' ').map(Number);
  assert.equal(connectTime >= 0.24 && headerTime >= connectTime, true, proxy.accessLog().join());
});

describe('a configuration is rejected, with nginx’s message,', { skip: withoutOpenssl }, () => {
  const C = () => certificates().directory;
  for (const [name, directives, expected] of [
    [
      'if a key is missing',
      'proxy_ssl_certificate %%C%%/client.crt;',
      /^no "proxy_ssl_certificate_key" is defined for certificate ".*client.crt"/,
    ],
    [
      'if verification has no authorities',
      'proxy_ssl_verify on;',
      /^no proxy_ssl_trusted_certificate for proxy_ssl_verify/,
    ],
    [
      'if a file does not exist',
      'proxy_ssl_verify on; proxy_ssl_trusted_certificate %%C%%/absent.crt;',
      /^cannot load certificate ".*absent.crt": BIO_new_file\(\) failed \(SSL: error:80000002:system library::No such file/,
    ],
    [
      'if a key belongs to another certificate',
      'proxy_ssl_certificate %%C%%/client.crt; proxy_ssl_certificate_key %%C%%/ec.key;',
      /^SSL_CTX_use_PrivateKey\(".*ec.key"\) failed \(SSL: error:05800074:x509 certificate routines::key values mismatch\)/,
    ],
    [
      'if a revocation list is none',
      'proxy_ssl_verify on; proxy_ssl_trusted_certificate %%C%%/ca.crt; proxy_ssl_crl %%C%%/ca.crt;',
      /^cannot load CRL ".*ca.crt": PEM_read_bio_X509_CRL\(\) failed/,
    ],
    [
      'if no cipher exists',
      'proxy_ssl_ciphers none-such;',
      /^SSL_CTX_set_cipher_list\("none-such"\) failed \(SSL: error:0A0000B9:/,
    ],
    ['if a protocol does not exist', 'proxy_ssl_protocols TLSv9;', /^invalid value "TLSv9"/],
    [
      'if a command of OpenSSL does not exist',
      'proxy_ssl_conf_command Nonsense x;',
      /^SSL_CONF_cmd\("Nonsense", "x"\) failed/,
    ],
    [
      'if a cache has no size',
      'proxy_ssl_certificate_cache valid=1s;',
      /^"proxy_ssl_certificate_cache" must have the "max" parameter/,
    ],
    [
      'if a key is in an engine',
      'proxy_ssl_certificate_key engine:x:y;',
      /^loading "engine:..." certificate keys is not supported/,
    ],
  ] as const) {
    test(name, async () => {
      const text = `server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1:1; ${directives} } }`;
      await assert.rejects(startProxy(text, { C: C() }), ({ message }: Error) => expected.test(message));
    });
  }

  test('and a reload leaves the running one untouched', async (t) => {
    const backend = await answeringBackend(reply('running'));
    t.after(() => backend.close());
    const proxy = await setUp(t, `http://127.0.0.1:${backend.port}`);
    await assert.rejects(
      proxy.reload(`server { listen 127.0.0.1:0; location / { proxy_pass https://x:1; proxy_ssl_verify on; } }`),
      /no proxy_ssl_trusted_certificate for proxy_ssl_verify/,
    );
    assert.equal((await get(proxy.port)).body, 'running');
  });

  test('but not for files that no https target uses', async (t) => {
    const backend = await answeringBackend(reply('plain'));
    t.after(() => backend.close());
    const proxy = await setUp(
      t,
      `http://127.0.0.1:${backend.port}`,
      'proxy_ssl_verify on; proxy_ssl_certificate absent.crt;',
    );
    assert.equal((await get(proxy.port)).body, 'plain');
  });
});
