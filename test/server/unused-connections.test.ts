import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { startProxy, until } from '../kit/index.js';

const SERVER = 'server { listen 127.0.0.1:0; client_header_timeout 300ms; return 200 served; }';

const ENDS: readonly (readonly [string, (socket: net.Socket) => void, RegExp])[] = [
  ['closed', (socket) => void socket.end(), /^\*\d+ client closed connection while waiting for request, client: 127/],
  [
    'reset',
    (socket) => void socket.resetAndDestroy(),
    /^\*\d+ recv\(\) failed \(104: Connection reset by peer\) while w/,
  ],
  [
    'left open',
    () => {},
    /^\*\d+ client timed out \(110: Connection timed out\) while waiting for request, client: 127/,
  ],
];

for (const [how, end, expected] of ENDS) {
  test(`a connection ${how} before its first request is logged once`, async (t) => {
    const proxy = await startProxy(SERVER);
    t.after(() => proxy.close());
    const socket = net.connect(proxy.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => {}).resume();
    await until('it is accepted', () => proxy.proxy.status.connections === 1);
    end(socket);
    await until('it is closed', () => proxy.proxy.status.connections === 0);
    const messages = proxy.messages('info');
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? '', expected);
  });
}
