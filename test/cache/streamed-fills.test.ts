import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type BackendConnection,
  connect,
  get,
  READ_TIMEOUT,
  type ReceivedRequest,
  request,
  scriptedBackend,
  startProxy,
} from '../kit/index.js';

interface Cleanup {
  after(fn: () => Promise<void> | void): void;
}

/** A request that the upstream got, to be answered by the test. */
interface Fetched {
  readonly connection: BackendConnection;
  readonly request: ReceivedRequest;
}

/** A proxy with a cache whose waiters stream, before an upstream that a test answers. */
async function begin(t: Cleanup, directives = '') {
  const fetched: Fetched[] = [];
  let wake = (): void => {};
  const backend = await scriptedBackend(async (connection) => {
    const received = await connection.request();
    if (received === null) return;
    fetched.push({ connection, request: received });
    wake();
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `proxy_cache_path %%DIR%%/cache keys_zone=c:1m;
     server {
       listen 127.0.0.1:0;
       location / {
         proxy_pass http://127.0.0.1:%%BACK%%;
         proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 1h;
         proxy_cache_lock on stream; proxy_cache_lock_timeout 60s; proxy_cache_lock_age 60s;
         add_header X-Cache $upstream_cache_status; ${directives}
       }
     }`,
    { BACK: backend.port },
  );
  t.after(() => proxy.close());
  let taken = 0;
  return {
    proxy,
    /** Number of requests that the upstream got. */
    fetches: () => fetched.length,
    /** The next request that the upstream gets. */
    async next(): Promise<Fetched> {
      for (;;) {
        const each = fetched[taken];
        if (each !== undefined) {
          taken++;
          return each;
        }
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error('the upstream got no request')), READ_TIMEOUT);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    async client(fields: readonly string[] = [], method = 'GET') {
      const client = await connect(proxy.port);
      t.after(() => client.close());
      client.send(request('/a', { method, fields }));
      return client;
    },
  };
}

const head = (length: number, ...fields: string[]): string =>
  `HTTP/1.1 200 OK\r\n${[`Content-Length: ${length}`, 'ETag: "1"', ...fields].join('\r\n')}\r\n\r\n`;

describe('proxy_cache_lock on stream', () => {
  test('all clients get the response of one request while it arrives, later ones what there is', async (t) => {
    const { next, client, fetches } = await begin(t);
    const [first, second] = [await client(), await client()];
    const { connection } = await next();
    connection.send(`${head(12)}hello`);
    for (const each of [first, second]) await each.until('hello');
    const third = await client();
    assert.match(await third.until('hello'), /X-Cache: HIT/);
    connection.send(' world!');
    for (const each of [first, second, third]) assert.equal(await each.all(), ' world!');
    assert.equal(fetches(), 1);
  });

  test('a response without a length, and a large one, are the same for all', async (t) => {
    const { next, client, proxy, fetches } = await begin(t);
    const [first, second] = [await client(), await client()];
    const { connection } = await next();
    const part = 'x'.repeat(50_000);
    connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n').send(part).send('\r\n');
    await second.until(part);
    connection.send('c350\r\n').send(part).send('\r\n0\r\n\r\n');
    for (const each of [first, second]) await each.all();
    const answer = await get(proxy.port, '/a');
    assert.equal(answer.field('x-cache'), 'HIT');
    assert.equal(answer.body, part + part);
    assert.equal(fetches(), 1);
  });

  test('the client of the filler leaves: the others get the whole response, and it is stored', async (t) => {
    const { next, client, proxy, fetches } = await begin(t);
    const first = await client();
    const { connection } = await next();
    const second = await client();
    connection.send(`${head(12)}hello`);
    for (const each of [first, second]) await each.until('hello');
    first.reset();
    connection.send(' world!');
    assert.equal(await second.all(), ' world!');
    assert.equal((await get(proxy.port, '/a')).field('x-cache'), 'HIT');
    assert.equal(fetches(), 1);
  });

  test('the filler fails in the middle: the entry is requested again, and the others continue with the next byte', async (t) => {
    const { next, client, proxy, fetches } = await begin(t);
    const first = await client();
    const { connection } = await next();
    const [second, third] = [await client(), await client()];
    connection.send(`${head(12)}hello`);
    for (const each of [first, second, third]) await each.until('hello');
    connection.reset();
    assert.equal(await first.all(), '');
    const again = await next();
    again.connection.send(`${head(12)}hel`);
    again.connection.send('lo world!');
    for (const each of [second, third]) assert.equal(await each.all(), ' world!');
    assert.equal((await get(proxy.port, '/a')).body, 'hello world!');
    assert.equal(fetches(), 2);
  });

  test('a response that cannot be stored at its end reaches all clients, and is requested once for them', async (t) => {
    const { next, client, proxy, fetches } = await begin(t);
    const [first, second] = [await client(), await client()];
    const { connection } = await next();
    connection.send(`${head(12)}hello`);
    for (const each of [first, second]) await each.until('hello');
    rmSync(join(proxy.directory, 'cache'), { recursive: true });
    writeFileSync(join(proxy.directory, 'cache'), 'a file, not a directory');
    connection.send(' world!');
    for (const each of [first, second]) assert.equal(await each.all(), ' world!');
    assert.equal(fetches(), 1);
    assert.ok(proxy.messages('crit').some((message) => message.startsWith('*') && /rename\(\)/.test(message)));
  });

  test('a second response that differs does not continue the first one', async (t) => {
    for (const [text, field] of [
      ['HELLO world!', 'ETag: "1"'],
      ['hello world!', 'ETag: "2"'],
    ]) {
      const { next, client, proxy } = await begin(t);
      const first = await client();
      const { connection } = await next();
      const second = await client();
      connection.send(`${head(12)}hello`);
      for (const each of [first, second]) await each.until('hello');
      connection.reset();
      const again = await next();
      again.connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 12\r\n${field}\r\n\r\n${text}`);
      assert.equal(await second.all(), '');
      assert.ok(proxy.messages('error').some((message) => /requested again differs|cannot be completed/.test(message)));
    }
  });

  test('responses that are not stored are requested for all at once', async (t) => {
    const { next, client } = await begin(t);
    const clients = [await client(), await client(), await client()];
    const { connection } = await next();
    connection.send(head(1, 'Cache-Control: no-store'));
    const others = [await next(), await next()];
    for (const each of others) each.connection.send(`${head(1)}b`);
    connection.send('a');
    const bodies = await Promise.all(clients.map(async (each) => (await each.answer()).body));
    assert.deepEqual(bodies.sort(), ['a', 'b', 'b']);
  });

  test('a request for another variant is a fill of its own', async (t) => {
    const { next, client } = await begin(t);
    const first = await client(['Accept-Language: de']);
    const { connection } = await next();
    const second = await client(['Accept-Language: en']);
    connection.send(`${head(4, 'Vary: Accept-Language')}ha`);
    const other = await next();
    assert.equal(other.request.field('accept-language'), 'en');
    other.connection.send(`${head(5, 'Vary: Accept-Language')}hello`);
    assert.equal((await second.answer()).body, 'hello');
    connection.send('lo');
    assert.equal((await first.answer()).body, 'halo');
  });

  test('HEAD and conditional requests are answered when the head is there', async (t) => {
    const { next, client, fetches } = await begin(t);
    const first = await client();
    const { connection } = await next();
    const [second, third] = [await client([], 'HEAD'), await client(['If-None-Match: "1"'])];
    connection.send(`${head(12)}hello`);
    const answer = await second.answer('HEAD');
    assert.equal(answer.status, 200);
    assert.equal(answer.field('content-length'), '12');
    assert.equal((await third.answer()).status, 304);
    connection.send(' world!');
    assert.equal((await first.answer()).body, 'hello world!');
    assert.equal(fetches(), 1);
  });

  test('a part of a response that is being stored is sent to those who ask for it', async (t) => {
    const { next, client } = await begin(t);
    const first = await client();
    const { connection } = await next();
    const second = await client(['Range: bytes=3-7']);
    connection.send(`${head(12, 'Accept-Ranges: bytes')}hello`);
    await first.until('hello');
    connection.send(' world!');
    const answer = await second.answer();
    assert.deepEqual([answer.status, answer.body], [206, 'lo wo']);
    assert.equal(await first.all(), ' world!');
  });
});
