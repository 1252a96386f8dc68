/** `least_time`: the estimated times of nginx's formula decide, and successful responses change them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeastTime } from '../../src/modules/upstream_least_time.js';
import { RandomChoice } from '../../src/modules/upstream_random.js';
import type { Balancer, Outcome } from '../../src/upstream/balancer.js';
import type { Peer } from '../../src/upstream/peer.js';
import { estimatedTime, PeerTimes, recordTimes } from '../../src/upstream/peer-times.js';
import { nextOf, Peers } from './peers.js';
import { sessionFrom } from './session.js';

function timed(peer: Peer, header: number, lastByte: number): void {
  Object.assign(PeerTimes.of(peer), { header, lastByte });
}

/** One request, whose server responds within these times. */
function request(balancer: Balancer, headerTime: number, responseTime: number, outcome: Outcome = 'ok'): string | null {
  const selection = balancer.begin(sessionFrom());
  const server = nextOf(selection);
  if (server !== null) {
    if (headerTime >= 0) selection.headReceived?.(headerTime);
    selection.release(outcome, { headerTime, responseTime });
  }
  return server;
}

test('the estimated time is the average in steps of 20 ms up to 5 s, times the connections and one more', () => {
  const peer = new Peers('a').get('a');
  peer.checked = 1_000_000;
  for (const [average, connections, expected] of [
    [0, 0, 20],
    [1, 0, 20],
    [19, 1, 40],
    [20, 0, 40],
    [21, 2, 120],
    [4999, 0, 5000],
    [5000, 0, 5020],
    [5001, 0, 5000],
    [60_000, 3, 20_000],
  ] as const) {
    timed(peer, average, 0);
    peer.conns = connections;
    assert.equal(estimatedTime(peer, 'header', 1_000_000), expected, `${average} ms, ${connections} connections`);
  }
  peer.conns = 0;
  timed(peer, 10, 100);
  assert.equal(estimatedTime(peer, 'last_byte', 1_000_000), 120);
});

test('the average is halved for each fail_timeout in which the server was not selected', () => {
  const peer = new Peers('a fail_timeout=9').get('a');
  peer.checked = 1_000_000;
  timed(peer, 4000, 0);
  assert.equal(estimatedTime(peer, 'header', 1_009_999), 4020);
  assert.equal(estimatedTime(peer, 'header', 1_010_000), 2020);
  assert.equal(estimatedTime(peer, 'header', 1_019_999), 2020);
  assert.equal(estimatedTime(peer, 'header', 1_020_000), 1020);
  assert.equal(estimatedTime(peer, 'header', 1_000_000 + 100_000_000), 20);
});

test('the first response is the average, and each further one counts 5 %', () => {
  const peer = new Peers('a').get('a');
  recordTimes(peer, { headerTime: 100.9, responseTime: 400 });
  const times = PeerTimes.of(peer);
  assert.deepEqual([times.header, times.lastByte], [100, 400]);
  recordTimes(peer, { headerTime: 300, responseTime: 600 });
  assert.deepEqual([times.header, times.lastByte], [110, 410]);
  recordTimes(peer, { headerTime: -1, responseTime: 9000 });
  assert.deepEqual([times.header, times.lastByte], [110, 410]);
  // The connection was upgraded.
  recordTimes(peer, { headerTime: 0, responseTime: -1 });
  assert.deepEqual([times.header, times.lastByte], [105, 390]);
});

test('a million picks prefer the faster server as the formula says', () => {
  for (const mode of ['header', 'last_byte'] as const) {
    const peers = new Peers('a', 'b weight=3', 'c weight=2 max_fails=0');
    const balancer = new LeastTime(peers, mode, false);
    const servers = ['a', 'b', 'c'].map((name) => peers.get(name));
    let random = 12345;
    const next = (limit: number) => {
      random = (random * 1103515245 + 12345) % 2147483648;
      return random % limit;
    };
    for (let n = 0; n < 500_000; n++) {
      const now = Date.now();
      for (const peer of servers) {
        timed(peer, next(200), next(400));
        peer.conns = next(4);
        peer.checked = now;
      }
      const costs = servers.map((peer) => estimatedTime(peer, mode, now) / peer.weight);
      const least = Math.min(...costs);
      const selection = balancer.begin(sessionFrom());
      const chosen = selection.next();
      assert.ok(chosen !== null);
      const cost = costs[servers.indexOf(chosen)] ?? Number.NaN;
      if (Math.abs(cost - least) > 1e-9) assert.fail(`${chosen.server}: ${cost}, not ${least}`);
      selection.release('next');
    }
  }
});

test('equal times are distributed by weighted round robin in the order of nginx', () => {
  const balancer = new LeastTime(new Peers('a weight=5', 'b', 'c'), 'header', false);
  const weighted = new LeastTime(new Peers('a', 'b', 'c'), 'header', false);
  // 20 / 5 is less than 20 / 1: weights multiply the speed.
  assert.deepEqual(
    Array.from({ length: 3 }, () => request(balancer, 5, 5)),
    ['a', 'a', 'a'],
  );
  assert.deepEqual(
    Array.from({ length: 6 }, () => request(weighted, 5, 5)),
    ['a', 'b', 'c', 'a', 'b', 'c'],
  );
});

test('a slow response sends requests to the other server, a failure does not count', () => {
  const peers = new Peers('a max_fails=0', 'b max_fails=0');
  const balancer = new LeastTime(peers, 'last_byte', false);
  assert.equal(request(balancer, 5, 4000), 'a');
  assert.deepEqual(
    Array.from({ length: 5 }, () => request(balancer, 5, 30)),
    ['b', 'b', 'b', 'b', 'b'],
  );
  request(balancer, 1, 60_000, 'failed');
  request(balancer, 1, 60_000, 'next');
  assert.equal(PeerTimes.of(peers.get('b')).lastByte, 30);
});

test('with inflight, requests that take longer than usual keep further ones away', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000_000 });
  let clock = 0;
  t.mock.method(performance, 'now', () => clock);
  const peers = new Peers('a', 'b');
  const [plain, inflight] = [false, true].map((each) => new LeastTime(peers, 'last_byte', each));
  assert.ok(plain !== undefined && inflight !== undefined);
  for (const name of ['a', 'b']) timed(peers.get(name), 10, 10);
  const slow = inflight.begin(sessionFrom());
  assert.equal(nextOf(slow), 'a');
  clock = 3000;
  // b has two connections, a has one that is overdue.
  const others = [inflight, inflight, inflight].map((each) => each.begin(sessionFrom()));
  assert.deepEqual(others.map(nextOf), ['b', 'b', 'b']);
  for (const other of others) other.release('ok', { headerTime: 10, responseTime: 10 });
  assert.equal(PeerTimes.of(peers.get('a')).busy, true);
  slow.release('ok', { headerTime: 3000, responseTime: 3000 });
  assert.equal(PeerTimes.of(peers.get('a')).busy, false);
});

test('with inflight and header, a request is observed until its head', () => {
  const peers = new Peers('a', 'b');
  const balancer = new LeastTime(peers, 'header', true);
  const selection = balancer.begin(sessionFrom());
  assert.equal(nextOf(selection), 'a');
  selection.headReceived?.(70);
  const times = PeerTimes.of(peers.get('a'));
  assert.deepEqual([times.busy, times.header], [false, 70]);
  selection.release('ok', { headerTime: 70, responseTime: 500 });
  assert.deepEqual([times.busy, times.header, times.lastByte], [false, 70, 500]);
  const declined = balancer.begin(sessionFrom());
  assert.equal(nextOf(declined), 'b');
  declined.decline();
  assert.equal(PeerTimes.of(peers.get('b')).busy, false);
});

test('random two least_time uses the faster one of two', (t) => {
  const peers = new Peers('a', 'b', 'c');
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    timed(peers.get(name), 100 * i, 1000 - 100 * i);
    peers.get(name).checked = Date.now();
  }
  const draws: number[] = [];
  t.mock.method(Math, 'random', () => draws.shift() ?? 0);
  const chosen = (mode: 'header' | 'last_byte') => {
    draws.push(0.1, 0.9);
    return nextOf(new RandomChoice(peers, mode).begin(sessionFrom()));
  };
  assert.equal(chosen('header'), 'a');
  peers.get('a').conns = 0;
  assert.equal(chosen('last_byte'), 'c');
  draws.push(0.1, 0.5);
  const selection = new RandomChoice(peers, 'header').begin(sessionFrom());
  assert.equal(nextOf(selection), 'a');
  selection.release('ok', { headerTime: 40, responseTime: 50 });
  assert.equal(PeerTimes.of(peers.get('a')).header, 40);
});
