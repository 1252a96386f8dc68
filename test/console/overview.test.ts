import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Overview, type OverviewFacts } from '../../src/console/overview.js';
import type { PeerReport, WorkerReport } from '../../src/console/worker-report.js';
import { NO_COUNTS } from '../../src/exchange/connection-counts.js';

const NOW = 1_800_000_000_000;

function peer(address: string, more: Partial<PeerReport> = {}): PeerReport {
  const figures = { backup: false, weight: 1, since: null, active: 0, maxConns: 0, requests: 0, fails: 0 };
  return { address, server: address, state: 'up', ...figures, ...more };
}

function worker(pid: number, more: Partial<WorkerReport> = {}): WorkerReport {
  return {
    pid,
    number: pid,
    started: NOW,
    generation: 2,
    cpuTime: 0,
    time: NOW,
    rss: 1,
    heap: 1,
    lag: null,
    connections: 1,
    tunnels: 0,
    upstreams: [],
    generations: [{ number: 2, users: 1, tunnels: 0 }],
    dropped: [],
    ...more,
  };
}

function facts(time: number, workers: readonly WorkerReport[], more: Partial<OverviewFacts> = {}): OverviewFacts {
  return {
    time,
    workers,
    process: {
      generation: 2,
      since: NOW,
      started: NOW,
      reloads: [{ time: NOW, generation: 2, cause: 'reload', lines: [] }],
      wantedWorkers: workers.length,
      servingWorkers: workers.length,
      lostWorkers: [],
    },
    counts: NO_COUNTS,
    totals: null,
    health: new Map(),
    zones: [],
    limits: [],
    usage: [],
    certificates: [],
    ...more,
  };
}

function withPeers(pid: number, peers: readonly PeerReport[], more: Partial<WorkerReport> = {}): WorkerReport {
  const upstream = { name: 'app', method: 'round_robin', peers, keepalive: 1, queue: null, breaker: null };
  return worker(pid, { upstreams: [upstream], ...more });
}

test('figures of workers are added up, and the worst state of a peer counts', () => {
  const { upstreams, problems } = new Overview().build(
    facts(NOW, [
      withPeers(1, [peer('a', { active: 1, requests: 3 }), peer('b')]),
      withPeers(2, [
        peer('a', { active: 2, requests: 1, state: 'unavail', since: NOW - 100 }),
        peer('b', { requests: 4 }),
      ]),
    ]),
  );
  const [app] = upstreams;
  assert.equal(app?.keepalive, 2);
  assert.deepEqual(
    app?.peers.map(({ address, state, since, active, requests, share }) => [
      address,
      state,
      since,
      active,
      requests,
      share,
    ]),
    [
      ['a', 'unavail', NOW - 100, 3, 4, 0.5],
      ['b', 'up', null, 0, 4, 0.5],
    ],
  );
  assert.deepEqual(
    problems.map(({ text }) => text),
    ['1 of 2 servers of `app` is down (a)'],
  );
});

test('rates refer to the previous overview, and a restarted worker has none', () => {
  const overview = new Overview();
  const counts = (requests: number) => ({ counts: { ...NO_COUNTS, requests } });
  const totals = (errors: number) => ({
    totals: { statuses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': errors }, latency: null },
  });
  const first = overview.build(
    facts(NOW, [withPeers(1, [peer('a', { requests: 10 }), peer('b')])], { ...counts(100), ...totals(5) }),
  );
  assert.deepEqual([first.requests.rate, first.requests.errorRate, first.workers[0]?.cpu], [0, 0, null]);
  const second = overview.build(
    facts(
      NOW + 2000,
      [
        withPeers(1, [peer('a', { requests: 40 }), peer('b', { requests: 10 })], { cpuTime: 500, time: NOW + 2000 }),
        worker(7),
      ],
      { ...counts(160), ...totals(11) },
    ),
  );
  assert.deepEqual([second.requests.rate, second.requests.errorRate], [30, 3]);
  assert.deepEqual(
    second.upstreams[0]?.peers.map(({ rate, share }) => [rate, share]),
    [
      [15, 0.75],
      [5, 0.25],
    ],
  );
  assert.deepEqual(
    second.workers.map(({ pid, cpu }) => [pid, cpu]),
    [
      [1, 0.25],
      [7, null],
    ],
  );
  // After a pause, a rate over the whole pause would not be a current one.
  const late = overview.build(facts(NOW + 60_000, [worker(1)], { ...counts(200), ...totals(11) }));
  assert.deepEqual([late.requests.rate, late.requests.errorRate], [0, 0]);
});

test('an overview that follows another at once has rates over the second before', () => {
  const overview = new Overview();
  const build = (time: number, requests: number) =>
    overview.build(facts(NOW + time, [worker(1)], { counts: { ...NO_COUNTS, requests } })).requests.rate;
  assert.equal(build(0, 100), 0);
  assert.equal(build(500, 150), 100);
  assert.equal(build(1000, 200), 100);
  assert.equal(build(1005, 202), 101.5);
  assert.equal(build(2000, 302), 102);
  assert.equal(build(2001, 302), 101.9);
});

test('generations are listed with their users over all workers', () => {
  const { generations, upstreams } = new Overview().build(
    facts(NOW, [
      worker(1, {
        generations: [
          { number: 1, users: 5, tunnels: 4 },
          { number: 2, users: 1, tunnels: 0 },
        ],
      }),
      // A worker that ends with its connections, and still has the earlier configuration.
      withPeers(2, [peer('old')], { generation: 1, generations: [{ number: 1, users: 2, tunnels: 2 }] }),
    ]),
  );
  assert.deepEqual(generations, [
    { number: 1, since: 0, inForce: false, requests: 1, tunnels: 6 },
    { number: 2, since: NOW, inForce: true, requests: 1, tunnels: 0 },
  ]);
  assert.deepEqual(upstreams, []);
});

test('dropped lines of all workers become one problem for each log', () => {
  const dropped = [{ log: '/full.log', lines: 2, time: NOW - 10 }];
  const { problems } = new Overview().build(facts(NOW, [worker(1, { dropped }), worker(2, { dropped })]));
  assert.deepEqual(
    problems.map(({ text, since }) => [text, since]),
    [['4 writes to the log `/full.log` were dropped', NOW - 10]],
  );
});
