/** `conf/examples/sse.conf` in front of real servers, with a browser's EventSource, and a client of a token stream. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkConfig } from '../../src/index.js';
import { browser, noBrowser } from '../kit/browser.js';
import {
  type BackendConnection,
  EventClient,
  EventServer,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';
import { ROOT } from '../structure/sources.js';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

/** The example with other ports, and a page for the browser. */
async function example(t: TestContext, ports: { feed?: number; tokens?: number }, edit = ''): Promise<TestProxy> {
  let text = readFileSync(join(ROOT, 'conf/examples/sse.conf'), 'utf8');
  const replace = (from: string, to: string): void => {
    assert.ok(text.includes(from));
    text = text.replace(from, to);
  };
  replace('127.0.0.1:8030', '127.0.0.1:0');
  replace('127.0.0.1:8031', `127.0.0.1:${ports.feed ?? 1}`);
  replace('127.0.0.1:8032', `127.0.0.1:${ports.tokens ?? 1}`);
  replace('location / {', `location = /page { default_type text/html; return 200 "<!doctype html>"; }\nlocation / {`);
  if (edit !== '') replace('sse_reconnect on time=2m;', edit);
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  return proxy;
}

interface Seen {
  readonly opened: number;
  readonly failed: number;
  readonly events: readonly (readonly [data: string, id: string])[];
}

/** Opens an EventSource in a browser, and returns a function that reads what it has seen. */
async function eventSource(t: TestContext, proxy: TestProxy, path: string): Promise<() => Promise<Seen>> {
  const page = await (await browser(t)).newPage();
  await page.goto(`http://127.0.0.1:${proxy.port}/page`);
  await page.evaluate(`(() => {
    const seen = window.seen = { opened: 0, failed: 0, events: [] };
    const source = new EventSource(${JSON.stringify(path)});
    source.onopen = () => seen.opened++;
    source.onerror = () => seen.failed++;
    source.onmessage = ({ data, lastEventId }) => seen.events.push([data, lastEventId]);
  })()`);
  return async () => (await page.evaluate('window.seen')) as Seen;
}

/** Waits until the browser has that many events. */
async function events(seen: () => Promise<Seen>, count: number): Promise<Seen> {
  for (;;) {
    const now = await seen();
    if (now.events.length >= count) return now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('the example has no findings', () => {
  const { ok, rendered } = checkConfig({ file: join(ROOT, 'conf/examples/sse.conf') });
  assert.equal(rendered, '');
  assert.ok(ok);
});

test('an EventSource of a browser does not notice restarts of the feed', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const feed = new EventServer(1);
  await feed.start();
  t.after(() => feed.stop());
  const proxy = await example(t, { feed: feed.port });
  const seen = await eventSource(t, proxy, '/feed/news?topic=a');
  await until('it is connected', () => feed.open.size === 1);
  feed.send('1');
  for (let restart = 0; restart < 3; restart++) {
    await feed.stop(restart % 2 === 0);
    feed.send(`${2 * restart + 2}`);
    await feed.start();
    feed.send(`${2 * restart + 3}`);
    await events(seen, 2 * restart + 3);
  }
  const { opened, failed, events: received } = await seen();
  assert.deepEqual([opened, failed], [1, 0]);
  assert.deepEqual(
    received,
    [1, 2, 3, 4, 5, 6, 7].map((n) => [String(n), String(n)]),
  );
  assert.ok(feed.paths.every((path) => path === '/news?topic=a'));
});

test('a browser that arrives while the feed is unavailable waits for it', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const feed = new EventServer();
  await feed.start();
  await feed.stop();
  t.after(() => feed.stop());
  const proxy = await example(t, { feed: feed.port });
  const seen = await eventSource(t, proxy, '/feed/news');
  await until('it waits', () => proxy.messages('info').some((line) => line.includes('waits for its upstream')));
  await feed.start();
  await until('it is connected', () => feed.open.size === 1);
  feed.send('1');
  const { opened, failed } = await events(seen, 1);
  assert.deepEqual([opened, failed], [1, 0]);
});

test('a browser for which the feed was unavailable for too long connects when it is back', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const feed = new EventServer();
  await feed.start();
  await feed.stop();
  t.after(() => feed.stop());
  // With the attempts of the example, the browser would wait for a minute.
  const proxy = await example(t, { feed: feed.port }, 'sse_reconnect on time=2m attempts=3;');
  const seen = await eventSource(t, proxy, '/feed/news');
  while ((await seen()).failed === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await feed.start();
  await until('it is connected', () => feed.open.size === 1);
  feed.send('1');
  await events(seen, 1);
});

test('without sse_reconnect the browser itself continues, after the time of sse_retry', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const feed = new EventServer();
  await feed.start();
  t.after(() => feed.stop());
  const proxy = await example(t, { feed: feed.port }, 'sse_reconnect off;');
  const seen = await eventSource(t, proxy, '/feed/news');
  await until('it is connected', () => feed.open.size === 1);
  feed.send('1');
  await events(seen, 1);
  const begun = performance.now();
  await feed.stop(true);
  feed.send('2');
  await feed.start();
  const { opened, failed } = await events(seen, 2);
  assert.deepEqual([opened, failed], [2, 1]);
  assert.ok(performance.now() - begun >= 1900);
  assert.deepEqual(feed.lastIds, [undefined, '1']);
});

test('a browser reads events of every notation with heartbeats between them', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const parts = [
    '\xef',
    '\xbb\xbf',
    'data: a\r',
    '\n\r',
    '\n',
    'data: b\r\r',
    'id: 7\n',
    'data: c\ndata: d',
    '\n\n',
    ': x\n',
  ];
  const server = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    for (const part of parts) {
      connection.send(part);
      // Longer than a heartbeat.
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    connection.send('data: e\n\n');
  });
  t.after(() => server.close());
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /page { default_type text/html; return 200 "<!doctype html>"; }
      location /held { sse_heartbeat 50ms; sse_retry 10s; sse_reconnect on; proxy_pass http://127.0.0.1:${server.port}; }
      location / { sse_heartbeat 50ms; proxy_pass http://127.0.0.1:${server.port}; }
    }`,
  );
  t.after(() => proxy.close());
  for (const path of ['/', '/held']) {
    const seen = await eventSource(t, proxy, path);
    const { opened, failed, events: received } = await events(seen, 4);
    assert.deepEqual([opened, failed], [1, 0]);
    assert.deepEqual(received, [
      ['a', ''],
      ['b', ''],
      ['c\nd', '7'],
      ['e', '7'],
    ]);
  }
});

test('a stream of tokens over POST ends with an event that tells the error', async (t) => {
  let upstream: BackendConnection | undefined;
  const tokens = await scriptedBackend(async (connection) => {
    const received = await connection.request();
    assert.equal(received?.line, 'POST /v1/chat HTTP/1.1');
    assert.equal(received?.body, '{"stream":true}');
    upstream = connection.send(HEAD);
  });
  t.after(() => tokens.close());
  const proxy = await example(t, { tokens: tokens.port });
  const client = new EventClient(proxy.port, '/v1/chat', { method: 'POST', body: '{"stream":true}' });
  t.after(() => client.close());
  await until('the response has begun', () => client.state === 'open');
  for (const token of ['Hello', ' world']) {
    const event = `data: ${token}\n\n`;
    upstream?.send(`${event.length.toString(16)}\r\n${event}\r\n`);
    await until('the token has arrived', () => client.text.endsWith(event));
  }
  upstream?.end();
  await client.end();
  assert.equal(client.state, 'complete');
  const last = client.events.at(-1);
  assert.equal(last?.type, 'error');
  assert.equal((JSON.parse(last.data) as { error: { code: number } }).error.code, 502);
  await until('it is logged', () => proxy.file('logs/events.log').includes('events=2 '));
  assert.deepEqual(tokens.failures, []);
});
