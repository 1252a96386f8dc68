import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { get, websocket, websocketEcho } from '../kit/index.js';
import { ROOT } from '../structure/sources.js';
import { handshakeStatus, startExample } from './kit.js';

const NAME = 'websocket-script';

test('conf/examples/websocket-script.conf: the script has about thirty lines', () => {
  const lines = readFileSync(join(ROOT, `conf/examples/${NAME}.ts`), 'utf8')
    .trimEnd()
    .split('\n');
  assert.ok(lines.length <= 33, String(lines.length));
});

test('conf/examples/websocket-script.conf: hosts have their back ends, users are required, messages are changed', async (t) => {
  const echoes = await Promise.all([
    websocketEcho({ greeting: '{"internal":1,"a":1}' }),
    websocketEcho({ name: 'two' }),
  ]);
  t.after(() => Promise.all(echoes.map((echo) => echo.close())));
  const [one, two] = echoes;
  const script = readFileSync(join(ROOT, `conf/examples/${NAME}.ts`), 'latin1')
    .replace('127.0.0.1:3001', `127.0.0.1:${one.port}`)
    .replace('127.0.0.1:3002', `127.0.0.1:${two.port}`);
  const proxy = await startExample(t, `${NAME}.conf`, {}, { [`${NAME}.ts`]: script });
  const { port } = proxy;
  assert.equal(await handshakeStatus(port, '/', ['Host: elsewhere.example', 'X-User: me']), 404);
  assert.equal(await handshakeStatus(port, '/', ['Host: one.chat.example']), 401);
  assert.equal((await get(port, '/', { fields: ['Host: one.chat.example'] })).status, 426);
  const type = 'text/plain; charset=utf-8';

  const first = await websocket(port, '/', { Host: 'one.chat.example', 'X-User': 'me' });
  assert.deepEqual(JSON.parse(String(await first.next())), { a: 1, type });
  assert.deepEqual(JSON.parse(String(await first.ask('{"text":"hi","internal":true}'))), {
    text: 'hi',
    type,
    user: 'me',
  });
  assert.deepEqual(JSON.parse(String(await first.ask('{"type":"a/b"}'))), { type: 'a/b', user: 'me' });
  first.send(Buffer.from([1]));
  assert.equal(await first.closed, 1003);

  const second = await websocket(port, '/', { Host: 'two.chat.example', 'X-User': 'you' });
  assert.deepEqual(JSON.parse(String(await second.ask('{}'))), { type, user: 'you' });
  await second.close();
  assert.deepEqual([one.upgrades.length, two.upgrades.length], [1, 1]);
});
