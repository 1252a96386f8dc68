/** Real clients: curl, nghttp and h2load, on clear text and over TLS. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { answeringBackend, certificates, reply, startProxy, type TestProxy, withoutOpenssl } from '../kit/index.js';

const run = promisify(execFile);

async function lacks(tool: string, pattern: RegExp): Promise<string | false> {
  const { stdout } = await run(tool, ['--version']).catch(() => ({ stdout: '' }));
  return pattern.test(stdout) ? false : `needs ${tool} with HTTP/2`;
}

const withoutCurl = await lacks('curl', /nghttp2/);
const withoutNghttp = await lacks('nghttp', /nghttp2/);
const withoutH2load = await lacks('h2load', /nghttp2/);

const TLS = 'ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key;';
const LOCATIONS = `location / { return 200 "$http2 $request_method $http_host\\n"; }
  location /files/ { root %%DIR%%; }
  location /back/ { proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%BACK%%; client_max_body_size 0; }
  location /stream/ { proxy_http_version 1.1; proxy_request_buffering off; proxy_pass http://127.0.0.1:%%BACK%%; client_max_body_size 0; }`;

const large = Buffer.alloc(700_000, 'large file ').toString('latin1');

async function start(t: { after(call: () => unknown): void }, secure: boolean): Promise<TestProxy> {
  const backend = await answeringBackend(({ method, target, body }) => reply(`${method} ${target} ${body.length}\n`));
  t.after(() => backend.close());
  const listen = secure ? `listen 127.0.0.1:0 ssl; ${TLS}` : 'listen 127.0.0.1:0;';
  const proxy = await startProxy(
    `http2 on; keepalive_requests 1000000; server { ${listen} ${LOCATIONS} }`,
    { BACK: backend.port, C: secure ? certificates().directory : '' },
    { files: { 'files/large': large } },
  );
  t.after(() => proxy.close());
  return proxy;
}

for (const secure of [false, true]) {
  const scheme = secure ? 'https' : 'http';
  describe(`real clients over ${scheme}`, { skip: secure && withoutOpenssl }, () => {
    test('curl', { skip: withoutCurl }, async (t) => {
      const proxy = await start(t, secure);
      const origin = `${scheme}://127.0.0.1:${proxy.port}`;
      const options = ['-sk', '-m', '20', secure ? '--http2' : '--http2-prior-knowledge'];
      const curl = async (...words: string[]) => (await run('curl', [...options, ...words])).stdout;
      assert.equal(await curl(`${origin}/`), `${secure ? 'h2' : 'h2c'} GET 127.0.0.1:${proxy.port}\n`);
      assert.equal(await curl('-w', '%{http_version}', '-o', '/dev/null', `${origin}/`), '2');
      assert.equal(await curl('-I', '-w', '%{http_code}', '-o', '/dev/null', `${origin}/`), '200');
      const received = join(proxy.directory, 'received');
      await curl('-o', received, `${origin}/files/large`);
      assert.ok(readFileSync(received, 'latin1') === large);
      const body = join(proxy.directory, 'body');
      writeFileSync(body, Buffer.alloc(2_000_000, 'x'));
      for (const path of ['back', 'stream']) {
        assert.equal(await curl('-T', body, `${origin}/${path}/a`), `PUT /${path}/a 2000000\n`);
        assert.equal(await curl('-d', 'abc', `${origin}/${path}/b`), `POST /${path}/b 3\n`);
      }
      // Several requests on one connection, at once; curl 7.88 fails with prior knowledge, with every server.
      if (!secure) return;
      const urls = Array.from({ length: 20 }, (_, i) => `${origin}/back/${i}`);
      const all = await curl('-Z', ...urls);
      assert.deepEqual(all.trim().split('\n').sort(), urls.map((_, i) => `GET /back/${i} 0`).sort());
    });

    test('nghttp', { skip: withoutNghttp }, async (t) => {
      const proxy = await start(t, secure);
      const origin = `${scheme}://127.0.0.1:${proxy.port}`;
      const nghttp = async (...words: string[]) =>
        (await run('nghttp', ['-t', '20', ...words], { maxBuffer: 1 << 24 })).stdout;
      assert.match(await nghttp(`${origin}/`), /^h2c? GET /);
      // With small windows, padding, and several requests at once.
      const bodies = await nghttp('-w', '10', '-W', '12', '-b', '32', '-m', '5', `${origin}/files/large`);
      assert.equal(bodies.length, 5 * large.length);
      const body = join(proxy.directory, 'body');
      writeFileSync(body, Buffer.alloc(300_000, 'x'));
      assert.equal(await nghttp('-d', body, `${origin}/back/a`), 'POST /back/a 300000\n');
      assert.equal(await nghttp('--no-content-length', '-d', body, `${origin}/stream/a`), 'POST /stream/a 300000\n');
      assert.equal(await nghttp('--trailer', 'x-sum: 1', '-d', body, `${origin}/back/b`), 'POST /back/b 300000\n');
    });

    test('h2load, while the configuration is replaced again and again', { skip: withoutH2load }, async (t) => {
      const proxy = await start(t, secure);
      const url = `${scheme}://127.0.0.1:${proxy.port}/back/x`;
      const words = ['-n', '3000', '-c', '20', '-m', '5', url];
      const loading = run('h2load', words, { timeout: 60_000 });
      let loaded = false;
      const finished = loading.finally(() => (loaded = true));
      let reloads = 0;
      while (!loaded && reloads < 30) {
        await proxy.proxy.reload();
        reloads++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const { stdout } = await finished;
      assert.match(stdout, /3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout/);
      assert.ok(reloads > 0);
    });
  });
}
