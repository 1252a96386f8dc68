/** Requirements for every load balancing method. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Balancer } from '../../src/upstream/balancer.js';
import { address, METHODS } from './balancing-methods.js';
import { nextOf, Peers, pass } from './peers.js';
import { sessionFrom } from './session.js';

function counts(balancer: Balancer, requests: number): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let n = 0; n < requests; n++) {
    const server = pass(balancer.begin(sessionFrom(address(n)))) ?? 'none';
    seen[server] = (seen[server] ?? 0) + 1;
  }
  return seen;
}

for (const [name, create] of Object.entries(METHODS)) {
  // The weight of a server multiplies its speed: of idle servers, the one with the highest weight is always the fastest.
  const proportional = !name.includes('least_time');
  test(`${name}: every server gets requests in proportion to its weight`, { skip: !proportional }, () => {
    const seen = counts(create(new Peers('a weight=3', 'b', 'c weight=2')), 6000);
    // A circle of points is not even. Of two idle servers the second is taken, which favours the light ones.
    const tolerance = name === 'hash consistent' || name.startsWith('random two') ? 0.6 : 0.1;
    for (const [server, expected] of [
      ['a', 3000],
      ['b', 1000],
      ['c', 2000],
    ] as const) {
      const got = seen[server] ?? 0;
      assert.ok(Math.abs(got - expected) <= expected * tolerance, `${server} got ${got} of about ${expected}`);
    }
  });

  test(`${name}: a server that is down gets nothing`, () => {
    const balancer = create(new Peers('a', 'b down', 'c'));
    assert.equal(counts(balancer, 300).b, undefined);
    assert.equal(balancer.begin(sessionFrom()).tries, 2);
  });

  test(`${name}: all down is no live upstream`, () => {
    for (const lines of [['a down'], ['a down', 'b down']]) {
      const selection = create(new Peers(...lines)).begin(sessionFrom());
      assert.equal(selection.next(), null);
      assert.equal(selection.tries, 0);
    }
  });

  test(`${name}: no servers at all is no live upstream`, () => {
    assert.equal(create(new Peers()).begin(sessionFrom()).next(), null);
  });

  test(`${name}: each server is tried once in a request`, () => {
    const many = Array.from({ length: 40 }, (_, n) => `s${n} max_fails=0`);
    const selection = create(new Peers(...many)).begin(sessionFrom());
    const tried = new Set<string>();
    assert.equal(selection.tries, 40);
    for (let server = nextOf(selection); server !== null; server = nextOf(selection)) {
      assert.ok(!tried.has(server), `${server} twice`);
      tried.add(server);
      selection.release('failed');
    }
    assert.equal(tried.size, 40);
    assert.equal(selection.tries, 0);
  });

  test(`${name}: connections are counted while a request is under way`, () => {
    const peers = new Peers('a', 'b');
    const selections = [1, 2, 3].map(() => create(peers).begin(sessionFrom()));
    for (const selection of selections) assert.notEqual(selection.next(), null);
    assert.equal(peers.get('a').conns + peers.get('b').conns, 3);
    for (const selection of selections) selection.release('ok');
    for (const selection of selections) selection.release('ok');
    assert.equal(peers.get('a').conns + peers.get('b').conns, 0);
  });

  test(`${name}: a server with max_conns connections is left alone until one ends`, () => {
    const peers = new Peers('a max_conns=1', 'b max_conns=2');
    const balancer = create(peers);
    const selections = [1, 2, 3, 4].map((n) => balancer.begin(sessionFrom(address(n))));
    const taken = selections.map(nextOf);
    assert.deepEqual(taken.slice(0, 3).sort(), ['a', 'b', 'b']);
    assert.equal(taken[3], null);
    selections[taken.indexOf('a')]?.release('ok');
    assert.equal(nextOf(balancer.begin(sessionFrom())), 'a');
  });

  test(`${name}: a server rests for fail_timeout after max_fails failures, and is tried again then`, (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const log: string[] = [];
    const balancer = create(new Peers('a max_fails=2 fail_timeout=10', 'b max_fails=0'));
    const request = (outcome: 'ok' | 'failed') => {
      const selection = balancer.begin(sessionFrom('127.0.0.1', log));
      let server = nextOf(selection);
      // Asks on until it meets a, where that may be had.
      while (server === 'b') {
        selection.release('next');
        server = nextOf(selection);
      }
      if (server !== null) selection.release(outcome);
      return server;
    };
    assert.equal(request('failed'), 'a');
    assert.equal(log.length, 0);
    assert.equal(request('failed'), 'a');
    assert.match(log.join('\n'), /^warn .*upstream server temporarily disabled/);
    assert.equal(request('ok'), null);
    t.mock.timers.tick(10_000);
    assert.equal(request('ok'), null);
    t.mock.timers.tick(1);
    // One request is let through; while it is not answered, the server rests on.
    const probe = balancer.begin(sessionFrom('127.0.0.1', log));
    while (nextOf(probe) === 'b') probe.release('next');
    assert.equal(request('ok'), null);
    probe.release('ok');
    assert.equal(request('ok'), 'a');
  });

  test(`${name}: backup servers are asked when no other may be`, () => {
    const balancer = create(new Peers('a max_fails=1', 'b down', 'c backup'));
    assert.deepEqual(counts(balancer, 10), { a: 10 });
    const selection = balancer.begin(sessionFrom());
    assert.equal(selection.tries, 2);
    assert.equal(nextOf(selection), 'a');
    selection.release('failed');
    assert.equal(nextOf(selection), 'c');
    selection.release('ok');
    assert.deepEqual(counts(balancer, 10), { c: 10 });
  });

  /** A request of a client that is bound to the peer. */
  const bound = (balancer: Balancer, peers: Peers, server: string, n = 0) => {
    const selection = balancer.begin(sessionFrom(address(n)));
    selection.preferred = peers.get(server).id;
    return selection;
  };

  test(`${name}: a client is passed to the server that it is bound to, while that is available`, () => {
    const peers = new Peers('a weight=5', 'b', 'c max_conns=2', 'd down');
    const balancer = create(peers);
    for (let n = 0; n < 40; n++) {
      assert.equal(pass(bound(balancer, peers, 'b', n)), 'b');
      assert.equal(pass(bound(balancer, peers, 'c', n)), 'c');
      assert.notEqual(pass(bound(balancer, peers, 'd', n)), 'd');
    }
    const full = [bound(balancer, peers, 'c'), bound(balancer, peers, 'c'), bound(balancer, peers, 'c')];
    const taken = full.map(nextOf);
    assert.deepEqual(taken.slice(0, 2), ['c', 'c']);
    assert.match(taken[2] ?? '', /^[ab]$/);
    for (const selection of full) selection.release('ok');
  });

  test(`${name}: a bound client is passed to another server if its own fails`, () => {
    const peers = new Peers('a', 'b', 'c');
    const balancer = create(peers);
    const selection = bound(balancer, peers, 'b');
    assert.equal(nextOf(selection), 'b');
    selection.release('failed');
    const second = nextOf(selection);
    assert.match(second ?? '', /^[ac]$/);
    selection.release('ok');
    assert.match(pass(bound(balancer, peers, 'b')) ?? '', /^[ac]$/);
  });

  test(`${name}: a server with drain only gets requests of clients that are bound to it`, () => {
    const peers = new Peers('a', 'b drain', 'c');
    const balancer = create(peers);
    assert.equal(counts(balancer, 100).b, undefined);
    assert.equal(pass(bound(balancer, peers, 'b')), 'b');
    const only = new Peers('a drain');
    assert.equal(pass(create(only).begin(sessionFrom())), null);
    for (let n = 0; n < 2; n++) assert.equal(pass(bound(create(only), only, 'a')), 'a');
  });

  test(`${name}: a client that is bound to a backup server is passed to it if no other is available`, () => {
    const peers = new Peers('a max_fails=1', 'b backup', 'c backup', 'd backup drain');
    const balancer = create(peers);
    assert.equal(pass(bound(balancer, peers, 'c')), 'a');
    for (const server of ['b', 'c', 'd', 'b']) {
      const selection = bound(balancer, peers, server);
      const first = nextOf(selection);
      if (first === 'a') {
        selection.release('failed');
        assert.equal(nextOf(selection), server);
      } else assert.equal(first, server);
      selection.release('ok');
    }
  });

  test(`${name}: a single server is used whatever its failures`, () => {
    const peers = new Peers('a max_fails=1');
    const balancer = create(peers);
    for (let n = 0; n < 3; n++) {
      const selection = balancer.begin(sessionFrom());
      assert.equal(nextOf(selection), 'a');
      selection.release('failed');
      assert.equal(selection.tries, 0);
    }
    assert.equal(peers.get('a').fails, 0);
  });
}
