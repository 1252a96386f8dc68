import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { certificates, startProxy, type TestProxy, withoutOpenssl } from '../kit/index.js';

/** Output of `openssl s_client`, which sends `input`. */
function client(proxy: TestProxy, words: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const all = ['s_client', '-connect', `127.0.0.1:${proxy.port}`, '-CAfile', certificates().crt('ca'), ...words];
    const child = execFile('openssl', all, { timeout: 20_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** HTTP/1.0: the server ends the connection, and with it s_client. */
const REQUEST = 'GET / HTTP/1.0\r\nHost: example.com\r\n\r\n';

describe('openssl s_client', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  const start = (): Promise<TestProxy> =>
    startProxy(
      `ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; ssl_client_certificate %%C%%/ca.crt;
      ssl_session_cache shared:SSL:1m;
      server {
        listen 127.0.0.1:0 ssl; server_name example.com; ssl_verify_client optional;
        return 200 "[$ssl_protocol $ssl_alpn_protocol $ssl_session_reused $ssl_client_verify]";
      }
      server { listen 127.0.0.1:0 ssl; server_name other.example; ssl_certificate %%C%%/other.crt; ssl_certificate_key %%C%%/other.key; }
      server { listen 127.0.0.1:0 ssl; server_name old.example; ssl_protocols TLSv1.2; ssl_session_tickets off; return 200 "[$ssl_session_reused]"; }`,
      { C: certificates().directory },
    );

  test('gets the certificate of the server name, and verifies it', async (t) => {
    const proxy = await start();
    t.after(() => proxy.close());
    const first = await client(proxy, ['-servername', 'example.com']);
    assert.match(first, /subject=CN ?= ?example\.com/);
    assert.match(first, /Verify return code: 0 \(ok\)/);
    assert.match(await client(proxy, ['-servername', 'other.example']), /subject=CN ?= ?other\.example/);
    assert.match(await client(proxy, ['-noservername']), /subject=CN ?= ?example\.com/);
  });

  test('negotiates protocols and ALPN', async (t) => {
    const proxy = await start();
    t.after(() => proxy.close());
    const name = ['-servername', 'example.com', '-ign_eof'];
    assert.match(await client(proxy, [...name, '-tls1_2'], REQUEST), /\[TLSv1\.2 {2}\. NONE\]/);
    assert.match(
      await client(proxy, [...name, '-tls1_3', '-alpn', 'h2,http/1.1'], REQUEST),
      /\[TLSv1\.3 http\/1\.1 \. NONE\]/,
    );
    assert.match(await client(proxy, [...name, '-alpn', 'nonsense']), /no application protocol/);
    assert.match(await client(proxy, ['-servername', 'old.example', '-tls1_3']), /protocol version/);
  });

  test('resumes sessions: by ticket, and by identifier without tickets', async (t) => {
    const proxy = await start();
    t.after(() => proxy.close());
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-sessions-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    for (const [host, version] of [
      ['example.com', '-tls1_3'],
      ['example.com', '-tls1_2'],
      ['old.example', '-tls1_2'],
    ] as const) {
      const file = join(directory, `${host}${version}`);
      const words = ['-servername', host, version, '-ign_eof'];
      const request = REQUEST.replace('example.com', host);
      assert.match(await client(proxy, [...words, '-sess_out', file], request), /\[.*\.( NONE)?\]/);
      assert.match(await client(proxy, [...words, '-sess_in', file], request), /\[.*r( NONE)?\]/, `${host} ${version}`);
    }
  });

  test('sends a client certificate', async (t) => {
    const proxy = await start();
    t.after(() => proxy.close());
    const own = ['-cert', certificates().crt('client'), '-key', certificates().key('client')];
    const output = await client(proxy, ['-servername', 'example.com', '-ign_eof', ...own], REQUEST);
    assert.match(output, /Acceptable client certificate CA names\nCN ?= ?Test CA/);
    assert.match(output, /\[TLSv1\.3 {2}\. SUCCESS\]/);
  });

  test('gets an OCSP response from a file', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-ocsp-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const authority = certificates();
    const response = join(directory, 'response.der');
    await new Promise((resolve) =>
      execFile(
        'openssl',
        [
          ...['ocsp', '-index', 'ca.index', '-rsigner', 'ca.crt', '-rkey', 'ca.key', '-CA', 'ca.crt', '-noverify'],
          ...['-issuer', 'ca.crt', '-cert', 'ec.crt', '-respout', response, '-ndays', '1'],
        ],
        { cwd: authority.directory },
        resolve,
      ),
    );
    const proxy = await startProxy(
      `server {
        listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;
        ssl_stapling on; ssl_stapling_file ${response};
      }`,
      { C: authority.directory },
    );
    t.after(() => proxy.close());
    const output = await client(proxy, ['-status']);
    assert.match(output, /OCSP Response Status: successful/);
    assert.match(output, /Cert Status: good/);
    assert.doesNotMatch(await client(proxy, []), /OCSP Response Status/);
  });
});
