import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, checkConfig, createProxy, type LogEntry } from '../src/index.js';
import {
  answeringBackend,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  until,
  websocket,
  websocketEcho,
} from './kit/index.js';

const one = 'events {} http { access_log off; server { listen 127.0.0.1:0; return 200 one; } }';
const two = one.replace('one', 'two');

function portOf(addresses: readonly string[]): number {
  return Number(addresses[0]?.split(':').at(-1));
}

test('a text is served on a port that the system chooses, and reloaded on the same', async () => {
  const proxy = createProxy({ config: one });
  assert.equal(proxy.status.generation, 0);
  const start = await proxy.start();
  assert.equal(start.generation, 1);
  assert.deepEqual(start.findings, []);
  const port = portOf(proxy.addresses);
  assert.ok(port > 0);
  assert.equal((await get(port)).body, 'one');
  const change = await proxy.reload({ config: two });
  await change.predecessorEnded;
  assert.equal(change.generation, 2);
  assert.equal(portOf(proxy.addresses), port);
  assert.equal((await get(port)).body, 'two');
  await proxy.close();
  await assert.rejects(connect(port));
});

test('a file is read again by a reload', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-index-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'nginx.conf'), one);
  const proxy = createProxy({ file: 'nginx.conf', prefix: directory });
  await proxy.start();
  t.after(() => proxy.close());
  writeFileSync(join(directory, 'nginx.conf'), two);
  await proxy.reload();
  assert.equal((await get(portOf(proxy.addresses))).body, 'two');
});

test('includes come from texts where texts are given', async (t) => {
  const proxy = createProxy({
    config: 'events {} http { access_log off; include sites/*.conf; }',
    includes: { 'sites/a.conf': 'server { listen 127.0.0.1:0; return 200 included; }' },
  });
  await proxy.start();
  t.after(() => proxy.close());
  assert.equal((await get(portOf(proxy.addresses))).body, 'included');
});

test('a mistake rejects with all findings, and a reload with one changes nothing', async (t) => {
  const broken = 'events {} http { server { listen 127.0.0.1:0; retrun 200; lissten 80; } }';
  await assert.rejects(createProxy({ config: broken }).start(), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.findings.map(({ code, at }) => [code, at?.line]),
      [
        ['unknown-directive', 1],
        ['unknown-directive', 1],
      ],
    );
    assert.match(error.message, /^unknown directive "retrun" in <inline>:1\n/);
    assert.match(error.message, /did you mean "return"/);
    return true;
  });
  const proxy = createProxy({ config: one });
  await proxy.start();
  t.after(() => proxy.close());
  await assert.rejects(proxy.reload({ config: broken }), ConfigError);
  assert.equal(proxy.status.generation, 1);
  assert.equal((await get(portOf(proxy.addresses))).body, 'one');
});

test('an address that is taken rejects in nginx’s words', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const proxy = createProxy({ config: one.replace(':0', `:${port}`) });
  await assert.rejects(proxy.start(), {
    name: 'ConfigError',
    message:
      /^bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\)(?:; this process itself listens on port \d+)?$/,
  });
  await proxy.close();
});

test('a tunnel outlives the reload that removes its location, and its generation ends with it', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const entries: LogEntry[] = [];
  const tunnel = `proxy_pass http://127.0.0.1:${echo.port}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`;
  const proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:0; location / { ${tunnel} } } }`,
    errorLog: (entry) => entries.push(entry),
  });
  await proxy.start();
  t.after(() => proxy.close());
  const client = await websocket(portOf(proxy.addresses));
  assert.equal(await client.ask('before'), 'before');
  const { predecessorEnded } = await proxy.reload({ config: two });
  assert.equal(await client.ask('after'), 'after');
  assert.equal(proxy.status.generations, 2);
  assert.equal(proxy.status.active, 1);
  await client.close();
  await predecessorEnded;
  assert.equal(proxy.status.generations, 1);
  assert.equal(proxy.status.active, 0);
  assert.ok(entries.some(({ level, message }) => level === 'notice' && message === 'generation 1 exited with code 0'));
});

test('reloads are served in order', async (t) => {
  const proxy = createProxy({ config: one });
  await proxy.start();
  t.after(() => proxy.close());
  const changes = await Promise.all([two, one, two, one].map((config) => proxy.reload({ config })));
  assert.deepEqual(
    changes.map(({ generation }) => generation),
    [2, 3, 4, 5],
  );
  assert.equal((await get(portOf(proxy.addresses))).body, 'one');
});

test('closing with drain lets a request under way end; closing without cuts it', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
  });
  t.after(() => backend.close());
  const config = `events {} http { access_log off; server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:${backend.port}; } } }`;
  for (const drain of [true, false]) {
    const proxy = createProxy({ config });
    await proxy.start();
    const client = await connect(portOf(proxy.addresses));
    const before = backend.connections.length;
    client.send(request('/'));
    await until('the back end is asked', () => backend.connections.length > before);
    const closed = proxy.close({ drain });
    if (drain) backend.connections.at(-1)?.send(reply('late'));
    const bytes = await client.all();
    assert.equal(bytes.endsWith('late'), drain);
    await closed;
    assert.equal(proxy.status.connections, 0);
    client.close();
  }
});

test('two proxies live side by side', async (t) => {
  const backend = await answeringBackend((received) => reply(received.target));
  t.after(() => backend.close());
  const proxies = [one, two].map((config) => createProxy({ config }));
  for (const proxy of proxies) {
    await proxy.start();
    t.after(() => proxy.close());
  }
  const bodies = await Promise.all(proxies.map(async ({ addresses }) => (await get(portOf(addresses))).body));
  assert.deepEqual(bodies, ['one', 'two']);
});

test('a configuration is checked without starting anything', () => {
  assert.deepEqual(checkConfig(one), { ok: true, findings: [], rendered: '' });
  const checked = checkConfig('events {} http { sendfle on; }');
  assert.equal(checked.ok, false);
  assert.equal(checked.findings[0]?.code, 'unknown-directive');
  assert.match(checked.rendered, /sendfle on; }\n/);
});

test('a text and a file at once, or neither, are a mistake of the caller', () => {
  assert.throws(() => createProxy({}), TypeError);
  assert.throws(() => createProxy({ config: one, file: 'nginx.conf' }), TypeError);
});
