import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { renderExplanation } from '../../src/explain/render.js';
import { type ExplainRequest, explain } from '../../src/index.js';

function http(directory: string): string {
  return `
events {}
http {
  proxy_cache_path ${directory}/cache levels=1:2 keys_zone=pages:1m;
  server {
    listen 80;
    proxy_cache pages;
    proxy_cache_valid 200 10m;
    proxy_cache_valid 404 1m;
    location / {
      proxy_cache_key $scheme$host$request_uri;
      proxy_cache_lock on;
      proxy_cache_bypass $cookie_session;
      proxy_no_cache $cookie_session;
      proxy_pass http://127.0.0.1:9;
    }
    location /locked { proxy_cache_lock off; proxy_pass http://127.0.0.1:9; }
    location /streamed { proxy_cache_lock on stream; proxy_pass http://127.0.0.1:9; }
    location /rare { proxy_cache_min_uses 3; proxy_pass http://127.0.0.1:9; }
    location /direct { proxy_buffering off; proxy_pass http://127.0.0.1:9; }
    location /off { proxy_cache off; proxy_pass http://127.0.0.1:9; }
    location /text { return 200 text; }
  }
}
`;
}

const HTTP = http('/var');

async function cacheOf(request: string | ExplainRequest) {
  return (await explain(HTTP, request)).cache;
}

test('the key, the file and the time of a stored response are explained', async () => {
  const cache = await cacheOf('http://a.example/page?x=1');
  assert.deepEqual(
    [cache?.key, cache?.stored, cache?.seconds, cache?.why, cache?.lookup],
    ['httpa.example/page?x=1', true, 600, 'proxy_cache_valid 200 10m', null],
  );
  assert.match(cache?.file ?? '', /^\/var\/cache\/[0-9a-f]\/[0-9a-f]{2}\/[0-9a-f]{32}$/);
  assert.deepEqual(
    cache?.rules.map(({ directive }) => directive.text),
    ['proxy_cache_lock on'],
  );
});

test('the field or condition that prevents storing is named', async () => {
  const why = async (asked: ExplainRequest) => (await cacheOf(asked))?.why;
  const request = 'http://a.example/page';
  const answered = (headers: Readonly<Record<string, string>>) => ({ request, answer: { headers } });
  assert.equal(await why(answered({ 'set-cookie': 'id=1' })), 'the response has Set-Cookie: id=1');
  assert.equal(await why(answered({ 'cache-control': 'private' })), 'the response has Cache-Control: private');
  assert.equal(await why(answered({ vary: '*' })), 'the response has Vary: *');
  assert.match(
    (await why({ request, headers: { cookie: 'session=7' } })) ?? '',
    /^proxy_no_cache \$cookie_session: .*"7"$/,
  );
  assert.match(
    (await why({ request, answer: { status: 500 } })) ?? '',
    /no proxy_cache_valid applies to the status 500$/,
  );
  assert.equal(await why({ request: 'POST http://a.example/page' }), 'responses to POST are not cached');
  assert.equal(await why({ request: 'http://a.example/rare' }), 'it is stored from request no. 3 on');
  assert.equal(await why({ request: 'http://a.example/direct' }), 'the response is not buffered');
});

test('the field that determines the time is named, and so are variants', async () => {
  const cache = await cacheOf({
    request: 'http://a.example/page',
    answer: { headers: { 'cache-control': 'max-age=30', vary: 'Accept-Language' } },
  });
  assert.deepEqual(
    [cache?.stored, cache?.seconds, cache?.why, cache?.vary],
    [true, 30, 'the response has Cache-Control: max-age=30', 'Accept-Language'],
  );
});

test('a request that bypasses the cache is explained', async () => {
  const cache = await cacheOf({ request: 'http://a.example/page', headers: { cookie: 'session=7' } });
  assert.match(cache?.lookup ?? '', /^proxy_cache_bypass \$cookie_session: one of the values is "7"$/);
});

test('the lock is explained where it is on', async () => {
  const effects = async (path: string) => (await cacheOf(`http://a.example${path}`))?.rules.map(({ effect }) => effect);
  assert.deepEqual(await effects('/locked'), []);
  assert.match((await effects('/streamed'))?.join() ?? '', /which the others get while it arrives$/);
});

test('there is nothing to explain without a cache', async () => {
  assert.equal(await cacheOf('http://a.example/off'), null);
  assert.equal(await cacheOf('http://a.example/text'), null);
});

test('an explanation neither reads nor writes the directory of the cache', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const { cache } = await explain(http(directory), 'http://a.example/page');
  assert.equal(cache?.stored, true);
  assert.equal(existsSync(cache?.file ?? directory), false);
});

test('the reasons of RFC 9111 are named', async () => {
  const text = HTTP.replace('proxy_cache pages;', 'proxy_cache pages; proxy_cache_rfc9111 on;').replace(
    /proxy_cache_valid 200 10m;/,
    '',
  );
  const why = async (headers: Readonly<Record<string, string>>, answer: Readonly<Record<string, string>>) =>
    (await explain(text, { request: 'http://a.example/page', headers, answer: { headers: answer } })).cache?.why;
  assert.equal(await why({ authorization: 'x' }, { 'cache-control': 'max-age=60' }), 'the request has Authorization');
  assert.match(
    (await why({}, { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' })) ?? '',
    /Last-Modified: Thu, 01 Jan 2026/,
  );
});

test('an explained purge removes nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const text = http(directory).replace('proxy_cache pages;', 'proxy_cache pages; proxy_cache_purge $http_x_purge;');
  const file = (await explain(text, 'http://a.example/page')).cache?.file ?? '';
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'a file');
  const { answer } = await explain(text, { request: 'http://a.example/page', headers: { 'x-purge': '1' } });
  assert.equal(answer.status, 404);
  assert.equal(existsSync(file), true);
});

test('the text has the key and the decision', async () => {
  const text = renderExplanation(await explain(HTTP, 'http://a.example/page'));
  const [, section = ''] = /\n\ncache {2}(.*?)\n\n/s.exec(text) ?? [];
  assert.match(section, /^proxy_cache pages \(.*:7\)\n {2}key {2}httpa\.example\/page\n {2}file .*\n/);
  assert.match(section, /\n {2}this response is stored for \S+: proxy_cache_valid 200 10m\n/);
});
