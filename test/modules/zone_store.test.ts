import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { certificates, closedPort, get, startProxy, type TestProxy, until, withoutOpenssl } from '../kit/index.js';
import { RedisServer, withoutRedis } from '../kit/redis.js';

/** One of several machines. `store`: words of `zone_store` after its name. */
function configuration(store: string): string {
  return `
    zone_store main ${store};
    limit_req_zone $arg_k zone=rate:1m rate=1r/m store=main;
    limit_req_zone $arg_k zone=own:1m rate=1r/m;
    limit_req_zone $arg_k zone=safe:1m rate=1r/m store=main store_failure=closed;
    limit_conn_zone $arg_k zone=conn:1m store=main;
    limit_conn_zone $arg_k zone=here:1m;
    server {
      listen 127.0.0.1:0;
      location /rate { limit_req zone=rate burst=5 nodelay; empty_gif; }
      location /both { limit_req zone=own burst=9 nodelay; limit_req zone=rate burst=5 nodelay; empty_gif; }
      location /safe { limit_req zone=safe burst=5 nodelay; empty_gif; }
      location /conn { limit_conn here 9; limit_conn conn 2; proxy_pass http://127.0.0.1:%%BACK%%; }
      location /metrics { metrics; }
    }`;
}

describe('zone_store', { skip: withoutRedis }, () => {
  let server: RedisServer;
  let proxies: TestProxy[] = [];
  const rate = configuration('redis://127.0.0.1:%%PORT%% timeout=5s');
  /** Requests that wait at the back end, by the function that answers them. */
  const waiting: (() => void)[] = [];
  let back: Server;
  const ports = () => ({ PORT: server.port, BACK: (back.address() as AddressInfo).port });
  before(async () => {
    server = await RedisServer.start();
    back = createServer((_request, response) => void waiting.push(() => response.end()));
    await new Promise<void>((resolve) => back.listen(0, '127.0.0.1', resolve));
    proxies = await Promise.all([startProxy(rate, ports()), startProxy(rate, ports())]);
  });
  after(async () => {
    for (const answer of waiting) answer();
    await Promise.all(proxies.map((proxy) => proxy.close()));
    back.close();
    back.closeAllConnections();
    await server.close();
  });

  const statuses = async (path: string, times: number): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < times; i++) for (const { port } of proxies) all.push((await get(port, path)).status);
    return all;
  };
  const passed = (list: readonly number[]) => list.filter((status) => status === 200).length;

  test('two proxies admit as many requests together as one would', async () => {
    assert.equal(passed(await statuses('/rate?k=a', 6)), 6);
    assert.equal(passed(await statuses('/both?k=b', 6)), 6);
    // A key of another directive, and without a key, is not the same.
    assert.equal(passed(await statuses('/safe?k=a', 6)), 6);
    assert.equal(passed(await statuses('/rate', 6)), 12);
  });

  test('two proxies admit as many connections together as one would, until one ends', async () => {
    const [one, two] = proxies as [TestProxy, TestProxy];
    const pending = [get(one.port, '/conn?k=c'), get(two.port, '/conn?k=c')];
    await until('both are there', () => waiting.length === 2);
    assert.equal((await get(one.port, '/conn?k=c')).status, 503);
    assert.equal((await get(two.port, '/conn?k=c')).status, 503);
    waiting.shift()?.();
    waiting.shift()?.();
    await Promise.all(pending);
    const next = get(one.port, '/conn?k=c');
    await until('the next is there', () => waiting.length === 1);
    waiting.shift()?.();
    assert.equal((await next).status, 200);
  });

  test('counts, and the connection to the store, survive a reload', async () => {
    const [one] = proxies as [TestProxy];
    assert.equal(passed(await statuses('/rate?k=d', 6)), 6);
    const before = String(await server.command('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n').length;
    await one.reload(`${rate.slice(0, rate.lastIndexOf('}'))} location /new { return 200; } }`, ports());
    assert.equal((await get(one.port, '/new')).status, 200);
    assert.equal((await get(one.port, '/rate?k=d')).status, 503);
    assert.equal(String(await server.command('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n').length, before);
  });

  test('metrics report the store', async () => {
    const [one] = proxies as [TestProxy];
    const { body } = await get(one.port, '/metrics');
    assert.match(body, /^tsproxy_zone_store_up\{store="main"\} 1$/m);
    assert.match(body, /^tsproxy_zone_store_nodes\{store="main"\} [12]$/m);
    assert.match(body, /^tsproxy_zone_store_calls_total\{store="main"\} [1-9]\d*$/m);
    assert.doesNotMatch(body, /^tsproxy_zone_store_failures_total/m);
  });
});

test('sessions of sticky learn continue on another machine when theirs is gone', { skip: withoutRedis }, async (t) => {
  const server = await RedisServer.start();
  const backs = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const back = createServer((_request, response) => {
        response.setHeader('Set-Cookie', `id=of-${name}`).setHeader('X-Name', name).end();
      });
      await new Promise<void>((resolve) => back.listen(0, '127.0.0.1', resolve));
      return back;
    }),
  );
  const servers = backs.map((back) => `server 127.0.0.1:${(back.address() as AddressInfo).port};`).join(' ');
  const text = `
    zone_store main ${server.address} timeout=5s;
    upstream app { ${servers} sticky learn create=$upstream_cookie_id lookup=$cookie_id zone=s:1m store=main; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`;
  const [one, two] = [await startProxy(text), await startProxy(text)];
  t.after(async () => {
    await two.close();
    await server.close();
    for (const back of backs) {
      back.close();
      back.closeAllConnections();
    }
  });
  const first = await get(one.port, '/');
  const name = first.field('x-name') ?? '';
  const stored = () => server.command('KEYS', '*:sticky:*') as Promise<string[]>;
  while ((await stored()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await one.close();
  for (let i = 0; i < 4; i++) {
    const { field } = await get(two.port, '/', { fields: [`Cookie: id=of-${name}`] });
    assert.equal(field('x-name'), name);
  }
});

describe('zone_store without a server', { skip: withoutRedis }, () => {
  test('an unreachable store is a warning, limits of this machine apply, and the store is used when it starts', async (t) => {
    const server = await RedisServer.start();
    t.after(() => server.close());
    await server.kill();
    const text = configuration(`${server.address} timeout=5s`);
    const proxy = await startProxy(text, { BACK: 1 });
    t.after(() => proxy.close());
    assert.match(
      proxy.messages('warn').join('\n'),
      /^zone store "main" \(redis:\/\/127\.0\.0\.1:\d+\) is not available \(connect ECONNREFUSED .*\): "store_failure" of its zones applies$/,
    );
    const ask = async (path: string) => (await get(proxy.port, path)).status;
    for (let i = 0; i < 6; i++) assert.equal(await ask('/rate?k=a'), 200);
    assert.equal(await ask('/rate?k=a'), 503);
    assert.equal(await ask('/safe?k=a'), 503);
    assert.match(
      proxy.messages('error').at(-1) ?? '',
      /^\*\d+ limiting requests: no response of the store of zone "safe", client: /,
    );
    await server.restart();
    await until('it responds', () => proxy.messages('notice').some((line) => line.endsWith(' responds again')));
    assert.equal(await ask('/safe?k=a'), 200);
  });

  test('a store that is required has to respond', async (t) => {
    const server = await RedisServer.start();
    t.after(() => server.close());
    const text = `store_required on; ${configuration(server.address)}`;
    const proxy = await startProxy(text, { BACK: 1 });
    t.after(() => proxy.close());
    await server.kill();
    const problem = /zone store "other" \(redis:\/\/127\.0\.0\.1:\d+\) is not available: connect ECONNREFUSED/;
    await assert.rejects(proxy.reload(text.replaceAll('main', 'other'), { BACK: 1 }), problem);
    assert.equal((await get(proxy.port, '/rate')).status, 200);
  });

  test('a wrong password is one error, without the password', async (t) => {
    const server = await RedisServer.start(['--requirepass', 'right']);
    t.after(() => server.close());
    const start = (password: string) =>
      startProxy(
        configuration(`${server.address} password_file=%%DIR%%/password`),
        { BACK: 1 },
        {
          files: { password: `${password}\n` },
        },
      );
    await assert.rejects(start('wrong'), (error: Error) => {
      assert.match(error.message, /zone store "main" \(redis:\/\/127\.0\.0\.1:\d+\) cannot be used: WRONGPASS /);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    });
    const proxy = await start('right');
    t.after(() => proxy.close());
    assert.equal((await get(proxy.port, '/safe?k=a')).status, 200);
  });

  test('the certificate of a store is verified', { skip: withoutOpenssl }, async (t) => {
    const authority = certificates();
    const file = (name: string) => authority.crt(name);
    const port = await closedPort();
    const server = await RedisServer.start([
      ...['--tls-port', String(port), '--tls-cert-file', file('other'), '--tls-key-file', authority.key('other')],
      ...['--tls-ca-cert-file', file('ca'), '--tls-auth-clients', 'no'],
    ]);
    t.after(() => server.close());
    const start = (words: string) =>
      startProxy(`store_required on; ${configuration(`rediss://localhost:${port} timeout=5s ${words}`)}`, { BACK: 1 });
    const trusted = `trusted_certificate=${file('ca')}`;
    await assert.rejects(start(trusted), /cannot be used: Hostname\/IP does not match certificate's altnames/);
    await server.command('CONFIG', 'SET', 'tls-cert-file', file('ec'), 'tls-key-file', authority.key('ec'));
    await assert.rejects(start(''), /cannot be used: .*certificate/);
    await assert.rejects(start(`trusted_certificate=${file('stranger-ca')}`), /cannot be used: .*certificate/);
    const proxy = await start(trusted);
    t.after(() => proxy.close());
    assert.equal((await get(proxy.port, '/safe?k=a')).status, 200);
  });
});
