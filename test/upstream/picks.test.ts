/** Load balancing methods over a million selections each. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { ConsistentHash } from '../../src/modules/upstream_hash.js';
import type { Balancer, Selection } from '../../src/upstream/balancer.js';
import { RoundRobin } from '../../src/upstream/round-robin.js';
import { address, addressKey, METHODS } from './balancing-methods.js';
import { Peers, pass } from './peers.js';
import { sessionFrom } from './session.js';

const PICKS = 1_000_000;
/** Selections for facts without an exception, which need no statistics. */
const FEW_PICKS = 100_000;
/** Keys of which so many move: the standard deviation of their share is 0.1 %. */
const KEYS = 200_000;
const WEIGHTS = { a: 3, b: 1, c: 2, d: 4 } as const;
const WEIGHTED = Object.entries(WEIGHTS).map(([name, weight]) => `${name} weight=${weight}`);
const TOTAL = 10;

/** A pseudorandom sequence that is the same in every run (Mulberry32). */
function pseudorandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random methods choose the same in every run. `t.mock` would record a million calls. */
const { random } = Math;
beforeEach(() => {
  Math.random = pseudorandom(1);
});
after(() => {
  Math.random = random;
});

/** Requests by server; `concurrent` of them are active at any time. */
function shares(balancer: Balancer, concurrent: number): Map<string, number> {
  const counts = new Map<string, number>();
  const active: Selection[] = [];
  for (let n = 0; n < PICKS; n++) {
    const selection = balancer.begin(sessionFrom(address(n)));
    const server = selection.next()?.server ?? 'none';
    counts.set(server, (counts.get(server) ?? 0) + 1);
    const i = n % concurrent;
    active[i]?.release('ok');
    active[i] = selection;
  }
  for (const selection of active) selection.release('ok');
  return counts;
}

for (const [name, create] of Object.entries(METHODS)) {
  // Points on a ring are not evenly distributed, and response times outweigh weights.
  const proportional = !/consistent|least_time/.test(name);
  const skip = proportional ? false : 'does not distribute requests in proportion to weights';
  test(`${name}: over a million requests, shares are within 0.5 % of the weights`, { skip }, () => {
    // The methods that compare connections distribute by weight while there are some.
    const counts = shares(create(new Peers(...WEIGHTED)), name === 'random two' || name === 'least_conn' ? 1000 : 1);
    for (const [server, weight] of Object.entries(WEIGHTS)) {
      const share = (counts.get(server) ?? 0) / PICKS;
      const difference = share / (weight / TOTAL) - 1;
      assert.ok(Math.abs(difference) <= 0.005, `${server}: ${(difference * 100).toFixed(2)} % off its share`);
    }
  });

  test(`${name}: every client stays with its server while that is available`, () => {
    const peers = new Peers(...WEIGHTED);
    const balancer = create(peers);
    const names = Object.keys(WEIGHTS);
    let strays = 0;
    for (let n = 0; n < FEW_PICKS; n++) {
      const server = names[n % 3] as string;
      const selection = balancer.begin(sessionFrom(address(n)));
      // Every fourth client is new.
      if (n % 4 !== 0) selection.preferred = peers.get(server).id;
      const chosen = pass(selection);
      if (n % 4 !== 0 && chosen !== server) strays++;
    }
    assert.equal(strays, 0);
  });
}

test('round robin with the weights 5, 1 and 1 selects in the order of nginx', () => {
  const balancer = new RoundRobin(new Peers('a weight=5', 'b', 'c'));
  const order = 'aabacaa';
  for (let n = 0; n < FEW_PICKS; n++) {
    const server = pass(balancer.begin(sessionFrom()));
    if (server !== order[n % order.length]) assert.fail(`request ${n}: ${server}`);
  }
});

test('round robin: requests of bound clients do not starve the servers of the others', () => {
  const peers = new Peers('a', 'b', 'c');
  const balancer = new RoundRobin(peers);
  const counts = { a: 0, b: 0, c: 0 };
  for (let n = 0; n < 100_000; n++) {
    // After any number of requests of bound clients, their server misses one turn.
    for (let k = 0; k < 3; k++) {
      const selection = balancer.begin(sessionFrom());
      selection.preferred = peers.get('a').id;
      assert.equal(pass(selection), 'a');
    }
    const server = pass(balancer.begin(sessionFrom())) as keyof typeof counts;
    counts[server]++;
  }
  assert.deepEqual(
    Object.values(counts).map((count) => Math.round(count / 1000)),
    [0, 50, 50],
  );
});

// With 160 points for each server, as with weight=1, their shares differ by several percent, as in nginx.
for (const [servers, weight, points] of [
  [4, 10, 160],
  [10, 10, 160],
  [4, 1, 3200],
] as const) {
  test(`hash consistent: at most 1/${servers} + 2 % of the keys move when one of ${servers} servers with ${points * weight} points leaves`, () => {
    const lines = Array.from({ length: servers }, (_, i) => `10.0.0.${i + 1}:8080 weight=${weight}`);
    const balancerOf = (left: readonly string[]) => new ConsistentHash(new Peers(...left), addressKey(), points);
    const keys = Math.ceil(KEYS / servers);
    const all = balancerOf(lines);
    const before = Array.from({ length: keys }, (_, n) => pass(all.begin(sessionFrom(address(n)))));
    for (const gone of lines) {
      const without = balancerOf(lines.filter((line) => line !== gone));
      let moved = 0;
      for (let n = 0; n < keys; n++) {
        if (pass(without.begin(sessionFrom(address(n)))) === before[n]) continue;
        // Only the keys of the server that has left move.
        if (`${before[n]} weight=${weight}` !== gone) assert.fail(`a key of ${before[n]} has moved`);
        moved++;
      }
      const share = moved / keys;
      assert.ok(share > 0 && share <= 1 / servers + 0.02, `${gone}: ${(share * 100).toFixed(2)} % of the keys move`);
    }
  });
}

// Measured with nginx 1.31.5: `hash $arg_k consistent` over these servers, keys key0 to key9999, with and without each server.
// With weight=1, more than 1/4 + 2 % of the keys can be on one server: the ring is nginx's, and so is each choice.
test('hash consistent: with 160 points for each of four servers, the shares of the keys that move are those of nginx', () => {
  const servers = [1, 2, 3, 4].map((n) => `127.0.0.1:${31_000 + n}`);
  const keys = Array.from({ length: 10_000 }, (_, n) => `key${n}`);
  const choices = (left: readonly string[]) => {
    const balancer = new ConsistentHash(new Peers(...left), addressKey(), 160);
    return keys.map((key) => pass(balancer.begin(sessionFrom(key))));
  };
  const all = choices(servers);
  const moved = servers.map((gone) => {
    const without = choices(servers.filter((server) => server !== gone));
    return all.filter((server, n) => server !== without[n]).length;
  });
  assert.deepEqual(moved, [2378, 2733, 2423, 2466]);
});
