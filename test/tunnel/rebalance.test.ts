/** `tunnel_rebalance`: WebSockets move to a server that joins, never more than the share, spread over time. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { chooseTunnels } from '../../src/tunnel/rebalancer.js';
import {
  answeringBackend,
  closedPort,
  get,
  reply,
  startProxy,
  type TestProxy,
  until,
  type WebSocketClient,
  type WebSocketEcho,
  websocket,
  websocketEcho,
} from '../kit/index.js';

function server(count: number, weight = 1): { weight: number; load: number; tunnels: string[] } {
  return { weight, load: count, tunnels: Array.from({ length: count }, (_, n) => `${weight}/${count}/${n}`) };
}

test('the oldest tunnels of the most loaded server are chosen, until loads are equal or the limit is reached', () => {
  assert.deepEqual(chooseTunnels([server(6), server(0)], 10), ['1/6/0', '1/6/1', '1/6/2']);
  assert.deepEqual(chooseTunnels([server(6), server(0)], 2), ['1/6/0', '1/6/1']);
  assert.deepEqual(chooseTunnels([server(3), server(2)], 10), []);
  assert.deepEqual(chooseTunnels([server(6), server(3), server(0)], 10), ['1/6/0', '1/6/1', '1/6/2']);
  assert.deepEqual(chooseTunnels([server(0)], 10), []);
  assert.deepEqual(chooseTunnels([], 10), []);
  // Three quarters belong to the server with weight 3.
  assert.equal(chooseTunnels([server(40), server(0, 3)], 100).length, 30);
  assert.equal(chooseTunnels([server(0), server(40, 3)], 100).length, 10);
  assert.deepEqual(chooseTunnels([server(6), server(0)], -1), []);
});

test('a choice never exceeds the limit and never makes the loads less equal', () => {
  let random = 1;
  const next = (limit: number) => {
    random = (random * 1103515245 + 12345) % 2147483648;
    return random % limit;
  };
  for (let n = 0; n < 20_000; n++) {
    const servers = Array.from({ length: 1 + next(5) }, () => server(next(30), 1 + next(3)));
    const limit = next(20);
    const chosen = chooseTunnels(servers, limit);
    assert.ok(chosen.length <= limit);
    const total = servers.reduce((sum, { load }) => sum + load, 0);
    const weights = servers.reduce((sum, { weight }) => sum + weight, 0);
    for (const { load, weight, tunnels } of servers) {
      const taken = tunnels.filter((tunnel) => chosen.includes(tunnel)).length;
      const fair = (total * weight) / weights;
      if (load <= fair && servers.filter((each) => each.tunnels[0] === tunnels[0]).length === 1) {
        assert.equal(taken, 0, `${load} of ${fair} were reduced`);
      }
    }
  }
});

const PASS = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

interface Scene {
  readonly proxy: TestProxy;
  readonly echoes: readonly WebSocketEcho[];
  readonly clients: readonly WebSocketClient[];
  readonly closed: { readonly n: number; readonly code: number; readonly time: number }[];
  text(servers: string): string;
}

async function scene(t: TestContext, count: number, directives: string): Promise<Scene> {
  const echoes = [await websocketEcho(), await websocketEcho()];
  const text = (servers: string) => `
    upstream app { least_conn; ${servers} ${directives} }
    server { listen 127.0.0.1:0; location / { ${PASS} proxy_pass http://app; } }`;
  const proxy = await startProxy(text(`server 127.0.0.1:${echoes[0]?.port};`));
  t.after(async () => {
    await proxy.close();
    for (const echo of echoes) await echo.close();
  });
  const clients: WebSocketClient[] = [];
  const closed: { n: number; code: number; time: number }[] = [];
  for (let n = 0; n < count; n++) {
    const client = await websocket(proxy.port);
    clients.push(client);
    void client.closed.then((code) => closed.push({ n, code, time: performance.now() }));
  }
  return { proxy, echoes, clients, closed, text };
}

test('the oldest WebSockets receive 1012 when a server joins, spread over time, and reconnect to it', async (t) => {
  const { proxy, echoes, closed, clients, text } = await scene(t, 20, 'tunnel_rebalance on share=20% spread=400ms;');
  const start = performance.now();
  await proxy.reload(text(echoes.map(({ port }) => `server 127.0.0.1:${port};`).join(' ')));
  await until('four are closed', () => closed.length === 4);
  // The clients come back while others are not due yet.
  const again = [await websocket(proxy.port), await websocket(proxy.port)];
  assert.deepEqual(
    closed.map(({ n, code }) => [n, code]),
    [0, 1, 2, 3].map((n) => [n, 1012]),
  );
  for (const [i, { time }] of closed.entries()) assert.ok(time - start > i * 100, `${i}: ${time - start} ms`);
  for (const client of again) assert.equal(await client.ask('hello'), 'hello');
  assert.equal(echoes[1]?.open, 2);
  assert.ok(proxy.messages('notice').includes('upstream "app": 4 of 20 tunnels are moved within 0.4 s'));
  for (const client of clients.slice(4)) assert.equal(await client.ask('still here'), 'still here');
  assert.equal(closed.length, 4);
});

test('nothing moves without the directive, below the share, or if nobody joins', async (t) => {
  for (const [directives, count] of [
    ['', 4],
    ['tunnel_rebalance off;', 4],
    ['tunnel_rebalance on share=10% spread=0;', 9],
  ] as const) {
    const { proxy, echoes, closed, clients, text } = await scene(t, count, directives);
    await proxy.reload(text(echoes.map(({ port }) => `server 127.0.0.1:${port};`).join(' ')));
    // Longer than the delay before tunnels are moved.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const client of clients) assert.equal(await client.ask('x'), 'x');
    assert.equal(closed.length, 0);
  }
});

test('a second server that joins does not exceed the share while tunnels are leaving', async (t) => {
  const third = await websocketEcho();
  t.after(() => third.close());
  const directives = 'zone app 64k; tunnel_rebalance on share=20% spread=60s;';
  const { proxy, echoes, closed, clients, text } = await scene(t, 20, directives);
  const moves = () =>
    proxy.messages('notice').flatMap((message) => /(\d+) of (\d+) tunnels are moved/.exec(message) ?? []);
  const servers = echoes.map(({ port }) => `server 127.0.0.1:${port};`).join(' ');
  await proxy.reload(text(servers));
  await until('the first one is closed', () => closed.length === 1);
  assert.deepEqual(moves().slice(1), ['4', '20']);
  // A reload moves the tunnels whose Close frame is not due yet to its generation, and the choice begins again.
  await proxy.reload(text(`${servers} server 127.0.0.1:${third.port};`));
  await until('tunnels are chosen again', () => moves().length === 6);
  assert.deepEqual(moves().slice(4), ['3', '19']);
  await until('another one is closed', () => closed.length === 2);
  for (const [n, client] of clients.entries()) if (n > 1) assert.equal(await client.ask('x'), 'x');
});

test('WebSockets move to a server that is available again after it has failed', async (t) => {
  const gone = await closedPort();
  const echo = await websocketEcho();
  const proxy = await startProxy(`
    upstream app {
      least_conn;
      server 127.0.0.1:${echo.port};
      server 127.0.0.1:${gone} fail_timeout=1s;
      tunnel_rebalance on share=50% spread=0;
    }
    server { listen 127.0.0.1:0; location / { ${PASS} proxy_pass http://app; } }`);
  t.after(async () => {
    await proxy.close();
    await echo.close();
  });
  const codes: number[] = [];
  for (let n = 0; n < 6; n++) void (await websocket(proxy.port)).closed.then((code) => codes.push(code));
  assert.equal(echo.open, 6);
  // The first request to the server after fail_timeout finds that it is back.
  const back = await answeringBackend(reply('back'), { port: gone });
  t.after(() => back.close());
  const isBack = async (): Promise<boolean> => (await get(proxy.port)).body === 'back';
  while (!(await isBack())) await new Promise((resolve) => setTimeout(resolve, 50));
  await until('half of them are closed', () => codes.length === 3);
  assert.deepEqual(codes, [1012, 1012, 1012]);
});
