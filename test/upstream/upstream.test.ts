/** From `upstream` blocks to peers: compiled, resolved, and carried over a reload. */
import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import { none } from '../../src/config/argument-types.js';
import { check } from '../../src/config/check.js';
import type { ErrorLog } from '../../src/logging/error-log.js';
import upstreamModule from '../../src/modules/upstream.js';
import hashModule, { ConsistentHash, Hash } from '../../src/modules/upstream_hash.js';
import ipHashModule, { IpHash } from '../../src/modules/upstream_ip_hash.js';
import keepaliveModule from '../../src/modules/upstream_keepalive.js';
import leastConnModule, { LeastConn } from '../../src/modules/upstream_least_conn.js';
import randomModule, { RandomChoice } from '../../src/modules/upstream_random.js';
import zoneModule from '../../src/modules/upstream_zone.js';
import { compileRoutingTable, type RoutingTable } from '../../src/program/compiler.js';
import { defineModule, type Module } from '../../src/program/module.js';
import { findUpstream } from '../../src/upstream/configured.js';
import { DEFAULT_KEEPALIVE } from '../../src/upstream/keepalive-settings.js';
import { RoundRobin } from '../../src/upstream/round-robin.js';
import { implicitUpstream, type Upstream } from '../../src/upstream/upstream.js';
import { DnsServer } from './dns-server.js';
import { pass } from './peers.js';
import { sessionFrom } from './session.js';

const blocks = defineModule({
  name: 'blocks',
  doc: 'The block around all upstreams.',
  directives: {
    http: { contexts: ['main'], takes: none, body: { context: 'http' }, doc: 'The block.', example: 'http { }' },
  },
});

/** In the reverse of the usual order, because none of them may depend on it. */
const MODULES = [
  zoneModule,
  randomModule,
  leastConnModule,
  keepaliveModule,
  ipHashModule,
  hashModule,
  upstreamModule,
  blocks,
] as unknown as readonly Module[]; // each module has a type of its own

interface Loaded {
  readonly table: RoutingTable;
  readonly log: string[];
}

async function load(text: string, previous: RoutingTable | null = null): Promise<Loaded> {
  const log: string[] = [];
  const errorLog: ErrorLog = { threshold: 7, write: (level, message) => log.push(`${level}: ${message}`) };
  const { config, findings } = check({ name: 'test.conf', text: `http {\n${text}\n}` }, MODULES);
  assert.ok(config !== null, findings.map(({ message }) => message).join('\n'));
  const table = await compileRoutingTable(structuredClone(config), MODULES, { errorLog, previous, prefix: '' });
  return { table, log };
}

function upstreamOf({ table }: Loaded, name = 'u'): Upstream {
  const upstream = findUpstream(table.shared, name);
  assert.ok(upstream !== undefined);
  return upstream;
}

function names(upstream: Upstream): string[] {
  return upstream.current().peers.map(({ name }) => name);
}

test('an upstream has its servers as peers, in order, and backup servers apart', async () => {
  const upstream = upstreamOf(
    await load('upstream u { server 127.0.0.1; server [::1]:81 weight=3 backup; server unix:/run/x; }'),
  );
  assert.deepEqual(names(upstream), ['127.0.0.1:80', 'unix:/run/x']);
  assert.deepEqual(
    upstream.current().backup?.peers.map(({ name, weight }) => [name, weight]),
    [['[::1]:81', 3]],
  );
  assert.ok(upstream.balancer instanceof RoundRobin);
});

test('a name stands for all its addresses', async () => {
  const upstream = upstreamOf(await load('upstream u { server localhost:8080 weight=2; }'));
  assert.ok(names(upstream).includes('127.0.0.1:8080') || names(upstream).includes('[::1]:8080'));
  assert.ok(upstream.current().peers.every(({ weight, server }) => weight === 2 && server === 'localhost:8080'));
});

test('a name without an address is reported at its line, and gets no requests', async () => {
  const loaded = await load('upstream u {\n server 127.0.0.1;\n  server "no such host:80";\n}');
  assert.deepEqual(names(upstreamOf(loaded)), ['127.0.0.1:80']);
  assert.deepEqual(loaded.log, [
    'warn: host not found in upstream "no such host:80" in test.conf:4, it is looked up again',
  ]);
});

test('a name without an address is looked up again until it has one, more and more seldom', async (t) => {
  let asked = 0;
  let known = false;
  const real = dns.lookup;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(dns, 'lookup', async () => {
    asked++;
    if (!known) throw new Error('ENOTFOUND');
    return [{ address: '127.0.0.9', family: 4 }];
  });
  syncBuiltinESMExports();
  t.after(() => {
    dns.lookup = real;
    syncBuiltinESMExports();
  });
  const upstream = upstreamOf(await load('upstream u { server late.example:81; }'));
  const pass = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  assert.equal(asked, 1);
  await pass(1000);
  assert.equal(asked, 2);
  await pass(1000);
  assert.equal(asked, 2);
  known = true;
  await pass(1000);
  assert.equal(asked, 3);
  assert.deepEqual(names(upstream), ['127.0.0.9:81']);
  await pass(600_000);
  assert.equal(asked, 3);
});

test('over a reload a name that is not found any more keeps its addresses', async (t) => {
  const before = await load('upstream u { server localhost:81; }');
  const [peer] = upstreamOf(before).current().peers;
  const real = dns.lookup;
  t.mock.method(dns, 'lookup', () => Promise.reject(new Error('EAI_AGAIN')));
  syncBuiltinESMExports();
  t.after(() => {
    dns.lookup = real;
    syncBuiltinESMExports();
  });
  const after = await load('upstream u { server localhost:81; }', before.table);
  assert.equal(upstreamOf(after).current().peers[0], peer);
});

test('names of upstreams are found without regard to case', async () => {
  const loaded = await load('upstream Backend { server 127.0.0.1; }');
  assert.equal(upstreamOf(loaded, 'bAcKend').name, 'Backend');
  assert.equal(findUpstream(loaded.table.shared, 'other'), undefined);
});

test('connections are kept unless the block says otherwise', async () => {
  const loaded = await load(`
    upstream plain { server 127.0.0.1; }
    upstream some { server 127.0.0.1; keepalive 5; keepalive_timeout 5s; }
    upstream off { server 127.0.0.1; keepalive 0; }
    upstream time { server 127.0.0.1; keepalive_time 2s; keepalive_requests 7; }`);
  assert.deepEqual(upstreamOf(loaded, 'plain').keepalive, DEFAULT_KEEPALIVE);
  assert.deepEqual(upstreamOf(loaded, 'some').keepalive, { ...DEFAULT_KEEPALIVE, max: 5, local: false, timeout: 5000 });
  assert.equal(upstreamOf(loaded, 'off').keepalive.max, 0);
  assert.deepEqual(upstreamOf(loaded, 'time').keepalive, { ...DEFAULT_KEEPALIVE, time: 2000, requests: 7 });
});

test('the method that stands last holds', async () => {
  const methods = [
    ['hash k;', Hash],
    ['hash k consistent;', ConsistentHash],
    ['ip_hash;', IpHash],
    ['least_conn;', LeastConn],
    ['random two;', RandomChoice],
  ] as const;
  for (const [first] of methods) {
    for (const [second, expected] of methods) {
      if (first.split(/[ ;]/)[0] === second.split(/[ ;]/)[0]) continue;
      const upstream = upstreamOf(await load(`upstream u { ${first} server 127.0.0.1; ${second} }`));
      assert.ok(upstream.balancer instanceof expected, `${first} ${second}`);
    }
  }
});

test('peers of an unchanged line keep their state over a reload, others begin anew', async () => {
  const first = await load('upstream u { server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3; }');
  const old = upstreamOf(first).current().peers;
  for (const peer of old) peer.fails = 1;
  const second = await load(
    'upstream u { server 127.0.0.1:9; server 127.0.0.1:3; server 127.0.0.1:2 weight=2; server 127.0.0.1:1; }',
    first.table,
  );
  const peers = upstreamOf(second).current().peers;
  assert.deepEqual(
    peers.map(({ fails }) => fails),
    [0, 1, 0, 1],
  );
  assert.equal(peers[1], old[2]);
  assert.equal(peers[3], old[0]);
  assert.deepEqual(names(upstreamOf(first)), ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']);
});

test('two lines that say the same are two peers, over a reload as well', async () => {
  const text = 'upstream u { server 127.0.0.1:1; server 127.0.0.1:1; }';
  const first = await load(text);
  const second = await load(text, first.table);
  const peers = upstreamOf(second).current().peers;
  assert.notEqual(peers[0], peers[1]);
  assert.deepEqual(peers, upstreamOf(first).current().peers);
});

test('the upstream that a host implies has equal peers and keeps no connection', () => {
  const upstream = implicitUpstream('backend', [{ host: '10.0.0.1', port: 80 }, { path: '/run/x' }]);
  assert.deepEqual(names(upstream), ['10.0.0.1:80', 'unix:/run/x']);
  assert.equal(upstream.keepalive.max, 0);
  const next = () => upstream.balancer.begin(sessionFrom());
  assert.deepEqual([pass(next()), pass(next())], ['', '']);
});

function atRunTime(server: DnsServer, line: string): string {
  return `upstream u { zone u 64k; resolver 127.0.0.1:${server.port} ipv6=off; resolver_timeout 1s; ${line} }`;
}

test('a server with resolve has the addresses that the name server tells', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'] } });
  const upstream = upstreamOf(await load(atRunTime(server, 'server a.test:81 resolve; server 127.0.0.1:1 weight=2;')));
  assert.deepEqual(names(upstream), ['10.0.0.1:81', '127.0.0.1:1']);
  await server.close();
});

/** Holds timers of a second and more, which then fire when the test calls them; shorter ones pace queries and stay real. */
function holdTimers(t: TestContext): (() => void)[] {
  const { setTimeout } = globalThis;
  const held: (() => void)[] = [];
  t.mock.method(globalThis, 'setTimeout', (callback: () => void, delay = 0) => {
    if (delay < 1000) return setTimeout(callback, delay);
    held.push(callback);
    return { unref() {} };
  });
  return held;
}

test('a server with resolve is looked up again when the answer expires; peers that stay keep their state', async (t) => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1', '10.0.0.2'], ttl: 0 } });
  const timers = holdTimers(t);
  const upstream = upstreamOf(await load(atRunTime(server, 'server a.test resolve;')));
  const [kept] = upstream.current().peers.filter(({ name }) => name === '10.0.0.2:80');
  assert.ok(kept !== undefined);
  kept.conns = 3;
  server.names.set('a.test', { a: ['10.0.0.3', '10.0.0.2'], ttl: 0 });
  const group = upstream.current();
  timers.at(-1)?.();
  while (upstream.current() === group) await new Promise((resolve) => setImmediate(resolve));
  // Peers that stay also keep their positions.
  assert.deepEqual(names(upstream), ['10.0.0.2:80', '10.0.0.3:80']);
  assert.ok(upstream.current().peers.includes(kept));
  await server.close();
});

test('a name that does not exist leaves no peers, a name server that fails leaves those that were known', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'], ttl: 0 } });
  const text = atRunTime(server, 'server a.test resolve;');
  const first = await load(text);
  server.names.set('a.test', { code: 2 });
  const second = await load(text, first.table);
  assert.deepEqual(names(upstreamOf(second)), ['10.0.0.1:80']);
  assert.deepEqual(second.log, ['error: a.test could not be resolved (2: Server failure)']);
  server.names.delete('a.test');
  const third = await load(text, second.table);
  assert.deepEqual(names(upstreamOf(third)), []);
  assert.deepEqual(third.log, ['error: a.test could not be resolved (3: Host not found)']);
  await server.close();
});

test('a service keeps its peers if a name server fails for all of its targets, and loses them if none exists', async (t) => {
  const srv = [{ priority: 1, weight: 1, port: 81, target: 'one.test' }];
  const server = await DnsServer.start({
    '_http._tcp.a.test': { srv, ttl: 0 },
    'one.test': { a: ['10.0.0.1'], ttl: 0 },
  });
  const timers = holdTimers(t);
  const { table, log } = await load(atRunTime(server, 'server a.test service=http resolve;'));
  const upstream = upstreamOf({ table, log });
  const lookUpAgain = async (): Promise<void> => {
    const lines = log.length;
    timers.at(-1)?.();
    while (log.length < lines + 2) await new Promise((resolve) => setImmediate(resolve));
  };
  assert.deepEqual(names(upstream), ['10.0.0.1:81']);
  server.names.set('one.test', { code: 2 });
  await lookUpAgain();
  assert.deepEqual(names(upstream), ['10.0.0.1:81']);
  server.names.delete('one.test');
  await lookUpAgain();
  assert.deepEqual(names(upstream), []);
  assert.deepEqual(log.slice(-2), [
    'error: one.test could not be resolved (3: Host not found) while resolving service http of a.test',
    'error: service http of a.test could not be resolved (3: Host not found)',
  ]);
  await server.close();
});

test('over a reload a name keeps its addresses with another port or weight, until the name server tells others', async () => {
  const server = await DnsServer.start({ 'a.test': { a: ['10.0.0.1'] } });
  const first = await load(atRunTime(server, 'server a.test:81 resolve;'));
  server.names.set('a.test', { code: 2 });
  const second = await load(
    atRunTime(server, 'server A.test:82 weight=3 resolve; server b.test resolve;'),
    first.table,
  );
  const { peers } = upstreamOf(second).current();
  assert.deepEqual(
    peers.map(({ name, weight }) => [name, weight]),
    [['10.0.0.1:82', 3]],
  );
  await server.close();
});

test('a service gives ports and weights, and its lower priorities are backup servers', async () => {
  const server = await DnsServer.start({
    '_http._tcp.a.test': {
      srv: [
        { priority: 1, weight: 5, port: 8081, target: 'one.test' },
        { priority: 2, weight: 0, port: 8082, target: 'two.test' },
        { priority: 1, weight: 1, port: 8083, target: 'gone.test' },
      ],
    },
    'one.test': { a: ['10.0.0.1'] },
    'two.test': { a: ['10.0.0.2'] },
  });
  const loaded = await load(atRunTime(server, 'server a.test service=http resolve;'));
  const group = upstreamOf(loaded).current();
  assert.deepEqual(
    group.peers.map(({ name, weight }) => [name, weight]),
    [['10.0.0.1:8081', 5]],
  );
  assert.deepEqual(
    group.backup?.peers.map(({ name, weight }) => [name, weight]),
    [['10.0.0.2:8082', 1]],
  );
  assert.match(
    loaded.log.join(),
    /gone\.test could not be resolved \(3: Host not found\) while resolving service http of a\.test/,
  );
  await server.close();
});
