import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { get, until, websocketEcho } from '../kit/index.js';
import { ROOT } from '../structure/sources.js';
import { startExample } from './kit.js';

test('conf/examples/websocket-map.conf: wscat sends a message and receives it again', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startExample(t, 'websocket-map.conf', { '127.0.0.1:3001': `127.0.0.1:${echo.port}` });
  const program = join(ROOT, 'node_modules/wscat/bin/wscat');
  const url = `ws://127.0.0.1:${proxy.port}/chat/room`;
  const wscat = spawn(process.execPath, [program, '-c', url, '-x', 'hello', '-w', '1'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => wscat.kill());
  let output = '';
  for (const stream of [wscat.stdout, wscat.stderr]) stream.on('data', (bytes) => (output += bytes));
  // Its standard input stays open, because it ends with it.
  await until('the message returns', () => output !== '');
  assert.equal(output, 'hello\n');
  await until('the WebSocket is closed', () => echo.closeCodes.length === 1);
  assert.deepEqual(
    echo.upgrades.map(({ connection, upgrade }) => [connection, upgrade]),
    [['upgrade', 'websocket']],
  );
  assert.equal((await get(proxy.port, '/chat/page')).body, 'plain echo /chat/page');
  assert.deepEqual(proxy.messages('error'), []);
});
