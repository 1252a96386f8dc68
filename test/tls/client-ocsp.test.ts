import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type tls from 'node:tls';
import {
  Authority,
  connectTls,
  createAuthority,
  request,
  startProxy,
  type TestProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';
import { type Answering, respond, startResponder, type TestResponder } from './ocsp-responder.js';

interface SetUp {
  readonly authority: Authority;
  readonly responder: TestResponder;
}

async function setUp(t: TestContext, answering: Answering = {}): Promise<SetUp> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-client-ocsp-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const authority = createAuthority(directory);
  const responder = await startResponder(authority, answering);
  t.after(() => responder.close());
  authority.issue('ec', { name: 'localhost', names: 'DNS:localhost' });
  authority.issue('client', { name: 'client', responder: responder.url });
  authority.issue('bad', { name: 'bad', responder: responder.url });
  authority.revokeInIndex('bad');
  return { authority, responder };
}

const text = (directives: string): string =>
  `server {
    listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
    ssl_verify_client optional; ssl_client_certificate %%C%%/ca.crt; ssl_verify_depth 3; ${directives}
    error_page 495 = /refused; error_page 496 = /none;
    location / { return 200 "$ssl_client_verify $ssl_session_reused"; }
    location /refused { return 200 "refused $ssl_client_verify"; }
  }`;

async function start(t: TestContext, { authority }: SetUp, directives = ''): Promise<TestProxy> {
  const proxy = await startProxy(text(directives), { C: authority.directory });
  t.after(() => proxy.close());
  return proxy;
}

function client({ authority }: SetUp, name: string, chain = ''): tls.ConnectionOptions {
  const intermediates = chain === '' ? '' : authority.read(`${chain}.crt`);
  return {
    ca: authority.read('ca.crt'),
    cert: authority.read(`${name}.crt`) + intermediates,
    key: authority.read(`${name}.key`),
  };
}

async function ask(port: number, options: tls.ConnectionOptions): Promise<string> {
  const connection = await connectTls(port, options);
  // The request arrives while the status is requested.
  const { body } = await connection.send(request('/')).answer();
  connection.close();
  return body;
}

describe('ssl_ocsp', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a certificate is validated before the first request, with ${maxVersion}`, async (t) => {
      const made = await setUp(t);
      const proxy = await start(t, made, 'ssl_ocsp on;');
      assert.equal(await ask(proxy.port, { ...client(made, 'client'), maxVersion }), 'SUCCESS .');
      assert.equal(await ask(proxy.port, { ...client(made, 'bad'), maxVersion }), 'refused FAILED:certificate revoked');
      assert.equal(made.responder.requests.length, 2);
      assert.equal(await ask(proxy.port, { ca: made.authority.read('ca.crt'), maxVersion }), 'NONE .');
      assert.equal(made.responder.requests.length, 2);
      const [message = ''] = proxy.messages('info').filter((line) => line.includes('verify error'));
      assert.match(
        message,
        /^\*\d+ client SSL certificate verify error: certificate revoked while reading client request headers, /,
      );
      assert.deepEqual(proxy.messages('error'), []);
    });
  }

  test('without error_page, clients get 400 with the page of status 495', async (t) => {
    const made = await setUp(t);
    const proxy = await startProxy(
      `server {
        listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        ssl_verify_client on; ssl_client_certificate %%C%%/ca.crt; ssl_ocsp leaf;
      }`,
      { C: made.authority.directory },
    );
    t.after(() => proxy.close());
    const connection = await connectTls(proxy.port, client(made, 'bad'));
    const { status, body } = await connection.send(request('/')).answer();
    assert.equal(status, 400);
    assert.match(body, /The SSL certificate error/);
  });

  test('a status that cannot be determined refuses the client, and is logged', async (t) => {
    const FAILED = 'refused FAILED:certificate status request failed';
    for (const [answering, message] of [
      [{ instead: { status: 404, type: 'text/html', body: '' } }, /^OCSP responder sent invalid "Content-Type" header/],
      [
        { signer: 'ec' },
        /^OCSP_basic_verify\(\) failed .*missing ocspsigning usage.* while requesting certificate status, responder: 127/,
      ],
    ] as const) {
      const made = await setUp(t, answering);
      const proxy = await start(t, made, 'ssl_ocsp on;');
      assert.equal(await ask(proxy.port, client(made, 'client')), FAILED);
      assert.match(proxy.messages('error')[0] ?? '', message);
    }
    const made = await setUp(t);
    made.authority.issue('plain', { name: 'plain' });
    const proxy = await start(t, made, 'ssl_ocsp on;');
    assert.equal(await ask(proxy.port, client(made, 'plain')), FAILED);
    assert.deepEqual(proxy.messages('error'), ['no OCSP responder URL in certificate']);
  });

  test('all certificates of the chain are validated, or only the first with leaf', async (t) => {
    const made = await setUp(t);
    const { authority, responder } = made;
    authority.issue('intermediate', { name: 'Intermediate', authority: true, responder: responder.url });
    const below = new Authority(authority.directory, 'intermediate');
    below.prepare();
    below.issue('deep', { name: 'deep', responder: responder.url });
    // Each authority signs the status of its own certificates.
    responder.answering.respond = (der) => respond(responder.requests.length === 1 ? below : authority, der);
    const all = await start(t, made, 'ssl_ocsp on;');
    assert.equal(await ask(all.port, client(made, 'deep', 'intermediate')), 'SUCCESS .');
    assert.equal(responder.requests.length, 2);
    authority.revokeInIndex('intermediate');
    responder.requests.length = 0;
    assert.equal(await ask(all.port, client(made, 'deep', 'intermediate')), 'refused FAILED:certificate revoked');
    responder.requests.length = 0;
    const leaf = await start(t, made, 'ssl_ocsp leaf;');
    assert.equal(await ask(leaf.port, client(made, 'deep', 'intermediate')), 'SUCCESS .');
    assert.equal(responder.requests.length, 1);
  });

  test('ssl_ocsp_cache stores the status, good or not', async (t) => {
    const made = await setUp(t);
    const proxy = await start(t, made, 'ssl_ocsp on; ssl_ocsp_cache shared:ocsp:1m;');
    for (let i = 0; i < 3; i++) {
      assert.equal(await ask(proxy.port, client(made, 'client')), 'SUCCESS .');
      assert.equal(await ask(proxy.port, client(made, 'bad')), 'refused FAILED:certificate revoked');
    }
    assert.equal(made.responder.requests.length, 2);
  });

  test('concurrent clients with one certificate wait for the same request', async (t) => {
    const made = await setUp(t);
    const proxy = await start(t, made, 'ssl_ocsp on;');
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(proxy.port, client(made, 'client'))));
    assert.deepEqual(new Set(answers), new Set(['SUCCESS .']));
    assert.ok(made.responder.requests.length < 8);
  });

  test('a reload does not end the wait for a responder', async (t) => {
    let answer = (): void => {};
    const made = await setUp(t, {
      respond: async (request) => {
        await new Promise<void>((resolve) => (answer = resolve));
        return respond(made.authority, request);
      },
    });
    for (const directives of ['ssl_ocsp on;', 'ssl_ocsp on; ssl_ocsp_cache shared:statuses:1m;']) {
      const proxy = await start(t, made, directives);
      const before = made.responder.requests.length;
      const asked = ask(proxy.port, client(made, 'client'));
      await until('the status is requested', () => made.responder.requests.length > before);
      await proxy.reload(text(directives), { C: made.authority.directory });
      answer();
      assert.equal(await asked, 'SUCCESS .');
      assert.deepEqual(proxy.messages('error'), []);
    }
  });

  test('ssl_ocsp_responder replaces the URL of the certificates', async (t) => {
    const made = await setUp(t);
    made.authority.issue('plain', { name: 'plain' });
    const proxy = await start(t, made, `ssl_ocsp on; ssl_ocsp_responder http://127.0.0.1:${made.responder.port}/own/;`);
    assert.equal(await ask(proxy.port, client(made, 'plain')), 'SUCCESS .');
    assert.deepEqual(made.responder.heads, ['GET /own/ 127.0.0.1']);
  });

  test('clients that leave, and client_header_timeout, end the wait for a responder that is silent', async (t) => {
    const made = await setUp(t, { silent: true });
    const proxy = await start(t, made, 'ssl_ocsp on; client_header_timeout 300ms;');
    const leaving = await connectTls(proxy.port, client(made, 'client'));
    leaving.socket.destroy();
    const waiting = await connectTls(proxy.port, client(made, 'client'));
    assert.equal(await waiting.send(request('/')).all(), '');
    assert.equal(proxy.proxy.status.connections, 0);
  });

  test('settings that contradict each other are refused with nginx’s message', async (t) => {
    const made = await setUp(t);
    const rejects = (directives: string, message: RegExp): Promise<void> =>
      assert.rejects(start(t, made, directives), { message });
    await rejects(
      'ssl_ocsp on; ssl_ocsp_responder https://x/;',
      /^invalid URL prefix in OCSP responder "https:\/\/x\/" in "ssl_ocsp_responder" in /,
    );
    await assert.rejects(
      startProxy(
        `server {
          listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
          ssl_verify_client optional_no_ca; ssl_ocsp on;
        }`,
        { C: made.authority.directory },
      ),
      { message: /^"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca" in / },
    );
  });
});
