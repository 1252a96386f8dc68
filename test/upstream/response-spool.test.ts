import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import { flood, patternBytes } from '../kit/flood.js';
import { request, scriptedBackend, startProxy, until } from '../kit/index.js';

test('a client that is slow for a moment costs no file, one that stays slow does', { timeout: 60_000 }, async (t) => {
  const BYTES = 12_000_000;
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\nConnection: close\r\n\r\n`);
    flood(connection.socket, BYTES);
  });
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { proxy_buffers 4 8k; proxy_pass http://127.0.0.1:%%PORT%%; } }',
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  const files = (): number => proxy.messages('warn').filter((line) => line.includes('to a temporary file')).length;
  /** Whether a response needed a file whose client reads again once something waits for it, or once there is a file. */
  const ask = async (momentarily: boolean): Promise<boolean> => {
    const before = files();
    const client = createConnection({ host: '127.0.0.1', port: proxy.port });
    client.write(request('/'));
    if (momentarily) {
      while (bufferedMemory() < 40_000) await new Promise((resolve) => setImmediate(resolve));
    } else await until('there is a file', () => files() > before);
    const answer = await buffer(client);
    assert.ok(answer.subarray(answer.indexOf('\r\n\r\n') + 4).equals(patternBytes(0, BYTES)));
    return files() > before;
  };
  // A busy machine makes a moment longer than it is.
  let attempts = 0;
  while (await ask(true)) assert.ok(++attempts < 20, 'a file each time');
  assert.equal(await ask(false), true);
  assert.equal(bufferedMemory(), 0);
});
