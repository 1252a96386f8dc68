/** `proxy_read_timeout` runs while the upstream is to speak: not while the client still sends, or takes nothing. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type BackendConnection,
  type Connection,
  connect,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

interface Started {
  readonly proxy: TestProxy;
  readonly client: Connection;
  readonly upstream: Promise<BackendConnection>;
}

async function streaming(t: TestContext, settings = ''): Promise<Started> {
  let reached: (connection: BackendConnection) => void = () => {};
  const upstream = new Promise<BackendConnection>((resolve) => {
    reached = resolve;
  });
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    reached(connection);
  });
  const proxy = await startProxy(
    `proxy_read_timeout 300ms; server { listen 127.0.0.1:0;
      location / { ${settings} proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  const client = await connect(proxy.port);
  t.after(async () => {
    client.close();
    await proxy.close();
    await backend.close();
  });
  return { proxy, client, upstream };
}

/** Sends so many bytes of a body, one after another, for longer than the timeout. */
async function sendSlowly(client: Connection, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    client.send('x');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('an upstream that says 100 Continue is waited for as long as the body comes', async (t) => {
  const { client, upstream } = await streaming(t);
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n');
  const peer = await upstream;
  peer.send('HTTP/1.1 100 Continue\r\n\r\n');
  await sendSlowly(client, 8);
  assert.equal(await peer.reader.bytes(8), 'xxxxxxxx');
  peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.equal((await client.answer()).body, 'ok');
});

test('an upstream that answers at once and goes on at the end of the body is waited for as long as the body comes', async (t) => {
  const { client, upstream } = await streaming(t);
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n');
  const peer = await upstream;
  peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst'.slice(0, -2));
  await client.until('fir');
  await sendSlowly(client, 8);
  assert.equal(await peer.reader.bytes(8), 'xxxxxxxx');
  peer.send('st');
  await client.until('st');
});

test('an upstream that is silent once it has the whole body has no more time than proxy_read_timeout', async (t) => {
  const { client, upstream } = await streaming(t);
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n');
  (await upstream).send('HTTP/1.1 100 Continue\r\n\r\n');
  await sendSlowly(client, 2);
  assert.equal((await client.answer()).status, 504);
});

test('an upstream whose answer waits for the client is not late when the body has ended', async (t) => {
  const { proxy, client, upstream } = await streaming(t, 'proxy_buffering off;');
  const total = 40 << 20;
  client.socket.pause();
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n1');
  const { socket } = await upstream;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
  socket.write(Buffer.alloc(total));
  let before = -1;
  let still = 0;
  await until('the client is full', () => {
    still = socket.bytesWritten - socket.writableLength === before ? still + 1 : 0;
    before = socket.bytesWritten - socket.writableLength;
    return still > 10;
  });
  client.send('2');
  await new Promise((resolve) => setTimeout(resolve, 700));
  let received = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  client.socket.resume();
  await until('the connection is closed', () => client.reader.ended);
  assert.ok(received > total, `${received} bytes; ${proxy.messages('error').join('; ')}`);
});
