import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { TransportStream } from '../../src/net/transport-stream.js';

const PEER: TransportOwner = {
  onConnected: () => {},
  onBytes: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClosed: () => {},
};

function connected(): { readonly stream: TransportStream; readonly peer: Transport; readonly transport: Transport } {
  let pair: ReturnType<typeof memoryPair> | null = null;
  const stream = new TransportStream((owner) => {
    pair = memoryPair(owner, PEER);
    return pair.outgoing;
  });
  const { accepted, outgoing } = pair as unknown as ReturnType<typeof memoryPair>; // assigned by the constructor
  return { stream, peer: accepted, transport: outgoing };
}

test('a stream whose consumer has not read yet keeps the received bytes when both sides have ended', async () => {
  const { stream, peer, transport } = connected();
  stream.end();
  peer.writeText('received');
  peer.end();
  stream.read(0);
  while (!transport.closed) await turn();
  await turn();
  assert.equal(stream.destroyed, false);
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  assert.equal(text, 'received');
  assert.equal(stream.destroyed, true);
});

test('a stream is destroyed by a reset of its connection', async () => {
  const { stream, peer } = connected();
  stream.resume();
  peer.reset();
  const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.equal(stream.destroyed, true);
});
