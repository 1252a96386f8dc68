/** Functions of a program that a configuration names. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConfigError, checkConfig, createProxy, explain, type LogEntry, type ReverseProxy } from '../../src/index.js';
import { get, websocket, websocketEcho } from '../kit/index.js';

function portOf({ addresses }: ReverseProxy): number {
  return Number(addresses[0]?.split(':').at(-1));
}

async function started(
  t: TestContext,
  locations: string,
  hooks: object,
  entries: LogEntry[] = [],
): Promise<ReverseProxy> {
  const proxy = createProxy({
    config: `events {} http { access_log off; js_set $user hooks.user; server { listen 127.0.0.1:0; ${locations} } }`,
    hooks,
    errorLog: (entry) => entries.push(entry),
  });
  await proxy.start();
  t.after(() => proxy.close());
  return proxy;
}

interface ContentRequest {
  readonly uri: string;
  readonly variables: Readonly<Record<string, string>>;
  return(status: number, text: string): void;
}

interface TextMessage {
  readonly from: string;
  readonly text: string;
  replace(text: string): void;
}

test('directives name functions of the program, with their object as "this"', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const hooks = {
    greeting: 'hello',
    user: () => 'someone',
    async hello(this: { readonly greeting: string }, r: ContentRequest): Promise<void> {
      await null;
      r.return(200, `${this.greeting} ${r.variables.user} at ${r.uri}`);
    },
    inner: {
      filter(_r: unknown, message: TextMessage): void {
        if (message.from === 'client') message.replace(message.text.toUpperCase());
      },
    },
    fail: () => {
      throw new Error('on purpose');
    },
  };
  const entries: LogEntry[] = [];
  const proxy = await started(
    t,
    `location / { js_content hooks.hello; }
     location /fail { js_content hooks.fail; }
     location /ws { proxy_pass ws://127.0.0.1:${echo.port}; js_websocket_message hooks.inner.filter; }`,
    hooks,
    entries,
  );
  const port = portOf(proxy);
  assert.equal((await get(port, '/a')).body, 'hello someone at /a');
  assert.equal((await get(port, '/fail')).status, 500);
  assert.ok(entries.some(({ message }) => message.includes('on purpose') && message.includes('hooks.test')));
  const client = await websocket(port, '/ws');
  assert.equal(await client.ask('text'), 'TEXT');
  await client.close();
  await proxy.reload();
  assert.equal((await get(port, '/b')).body, 'hello someone at /b');
});

test('names that the program does not define are refused, with and without a start', async () => {
  const config = (name: string) =>
    `events {} http { server { listen 127.0.0.1:0; location / { js_content ${name}; } } }`;
  const hooks = { text: 'no function', ok: () => {} };
  assert.equal(checkConfig(config('hooks.ok'), { hooks }).ok, true);
  for (const [name, message] of [
    ['hooks.missing', /js function "hooks\.missing" not found/],
    ['hooks.text', /"hooks\.text" of "js_content" is not a function/],
    ['other.ok', /no imports defined/],
  ] as const) {
    assert.match(checkConfig(config(name), { hooks }).rendered, message);
    await assert.rejects(createProxy({ config: config(name), hooks, errorLog: () => {} }).start(), (error) => {
      return error instanceof ConfigError && message.test(error.message);
    });
  }
  assert.match(checkConfig(config('hooks.ok')).rendered, /no imports defined/);
  const explained = await explain(config('hooks.ok'), '/', { hooks });
  assert.ok(explained.steps.length > 0);
});

test('two proxies of a program have their own functions', async (t) => {
  const proxies = await Promise.all(
    ['one', 'two'].map((name) =>
      started(t, 'location / { js_content hooks.hello; }', {
        user: () => name,
        hello: (r: ContentRequest) => r.return(200, r.variables.user ?? ''),
      }),
    ),
  );
  const bodies = await Promise.all(proxies.map(async (proxy) => (await get(portOf(proxy))).body));
  assert.deepEqual(bodies, ['one', 'two']);
});
