/** `metrics_usage`: usage of API keys in metrics and in the API. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, startProxy, websocket, websocketEcho } from '../kit/index.js';
import { api, eventually } from '../modules/api-client.js';
import { scrape, sumIn, valueIn } from './samples.js';

test('line breaks and quotes in the name of a rule stay in its label', async (t) => {
  const proxy = await startProxy(
    `api_plan free 3/1d;
    api_keys partners { joe-key joe free; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { api_key partners; metrics_usage "x$uri"; empty_gif; }
    }`,
  );
  t.after(() => proxy.close());
  await get(proxy.port, '/%0Aforged_total%201%0A%22%5C', { fields: ['X-API-Key: joe-key'] });
  const samples = await scrape(proxy.port);
  assert.equal(sumIn(samples, 'tsproxy_api_usage_requests_total', 'rule="x/\\nforged_total 1\\n\\"\\\\"'), 1);
  assert.equal(samples.has('forged_total'), false);
});

test('requests, upgrades and messages are counted by client, plan and mapping rule', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `api_plan free 3/1d;
    api_plan pro 100/1d;
    api_keys partners { joe-key joe free; ann-key ann pro; }
    map $uri $rule { ~^/orders/ orders; default rest; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location /api/ { api; }
      location / { api_key partners; metrics_usage $rule; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /pro { api_key partners plans=pro; metrics_usage on; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /ws { api_key partners; metrics_usage socket; proxy_pass ws://127.0.0.1:%%PORT%%; }
      location /free { api_key partners; proxy_pass http://127.0.0.1:%%PORT%%; }
    }`,
    { PORT: echo.port },
  );
  t.after(() => proxy.close());
  const ask = async (path: string, key: string): Promise<number> => {
    return (await get(proxy.port, path, { fields: [`X-API-Key: ${key}`] })).status;
  };
  assert.equal(await ask('/orders/1', 'joe-key'), 200);
  assert.equal(await ask('/orders/2', 'joe-key'), 200);
  assert.equal(await ask('/x', 'joe-key'), 200);
  assert.equal(await ask('/x', 'joe-key'), 429);
  assert.equal(await ask('/pro', 'joe-key'), 403);
  assert.equal(await ask('/pro', 'ann-key'), 200);
  assert.equal(await ask('/x', 'unknown'), 401);
  assert.equal(await ask('/free', 'ann-key'), 200);
  const client = await websocket(proxy.port, '/ws', { 'X-API-Key': 'ann-key' });
  for (let i = 0; i < 3; i++) await client.ask('x');
  let samples = await scrape(proxy.port);
  const requests = (labels: string): number =>
    valueIn(samples, `tsproxy_api_usage_requests_total{keys="partners",${labels}}`);
  assert.equal(requests('client="joe",plan="free",rule="orders",result="allowed"'), 2);
  assert.equal(requests('client="joe",plan="free",rule="rest",result="allowed"'), 1);
  assert.equal(requests('client="joe",plan="free",rule="rest",result="limited"'), 1);
  assert.equal(requests('client="joe",plan="free",rule="/pro",result="forbidden"'), 1);
  assert.equal(requests('client="ann",plan="pro",rule="/pro",result="allowed"'), 1);
  assert.equal(sumIn(samples, 'tsproxy_api_usage_requests_total'), 6);
  const socket = 'keys="partners",client="ann",plan="pro",rule="socket"';
  assert.equal(valueIn(samples, `tsproxy_api_usage_upgrades_total{${socket}}`), 1);
  assert.equal(valueIn(samples, `tsproxy_api_usage_messages_total{${socket},from="client"}`), 3);
  await client.ask('x');
  await client.close();
  await eventually('it is logged', async () => {
    samples = await scrape(proxy.port);
    return requests('client="ann",plan="pro",rule="socket",result="allowed"') === 1;
  });
  const { status, body } = await api(proxy.port, 'GET', '/http/usage');
  assert.equal(status, 200);
  const found = (body as { client: string; rule: string }[]).find(({ rule }) => rule === 'socket');
  assert.deepEqual(found, {
    keys: 'partners',
    client: 'ann',
    plan: 'pro',
    rule: 'socket',
    requests: { allowed: 1, limited: 0, forbidden: 0 },
    upgrades: 1,
    messages: { client: 4, upstream: 4 },
  });
  assert.deepEqual((await api(proxy.port, 'GET', '/http/usage/partners')).body, body);
  assert.deepEqual((await api(proxy.port, 'GET', '/http/usage/others')).body, []);
});

test('mapping rules beyond metrics_max_series are counted together', async (t) => {
  const proxy = await startProxy(
    `metrics_max_series 10;
    api_plan pro 1000/1d;
    api_keys partners { key ann pro; }
    server {
      listen 127.0.0.1:0;
      location = /metrics { metrics; }
      location / { api_key partners; metrics_usage $arg_rule; proxy_pass http://127.0.0.1:1; }
    }`,
  );
  t.after(() => proxy.close());
  for (let i = 0; i < 30; i++) await get(proxy.port, `/?rule=${i}`, { fields: ['X-API-Key: key'] });
  const samples = await scrape(proxy.port);
  assert.equal(sumIn(samples, 'tsproxy_api_usage_requests_total'), 30);
  const names = [...samples.keys()].filter((series) => series.startsWith('tsproxy_api_usage_requests_total'));
  assert.ok(names.length <= 13, `${names.length} series`);
  assert.ok(
    valueIn(
      samples,
      'tsproxy_api_usage_requests_total{keys="other",client="other",plan="other",rule="other",result="allowed"}',
    ) >= 20,
  );
});

test('without metrics_usage, the usage in the API is empty', async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; location /api/ { api; } }');
  t.after(() => proxy.close());
  assert.deepEqual((await api(proxy.port, 'GET', '/http/usage')).body, []);
});
