/** Requests with the same header block as the one before, which is not decoded and checked again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flag, FrameType } from '../../src/http2/frame-types.js';
import { answeringBackend, reply, startProxy } from '../kit/index.js';
import { FrameClient, type Pairs, request } from './frame-client.js';
import { frame } from './frames.js';

/** HEADERS with a block as given. */
function headers(stream: number, block: Buffer, ended = true): Buffer {
  return frame(FrameType.Headers, Flag.EndHeaders | (ended ? Flag.EndStream : 0), stream, block);
}

/** Sends a block until it no longer changes the dynamic table; returns the block in that state. */
async function settledBlock(client: FrameClient, fields: Pairs): Promise<Buffer> {
  for (const stream of [1, 3, 5]) {
    client.headers(stream, fields);
    await client.line(new RegExp(`^data ${stream} .* ended$`));
  }
  return client.block(fields);
}

const CONFIGURATION = `http2 on;
  map $http_x_a $mapped { default $http_x_a; }
  server {
    listen 127.0.0.1:0;
    server_name localhost;
    location / { return 200 "%%TEXT%% $request_method $request_uri $args $host $mapped $request_length $connection_requests"; }
    location /back { proxy_pass http://127.0.0.1:%%BACK%%; }
  }
  server {
    listen 127.0.0.1:0;
    server_name ~^(?<name>.+)\\.test$;
    location / { return 200 "$name $http_x_a"; }
  }`;

test('a repeated block is the same request, at once and after others have ended', async (t) => {
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'a', BACK: 1 });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const block = await settledBlock(client, [...request('/p?q=1'), ['x-a', '1']]);
  client.send(headers(7, block), headers(9, block));
  const { length } = block;
  assert.equal(await client.line(/^data 7 /), `data 7 a GET /p?q=1 q=1 localhost 1 ${length} 4 ended`);
  assert.equal(await client.line(/^data 9 /), `data 9 a GET /p?q=1 q=1 localhost 1 ${length} 5 ended`);
  await client.settled(1);
  client.send(headers(11, block));
  assert.equal(await client.line(/^data 11 /), `data 11 a GET /p?q=1 q=1 localhost 1 ${length} 6 ended`);
});

test('the same bytes after a change of the dynamic table are another request', async (t) => {
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'a', BACK: 1 });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const block = await settledBlock(client, [...request('/p'), ['x-a', 'one']]);
  // Literal with indexing of a new name: every dynamic index moves by one, so that the newest entry is this one.
  const change = Buffer.concat([block, Buffer.from([0x40, 3]), Buffer.from('x-b'), Buffer.from([1]), Buffer.from('2')]);
  const newest = Buffer.concat([client.block(request('/p')), Buffer.from([0x80 | 62])]);
  client.send(headers(7, newest), headers(9, newest), headers(11, change), headers(13, newest));
  const text = async (stream: number): Promise<string> => await client.line(new RegExp(`^data ${stream} `));
  const before = await text(9);
  assert.match(before, / one /);
  assert.equal(before.replace('data 9', 'data 7').replace(/\d+ ended/, ''), (await text(7)).replace(/\d+ ended/, ''));
  assert.doesNotMatch(await text(13), / one /);
});

test('after a table size update in a block, later blocks are decoded', async (t) => {
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'a', BACK: 1 });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const block = await settledBlock(client, [...request('/p'), ['x-a', 'one']]);
  // A request without dynamic indexes empties the table; the indexes of the block are then invalid, which ends the connection.
  const literals = Buffer.from([0x20, 0x82, 0x86, 0x04, 2, 47, 112, 0x01, 9, ...Buffer.from('localhost')]);
  client.send(headers(7, block), headers(9, literals), headers(11, block));
  await client.line(/^data 9 a GET/);
  await client.line(/^goaway \d+ 9/);
  assert.equal(client.find(/^data 11 /), undefined);
});

test('a repeated block after a reload is handled by the new configuration', async (t) => {
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'before', BACK: 1 });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const block = await settledBlock(client, request('/p'));
  client.send(headers(7, block));
  await client.line(/^data 7 before GET/);
  await proxy.reload(CONFIGURATION, { TEXT: 'after', BACK: 1 });
  client.send(headers(9, block), headers(11, block));
  await client.line(/^data 9 after GET/);
  await client.line(/^data 11 after GET/);
});

test('a repeated block is checked again if END_STREAM differs', async (t) => {
  const backend = await answeringBackend(({ body }) => reply(`${body.length} bytes`));
  t.after(() => backend.close());
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'a', BACK: backend.port });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const fields: Pairs = [...request('/back', 'POST'), ['content-length', '0']];
  for (const stream of [1, 3, 5]) {
    client.headers(stream, fields);
    await client.line(new RegExp(`^data ${stream} .* ended$`));
  }
  const withoutLength = client.block(request('/back', 'POST'));
  client.send(headers(7, withoutLength), headers(9, withoutLength), headers(11, withoutLength, false));
  client
    .data(11, 'body', true)
    .send(headers(13, withoutLength, false))
    .data(13, 'longer', true);
  client.send(headers(15, withoutLength));
  assert.equal(await client.line(/^data 9 /), 'data 9 0 bytes ended');
  assert.equal(await client.line(/^data 11 /), 'data 11 4 bytes ended');
  assert.equal(await client.line(/^data 13 /), 'data 13 6 bytes ended');
  assert.equal(await client.line(/^data 15 /), 'data 15 0 bytes ended');
});

test('captures of a server name belong to each request', async (t) => {
  const proxy = await startProxy(CONFIGURATION, { TEXT: 'a', BACK: 1 });
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const block = await settledBlock(client, request('/', 'GET', 'some.test'));
  client.send(headers(7, block), headers(9, block));
  assert.equal(await client.line(/^data 7 /), 'data 7 some  ended');
  assert.equal(await client.line(/^data 9 /), 'data 9 some  ended');
});
