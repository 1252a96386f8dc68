import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { get, startProxy } from '../kit/index.js';

/** Heads of the same length, by path: the last value, one in the middle, and the status line differ. */
const HEADS: Readonly<Record<string, string>> = {
  '/a': 'HTTP/1.1 200 OK\r\nX-Of: a\r\nContent-Length: 2\r\n\r\n',
  '/b': 'HTTP/1.1 200 OK\r\nX-Of: b\r\nContent-Length: 2\r\n\r\n',
  '/c': 'HTTP/1.1 200 OK\r\nX-Of: c\r\nContent-Length: 4\r\n\r\n',
  '/d': 'HTTP/1.1 404 NO\r\nX-Of: d\r\nContent-Length: 2\r\n\r\n',
};
const BODIES: Readonly<Record<string, string>> = { '/a': 'aa', '/b': 'bb', '/c': 'cccc', '/d': 'dd' };

test('responses whose heads alternate have their own status, fields and bodies', async (t) => {
  const sockets = new Set<Socket>();
  const backEnd = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      const path = head.split(' ')[1] ?? '';
      head = '';
      socket.write(`${HEADS[path]}${BODIES[path]}`, 'latin1');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => backEnd.once('listening', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    backEnd.close();
  });
  const proxy = await startProxy(`
    upstream back { server 127.0.0.1:${(backEnd.address() as { port: number }).port}; keepalive 8; }
    server {
      listen 127.0.0.1:0;
      location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://back; }
    }`);
  t.after(() => proxy.close());
  const check = async (path: string): Promise<void> => {
    const answer = await get(proxy.port, path);
    assert.equal(answer.status, path === '/d' ? 404 : 200, path);
    assert.equal(answer.field('x-of'), path.slice(1), path);
    assert.equal(answer.body, BODIES[path], path);
  };
  for (let round = 0; round < 4; round++) for (const path of Object.keys(HEADS)) await check(path);
  // Several at a time, so that released streams and their readers change places.
  for (let round = 0; round < 4; round++)
    await Promise.all(['/a', '/b', '/c', '/d', '/c', '/a', '/d', '/b'].map(check));
});
