import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { httpsBackend, startProxy, until, withoutOpenssl } from '../kit/index.js';
import { facts, setUp, VERIFY } from './upstream-set-up.js';

/** Types of the TLS records. */
function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] as number);
  return types;
}

describe('connections to an upstream with TLS', { skip: withoutOpenssl }, () => {
  test('are kept alive, and only shared by requests with the same server name', async (t) => {
    const { proxy } = await setUp(
      t,
      `location / { proxy_pass https://named.example; proxy_ssl_server_name on; proxy_ssl_name $name; }`,
    );
    const seen: (readonly [string | false, number])[] = [];
    for (const name of ['a.example', 'a.example', 'b.example', 'a.example', 'b.example']) {
      const { servername, connection } = await facts(proxy, `/?name=${name}`);
      seen.push([servername, connection]);
    }
    assert.deepEqual(seen, [
      ['a.example', 1],
      ['a.example', 1],
      ['b.example', 2],
      ['a.example', 1],
      ['b.example', 2],
    ]);
  });

  test('are not shared between locations that verify and that do not, even if keepalive is not local', async (t) => {
    const { proxy, backend } = await setUp(
      t,
      `location /plain { proxy_pass https://shared; }
       location /verified { proxy_pass https://shared; ${VERIFY} proxy_ssl_name localhost; }
     }
     upstream shared { server 127.0.0.1:%%B%%; keepalive 4;`,
    );
    for (const path of ['/plain', '/verified', '/plain', '/verified']) await facts(proxy, path);
    assert.deepEqual(
      backend.requests.map(({ connection }) => connection),
      [1, 2, 1, 2],
    );
  });

  for (const protocol of ['TLSv1.2', 'TLSv1.3']) {
    test(`reuse sessions (${protocol}), unless proxy_ssl_session_reuse is off`, async (t) => {
      const { proxy } = await setUp(
        t,
        `proxy_ssl_protocols ${protocol}; proxy_set_header Connection close; ${VERIFY}
         location /on { proxy_pass https://localhost:%%B%%; }
         location /off { proxy_pass https://localhost:%%B%%; proxy_ssl_session_reuse off; }`,
      );
      for (const [path, expected] of [
        ['/on', false],
        ['/on', true],
        ['/on', true],
        ['/off', false],
        ['/off', false],
      ] as const) {
        const request = await facts(proxy, path);
        assert.deepEqual([request.reused, request.protocol], [expected, protocol], path);
      }
    });
  }

  test('are ended with close_notify, so that the server can tell the end from an interruption', async (t) => {
    const backend = await httpsBackend();
    t.after(() => backend.close());
    const received: Buffer[] = [];
    const between = net.createServer((socket) => {
      const server = net.connect(backend.port, '127.0.0.1');
      server.on('error', () => {});
      socket.on('error', () => {});
      socket.on('data', (data) => {
        received.push(data);
        server.write(data);
      });
      socket.on('end', () => server.end());
      server.on('data', (data) => socket.write(data));
      server.on('end', () => socket.end());
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    t.after(() => between.close());
    const { port } = between.address() as AddressInfo;
    const proxy = await startProxy(
      'server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1:%%P%%; proxy_ssl_protocols TLSv1.2; } }',
      { P: port },
    );
    t.after(() => proxy.close());
    await facts(proxy, '/');
    const ALERT = 21;
    await until('an alert is sent', () => recordTypes(Buffer.concat(received)).at(-1) === ALERT);
  });

  test('are probed by TCP keep-alive with proxy_socket_keepalive', {
    skip: !existsSync('/proc/net/tcp'),
  }, async (t) => {
    const { proxy, backend } = await setUp(
      t,
      `location /on { proxy_pass https://named.example; proxy_socket_keepalive on; proxy_ssl_alpn http/1.1; }
       location /off { proxy_pass https://named.example; }`,
    );
    const end = `:${backend.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const probed = (): boolean[] =>
      readFileSync('/proc/net/tcp', 'latin1')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, , remote, state]) => remote?.endsWith(end) === true && state === '01')
        .map(([, , , , , timer]) => timer?.startsWith('02:') === true);
    await facts(proxy, '/off');
    assert.deepEqual(probed(), [false]);
    await facts(proxy, '/on');
    assert.deepEqual(probed().sort(), [false, true]);
  });

  test('have secrets that proxy_ssl_key_log writes to a file for the owner only', async (t) => {
    const { proxy } = await setUp(t, 'location / { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_key_log keys.log; }');
    await facts(proxy, '/');
    assert.match(proxy.file('keys.log'), /^(SERVER|CLIENT)_[A-Z_0]+ [0-9a-f]{64} [0-9a-f]{64,96}$/m);
    assert.equal(statSync(join(proxy.directory, 'keys.log')).mode & 0o777, 0o600);
  });

  test('have the protocols, ciphers, suites and ALPN names of the configuration', async (t) => {
    const { proxy } = await setUp(
      t,
      `location /old { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; }
       location /new { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; }
       location /alpn { proxy_pass https://127.0.0.1:%%B%%; proxy_ssl_alpn http/1.1; }`,
      { ALPNProtocols: ['h2', 'http/1.1'] },
    );
    const old = await facts(proxy, '/old');
    assert.deepEqual([old.protocol, old.cipher], ['TLSv1.2', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256']);
    assert.equal((await facts(proxy, '/new')).cipher, 'TLS_CHACHA20_POLY1305_SHA256');
    assert.equal((await facts(proxy, '/alpn')).alpn, 'http/1.1');
  });
});
