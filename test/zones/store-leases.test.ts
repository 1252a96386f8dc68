/** Requests that are counted in a store in advance, for limits that differ. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Store } from '../../src/zones/store/store.js';
import { RedisServer, withoutRedis } from '../kit/redis.js';
import { openStore } from './store.js';

describe('leases of a store', { skip: withoutRedis }, () => {
  let server: RedisServer;
  let count = 0;
  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.close());

  const opened = async (t: TestContext): Promise<Store> => {
    const store = await openStore(server, { prefix: `t${count++}:` });
    t.after(() => store.close());
    return store;
  };

  test('beside a limit without a lease, none is used, and the burst is not used up', async (t) => {
    const store = await opened(t);
    const limit = { rate: 1, burst: 49_000, delay: Number.MAX_SAFE_INTEGER };
    const limits = [
      { ...limit, key: store.key('a', 'k'), lease: 20 },
      { ...limit, key: store.key('b', 'k'), burst: 499_000, lease: 1 },
    ];
    const results: string[] = [];
    for (let i = 0; i < 51; i++) results.push((await store.count(limits))?.result ?? 'none');
    assert.deepEqual(results, [...Array(50).fill('passed'), 'beyond']);
  });

  test('of different leases, the smallest counts, and the rest of none is thrown away', async (t) => {
    const store = await opened(t);
    const limit = { rate: 1, burst: 49_000, delay: Number.MAX_SAFE_INTEGER };
    const limits = [
      { ...limit, key: store.key('a', 'k'), lease: 20 },
      { ...limit, key: store.key('b', 'k'), burst: 9000, lease: 5 },
    ];
    const results: string[] = [];
    for (let i = 0; i < 11; i++) results.push((await store.count(limits))?.result ?? 'none');
    assert.deepEqual(results, [...Array(10).fill('passed'), 'beyond']);
    assert.equal(store.counts.leased, 8);
  });

  test('what was counted for a limit with a burst is not used for one without', async (t) => {
    const store = await opened(t);
    const limit = { key: store.key('a', 'k'), rate: 1, delay: Number.MAX_SAFE_INTEGER, lease: 20 };
    const count = async (burst: number) => (await store.count([{ ...limit, burst }]))?.result;
    assert.equal(await count(49_000), 'passed');
    assert.equal(await count(0), 'beyond');
    assert.equal(await count(49_000), 'passed');
    assert.equal(store.counts.leased, 1);
  });
});
