import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);

interface HubConnection {
  start(): Promise<void>;
  stop(): Promise<void>;
  invoke(method: string, ...args: unknown[]): Promise<unknown>;
}
interface HubConnectionBuilder {
  withUrl(url: string): HubConnectionBuilder;
  configureLogging(level: number): HubConnectionBuilder;
  build(): HubConnection;
}
const { HubConnectionBuilder: Builder, LogLevel } = require('@microsoft/signalr') as {
  HubConnectionBuilder: new () => HubConnectionBuilder;
  LogLevel: { readonly None: number };
};

/** The end of each message of the JSON hub protocol. */
const END = '\x1e';

/** A hub whose methods return their arguments. Like ASP.NET Core, it knows only connections that it negotiated itself. */
async function hub(t: TestContext): Promise<number> {
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    if (request.method !== 'POST' || request.url !== '/chatHub/negotiate?negotiateVersion=1') {
      response.writeHead(404).end();
      return;
    }
    const connectionToken = randomUUID();
    tokens.add(connectionToken);
    const availableTransports = [{ transport: 'WebSockets', transferFormats: ['Text'] }];
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ connectionId: randomUUID(), connectionToken, negotiateVersion: 1, availableTransports }),
    );
  });
  const sockets = new WebSocketServer({
    server,
    verifyClient: ({ req }, done) => {
      const token = new URL(req.url ?? '', 'http://hub').searchParams.get('id') ?? '';
      done(tokens.delete(token), 404, 'No Connection with that ID');
    },
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => {
      for (const text of String(data).split(END).slice(0, -1)) {
        const message = JSON.parse(text) as {
          protocol?: string;
          type?: number;
          invocationId?: string;
          arguments?: unknown;
        };
        if (message.protocol !== undefined) socket.send(`{}${END}`);
        else if (message.type === 1) {
          const { invocationId, arguments: result } = message;
          socket.send(`${JSON.stringify({ type: 3, invocationId, result })}${END}`);
        }
      }
    });
  });
  return listening(t, server);
}

test('SignalR: negotiation and the WebSocket of each client reach the same server', async (t) => {
  const proxy = await startRecipe(t, 'SignalR', await hub(t), await hub(t));
  for (let i = 0; i < 6; i++) {
    const url = `http://127.0.0.1:${proxy.port}/chatHub`;
    const connection = new Builder().withUrl(url).configureLogging(LogLevel.None).build();
    await connection.start();
    assert.deepEqual(await connection.invoke('Echo', 'hello', i), ['hello', i]);
    await connection.stop();
  }
  assert.deepEqual(proxy.messages('error'), []);
});
