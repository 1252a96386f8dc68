import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProblemFacts, Problems } from '../../src/console/problems.js';
import type { CertificateState, PeerCondition, PeerState, UpstreamState } from '../../src/console/state.js';

const NOW = Date.parse('2026-11-30T14:30:00Z');
const DAY = 86_400_000;

const QUIET: ProblemFacts = {
  state: {
    time: NOW,
    version: '1.0.0',
    generation: 1,
    since: NOW,
    started: NOW,
    requests: { total: 100, rate: 10, current: 1, statuses: null, errorRate: 0, latency: null },
    connections: { accepted: 1, dropped: 0, active: 1, reading: 0, writing: 1, waiting: 0, tunnels: 0 },
    upstreams: [],
    zones: [],
    limits: [],
    usage: [],
    workers: [],
    generations: [],
    reloads: [],
    certificates: [],
  },
  lostWorkers: [],
  wantedWorkers: 2,
  servingWorkers: 2,
  dropped: [],
};

function withState(state: Partial<ProblemFacts['state']>, facts: Partial<ProblemFacts> = {}): ProblemFacts {
  return { ...QUIET, ...facts, state: { ...QUIET.state, ...state } };
}

function textsOf(facts: ProblemFacts): string[] {
  return new Problems().list(facts).map(({ severity, text }) => `${severity}: ${text}`);
}

function peer(address: string, state: PeerCondition, since: number | null = null): PeerState {
  const figures = { active: 0, maxConns: 0, requests: 0, fails: 0, rate: 0, share: 0, health: null };
  return { address, server: address, backup: false, weight: 1, state, since, ...figures };
}

function upstream(peers: readonly PeerState[], more: Partial<UpstreamState> = {}): UpstreamState {
  return { name: 'chat', method: 'round robin', peers, keepalive: 0, queue: null, breaker: null, ...more };
}

function certificate(validTo: number, validFrom = NOW - 90 * DAY): CertificateState {
  const days = Math.floor((validTo - NOW) / DAY);
  return { file: 'c.pem', names: ['example.com'], validFrom, validTo, days, servers: ['example.com'] };
}

test('a proxy without problems has none', () => {
  const upstreams = [upstream([peer('192.0.2.1:80', 'up'), peer('192.0.2.2:80', 'down')])];
  assert.deepEqual(textsOf(withState({ upstreams, certificates: [certificate(NOW + 60 * DAY)] })), []);
});

test('servers that fail are counted, with the start of the first failure', () => {
  const upstreams = [
    upstream([
      peer('192.0.2.1:80', 'unavail', NOW - 5000),
      peer('192.0.2.2:80', 'unhealthy', NOW - 9000),
      peer('c', 'up'),
    ]),
  ];
  const [problem] = new Problems().list(withState({ upstreams }));
  assert.equal(problem?.text, '2 of 3 servers of `chat` are down');
  assert.equal(problem?.severity, 'warning');
  assert.equal(problem?.since, NOW - 9000);
});

test('an upstream without a server that accepts requests is an error, also if it is configured so', () => {
  const all = [peer('192.0.2.1:80', 'ejected'), peer('192.0.2.2:80', 'down')];
  assert.deepEqual(textsOf(withState({ upstreams: [upstream(all)] })), ['error: All 2 servers of `chat` are down']);
  assert.deepEqual(textsOf(withState({ upstreams: [upstream([peer('192.0.2.1:80', 'checking')])] })), [
    'error: The only server of `chat` (192.0.2.1:80) is down',
  ]);
});

test('a state without a known start is a problem since it was found, and again after it had ended', () => {
  const problems = new Problems();
  const breaker = (time: number, state: 'open' | 'closed') =>
    withState({ time, upstreams: [upstream([peer('a', 'up')], { breaker: state })] });
  assert.equal(problems.list(breaker(NOW, 'open'))[0]?.since, NOW);
  assert.equal(problems.list(breaker(NOW + 3000, 'open'))[0]?.since, NOW);
  assert.deepEqual(problems.list(breaker(NOW + 4000, 'closed')), []);
  assert.equal(problems.list(breaker(NOW + 5000, 'open'))[0]?.since, NOW + 5000);
});

test('breakers, queues, failing requests and full zones are named', () => {
  const facts = withState({
    upstreams: [upstream([peer('a', 'up')], { breaker: 'open', queue: { size: 2, max: 2, overflows: 1 } })],
    requests: { ...QUIET.state.requests, rate: 10, errorRate: 2 },
    zones: [
      { name: 'flags', kind: 'keyval', size: 100, used: 97 },
      { name: 'clients', kind: 'limit_req', size: 100, used: 100 },
    ],
  });
  assert.deepEqual(textsOf(facts).sort(), [
    'error: 20 % of the requests fail with a status of 500 or more',
    'error: The circuit breaker of `chat` is open: requests are refused',
    'error: The queue of `chat` is full: 2 requests wait for a server',
    'warning: The zone `flags` is 97 % full',
  ]);
});

test('certificates are reported before they expire, and afterwards', () => {
  const list = (validTo: number, validFrom?: number) =>
    textsOf(withState({ certificates: [certificate(validTo, validFrom)] }));
  assert.deepEqual(list(NOW + 15 * DAY), []);
  assert.deepEqual(list(NOW + 6.5 * DAY), ['warning: The certificate of `example.com` expires in 6 days']);
  assert.deepEqual(list(NOW + DAY / 2), ['warning: The certificate of `example.com` expires within a day']);
  assert.deepEqual(list(NOW - 1), ['error: The certificate of `example.com` has expired']);
  assert.deepEqual(list(NOW + 90 * DAY, NOW + DAY), ['error: The certificate of `example.com` is not valid yet']);
  // One of a day's validity that is renewed every few hours.
  assert.deepEqual(list(NOW + DAY * 0.9, NOW - DAY * 0.1), []);
});

test('only the newest reload counts as refused', () => {
  const refused = { time: NOW - 1000, generation: null, cause: 'reload', lines: ['unknown directive "prox"'] } as const;
  const accepted = { time: NOW, generation: 2, cause: 'reload', lines: [] } as const;
  assert.deepEqual(textsOf(withState({ reloads: [refused] })), [
    'warning: The last reload was refused: unknown directive "prox"',
  ]);
  assert.deepEqual(textsOf(withState({ reloads: [accepted, refused] })), []);
});

test('lost and missing workers, delayed event loops and dropped log lines are reported for a time', () => {
  const worker = {
    pid: 7,
    number: 0,
    started: NOW,
    generation: 1,
    cpu: 0.5,
    rss: 1,
    heap: 1,
    connections: 0,
    tunnels: 0,
  };
  const facts = withState(
    { workers: [{ ...worker, lag: { p50: 1, max: 300.4 } }] },
    {
      servingWorkers: 1,
      lostWorkers: [{ pid: 5, time: NOW - 1000, how: 'exited on signal 9' }],
      dropped: [
        { log: '/var/log/access.log', lines: 12, time: NOW - 2000 },
        { log: '/old.log', lines: 1, time: NOW - 2 * 3_600_000 },
      ],
    },
  );
  assert.deepEqual(textsOf(facts).sort(), [
    'warning: 1 of 2 workers is missing',
    'warning: 12 writes to the log `/var/log/access.log` were dropped',
    'warning: The event loop of worker process 7 is delayed by up to 300 ms',
    'warning: Worker process 5 exited on signal 9 and was replaced',
  ]);
  assert.deepEqual(textsOf({ ...facts, state: { ...facts.state, time: NOW + 4_000_000 } }).length, 2);
});

test('errors come before warnings, new ones before old ones', () => {
  const upstreams = [
    upstream([peer('a', 'unavail', NOW - 500), peer('b', 'up')], { name: 'x' }),
    upstream([peer('a', 'unavail', NOW - 9000)], { name: 'y' }),
    upstream([peer('a', 'unavail', NOW - 100)], { name: 'z' }),
  ];
  const ids = new Problems().list(withState({ upstreams })).map(({ id }) => id);
  assert.deepEqual(ids, ['servers of z', 'servers of y', 'servers of x']);
});
