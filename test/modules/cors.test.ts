import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browser, noBrowser } from '../kit/browser.js';
import { type Answer, answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

const PREFLIGHT = 'Access-Control-Request-Method: PUT';

describe('cors', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend(() =>
      reply('from the back end', { fields: ['Access-Control-Allow-Origin: https://backend', 'Vary: Accept, Origin'] }),
    );
    proxy = await startProxy(
      `server {
        listen 127.0.0.1:0;
        cors https://App.example.com http://localhost:3000 https://*.example.org ~^https://[a-z]+\\.dev credentials max_age=1h
          methods=GET,PUT headers=X-Token expose=X-Total,X-Page;
        location / { return 200 text; }
        location /proxied { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /private { auth_basic closed; auth_basic_user_file %%DIR%%/none; empty_gif; }
        location /denied { deny all; empty_gif; }
        location /read { limit_except GET { deny all; } empty_gif; }
        location /public { cors *; return 200 text; }
        location /off { cors off; return 200 text; }
        location /reflected { cors https://a.example; return 200 text; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  const ask = (origin: string, path = '/', method = 'GET', ...fields: readonly string[]): Promise<Answer> =>
    get(proxy.port, path, { method, fields: [...(origin === '' ? [] : [`Origin: ${origin}`]), ...fields] });
  const allowed = async (origin: string) => (await ask(origin)).field('access-control-allow-origin');

  test('allows listed origins, subdomains of wildcards, and whole matches of expressions', async () => {
    for (const origin of [
      'https://app.example.com',
      'http://localhost:3000',
      'https://a.example.org',
      'https://a.b.example.org',
      'https://x.dev',
    ]) {
      assert.equal(await allowed(origin), origin);
    }
  });

  test('allows no other origin', async () => {
    for (const origin of [
      '',
      'null',
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://app.example.com.evil.net',
      'https://evilapp.example.com',
      'https://example.org',
      'https://.example.org',
      'https://evil.net/.example.org',
      'https://evil.net?.example.org',
      'https://evil@a.example.org',
      'https://a.example.org:444',
      'https://x.dev.evil.net',
      'https://x.development',
      'xhttps://x.dev',
    ]) {
      const answer = await ask(origin);
      assert.equal(answer.status, 200);
      assert.equal(answer.field('access-control-allow-origin'), undefined, origin);
      assert.equal(answer.field('access-control-allow-credentials'), undefined);
      assert.equal(answer.field('vary'), 'Origin');
    }
  });

  test('answers preflight requests before access control', async () => {
    for (const path of ['/', '/proxied', '/private', '/denied', '/read']) {
      const answer = await ask('https://x.dev', path, 'OPTIONS', PREFLIGHT);
      assert.equal(answer.status, 204);
      assert.deepEqual(
        answer.fields.filter(([name]) => /^(access-control|vary)/i.test(name)),
        [
          ['Access-Control-Allow-Methods', 'GET, PUT'],
          ['Access-Control-Allow-Headers', 'X-Token'],
          ['Access-Control-Max-Age', '3600'],
          ['Vary', 'Origin'],
          ['Access-Control-Allow-Origin', 'https://x.dev'],
          ['Access-Control-Allow-Credentials', 'true'],
          ['Access-Control-Expose-Headers', 'X-Total, X-Page'],
        ],
      );
    }
    assert.equal(backend.requests.length, 0);
    const refused = await ask('https://evil.net', '/', 'OPTIONS', PREFLIGHT);
    assert.equal(refused.status, 403);
    assert.equal(refused.field('access-control-allow-methods'), undefined);
    assert.match(proxy.messages('info').join('\n'), /the origin of a preflight request is not allowed/);
  });

  test('other OPTIONS requests are not preflight requests', async () => {
    assert.equal((await ask('https://x.dev', '/', 'OPTIONS')).body, 'text');
    assert.equal((await ask('', '/', 'OPTIONS', PREFLIGHT)).body, 'text');
    assert.equal((await ask('https://x.dev', '/denied', 'OPTIONS')).status, 403);
  });

  test('returns the requested fields where none are listed', async () => {
    const requested = 'Access-Control-Request-Headers: x-a, content-type';
    const answer = await ask('https://a.example', '/reflected', 'OPTIONS', PREFLIGHT, requested);
    assert.equal(answer.field('access-control-allow-headers'), 'x-a, content-type');
    assert.equal(answer.field('access-control-allow-methods'), 'GET, HEAD, POST, PUT, PATCH, DELETE');
    assert.equal(answer.field('vary'), 'Access-Control-Request-Headers, Origin');
    assert.equal(answer.field('access-control-max-age'), undefined);
  });

  test('adds its fields to errors, and replaces those of an upstream', async () => {
    const refused = await ask('https://x.dev', '/private');
    assert.equal(refused.status, 401);
    assert.equal(refused.field('access-control-allow-origin'), 'https://x.dev');
    const proxied = await ask('https://x.dev', '/proxied');
    assert.equal(proxied.field('access-control-allow-origin'), 'https://x.dev');
    assert.equal(proxied.field('vary'), 'Accept, Origin');
    assert.equal((await ask('https://evil.net', '/proxied')).field('access-control-allow-origin'), undefined);
  });

  test('allows every origin without credentials, or none', async () => {
    const open = await ask('https://evil.net', '/public');
    assert.equal(open.field('access-control-allow-origin'), '*');
    assert.equal(open.field('vary'), undefined);
    assert.equal((await ask('', '/public')).field('access-control-allow-origin'), '*');
    assert.equal((await ask('https://x.dev', '/off')).field('access-control-allow-origin'), undefined);
  });

  test('a browser sends a preflight request, and reads allowed responses only', { skip: noBrowser }, async (t) => {
    const api = await startProxy(
      `server {
        listen 127.0.0.1:0;
        location / { cors http://127.0.0.1:%%PAGE%% credentials expose=X-Total; add_header X-Total 7; return 200 "method $request_method"; }
        location /closed { cors https://other.example; return 200 secret; }
      }`,
      { PAGE: proxy.port },
    );
    t.after(() => api.close());
    const page = await (await browser(t)).newPage();
    await page.goto(`http://127.0.0.1:${proxy.port}/off`);
    const read = (path: string) =>
      page.evaluate(async (url) => {
        try {
          const headers = { 'X-Token': 'x' };
          const response = await fetch(url, { method: 'PUT', headers, credentials: 'include' });
          return `${response.headers.get('X-Total')} ${await response.text()}`;
        } catch (error) {
          return String(error);
        }
      }, `http://127.0.0.1:${api.port}${path}`);
    assert.equal(await read('/'), '7 method PUT');
    assert.match(await read('/closed'), /Failed to fetch/);
  });
});
