/** Details of requests in the console, and redaction of everything that a worker sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestDetails } from '../../src/console/feed-format.js';
import { toHar, toJsonLine } from '../../src/console/har.js';
import { FeedClient } from '../console/feed-client.js';
import { harErrors } from '../console/har-schema.js';
import { answeringBackend, closedPort, get, reply, startProxy, until, websocket, websocketEcho } from '../kit/index.js';

function fieldsOf(head: RequestDetails['request'], name: string): string[] {
  return (head?.fields ?? []).filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

test('details have the heads as received and sent, the selection, variables, log lines and attempts', async (t) => {
  const backend = await answeringBackend(() => reply('fine', { fields: ['X-Up: yes'] }));
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%DEAD%% max_fails=0; server 127.0.0.1:%%PORT%%; }
     server { listen 127.0.0.1:0; server_name one.example *.two.example;
       location /console/ { console; }
       location ~ ^/first/(.*)$ { set $part $1; rewrite ^ /second/$part; }
       location /second/ { error_page 404 = @named; return 404; }
       location @named { proxy_pass http://app; proxy_set_header X-Added $part; add_header X-Sent $part; }
       location = /exact { return 204; }
       location ^~ /strict/ { return 204; } }`,
    { DEAD: await closedPort(), PORT: backend.port },
  );
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const feed = await FeedClient.watch(proxy.port);
  await feed.message('hello');
  // The second request begins with the other peer.
  for (const name of ['a', 'b'])
    await get(proxy.port, `/first/${name}`, { fields: ['Host: www.two.example', 'X-Mine: 1'] });
  const exchanges = [await feed.exchange('/first/a'), await feed.exchange('/first/b')];
  const retried = exchanges.find(({ response }) => response.tries.length === 2);
  assert.ok(retried !== undefined);
  const details = await feed.details(retried.request.id);
  assert.ok(details?.ended);
  assert.match(details.request?.line ?? '', /^GET \/first\/[ab] HTTP\/1\.1$/);
  assert.deepEqual(fieldsOf(details.request, 'x-mine'), ['1']);
  assert.match(details.upstreamRequest?.line ?? '', /^GET \/second\/[ab] HTTP\/1\.[01]$/);
  assert.deepEqual(fieldsOf(details.upstreamRequest, 'x-added').length, 1);
  assert.match(details.upstreamResponse?.line ?? '', /^HTTP\/1\.1 200/);
  assert.deepEqual(fieldsOf(details.upstreamResponse, 'x-up'), ['yes']);
  assert.match(details.response?.line ?? '', /^HTTP\/1\.1 200/);
  assert.deepEqual([fieldsOf(details.response, 'x-up'), fieldsOf(details.response, 'x-sent').length], [['yes'], 1]);
  assert.match(details.server.reason, /\*\.two\.example/);
  assert.deepEqual(details.location.name, '@named');
  assert.deepEqual(details.redirects, ['@named']);
  assert.ok(details.variables.some(([name, value]) => name === 'part' && /^[ab]$/.test(value)));
  assert.ok(details.log.some(({ level, message }) => level === 'error' && message.includes('Connection refused')));
  assert.deepEqual(
    details.tries.map(({ status }) => status),
    [502, 200],
  );
  for (const [path, reason] of [
    ['/exact', /exactly/],
    ['/strict/x', /longest matching prefix.*\^~/],
  ] as const) {
    await get(proxy.port, path, { fields: ['Host: unknown.example'] }).catch(() => {});
    const { request } = await feed.exchange(path);
    const found = await feed.details(request.id);
    assert.match(found?.location.reason ?? '', reason);
    assert.match(found?.server.reason ?? '', /default server/);
  }
  assert.equal(await feed.details('1-1'), null);
  await feed.close();
});

test('details of a WebSocket exist while it is open, also if it was opened before there was a viewer', async (t) => {
  const echo = await websocketEcho();
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; location /console/ { console; }
      location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: echo.port },
  );
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  const early = await websocket(proxy.port, '/ws?early');
  const feed = await FeedClient.watch(proxy.port);
  await feed.first('open');
  const late = await websocket(proxy.port, '/ws?late');
  const opened = await feed.first('open', 2);
  for (const { id, target } of opened) {
    const details = await feed.details(id);
    assert.equal(details?.ended, false);
    assert.equal(details.request?.line, `GET ${target} HTTP/1.1`);
    assert.match(details.upstreamResponse?.line ?? '', /^HTTP\/1\.1 101/);
    assert.equal(details.upstreamRequest === null, target === '/ws?early');
    assert.equal(details.response === null, target === '/ws?early');
  }
  await Promise.all([early.close(), late.close(), feed.close()]);
});

test('records are dropped when there is no viewer', async (t) => {
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location /console/ { console; } location / { return 200 ok; } }',
  );
  t.after(() => proxy.close());
  const feed = await FeedClient.watch(proxy.port);
  await get(proxy.port, '/a');
  const { request } = await feed.exchange('/a');
  assert.ok((await feed.details(request.id)) !== null);
  await feed.close();
  const again = await FeedClient.watch(proxy.port);
  await until('the first subscription has ended', () => again.messages.length > 0);
  await get(proxy.port, '/b');
  await again.exchange('/b');
  assert.equal(await again.details(request.id), null);
  await again.close();
});

/** Planted in every place that redaction covers: none of these may leave the worker. */
const SECRET = 'S3CR3T';

test('no secret in any redacted place reaches the feed, the details, an archive, or lines of JSON', async (t) => {
  const echo = await websocketEcho();
  const backend = await answeringBackend(() =>
    reply('body', {
      fields: [
        `Set-Cookie: id=${SECRET}-setcookie; Path=/; HttpOnly`,
        `X-Session: ${SECRET}-upstream-session`,
        `Location: /next?token=${SECRET}-location&ok=1`,
        `Refresh: 0; url=/x?session_id=${SECRET}-refresh`,
        'X-Card: 4111111111111111',
      ],
    }),
  );
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; server_name main.example;
      location /console/ {
        console; console_payload on;
        console_redact_field X-Session session_id;
        console_redact_json $..password $.inner['key'];
        console_redact_pattern "\\b4\\d{15}\\b";
      }
      set $copied "$http_authorization|$cookie_id|$arg_token|$http_x_session";
      location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
      location / { proxy_pass http://127.0.0.1:%%PORT%%; proxy_set_header X-Copy $copied;
        add_header X-Copied $copied; proxy_hide_header Location; proxy_max_temp_file_size 0; } }`,
    { ECHO: echo.port, PORT: backend.port },
  );
  t.after(() => Promise.all([proxy.close(), echo.close(), backend.close()]));
  const feed = await FeedClient.watch(proxy.port, { payload: 65_536 });
  await feed.message('hello');
  const basic = Buffer.from(`joe:${SECRET}-password`).toString('base64');
  const fields = [
    `Authorization: Basic ${basic}`,
    `Proxy-Authorization: Bearer ${SECRET}-proxy`,
    `Cookie: id=${SECRET}-cookie; other=${SECRET}-other`,
    `X-Api-Key: ${SECRET}-key`,
    `X-Session: ${SECRET}-session`,
    `Referer: http://a.example/?api_key=${SECRET}-referer#token=${SECRET}-fragment`,
    'X-Card: 4111111111111111',
    `X-Repeated: ${SECRET}-session`,
  ];
  const target = `/x?token=${SECRET}-arg&a=1&%74oken=${SECRET}-encoded&password=${SECRET}%2Dpw&session_id=${SECRET}-sid&card=4111111111111111`;
  await get(proxy.port, target, { fields });
  await until('the response', () => feed.of('response').length > 0);
  const client = await websocket(proxy.port, `/ws?access_token=${SECRET}-ws`, {
    Cookie: `id=${SECRET}-wscookie`,
    'X-Session': `${SECRET}-wssession`,
  });
  await client.ask(JSON.stringify({ password: `${SECRET}-json`, inner: { key: [`${SECRET}-inner`] }, ok: 'visible' }));
  // Neither JSON nor complete: withheld as a whole.
  await client.ask(`not JSON ${SECRET}-text`);
  client.socket.send(`{"password":"${SECRET}-`, { fin: false });
  client.socket.send('fragment"}', { fin: true });
  await client.next();
  client.socket.ping('4111111111111111');
  client.socket.close(4000, 'card 4111111111111111');
  await client.closed;
  await until('the end of the WebSocket', () => feed.of('close').length > 0 && feed.of('response').length > 1);
  const details = new Map<string, RequestDetails>();
  for (const { id } of feed.of('request')) {
    const found = await feed.details(id);
    if (found !== null) details.set(id, found);
  }
  assert.equal(details.size, 2);
  const har = toHar(feed.rows, details);
  assert.deepEqual(harErrors(har), []);
  const all = [
    JSON.stringify(feed.messages),
    feed.rows.map(toJsonLine).join('\n'),
    JSON.stringify(har),
    JSON.stringify([...details.values()]),
  ];
  for (const text of all) {
    const at = text.search(new RegExp(`${SECRET}|4111111111111111|${basic}`));
    assert.equal(at < 0 ? '' : text.slice(Math.max(0, at - 150), at + 60), '');
  }
  // Everything else is there.
  assert.match(all[1] ?? '', /visible/);
  assert.match(all[3] ?? '', /X-Copied/);
  const parsed = [...details.values()].flatMap(({ request }) => request?.fields ?? []);
  assert.ok(parsed.some(([name, value]) => name === 'Authorization' && value === '[redacted]'));
  await feed.close();
});
