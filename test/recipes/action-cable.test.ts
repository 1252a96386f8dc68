import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { called, listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);

interface Subscription {
  perform(action: string, data: object): boolean;
}
interface Consumer {
  readonly subscriptions: { create(channel: string, listeners: object): Subscription };
  disconnect(): void;
}

// The library is written for browsers.
Object.assign(globalThis, {
  addEventListener() {},
  removeEventListener() {},
  document: { visibilityState: 'visible' },
});
const cable = require('@rails/actioncable') as {
  createConsumer(url: string): Consumer;
  readonly adapters: { WebSocket: unknown };
};

/** Accepts requests of its own host only, and clients that name the subprotocol, like Rails. */
function cableServer() {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    path: '/cable',
    verifyClient: ({ req, origin }: { req: { headers: Record<string, unknown> }; origin: string }) =>
      origin === `${String(req.headers['x-forwarded-proto'])}://${String(req.headers.host)}`,
    handleProtocols: (offered) => (offered.has('actioncable-v1-json') ? 'actioncable-v1-json' : false),
  });
  sockets.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'welcome' }));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { command: string; identifier: string; data?: string };
      const { command, identifier } = message;
      if (command === 'subscribe') socket.send(JSON.stringify({ identifier, type: 'confirm_subscription' }));
      else if (command === 'message')
        socket.send(JSON.stringify({ identifier, message: JSON.parse(message.data ?? '') }));
    });
  });
  return server;
}

test('Action Cable: a client subscribes to a channel, and receives its messages', async (t) => {
  const proxy = await startRecipe(t, 'Action Cable', await listening(t, cableServer()));
  class BrowserSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { origin: `http://127.0.0.1:${proxy.port}` });
    }
  }
  cable.adapters.WebSocket = BrowserSocket;
  const consumer = cable.createConsumer(`ws://127.0.0.1:${proxy.port}/cable`);
  t.after(() => consumer.disconnect());
  const [received] = await called<unknown[]>('the message', (callback) => {
    const subscription: Subscription = consumer.subscriptions.create('ChatChannel', {
      connected: () => subscription.perform('speak', { text: 'hello' }),
      received: callback,
    });
  });
  assert.deepEqual(received, { action: 'speak', text: 'hello' });
  assert.deepEqual(proxy.messages('error'), []);
});
