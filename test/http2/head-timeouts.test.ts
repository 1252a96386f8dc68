/** Timeouts of a connection while a header block arrives in pieces: none of them is lost. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Flag, FrameType } from '../../src/http2/frame-types.js';
import { Setting } from '../../src/http2/settings.js';
import { startProxy, type TestProxy, until } from '../kit/index.js';
import { FrameClient, request } from './frame-client.js';
import { frame } from './frames.js';

const SIZE = 30_000_000;

async function start(t: TestContext, directives: string): Promise<TestProxy> {
  const proxy = await startProxy(`http2 on; access_log logs/access.log; server { listen 127.0.0.1:0; ${directives}
    location / { return 200 ok; }
    location /dropped { return 444; }
    location /file { root %%DIR%%; } }`);
  t.after(() => proxy.close());
  return proxy;
}

/** The HEADERS frame of a request, in two pieces. */
function pieces(client: FrameClient, stream: number, path: string): [Buffer, Buffer] {
  const whole = frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, stream, client.block(request(path)));
  return [whole.subarray(0, 12), whole.subarray(12)];
}

test('keepalive_timeout applies after a stream that ended while its header block was read', async (t) => {
  const proxy = await start(t, 'keepalive_timeout 300ms;');
  const client = FrameClient.connect(t, proxy.port);
  const [first, rest] = pieces(client, 1, '/dropped');
  client.send(first);
  await setTimeout(100);
  client.send(rest);
  await client.line(/^reset 1 /);
  await client.line(/^goaway 1 0/);
  await client.end();
});

test('a header block that is never complete ends its stream and then the connection', async (t) => {
  const proxy = await start(t, 'client_header_timeout 200ms; keepalive_timeout 300ms;');
  const client = FrameClient.connect(t, proxy.port);
  client.headers(1, request('/'));
  await client.line(/^data 1 ok ended$/);
  client.send(pieces(client, 3, '/')[0]);
  await client.line(/^reset 3 1$/);
  await client.line(/^goaway 3 1/);
  await client.end();
});

test('keepalive_timeout applies to the rest of a late header block, and the connection then continues', async (t) => {
  const proxy = await start(t, 'client_header_timeout 100ms;');
  const client = FrameClient.connect(t, proxy.port);
  const [first, rest] = pieces(client, 1, '/');
  client.send(first);
  await client.line(/^reset 1 1$/);
  // Several times the timeout for header blocks.
  await setTimeout(500);
  client.send(rest);
  await client.settled(7);
  client.headers(3, request('/'));
  await client.line(/^data 3 ok ended$/);
  assert.equal(client.find(/^(goaway|headers 1) /), undefined);
});

test('send_timeout applies to a client that does not read, also after a header block in pieces', async (t) => {
  const proxy = await start(t, 'send_timeout 500ms;');
  writeFileSync(join(proxy.directory, 'file'), Buffer.alloc(SIZE));
  const client = FrameClient.connect(t, proxy.port, [[Setting.InitialWindowSize, 2_000_000_000]]);
  client.window(0, 2_000_000_000).headers(1, request('/file'));
  await client.line(/^headers 1 /);
  client.socket.pause();
  const [first, rest] = pieces(client, 3, '/');
  client.send(first);
  // The client cannot learn that the first piece was read.
  await setTimeout(100);
  client.send(rest);
  await until('the transfer is given up', () => proxy.accessLog().some((line) => line.includes('GET /file ')));
  assert.ok(Number(/ 200 (\d+) /.exec(proxy.accessLog().find((line) => line.includes('/file')) ?? '')?.[1]) < SIZE);
});
