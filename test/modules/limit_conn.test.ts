import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { check } from '../../src/config/check.js';
import type { ErrorLog } from '../../src/logging/error-log.js';
import { modules } from '../../src/modules/index.js';
import { compileRoutingTable, type RoutingTable } from '../../src/program/compiler.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import {
  answeringBackend,
  type Backend,
  type Connection,
  complete,
  connect,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
  until,
  type WebSocketEcho,
  websocket,
  websocketEcho,
} from '../kit/index.js';

const CONFIGURATION = `
  limit_conn_zone $arg_k zone=one:1m;
  limit_conn_zone $arg_other zone=other:1m;
  limit_conn_zone $arg_long$arg_long$arg_long zone=long:1m;
  log_format test '$uri $status $limit_conn_status';
  server {
    listen 127.0.0.1:0;
    root %%DIR%%/html;
    access_log logs/test.log test;
    add_header X-Status $limit_conn_status always;
    location / { limit_conn one 1; limit_conn_status 429; proxy_pass http://127.0.0.1:%%BACKEND%%; }
    location /several { limit_conn other 2; limit_conn one 1; proxy_pass http://127.0.0.1:%%BACKEND%%; }
    location /dry { limit_conn one 1; limit_conn_dry_run on; limit_conn_log_level warn; empty_gif; }
    location /none { empty_gif; }
    location /long { limit_conn long 1; empty_gif; }
    location /try { limit_conn one 1; try_files $uri /again/; }
    location /again { limit_conn one 1; limit_conn other 1; empty_gif; }
    location /page.html { ssi on; limit_conn one 1; }
    location /included { limit_conn one 1; }
    location /ws {
      limit_conn one 1;
      proxy_pass http://127.0.0.1:%%ECHO%%;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
    location /level { limit_conn_log_level info; location /level/inner { limit_conn one 1; proxy_pass http://127.0.0.1:%%BACKEND%%; } }
  }`;

describe('limit_conn', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let echo: WebSocketEcho;
  /** Requests that the back end holds until it is told to answer. */
  const waiting: (() => void)[] = [];

  before(async () => {
    echo = await websocketEcho();
    backend = await answeringBackend(
      () => new Promise<string>((resolve) => waiting.push(() => resolve(reply('done')))),
    );
    proxy = await startProxy(
      CONFIGURATION,
      { BACKEND: backend.port, ECHO: echo.port },
      {
        files: {
          'html/page.html':
            '<!--#include virtual="/included?k=$arg_k" --><!--#include virtual="/included?k=$arg_k" -->',
          'html/included': 'x',
        },
      },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
    await echo.close();
  });

  /** A request that is under way at the back end. */
  async function begin(path: string): Promise<Connection> {
    const before = waiting.length;
    const connection = await connect(proxy.port);
    connection.send(request(path));
    await until('the back end has the request', () => waiting.length > before);
    return connection;
  }
  /** Lets the back end answer all that it has. */
  function answerAll(): void {
    for (const answer of waiting.splice(0)) answer();
  }
  const statusOf = async (path: string) => {
    const { status, field } = await get(proxy.port, path);
    return [status, field('x-status')];
  };

  test('refuses what is beyond the limit, says so, and lets through again when room is made', async () => {
    const first = await begin('/?k=a');
    assert.deepEqual(await statusOf('/?k=a'), [429, 'REJECTED']);
    assert.deepEqual(proxy.messages('error').length, 1);
    assert.match(
      proxy.messages('error')[0] ?? '',
      /^\*\d+ limiting connections by zone "one", client: 127\.0\.0\.1, server: , request: "GET \/\?k=a HTTP\/1\.1", host: "/,
    );
    const other = await begin('/?k=b');
    answerAll();
    const answer = await first.answer();
    assert.deepEqual([answer.status, answer.field('x-status')], [200, 'PASSED']);
    await other.answer();
    const again = await begin('/?k=a');
    answerAll();
    assert.equal((await again.answer()).status, 200);
  });

  test('does not count a request without a key, nor one with a key that is too long', async () => {
    assert.deepEqual(await statusOf('/again'), [200, undefined]);
    const long = 'x'.repeat(86);
    assert.deepEqual(await statusOf(`/long?long=${long}`), [200, undefined]);
    const message = `the value of the "$arg_long$arg_long$arg_long" key is more than 255 bytes: "${long.repeat(3)}"`;
    assert.ok(proxy.messages('error').some((line) => line.includes(message)));
    assert.deepEqual(await statusOf(`/long?long=${'x'.repeat(85)}`), [200, 'PASSED']);
    assert.deepEqual(await statusOf('/none'), [200, undefined]);
    await until('a line', () => proxy.accessLog('logs/test.log').includes('/none 200 -'));
  });

  test('of several limits each holds, and one that refuses gives back what others took', async () => {
    const first = await begin('/several?k=c&other=x');
    assert.equal((await get(proxy.port, '/several?k=c&other=x')).status, 503);
    const second = await begin('/several?other=x');
    assert.equal((await get(proxy.port, '/several?other=x')).status, 503);
    answerAll();
    await first.answer();
    await second.answer();
  });

  test('in a dry run says what it would do', async () => {
    const first = await begin('/?k=d');
    assert.deepEqual(await statusOf('/dry?k=d'), [200, 'REJECTED_DRY_RUN']);
    assert.match(proxy.messages('warn').at(-1) ?? '', /limiting connections, dry run, by zone "one", client/);
    answerAll();
    await first.answer();
  });

  test('counts a request once, wherever internal redirects and includes lead', async () => {
    assert.deepEqual(await statusOf('/try?k=e'), [200, 'PASSED']);
    const page = await get(proxy.port, '/page.html?k=e');
    assert.equal(page.body, 'xx');
  });

  test('a tunnel is under way until it ends', async () => {
    const tunnel = await websocket(proxy.port, '/ws?k=f');
    assert.equal((await get(proxy.port, '/again?k=f')).status, 503);
    assert.equal(await tunnel.ask('x'), 'x');
    await tunnel.close();
    await until('the slot is free', () => proxy.accessLog('logs/test.log').includes('/ws 101 PASSED'));
    assert.equal((await get(proxy.port, '/again?k=f')).status, 200);
  });

  test('a client that goes away makes room', async () => {
    const first = await begin('/?k=g');
    assert.equal((await get(proxy.port, '/?k=g')).status, 429);
    first.reset();
    await until('the request is over', () => proxy.accessLog('logs/test.log').includes('/ 499 PASSED'));
    assert.equal((await get(proxy.port, '/again?k=g')).status, 200);
    answerAll();
  });

  test('takes the level of its log from around', async () => {
    const first = await begin('/level/inner?k=h');
    assert.equal((await get(proxy.port, '/level/inner?k=h')).status, 503);
    assert.match(proxy.messages('info').at(-1) ?? '', /limiting connections by zone "one"/);
    answerAll();
    await first.answer();
  });

  test('counts live on over a reload that keeps the zone', async () => {
    const first = await begin('/?k=i');
    await proxy.reload(CONFIGURATION, { BACKEND: backend.port, ECHO: echo.port });
    assert.equal((await get(proxy.port, '/?k=i')).status, 429);
    const otherKey = CONFIGURATION.replace('$arg_k zone', '$arg_kk zone');
    await assert.rejects(proxy.reload(otherKey, { BACKEND: backend.port, ECHO: echo.port }), {
      message: /limit_conn_zone "one" uses the "\$arg_kk" key while previously it used the "\$arg_k" key/,
    });
    assert.equal((await get(proxy.port, '/?k=i')).status, 429);
    // A zone of another size is another zone.
    const larger = CONFIGURATION.replace('one:1m', 'one:2m');
    await proxy.reload(larger, { BACKEND: backend.port, ECHO: echo.port });
    assert.equal((await get(proxy.port, '/again?k=i')).status, 200);
    answerAll();
    await first.answer();
    assert.equal((await get(proxy.port, '/again?k=i')).status, 200);
  });
});

test('a zone that is full refuses further keys', async (t) => {
  const backend = await answeringBackend(() => new Promise<string>(() => {}));
  t.after(() => backend.close());
  const proxy = await startProxy(
    `limit_conn_zone $arg_k$arg_k$arg_k$arg_k zone=one:32k;
     server { listen 127.0.0.1:0; limit_conn one 1; location / { proxy_pass http://127.0.0.1:${backend.port}; } location /now { empty_gif; } }`,
  );
  t.after(() => proxy.close());
  // Five pages of 16 pieces of 256 bytes.
  const clients = await Promise.all(Array.from({ length: 80 }, () => connect(proxy.port)));
  for (const [i, client] of clients.entries()) client.send(request(`/?k=${String(i).padStart(50, 'x')}`));
  await until('the zone is full', () => backend.requests.length === 80);
  assert.equal((await get(proxy.port, `/now?k=${'w'.repeat(50)}`)).status, 503);
  assert.equal(proxy.messages('crit').at(-1), 'ngx_slab_alloc() failed: no memory in limit_conn_zone "one"');
  for (const client of clients) client.reset();
});

test('reloads, refused ones too, leave no zone behind', async () => {
  const home = new LocalBackend();
  const log: ErrorLog = { threshold: -1, write: () => {} };
  const compile = async (text: string, previous: RoutingTable | null) => {
    const { config } = check({ name: 'test', text: complete(text, {}) }, modules, { prefix: '/nonexistent/' });
    assert.ok(config);
    return compileRoutingTable(config, modules, { errorLog: log, previous, prefix: '/nonexistent/', zones: home });
  };
  const zones = (names: string) => [...names].map((name) => `limit_conn_zone $uri zone=${name}:32k;`).join('');
  const server = 'access_log off; server { listen 127.0.0.1:1; }';
  const first = await compile(zones('ab') + server, null);
  assert.equal(home.states.size, 2);
  await assert.rejects(compile(`${zones('abc')}access_log /nonexistent/x; server { listen 127.0.0.1:1; }`, first));
  assert.equal(home.states.size, 2);
  const second = await compile(zones('bd') + server, first);
  assert.equal(home.states.size, 3);
  first.shared.close([second.shared]);
  assert.equal(home.states.size, 2);
  second.shared.close([]);
  assert.equal(home.states.size, 0);
});
