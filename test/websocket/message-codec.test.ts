import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { acceptOffer, acceptResponse, type Deflate, loadDeflate, offerOf } from '../../src/websocket/deflate.js';
import { MAX_HEADER } from '../../src/websocket/frame-writer.js';
import { recycle } from '../../src/websocket/message-buffers.js';
import type { Coded } from '../../src/websocket/message-codec.js';

await loadDeflate();

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const MAX = 4 << 20;

function ends(contextTakeover: boolean, maxMessage = MAX): { client: Deflate; server: Deflate } {
  const settings = { windowBits: 15, contextTakeover, maxMessage };
  const server = acceptOffer(offerOf(settings), settings);
  const client = acceptResponse(server?.field ?? '', settings);
  if (server === null || client === null) throw new Error('nothing was negotiated');
  return { client, server };
}

function run(deflate: Deflate, how: 'compress' | 'decompress', data: Buffer): Promise<Coded> {
  return new Promise((resolve) => deflate[how](data, resolve));
}

async function data(deflate: Deflate, how: 'compress' | 'decompress', input: Buffer): Promise<Buffer> {
  const coded = await run(deflate, how, input);
  if ('code' in coded) throw new Error(`${coded.code} ${coded.reason}`);
  const copy = Buffer.from(coded.bytes.subarray(MAX_HEADER, coded.end));
  recycle(coded.bytes);
  return copy;
}

const SIZES = [0, 1, 100, 4095, 4096, 4097, 16_383, 16_384, 16_385, 32_700, 32_768, 65_536, 65_537, 300_000, 1_000_000];

test('messages of all sizes, compressible or not, are the same after compression and decompression', async () => {
  for (const contextTakeover of [true, false]) {
    const { client, server } = ends(contextTakeover);
    for (const size of SIZES) {
      for (const message of [randomBytes(size), Buffer.alloc(size, 'tsproxy '), Buffer.alloc(size)]) {
        const compressed = await data(client, 'compress', message);
        assert.ok(compressed.length < 1.002 * size + 100, `${size} bytes became ${compressed.length}`);
        assert.ok((await data(server, 'decompress', compressed)).equals(message), `${size} bytes`);
        // Without context takeover, a message can be decompressed alone.
        if (contextTakeover) continue;
        const alone = inflateRawSync(Buffer.concat([compressed, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
        assert.ok(alone.equals(message), `${size} bytes alone`);
      }
    }
    client.dispose();
    server.dispose();
  }
});

test('with context takeover, a message refers to earlier ones', async () => {
  const message = randomBytes(2000);
  for (const contextTakeover of [true, false]) {
    const { client } = ends(contextTakeover);
    await run(client, 'compress', message);
    const second = await data(client, 'compress', message);
    assert.equal(second.length < 200, contextTakeover);
    client.dispose();
  }
});

test('a message that ends with a last block is followed by others', async () => {
  const { client, server } = ends(true);
  const text = Buffer.from('a message with BFINAL, several times: BFINAL');
  // The octet after the last block begins the empty block that the removed tail completes.
  const last = Buffer.concat([deflateRawSync(text), Buffer.from([0])]);
  for (let i = 0; i < 3; i++) assert.ok((await data(server, 'decompress', last)).equals(text));
  assert.ok((await data(server, 'decompress', await data(client, 'compress', text))).equals(text));
  client.dispose();
  server.dispose();
});

test('a message of exactly the maximum length is decompressed, one byte more is refused', async () => {
  for (const maxMessage of [1, 100, 4096, 100_000]) {
    for (const [length, code] of [
      [maxMessage, 0],
      [maxMessage + 1, 1009],
      [10 * maxMessage + 70_000, 1009],
    ] as const) {
      const { client, server } = ends(true, maxMessage);
      const coded = await run(server, 'decompress', await data(client, 'compress', Buffer.alloc(length)));
      assert.equal('code' in coded ? coded.code : 0, code, `${length} bytes, at most ${maxMessage}`);
      client.dispose();
      server.dispose();
    }
  }
});

test('long messages and many messages take several turns of the event loop', async () => {
  const { client } = ends(true);
  let turns = 0;
  let counting = true;
  const turn = (): void => {
    turns++;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  await run(client, 'compress', randomBytes(MAX));
  assert.ok(turns >= 8, `a message of 4 MiB: ${turns} turns`);
  counting = false;
  let later = 0;
  for (let i = 0; i < 5000; i++) {
    let isDone = false;
    const done = new Promise<void>((resolve) => {
      client.compress(Buffer.alloc(100), () => {
        isDone = true;
        resolve();
      });
    });
    if (isDone) continue;
    later++;
    await done;
  }
  assert.ok(later >= 8 && later < 100, `5,000 messages: ${later} in a later turn`);
  client.dispose();
});

test('a message that waits for its turn ends with an error if the WebSocket is over', async () => {
  const { client } = ends(true);
  const coded = run(client, 'compress', randomBytes(MAX));
  client.dispose();
  assert.deepEqual(await coded, { code: 1011, reason: 'WebSocket is over' });
});

test('buffers of messages are used again', async () => {
  const { client, server } = ends(true);
  const message = randomBytes(16_384);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  // 32 MiB on each side.
  for (let i = 0; i < 2000; i++) {
    const compressed = await run(client, 'compress', message);
    if ('code' in compressed) throw new Error(compressed.reason);
    const inflated = await run(server, 'decompress', compressed.bytes.subarray(MAX_HEADER, compressed.end));
    if ('code' in inflated) throw new Error(inflated.reason);
    recycle(compressed.bytes);
    recycle(inflated.bytes);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.ok(most < 1 << 20, `${most} bytes more`);
  client.dispose();
  server.dispose();
});
