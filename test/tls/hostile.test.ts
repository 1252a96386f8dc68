import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openTransports } from '../../src/net/transport.js';
import {
  certificateFor,
  certificates,
  connect,
  connectTls,
  createAuthority,
  date,
  exchange,
  request,
  startProxy,
  type TestProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';
import { random } from '../net/sockets.js';
import { abortHandshakes } from './aborted-handshakes.js';
import { reloadUnderTunnels } from './reloads.js';

const SERVER = `server {
  listen 127.0.0.1:0 ssl; server_name localhost;
  ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
  return 200 served;
}`;

async function served(t: TestContext, main = ''): Promise<TestProxy> {
  const proxy = await startProxy(main + SERVER, { C: certificates().directory });
  t.after(() => proxy.close());
  return proxy;
}

async function assertServed(proxy: TestProxy): Promise<void> {
  const client = await connectTls(proxy.port);
  assert.equal((await client.send(request('/')).answer()).body, 'served');
  client.close();
}

/** One message at level info for each, and nothing worse. */
function assertLogged(proxy: TestProxy, count: number, pattern: RegExp): void {
  const worse = proxy.entries.filter(({ level }) => !['info', 'notice', 'debug'].includes(level));
  assert.deepEqual(worse, []);
  const logged = proxy.messages('info').filter((message) => pattern.test(message));
  assert.equal(logged.length, count);
}

describe('hostile clients of a TLS listener', { skip: withoutOpenssl, timeout: 120_000 }, () => {
  test('handshakes aborted at random bytes leave no connection, and one log message each', async (t) => {
    const proxy = await served(t);
    await abortHandshakes(proxy.port, 200, random(5));
    await assertServed(proxy);
    await until('all connections are closed', () => openTransports() === 0);
    assert.deepEqual(
      proxy.entries.filter(({ level }) => !['info', 'notice'].includes(level)),
      [],
    );
    assert.equal(proxy.messages('info').length, 200);
  });

  test('half-open handshakes do not delay others, and time out with one message each', async (t) => {
    const proxy = await served(t, 'client_header_timeout 500ms; ');
    const slow = await Promise.all(Array.from({ length: 100 }, () => connect(proxy.port)));
    for (const client of slow) client.send(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
    await assertServed(proxy);
    await Promise.all(slow.map((client) => client.all()));
    assertLogged(proxy, 100, /client timed out \(110: Connection timed out\) while SSL handshaking, client: 127/);
  });

  test('plain requests to a TLS port are answered and logged once each', async (t) => {
    const proxy = await served(t);
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(proxy.port, request('/'))));
    for (const answer of answers)
      assert.match(answer, /^HTTP\/1.1 400 [\s\S]*plain HTTP request was sent to HTTPS port/);
    assertLogged(proxy, 50, /client sent plain HTTP request to HTTPS port/);
    await assertServed(proxy);
  });

  test('records of one byte are read', async (t) => {
    const proxy = await served(t);
    const client = await connectTls(proxy.port);
    for (const byte of request('/')) {
      client.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await client.answer()).body, 'served');
    client.close();
  });

  test('renegotiation is refused and the connection stays usable', async (t) => {
    const proxy = await served(t);
    const child = spawn(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${proxy.port}`, '-tls1_2', '-legacy_renegotiation'],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    t.after(() => child.kill());
    const exited = once(child, 'exit');
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
    await until('the handshake is complete', () => output.includes('Verify return code'));
    child.stdin.write('R\n');
    await until('the refusal has arrived', () => /no renegotiation|RENEGOTIATING[\s\S]*error/.test(output));
    await exited;
    await assertServed(proxy);
    assert.deepEqual(
      proxy.entries.filter(({ level }) => !['info', 'notice'].includes(level)),
      [],
    );
  });

  test('a certificate that expires while it is served is served on', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-expiring-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const authority = createAuthority(directory);
    authority.issue('short', { name: 'short.example', names: 'DNS:localhost', to: date(3 / 86_400) });
    const proxy = await startProxy(
      'server { listen 127.0.0.1:0 ssl; ssl_certificate %%D%%/short.crt; ssl_certificate_key %%D%%/short.key; return 200 served; }',
      { D: directory },
    );
    t.after(() => proxy.close());
    const ca = authority.read('ca.crt');
    const before = await connectTls(proxy.port, { ca });
    await until('it has expired', () => Date.now() > Date.parse(before.socket.getPeerCertificate().valid_to) + 1000);
    assert.equal((await before.send(request('/')).answer()).body, 'served');
    await assert.rejects(connectTls(proxy.port, { ca }), { code: 'CERT_HAS_EXPIRED' });
    assert.equal(await certificateFor(proxy.port, 'localhost'), 'short.example');
  });

  test('reloads with changing certificates close no tunnel and lose no message', async () => {
    assert.deepEqual(await reloadUnderTunnels({ tunnels: 20, reloads: 10 }), { closed: 0, lost: 0, wrong: 0 });
  });
});
