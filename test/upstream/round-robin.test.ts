import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundRobin } from '../../src/upstream/round-robin.js';
import { nextOf, Peers, pass } from './peers.js';
import { sessionFrom } from './session.js';

function sequence(balancer: RoundRobin, count: number): string {
  return Array.from({ length: count }, () => pass(balancer.begin(sessionFrom())) ?? '-').join('');
}

test('weights 5, 1, 1 give the smooth sequence aabacaa', () => {
  assert.equal(sequence(new RoundRobin(new Peers('a weight=5', 'b', 'c')), 14), 'aabacaaaabacaa');
});

test('equal weights go in turn', () => {
  assert.equal(sequence(new RoundRobin(new Peers('a', 'b', 'c')), 7), 'abcabca');
});

test('weights 3 and 2', () => {
  assert.equal(sequence(new RoundRobin(new Peers('a weight=3', 'b weight=2')), 10), 'ababaababa');
});

test('a failure lowers the effective weight, which recovers by one at each choice', () => {
  const peers = new Peers('a weight=10 max_fails=2', 'b weight=10');
  const balancer = new RoundRobin(peers);
  const selection = balancer.begin(sessionFrom());
  assert.equal(nextOf(selection), 'a');
  selection.release('failed');
  assert.equal(peers.get('a').effectiveWeight, 5);
  assert.equal(nextOf(selection), 'b');
  selection.release('ok');
  assert.equal(peers.get('a').effectiveWeight, 5);
  sequence(balancer, 3);
  assert.equal(peers.get('a').effectiveWeight, 8);
  sequence(balancer, 9);
  assert.equal(peers.get('a').effectiveWeight, 10);
});

test('an effective weight does not sink below zero', () => {
  const peers = new Peers('a weight=3 max_fails=1', 'b');
  const selection = new RoundRobin(peers).begin(sessionFrom());
  assert.equal(nextOf(selection), 'a');
  peers.get('a').effectiveWeight = 1;
  selection.release('failed');
  assert.equal(peers.get('a').effectiveWeight, 0);
});

test('with max_fails=0 failures change nothing', () => {
  const peers = new Peers('a max_fails=0', 'b max_fails=0');
  const balancer = new RoundRobin(peers);
  for (let n = 0; n < 6; n++) {
    const selection = balancer.begin(sessionFrom());
    assert.equal(nextOf(selection), n % 2 === 0 ? 'a' : 'b');
    selection.release('failed');
  }
});

test('failures further apart than fail_timeout do not add up once a request succeeded', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const peers = new Peers('a max_fails=2 fail_timeout=10', 'b down');
  const balancer = new RoundRobin(peers);
  const request = (outcome: 'ok' | 'failed') => {
    const selection = balancer.begin(sessionFrom());
    assert.equal(nextOf(selection), 'a');
    selection.release(outcome);
  };
  request('failed');
  request('ok');
  assert.equal(peers.get('a').fails, 1);
  t.mock.timers.tick(10_001);
  request('ok');
  assert.equal(peers.get('a').fails, 0);
});

test('an outcome of next does not count as a failure', () => {
  const peers = new Peers('a max_fails=1', 'b');
  const selection = new RoundRobin(peers).begin(sessionFrom());
  selection.next();
  selection.release('next');
  assert.equal(peers.get('a').fails, 0);
  assert.equal(selection.tries, 1);
});

test('backup servers have weights of their own', () => {
  const balancer = new RoundRobin(new Peers('a down', 'b backup weight=2', 'c backup'));
  assert.equal(sequence(balancer, 6), 'bcbbcb');
  const selection = balancer.begin(sessionFrom());
  assert.equal(selection.tries, 2);
});

test('a kept connection that was closed lets a single server be tried again', () => {
  const selection = new RoundRobin(new Peers('a')).begin(sessionFrom());
  assert.equal(nextOf(selection), 'a');
  selection.release('failed');
  selection.tries++;
  assert.equal(nextOf(selection), 'a');
});
