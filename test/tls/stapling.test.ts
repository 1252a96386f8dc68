import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';
import { parseResponse } from '../../src/tls/ocsp-message.js';
import { type Authority, createAuthority, startProxy, type TestProxy, until, withoutOpenssl } from '../kit/index.js';
import { DnsServer } from '../upstream/dns-server.js';
import { type Answering, startResponder, type TestResponder } from './ocsp-responder.js';

/** The OCSP response of a handshake; null: none. */
async function staple(port: number, options: tls.ConnectionOptions = {}): Promise<Buffer | null> {
  const asking = { host: '127.0.0.1', port, rejectUnauthorized: false, requestOCSP: true, ...options };
  const socket = tls.connect(asking as tls.ConnectionOptions);
  let response: Buffer | null = null;
  socket.on('OCSPResponse', (each: Buffer | null) => {
    response = each === null || each.length === 0 ? null : each;
  });
  await once(socket, 'secureConnect');
  socket.destroy();
  return response;
}

/** The OCSP response of the first handshake that has one. */
async function firstStaple(port: number, options: tls.ConnectionOptions = {}): Promise<Buffer> {
  for (;;) {
    const response = await staple(port, options);
    if (response !== null) return response;
    await turn();
  }
}

interface SetUp {
  readonly authority: Authority;
  readonly responder: TestResponder;
}

async function setUp(t: TestContext, answering: Answering = {}): Promise<SetUp> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-stapling-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const authority = createAuthority(directory);
  const responder = await startResponder(authority, answering);
  t.after(() => responder.close());
  authority.issue('ec', { name: 'ec', responder: responder.url });
  return { authority, responder };
}

function textOf(directives = ''): string {
  return `ssl_stapling on; ssl_trusted_certificate %%C%%/ca.crt;
    server {
      listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      ${directives}
    }`;
}

async function start(t: TestContext, { authority }: SetUp, directives = ''): Promise<TestProxy> {
  const proxy = await startProxy(textOf(directives), { C: authority.directory });
  t.after(() => proxy.close());
  return proxy;
}

describe('ssl_stapling', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  test('a response is fetched in the background, once, and sent from then on', async (t) => {
    const made = await setUp(t);
    const proxy = await start(t, made, 'ssl_stapling_verify on;');
    assert.equal(await staple(proxy.port), null);
    const response = await firstStaple(proxy.port);
    const [single] = parseResponse(response).responses;
    assert.equal(single?.status, 'good');
    assert.equal(made.responder.requests.length, 1);
    assert.deepEqual(made.responder.heads, ['GET /ocsp/ 127.0.0.1']);
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('a responder that does not respond delays no handshake, and is asked once', async (t) => {
    const made = await setUp(t, { silent: true });
    const proxy = await start(t, made);
    for (let i = 0; i < 5; i++) assert.equal(await staple(proxy.port), null);
    await until('the responder was asked', () => made.responder.requests.length > 0);
    assert.equal(made.responder.requests.length, 1);
  });

  test('a reload keeps the response', async (t) => {
    const made = await setUp(t);
    const proxy = await start(t, made);
    await firstStaple(proxy.port);
    await proxy.reload(textOf(), { C: made.authority.directory });
    assert.notEqual(await staple(proxy.port), null);
    assert.equal(made.responder.requests.length, 1);
  });

  const FAILURES: readonly (readonly [name: string, answering: Answering, message: RegExp])[] = [
    [
      'another content type',
      { instead: { status: 404, type: 'text/html', body: 'x' } },
      /^OCSP responder sent invalid "Content-Type" header: "text\/html" while requesting certificate status, responder: 127\.0\.0\.1, peer: 127\.0\.0\.1:\d+, certificate: ".*\/ec\.crt"$/,
    ],
    ['another status', { instead: { status: 500, type: '', body: 'x' } }, /^OCSP responder sent status 500 while /],
    [
      'no response message',
      { instead: { status: 200, type: 'application/ocsp-response', body: 'garbage' } },
      /^d2i_OCSP_RESPONSE\(\) failed \(SSL: error:068000A8:asn1 encoding routines::wrong tag\) while requesting certificate status, responder: 127\.0\.0\.1, certificate: ".*\/ec\.crt"$/,
    ],
    [
      'an error',
      { instead: { status: 200, type: 'application/ocsp-response', body: '\x30\x03\x0a\x01\x06' } },
      /^OCSP response not successful \(6: unauthorized\) while /,
    ],
    [
      'a response without end',
      { instead: { status: 200, type: 'application/ocsp-response', body: 'x'.repeat(20_000) } },
      /^OCSP responder sent too big response while /,
    ],
  ];
  for (const [name, answering, message] of FAILURES) {
    test(`a responder that sends ${name} is logged once`, async (t) => {
      const proxy = await start(t, await setUp(t, answering));
      await staple(proxy.port);
      await until('the failure is logged', () => proxy.messages('error').length > 0);
      assert.equal(await staple(proxy.port), null);
      const [logged = '', ...more] = proxy.messages('error');
      assert.match(logged, message);
      assert.deepEqual(more, []);
    });
  }

  test('a revoked certificate is logged, and its status is not sent', async (t) => {
    const made = await setUp(t);
    made.authority.revokeInIndex('ec');
    const proxy = await start(t, made);
    await staple(proxy.port);
    await until('the status is logged', () => proxy.messages('error').length > 0);
    assert.match(
      proxy.messages('error')[0] ?? '',
      /^certificate status "revoked" in the OCSP response while requesting/,
    );
    assert.equal(await staple(proxy.port), null);
  });

  test('a responder that cannot be reached is logged', async (t) => {
    const made = await setUp(t);
    made.responder.close();
    const proxy = await start(t, made);
    await staple(proxy.port);
    await until('the failure is logged', () => proxy.messages('error').length > 0);
    assert.match(
      proxy.messages('error')[0] ?? '',
      /^connect\(\) failed \(111: Connection refused\) while requesting certificate status, responder: 127\.0\.0\.1, peer: /,
    );
  });

  test('the name of a responder is resolved with the resolver, or by the system with a warning', async (t) => {
    const made = await setUp(t);
    const url = `http://localhost:${made.responder.port}/`;
    const bySystem = await start(t, made, `ssl_stapling_responder ${url};`);
    await firstStaple(bySystem.port);
    assert.match(
      bySystem.messages('warn')[0] ?? '',
      /^no resolver defined to resolve localhost while requesting certificate status, responder: localhost, certificate: /,
    );
    const dns = await DnsServer.start({ 'ocsp.test': { a: ['127.0.0.1'] } });
    t.after(() => dns.close());
    const named = `http://ocsp.test:${made.responder.port}/`;
    const resolved = await start(t, made, `ssl_stapling_responder ${named}; resolver 127.0.0.1:${dns.port} ipv6=off;`);
    await firstStaple(resolved.port);
    assert.equal(made.responder.heads.at(-1), 'GET / ocsp.test');
    const unknown = await start(
      t,
      made,
      `ssl_stapling_responder http://unknown.test/; resolver 127.0.0.1:${dns.port} ipv6=off;`,
    );
    await staple(unknown.port);
    await until('the failure is logged', () => unknown.messages('error').length > 0);
    assert.match(
      unknown.messages('error')[0] ?? '',
      /^unknown\.test could not be resolved \(3: Host not found\) while requesting certificate status, responder: unknown\.test, /,
    );
  });

  test('ssl_stapling_verify accepts a delegated signer, and no other', async (t) => {
    for (const [usage, accepted] of [
      ['OCSPSigning', true],
      ['clientAuth', false],
    ] as const) {
      const made = await setUp(t, { signer: 'signer' });
      made.authority.issue('signer', { name: 'signer', usage });
      const proxy = await start(t, made, 'ssl_stapling_verify on;');
      await staple(proxy.port);
      if (accepted) await firstStaple(proxy.port);
      else {
        await until('the failure is logged', () => proxy.messages('error').length > 0);
        assert.match(
          proxy.messages('error')[0] ?? '',
          /^OCSP_basic_verify\(\) failed \(SSL: error:13800067:OCSP routines::missing ocspsigning usage\) while /,
        );
      }
    }
  });

  test('a signer of a stranger is accepted without ssl_stapling_verify only', async (t) => {
    const made = await setUp(t, { signer: 'stranger' });
    const { directory } = made.authority;
    const other = mkdtempSync(join(directory, 'other-'));
    const stranger = createAuthority(other, 'Stranger');
    stranger.issue('../stranger', { name: 'stranger', usage: 'OCSPSigning' });
    const strict = await start(t, made, 'ssl_stapling_verify on;');
    await staple(strict.port);
    await until('the failure is logged', () => strict.messages('error').length > 0);
    assert.match(
      strict.messages('error')[0] ?? '',
      /^OCSP_basic_verify\(\) failed \(SSL: error:13800065:OCSP routines::certificate verify error\)/,
    );
    const lenient = await start(t, made);
    await firstStaple(lenient.port);
  });

  test('each of several certificates has its own response', async (t) => {
    const made = await setUp(t);
    made.authority.issue('rsa', { name: 'rsa', key: 'rsa', responder: made.responder.url });
    const proxy = await start(
      t,
      made,
      'ssl_certificate %%C%%/rsa.crt; ssl_certificate_key %%C%%/rsa.key; ssl_ciphers ALL;',
    );
    const serials = new Set<string>();
    for (const options of [
      { sigalgs: 'ecdsa_secp256r1_sha256', minVersion: 'TLSv1.3' },
      { sigalgs: 'rsa_pss_rsae_sha256', minVersion: 'TLSv1.3' },
      { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
      { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
    ] as const) {
      const response = await firstStaple(proxy.port, options);
      const [single] = parseResponse(response).responses;
      serials.add(single?.id.serial.toString('hex') ?? '');
    }
    assert.equal(serials.size, 2);
    assert.equal(made.responder.requests.length, 2);
  });

  test('warnings name the reason why nothing can be fetched', async (t) => {
    const made = await setUp(t);
    made.authority.issue('plain', { name: 'plain' });
    const proxy = await startProxy(
      `ssl_stapling on;
      server { listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; }
      server {
        listen 127.0.0.1:0 ssl; server_name b; ssl_trusted_certificate %%C%%/ca.crt;
        ssl_certificate %%C%%/plain.crt; ssl_certificate_key %%C%%/plain.key;
      }
      server {
        listen 127.0.0.1:0 ssl; server_name c; ssl_trusted_certificate %%C%%/ca.crt;
        ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; ssl_stapling_responder https://x/;
      }`,
      { C: made.authority.directory },
    );
    t.after(() => proxy.close());
    const [issuer = '', url = '', prefix = ''] = proxy.messages('warn');
    assert.match(issuer, /^"ssl_stapling" ignored, issuer certificate not found for certificate ".*\/ec.crt"$/);
    assert.match(url, /^"ssl_stapling" ignored, no OCSP responder URL in the certificate ".*\/plain.crt"$/);
    assert.match(
      prefix,
      /^"ssl_stapling" ignored, invalid URL prefix in OCSP responder "https:\/\/x\/" in the certificate ".*\/ec.crt"$/,
    );
  });
});
