import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/http2/error-codes.js';
import { Noting, pattern } from '../net/sockets.js';
import { transportContract } from '../net/transport-contract.js';
import { joinStreams } from './joined-streams.js';

transportContract({
  name: 'HTTP/2 stream',
  resets: true,
  connect: async (outgoingOwner, acceptedOwner, early) => {
    const pair = joinStreams(outgoingOwner, acceptedOwner);
    early?.(pair.outgoing);
    return { ...pair, close: async () => {} };
  },
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a reset with NO_ERROR after the end of the peer loses neither its bytes nor its end', async () => {
  const [client, server] = [new Noting(), new Noting()];
  const { outgoing, accepted } = joinStreams(client, server);
  await client.until(() => client.connected === 1);
  accepted.pause();
  outgoing.writeText('all of it');
  outgoing.destroySoon();
  await client.until(() => client.closed === 1);
  for (let turns = 0; turns < 5; turns++) await turn();
  assert.deepEqual([server.length, server.closed], [0, 0]);
  assert.equal(accepted.writeText('refused by the peer'), true);
  accepted.resume();
  await server.until(() => server.closed === 1);
  assert.equal(server.bytes.toString(), 'all of it');
  assert.equal(client.length, 0);
  assert.equal(client.error, null);
  assert.equal(server.error?.code, 'EPIPE');
});

test('a reset with another code is ECONNRESET, also after the end of the peer', async () => {
  for (const ended of [false, true]) {
    const [client, server] = [new Noting(), new Noting()];
    const { outgoing, accepted, outgoingStream } = joinStreams(client, server);
    await client.until(() => client.connected === 1);
    accepted.pause();
    outgoing.writeText('lost');
    if (ended) outgoing.end();
    await turn();
    outgoingStream.reset(ErrorCode.InternalError);
    await server.until(() => server.closed === 1);
    assert.deepEqual([server.error?.code, server.length, server.ended], ['ECONNRESET', 0, 0]);
    outgoing.destroy();
    await client.until(() => client.closed === 1);
  }
});

test('a window of any size passes all bytes, and a paused reader holds one window at most', async () => {
  for (const window of [1, 9, 1000]) {
    const [client, server] = [new Noting(), new Noting()];
    const { outgoing, accepted, outgoingStream } = joinStreams(client, server);
    outgoingStream.window = window;
    await client.until(() => client.connected === 1);
    const all = pattern(window * 50 + 3, window);
    accepted.pause();
    assert.equal(outgoing.writeBorrowed(Buffer.from(all), 0, all.length), false);
    outgoing.end();
    for (let turns = 0; turns < 10; turns++) await turn();
    assert.equal(outgoing.pending, all.length - window);
    accepted.resume();
    await server.until(() => server.ended === 1);
    assert.ok(server.bytes.equals(all));
    assert.equal(outgoing.pending, 0);
    accepted.end();
    await server.until(() => server.closed === 1);
    await client.until(() => client.closed === 1);
    assert.deepEqual([client.error, server.error], [null, null]);
  }
});

test('a lost connection closes the transport with its error, whatever is pending', async () => {
  const [client, server] = [new Noting(), new Noting()];
  const { outgoing, accepted } = joinStreams(client, server);
  await client.until(() => client.connected === 1);
  accepted.pause();
  outgoing.write(Buffer.alloc(200_000));
  let flushed = 0;
  outgoing.whenFlushed(() => {
    flushed++;
  });
  const error = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  outgoing.lost(error);
  outgoing.lost(null);
  await client.until(() => client.closed === 1);
  await turn();
  assert.deepEqual([client.error, client.closed, flushed, outgoing.pending], [error, 1, 1, 0]);
  accepted.destroy();
});
