/** Messages through functions that wait: order, completeness and ends, for random messages, compression and closing sides. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { createProxy, type Request, type ReverseProxy, type WebSocketMessage } from '../../src/index.js';

/** Texts that a side has received, and the code with which its WebSocket ended. */
class Receiver {
  readonly texts: string[] = [];
  readonly closed: Promise<number>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: RawData) => this.texts.push(String(data)));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }
}

/** ms that the function waits, in turn; -1: it does not wait. */
let delays: readonly number[] = [-1];
let calls = 0;
const upstreams = new Map<string, WebSocketServer>();
let proxy: ReverseProxy;
let accepted: (socket: WebSocket) => void = () => {};

async function handle(_r: Request, message: WebSocketMessage): Promise<void> {
  const delay = delays[calls++ % delays.length] ?? -1;
  if (delay >= 0) await pause(delay);
  message.replace(`${message.text}!`);
}

before(async () => {
  for (const [name, perMessageDeflate] of [
    ['plain', false],
    ['deflate', true],
  ] as const) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
    await once(server, 'listening');
    server.on('connection', (socket) => accepted(socket));
    upstreams.set(name, server);
  }
  const locations = [...upstreams].map(([name, server]) => {
    const { port } = server.address() as { port: number };
    return `location /${name} { proxy_pass ws://127.0.0.1:${port}; js_websocket_message hooks.handle; }`;
  });
  proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:0; ${locations.join('\n')} } }`,
    hooks: { handle },
    errorLog: () => {},
  });
  await proxy.start();
});

after(async () => {
  await proxy.close();
  for (const server of upstreams.values()) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** Sends a text in fragments. */
function send(socket: WebSocket, text: string, fragments: number): void {
  const size = Math.max(1, Math.ceil(text.length / fragments));
  const parts = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [''];
  for (const [i, part] of parts.entries()) socket.send(part, { fin: i === parts.length - 1 });
}

const messages = fc.array(fc.tuple(fc.integer({ min: 0, max: 6000 }), fc.integer({ min: 1, max: 4 })), {
  maxLength: 12,
});

test('messages arrive whole and in order, and those before a Close frame precede it', async () => {
  await fc.assert(
    fc.asyncProperty(
      messages,
      messages,
      fc.array(fc.constantFrom(-1, -1, 0, 1, 3), { minLength: 1, maxLength: 5 }),
      fc.constantFrom('plain', 'deflate'),
      fc.boolean(),
      fc.constantFrom<'client' | 'upstream'>('client', 'upstream'),
      async (up, down, waits, path, perMessageDeflate, closing) => {
        delays = waits;
        const connected = new Promise<WebSocket>((resolve) => (accepted = resolve));
        const client = new Receiver(new WebSocket(`${proxy.url.replace('http', 'ws')}/${path}`, { perMessageDeflate }));
        const opened = once(client.socket, 'open');
        const upstream = new Receiver(await connected);
        await opened;
        const sentBy = (list: typeof up, from: string) =>
          list.map(([length], i) => `${from}${i} ${'x'.repeat(length)}`);
        const [fromClient, fromUpstream] = [sentBy(up, 'c'), sentBy(down, 'u')];
        for (const [i, text] of fromClient.entries()) send(client.socket, text, up[i]?.[1] ?? 1);
        for (const [i, text] of fromUpstream.entries()) send(upstream.socket, text, down[i]?.[1] ?? 1);
        const closer = closing === 'client' ? client : upstream;
        closer.socket.close(4321, 'done');
        const codes = await Promise.all([client.closed, upstream.closed]);
        assert.deepEqual(codes, [4321, 4321]);
        const expected = (list: readonly string[]) => list.map((text) => `${text}!`);
        const complete = closing === 'client' ? upstream.texts : client.texts;
        assert.deepEqual(complete, expected(closing === 'client' ? fromClient : fromUpstream));
        // The other side's messages may have been overtaken by the end.
        const other = closing === 'client' ? client.texts : upstream.texts;
        const sent = expected(closing === 'client' ? fromUpstream : fromClient);
        assert.deepEqual(other, sent.slice(0, other.length));
      },
    ),
    { numRuns: 20 },
  );
});
