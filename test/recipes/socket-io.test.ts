import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { startProxy } from '../kit/index.js';
import { called, listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);

interface ServerSocket {
  on(event: string, listener: (data: unknown, respond: (...args: unknown[]) => void) => void): void;
}
const { Server } = require('socket.io') as {
  Server: new (
    server: unknown,
    options?: object,
  ) => { on(event: string, listener: (socket: ServerSocket) => void): void };
};

interface ClientSocket {
  readonly io: {
    readonly engine: { readonly transport: { readonly name: string }; once: (e: string, f: () => void) => void };
  };
  on(event: string, listener: (error?: Error) => void): void;
  emit(event: string, data: unknown, respond: (echoed: unknown, port: unknown) => void): void;
  close(): void;
}
const { io } = require('socket.io-client') as { io: (url: string, options: object) => ClientSocket };

async function chatServer(t: TestContext, options: object = {}): Promise<number> {
  const server = createServer();
  const port = await listening(t, server);
  new Server(server, options).on('connection', (socket) => {
    socket.on('echo', (data, respond) => respond(data, port));
  });
  return port;
}

async function connected(t: TestContext, port: number, options: object = {}): Promise<ClientSocket> {
  const client = io(`http://127.0.0.1:${port}`, { forceNew: true, reconnection: false, ...options });
  t.after(() => client.close());
  const [error] = await called<[Error?]>('the connection', (callback) => {
    client.on('connect', () => callback());
    client.on('connect_error', callback);
  });
  assert.equal(error, undefined);
  return client;
}

test('Socket.IO: a client begins with polling, is upgraded to a WebSocket, and all its requests reach one server', async (t) => {
  const proxy = await startRecipe(t, 'Socket.IO', await chatServer(t), await chatServer(t));
  for (let i = 0; i < 5; i++) {
    const client = await connected(t, proxy.port);
    const { engine } = client.io;
    if (engine.transport.name !== 'websocket')
      await called('the upgrade', (callback) => engine.once('upgrade', callback));
    assert.equal(engine.transport.name, 'websocket');
    const [echoed] = await called<unknown[]>('the response', (callback) => client.emit('echo', { i }, callback));
    assert.deepEqual(echoed, { i });
  }
  assert.deepEqual(proxy.messages('error'), []);
});

for (const transport of ['polling', 'websocket']) {
  test(`Socket.IO: a client may use ${transport} only`, async (t) => {
    const proxy = await startRecipe(t, 'Socket.IO', await chatServer(t), await chatServer(t));
    const client = await connected(t, proxy.port, { transports: [transport] });
    const binary = Buffer.from([0, 1, 2, 255]);
    const [echoed] = await called<unknown[]>('the response', (callback) => client.emit('echo', binary, callback));
    assert.deepEqual(Buffer.from(echoed as Uint8Array), binary);
    assert.equal(client.io.engine.transport.name, transport);
    assert.deepEqual(proxy.messages('error'), []);
  });
}

for (const sticky of [
  'sticky cookie srv',
  'sticky learn create=$upstream_cookie_io lookup=$cookie_io zone=io:1m header',
]) {
  test(`Socket.IO: clients that only poll stay with their server by ${sticky.split(' ', 2).join(' ')}`, async (t) => {
    const ports = [await chatServer(t, { cookie: true }), await chatServer(t, { cookie: true })];
    const proxy = await startProxy(`
      upstream chat { ${ports.map((port) => `server 127.0.0.1:${port};`).join(' ')} ${sticky}; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://chat; } }`);
    t.after(() => proxy.close());
    const servers = new Set<unknown>();
    for (let i = 0; i < 4; i++) {
      const client = await connected(t, proxy.port, { transports: ['polling'], withCredentials: true });
      for (let n = 0; n < 3; n++) {
        const [echoed, port] = await called<unknown[]>('the response', (callback) => client.emit('echo', n, callback));
        assert.equal(echoed, n);
        servers.add(port);
      }
    }
    assert.equal(servers.size, 2);
    assert.deepEqual(proxy.messages('error'), []);
  });
}
