/** `slow_start`: the weight of a server that is available again grows from zero. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LeastConn } from '../../src/modules/upstream_least_conn.js';
import { LeastTime } from '../../src/modules/upstream_least_time.js';
import type { Balancer } from '../../src/upstream/balancer.js';
import { type PeerSource, RoundRobin } from '../../src/upstream/round-robin.js';
import { nextOf, Peers, pass } from './peers.js';
import { sessionFrom } from './session.js';

/** Server a fails and succeeds again after its fail_timeout; returns the balancer at that time. */
function recovered(t: TestContext, create: (source: PeerSource) => Balancer, ...lines: string[]): [Balancer, Peers] {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const peers = new Peers(...lines);
  const balancer = create(peers);
  const request = (outcome: 'ok' | 'failed') => {
    const selection = balancer.begin(sessionFrom());
    while (nextOf(selection) !== 'a') selection.release('next');
    selection.release(outcome);
  };
  request('failed');
  t.mock.timers.tick(10_001);
  request('ok');
  return [balancer, peers];
}

function shareOf(balancer: Balancer, requests: number): number {
  let count = 0;
  for (let n = 0; n < requests; n++) if (pass(balancer.begin(sessionFrom())) === 'a') count++;
  return count / requests;
}

test('round robin: the share of requests grows with time, to that of the weight', (t) => {
  const [balancer] = recovered(t, (source) => new RoundRobin(source), 'a slow_start=20', 'b');
  for (const [elapsed, share] of [
    [0, 0],
    [5000, 0.25],
    [10_000, 0.5],
    [19_000, 0.95],
    [20_000, 1],
    [90_000, 1],
  ] as const) {
    t.mock.timers.setTime(1_010_001 + elapsed);
    const expected = share / (1 + share);
    const got = shareOf(balancer, 2000);
    assert.ok(Math.abs(got - expected) < 0.01, `${got} of the requests after ${elapsed} ms, not ${expected}`);
  }
});

test('least_conn and least_time: active requests count as many more while the weight is low', (t) => {
  for (const create of [
    (source: PeerSource) => new LeastConn(source),
    (source: PeerSource) => new LeastTime(source, 'header', false),
  ]) {
    const [balancer, peers] = recovered(t, create, 'a slow_start=20', 'b');
    t.mock.timers.setTime(1_010_001 + 5000);
    for (const name of ['a', 'b']) peers.get(name).checked = Date.now();
    const open = Array.from({ length: 50 }, () => nextOf(balancer.begin(sessionFrom())));
    const own = open.filter((server) => server === 'a').length;
    assert.ok(own >= 9 && own <= 11, `${own} of 50`);
    t.mock.timers.reset();
  }
});

test('a server that has not failed, or has no slow_start, has its weight', (t) => {
  const [balancer, peers] = recovered(t, (source) => new RoundRobin(source), 'a', 'b slow_start=20');
  assert.equal(shareOf(balancer, 1000), 0.5);
  assert.deepEqual([peers.get('a').recoveredAt, peers.get('b').recoveredAt], [0, 0]);
});

test('a recovery that another worker reports counts', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const peers = new Peers('a slow_start=20', 'b');
  const peer = peers.get('a');
  peer.applyRemoteState(1, 1_000_000, 1_000_000);
  assert.equal(peer.recoveredAt, 0);
  peer.applyRemoteState(0, 1_000_000, 1_000_000);
  assert.equal(peer.recoveredAt, 1_000_000);
  assert.equal(peer.weightShare(1_010_000), 0.5);
  assert.equal(peer.weightShare(1_020_000), 1);
  assert.equal(peer.recoveredAt, 0);
});

test('the only server is used at once', (t) => {
  const peers = new Peers('a slow_start=20');
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  peers.get('a').recovered(1_000_000);
  assert.equal(pass(new RoundRobin(peers).begin(sessionFrom())), 'a');
});

test('a server that returns from its ejection begins with slow_start, and its observer is notified once', (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
  const peer = new Peers('a slow_start=20', 'b').get('a');
  let notified = 0;
  peer.observer = { freed() {}, recovered: () => notified++ };
  peer.eject(1_005_000);
  // The other configuration with this peer, and a later announcement.
  peer.eject(1_005_000);
  peer.eject(1_005_001);
  t.mock.timers.tick(5000);
  assert.deepEqual([peer.usable(Date.now()), notified], [false, 0]);
  t.mock.timers.tick(1);
  assert.deepEqual([peer.usable(Date.now()), notified, peer.recoveredAt], [true, 1, 1_005_001]);
  // The zone announces the end, too.
  peer.eject(0);
  assert.equal(notified, 1);
  peer.eject(1_009_000);
  peer.eject(0);
  assert.deepEqual([peer.usable(Date.now()), notified], [true, 2]);
  t.mock.timers.tick(10_000);
  assert.equal(notified, 2);
});
