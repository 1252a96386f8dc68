import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { called, listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);

interface Push {
  receive(status: string, listener: (response: unknown) => void): Push;
}
interface Channel {
  join(): Push;
  push(event: string, payload: object): Push;
}
interface PhoenixSocket {
  connect(): void;
  disconnect(done?: () => void): void;
  channel(topic: string): Channel;
  ping(callback: (rtt: number) => void): boolean;
  onOpen(callback: () => void): void;
}
const { Socket } = require('phoenix') as { Socket: new (url: string, options: object) => PhoenixSocket };

type Message = [joinRef: string | null, ref: string | null, topic: string, event: string, payload: unknown];

/** A server of channels that replies with what it receives; like Phoenix, it compares `Origin` with `Host`. */
async function channels(t: TestContext): Promise<number> {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    path: '/socket/websocket',
    verifyClient: ({ req, origin }: { req: { headers: { host?: string } }; origin: string }) =>
      origin === `http://${req.headers.host}`,
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => {
      const [joinRef, ref, topic, event, payload] = JSON.parse(String(data)) as Message;
      const response = event === 'phx_join' || event === 'heartbeat' ? {} : payload;
      const reply: Message = [joinRef, ref, topic, 'phx_reply', { status: 'ok', response }];
      socket.send(JSON.stringify(reply));
    });
  });
  return listening(t, server);
}

test('Phoenix: a client joins a channel, and is answered', async (t) => {
  const proxy = await startRecipe(t, 'Phoenix channels and LiveView', await channels(t), await channels(t));
  class BrowserSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { origin: `http://127.0.0.1:${proxy.port}` });
    }
  }
  const socket = new Socket(`ws://127.0.0.1:${proxy.port}/socket`, { transport: BrowserSocket });
  t.after(() => socket.disconnect());
  await called('the connection', (callback) => {
    socket.onOpen(callback);
    socket.connect();
  });
  const channel = socket.channel('room:lobby');
  await called<unknown[]>('the join', (callback) => channel.join().receive('ok', callback));
  const [response] = await called<unknown[]>('the reply', (callback) => {
    channel.push('shout', { text: 'hello' }).receive('ok', callback);
  });
  assert.deepEqual(response, { text: 'hello' });
  await called<[number]>('the heartbeat', (callback) => assert.equal(socket.ping(callback), true));
  assert.deepEqual(proxy.messages('error'), []);
});
