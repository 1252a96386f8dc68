/** Decompression of messages for an observer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { MessageInflater } from '../../src/websocket/message-inflater.js';

/** Compresses messages with one context, as a sender with context takeover does. */
async function compressed(messages: readonly string[]): Promise<Buffer[]> {
  const stream = createDeflateRaw();
  const results: Buffer[] = [];
  for (const message of messages) {
    const parts: Buffer[] = [];
    const collect = (part: Buffer): void => void parts.push(part);
    stream.on('data', collect);
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    stream.off('data', collect);
    results.push(Buffer.concat(parts).subarray(0, -4));
  }
  stream.destroy();
  return results;
}

function inflate(inflater: MessageInflater, ...payloads: (Buffer | null)[]): string {
  for (const payload of payloads) inflater.add(payload);
  const result = inflater.end();
  return typeof result === 'string' ? `failed: ${result}` : result.toString();
}

const LONG = 'a message that later ones repeat word by word';

test('messages are decompressed with those before them, also in fragments', async () => {
  const [one, two, three] = await compressed([LONG, LONG, `${LONG}!`]);
  assert.ok(one !== undefined && two !== undefined && three !== undefined && two.length < one.length);
  const inflater = new MessageInflater();
  assert.equal(inflate(inflater, one), LONG);
  assert.equal(inflate(inflater, two.subarray(0, 2), two.subarray(2)), LONG);
  assert.equal(inflate(inflater, three), `${LONG}!`);
});

test('a message that refers to unseen ones is not decompressed, and a later one that does not is', async () => {
  const [, two] = await compressed([LONG, LONG]);
  const inflater = new MessageInflater();
  assert.equal(inflate(inflater, two as Buffer), 'failed: not decompressed');
  const own = deflateRawSync('independent', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  assert.equal(inflate(inflater, own), 'independent');
  assert.equal(inflate(inflater, Buffer.from([0xff, 0xff])), 'failed: not decompressed');
  assert.equal(inflate(inflater), '');
});

test('messages over the limits are not decompressed', () => {
  const bomb = deflateRawSync(Buffer.alloc(4 << 20), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const inflater = new MessageInflater();
  assert.equal(inflate(inflater, bomb), 'failed: too long');
  assert.equal(inflate(inflater, Buffer.from('x'), null), 'failed: too long');
  assert.ok(inflater.room > 0);
});

test('the window is that of 32 KiB, however long the stream is', async () => {
  const messages = Array.from({ length: 40 }, (_, n) => `${n} ${LONG} `.repeat(40));
  const inflater = new MessageInflater();
  for (const [n, payload] of (await compressed(messages)).entries())
    assert.equal(inflate(inflater, payload), messages[n]);
});
