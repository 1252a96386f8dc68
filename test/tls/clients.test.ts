import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type tls from 'node:tls';
import { promisify } from 'node:util';
import { certificates, connectTls, request, startProxy, type TestProxy, withoutOpenssl } from '../kit/index.js';

describe('certificates of clients', { skip: withoutOpenssl }, () => {
  const server = (directives: string): Promise<TestProxy> =>
    startProxy(
      `server {
        listen 127.0.0.1:0 ssl; server_name example.com;
        ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        ${directives}
        location / { return 200 "$ssl_client_verify"; location /nested { return 200 "$ssl_client_verify"; } }
        location /names { return 200 "$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_s_dn_legacy|$ssl_client_serial|$ssl_client_v_remain|$ssl_client_fingerprint"; }
        location /pem { return 200 "$ssl_client_raw_cert"; }
      }`,
      { C: certificates().directory },
    );
  const client = (name: string, chain = ''): tls.ConnectionOptions => ({
    servername: 'example.com',
    cert: certificates().read(`${name}.crt`) + (chain === '' ? '' : certificates().read(`${chain}.crt`)),
    key: certificates().read(`${name}.key`),
  });
  const NO_CERTIFICATE: tls.ConnectionOptions = { servername: 'example.com' };
  const ask = async (proxy: TestProxy, options: tls.ConnectionOptions, path = '/', host = 'example.com') => {
    const connection = await connectTls(proxy.port, options);
    const answer = await connection.send(request(path, { fields: [`Host: ${host}`] })).answer();
    connection.close();
    return answer;
  };

  test('on requires a valid certificate, in every location', async (t) => {
    const proxy = await server('ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on;');
    t.after(() => proxy.close());
    assert.equal((await ask(proxy, client('client'))).body, 'SUCCESS');
    assert.equal((await ask(proxy, client('client'), '/nested')).body, 'SUCCESS');
    const without = await ask(proxy, NO_CERTIFICATE);
    assert.equal(without.status, 400);
    assert.match(without.body, /No required SSL certificate was sent/);
    const wrong = await ask(proxy, client('stranger'));
    assert.equal(wrong.status, 400);
    assert.match(wrong.body, /The SSL certificate error/);
    assert.match(
      proxy.messages('info').join('\n'),
      /client sent no required SSL certificate while reading client request headers/,
    );
    assert.match(
      proxy.messages('info').join('\n'),
      /client SSL certificate verify error: \(2[01]:unable to [a-z ]+\) while reading/,
    );
  });

  test('the names of repeated authorities are sent once', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-authorities-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const repeated = join(directory, 'repeated.crt');
    writeFileSync(repeated, certificates().read('ca.crt').repeat(2));
    const proxy = await server(
      `ssl_client_certificate ${repeated}; ssl_trusted_certificate %%C%%/ca.crt; ssl_verify_client optional;`,
    );
    t.after(() => proxy.close());
    const words = ['s_client', '-connect', `127.0.0.1:${proxy.port}`, '-servername', 'example.com'];
    const running = promisify(execFile)('openssl', words);
    running.child.stdin?.end();
    const { stdout: output } = await running;
    assert.equal(output.split(/^CN ?= ?Test CA$/m).length, 2);
  });

  test('optional verifies a certificate if there is one', async (t) => {
    const proxy = await server('ssl_client_certificate %%C%%/ca.crt; ssl_verify_client optional;');
    t.after(() => proxy.close());
    assert.equal((await ask(proxy, client('client'))).body, 'SUCCESS');
    assert.equal((await ask(proxy, NO_CERTIFICATE)).body, 'NONE');
    assert.equal((await ask(proxy, client('stranger'))).status, 400);
  });

  test('optional_no_ca accepts certificates of unknown authorities, and reports it in every location', async (t) => {
    const proxy = await server('ssl_verify_client optional_no_ca;');
    t.after(() => proxy.close());
    for (const path of ['/', '/nested']) {
      assert.match((await ask(proxy, client('stranger'), path)).body, /^FAILED:unable to /);
    }
  });

  test('a revoked certificate is refused', async (t) => {
    const proxy = await server('ssl_client_certificate %%C%%/ca.crt; ssl_crl %%C%%/revoked.crl; ssl_verify_client on;');
    t.after(() => proxy.close());
    assert.equal((await ask(proxy, client('client'))).body, 'SUCCESS');
    assert.equal((await ask(proxy, client('revoked'))).status, 400);
    assert.match(proxy.messages('info').join(), /verify error: \(23:certificate revoked\)/);
  });

  test('ssl_verify_depth limits the intermediate certificates', async (t) => {
    for (const [depth, status] of [
      [0, 400],
      [1, 200],
    ] as const) {
      const proxy = await server(
        `ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on; ssl_verify_depth ${depth};`,
      );
      t.after(() => proxy.close());
      assert.equal((await ask(proxy, client('deep', 'intermediate'))).status, status, `depth ${depth}`);
      if (status === 400) assert.match(proxy.messages('info').join(), /\(20:unable to get local issuer certificate\)/);
    }
  });

  test('variables have the fields of the certificate', async (t) => {
    const proxy = await server('ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on;');
    t.after(() => proxy.close());
    const { body } = await ask(proxy, client('client'), '/names');
    assert.match(
      body,
      /^O=Example,CN=client\|CN=Test CA\|\/CN=client\/O=Example\|10[0-9A-F]{2}\|(29|30)\|[0-9a-f]{40}$/,
    );
    const { body: pem } = await ask(proxy, client('client'), '/pem');
    assert.equal(pem, certificates().read('client.crt'));
  });

  test('a connection to one server cannot be used for another one that verifies clients', async (t) => {
    const proxy = await startProxy(
      `ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      server { listen 127.0.0.1:0 ssl; server_name example.com; return 200 open; }
      server {
        listen 127.0.0.1:0 ssl; server_name secret.example;
        ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on; return 200 secret;
      }`,
      { C: certificates().directory },
    );
    t.after(() => proxy.close());
    assert.equal((await ask(proxy, NO_CERTIFICATE)).body, 'open');
    const answer = await ask(proxy, NO_CERTIFICATE, '/', 'secret.example');
    assert.equal(answer.status, 421);
    assert.match(
      proxy.messages('info').join(),
      /client attempted to request the server name different from the one that was negotiated/,
    );
  });

  test('without a server name, the certificate is required by the server of the Host field', async (t) => {
    const proxy = await startProxy(
      `ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
      server { listen 127.0.0.1:0 ssl; server_name example.com; return 200 open; }
      server {
        listen 127.0.0.1:0 ssl; server_name secret.example;
        ssl_client_certificate %%C%%/ca.crt; ssl_verify_client on; return 200 secret;
      }`,
      { C: certificates().directory },
    );
    t.after(() => proxy.close());
    const answer = await ask(proxy, { servername: '', checkServerIdentity: () => undefined }, '/', 'secret.example');
    assert.equal(answer.status, 400);
    assert.match(answer.body, /No required SSL certificate was sent/);
  });
});
