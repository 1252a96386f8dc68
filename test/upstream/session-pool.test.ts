/** Sessions of a pool are found by peer, location and TLS identity. */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Connect, Transport } from '../../src/net/transport.js';
import type { ConnectOptions } from '../../src/upstream/connect-options.js';
import { DEFAULT_KEEPALIVE, type KeepaliveSettings } from '../../src/upstream/keepalive-settings.js';
import { DEFAULT_PEER, Peer } from '../../src/upstream/peer.js';
import { QUEUE_FULL, SessionPool } from '../../src/upstream/session-pool.js';
import { RecordingUser } from './session-contract.js';

const OWNER = { onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {}, onConnected() {} };
const PEER = new Peer({ host: '127.0.0.1', port: 80 }, DEFAULT_PEER, '');
const OTHER_PEER = new Peer({ host: '127.0.0.1', port: 81 }, DEFAULT_PEER, '');
const LOCATION = {};

/** A pool whose connections are in memory; `request` makes a request with an empty response. */
function poolWith(settings: Partial<KeepaliveSettings>) {
  const keepalive = { ...DEFAULT_KEEPALIVE, ...settings };
  const pool = new SessionPool({ keepalive });
  const accepted: Transport[] = [];
  const connect: Connect = (_target, owner) => {
    const pair = memoryPair(owner, OWNER);
    accepted.push(pair.accepted);
    return pair.outgoing;
  };
  const options = (identity: string): ConnectOptions => ({ identity, keepAlive: false, connect });
  /** Opens a stream; `complete` sends its response. */
  const open = async (peer = PEER, origin: object = LOCATION, identity = '') => {
    const user = new RecordingUser();
    const kept = pool.reuse(peer, origin, options(identity), user, false);
    assert.ok(kept !== QUEUE_FULL);
    const stream = kept ?? pool.connect(peer, origin, options(identity), user);
    user.stream = stream;
    while (!stream.ready) await nextTurn();
    stream.begin('GET / HTTP/1.1\r\n\r\n', 0, false, 4096);
    stream.end();
    const server = accepted.at(-1);
    return {
      reused: kept !== null,
      complete: async (): Promise<void> => {
        server?.writeText('HTTP/1.1 204 No Content\r\n\r\n');
        await user.untilEvent('end');
        stream.release();
      },
    };
  };
  const request = async (peer?: Peer, origin?: object, identity?: string): Promise<boolean> => {
    const { reused, complete } = await open(peer, origin, identity);
    await complete();
    return reused;
  };
  return { pool, open, request, accepted };
}

test('a session is reused for the same peer, location and TLS identity only', async () => {
  const { pool, request } = poolWith({});
  assert.equal(await request(), false);
  assert.equal(await request(), true);
  assert.equal(await request(OTHER_PEER), false);
  assert.equal(await request(PEER, {}), false);
  assert.equal(await request(PEER, LOCATION, 'a.example'), false);
  assert.equal(pool.count, 4);
  pool.close();
  assert.equal(pool.count, 0);
});

test('without `local` another location reuses a session, with the same TLS identity', async () => {
  const { pool, request } = poolWith({ local: false });
  assert.equal(await request(PEER, {}, 'a.example'), false);
  assert.equal(await request(PEER, {}, 'a.example'), true);
  assert.equal(await request(PEER, {}, 'b.example'), false);
  pool.close();
});

test('a session in use is not in the pool, and a full pool drops the least recently used', async () => {
  const { pool, open, request } = poolWith({ max: 2 });
  const streams = [await open(), await open(), await open()];
  assert.deepEqual(
    streams.map(({ reused }) => reused),
    [false, false, false],
  );
  assert.equal(pool.count, 0);
  pool.close();
  for (const { reused } of streams) assert.equal(reused, false);
  const limited = poolWith({ max: 2 });
  for (const peer of [PEER, OTHER_PEER]) await limited.request(peer);
  await limited.request(PEER, {});
  assert.equal(limited.pool.count, 2);
  assert.equal(await limited.request(), false);
  limited.pool.close();
  void request;
});

test('a session is closed after the configured number of requests', async () => {
  const { pool, request } = poolWith({ requests: 3 });
  const reused: boolean[] = [];
  for (let i = 0; i < 7; i++) reused.push(await request());
  assert.deepEqual(reused, [false, true, true, false, true, true, false]);
  pool.close();
});

test('a pool that is closed caches no more sessions', async () => {
  const { pool, open } = poolWith({});
  const { complete } = await open();
  pool.close();
  await complete();
  assert.equal(pool.count, 0);
});

test('a session is not reused after keepalive_timeout, even if the process was too busy to notice its end', async () => {
  const { request } = poolWith({ timeout: 100 });
  assert.equal(await request(), false);
  await nextTurn();
  const end = performance.now() + 150;
  while (performance.now() < end);
  await nextTurn();
  assert.equal(await request(), false);
});
