import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import type { ZoneDeclaration } from '../../src/config/zone-declaration.js';
import { portChannel, processChannel } from '../../src/zones/channel.js';
import { countHealth, joinHealth, leaveHealth, readHealth } from '../../src/zones/health-operations.js';
import type { HealthNews } from '../../src/zones/health-states.js';
import { countUsage, readUsage } from '../../src/zones/key-limits.js';
import { changeKeyValues, clearKeyValues, readKeyValues } from '../../src/zones/key-value-operations.js';
import type { KeyChange } from '../../src/zones/key-values.js';
import { type ConnectionAnswer, countRequest, type RateAnswer, takeConnections } from '../../src/zones/limits.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { addMetrics, readMetrics } from '../../src/zones/metric-operations.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { countResolutions, readResolutions } from '../../src/zones/resolver-operations.js';
import { reportRetries } from '../../src/zones/retry-operations.js';
import { changeServers, loadServers, readServers } from '../../src/zones/server-list-operations.js';
import type { ServerChange, ServerListState } from '../../src/zones/server-lists.js';
import { findSession, learnSession } from '../../src/zones/sticky-operations.js';
import { StoreBackend } from '../../src/zones/store/store-backend.js';
import { giveBack } from '../../src/zones/tickets.js';
import { addValue, findValue } from '../../src/zones/value-operations.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { RedisServer, withoutRedis } from '../kit/redis.js';
import { openStore } from './store.js';

/** A backend under test. */
interface Subject {
  readonly backend: ZoneBackend;
  close(): void;
}

const strict = { log: (_level: string, message: string) => assert.fail(message), timeout: 20_000 };

interface Kind {
  readonly skip?: string | false;
  /** Server that the subjects need. */
  readonly server?: () => Promise<RedisServer>;
  /** Limits are counted in a store: in as much memory as that has, and answers are promises. */
  readonly inStore?: true;
  create(server: RedisServer | null): Subject | Promise<Subject>;
}

/** Every backend; each must do the same. */
const BACKENDS: Readonly<Record<string, Kind>> = {
  'this process': { create: () => ({ backend: new LocalBackend(), close: () => {} }) },
  'a master behind a MessageChannel': {
    create: () => {
      const { port1, port2 } = new MessageChannel();
      new ZoneServer().serve(portChannel(port1));
      return { backend: new RemoteBackend(portChannel(port2), strict), close: () => port1.close() };
    },
  },
  'a master in a process of its own': {
    create: () => {
      const child = fork(fileURLToPath(new URL('master.js', import.meta.url)));
      return { backend: new RemoteBackend(processChannel(child), strict), close: () => child.disconnect() };
    },
  },
  'a store': {
    skip: withoutRedis,
    server: () => RedisServer.start(),
    inStore: true,
    create: async (server) => {
      const store = await openStore(server as RedisServer, { prefix: `${randomUUID()}:`, timeout: 20_000 });
      return { backend: new StoreBackend(new LocalBackend(), new Map([['main', store]])), close: () => store.close() };
    },
  },
};

const unhealthy: HealthNews = { check: 'c', peer: 'p', state: 'unhealthy' };

for (const [name, { create, inStore = false, server: startServer, skip = false }] of Object.entries(BACKENDS)) {
  const stored = inStore ? { store: { name: 'main', failure: 'closed', lease: 1 } as const } : {};
  const conn: ZoneDeclaration = { kind: 'limit_conn', name: 'c', size: 32 << 10, key: '$x', ...stored };
  const req: ZoneDeclaration = { kind: 'limit_req', name: 'r', size: 32 << 10, key: '$x', ...stored };

  describe(`zones in ${name}`, { skip }, () => {
    let server: RedisServer | null = null;
    before(async () => {
      if (startServer !== undefined) server = await startServer();
    });
    after(() => server?.close());
    const during = async (use: (backend: ZoneBackend) => Promise<void>): Promise<void> => {
      const { backend, close } = await create(server);
      try {
        await use(backend);
      } finally {
        close();
      }
    };
    let ticket = 0;
    const take = (backend: ZoneBackend, zone: number, key: string, max: number, by = ++ticket) =>
      backend.ask(takeConnections, { ticket: by, limits: [{ zone, key, max }] });
    const result = async (answer: ConnectionAnswer | Promise<ConnectionAnswer>) => (await answer).result;

    test('answers at once only where no other process is asked', () =>
      during(async (backend) => {
        const answer = take(backend, backend.open(conn).id, 'a', 1);
        assert.equal(answer instanceof Promise, backend.shared || inStore);
        await answer;
      }));

    test('metrics are added up over users, up to a number of series, and survive the user', () =>
      during(async (backend) => {
        const metrics: ZoneDeclaration = { kind: 'metrics', name: 'm', size: 0, key: '' };
        const [one, two] = [backend.open(metrics), backend.open(metrics)];
        const add = (zone: number, label: string, ...values: number[]) => {
          const increase = { family: 'f', labels: [label], overflow: ['other'], values };
          backend.tell(addMetrics, { zone, limit: 2, increases: [increase] });
        };
        add(one.id, 'a', 1, 10);
        add(two.id, 'a', 2, 20);
        add(one.id, 'b', 3, 30);
        one.close();
        add(two.id, 'c', 4, 40);
        add(two.id, 'd', 5, 50);
        assert.deepEqual(await backend.ask(readMetrics, { zone: two.id, families: null }), [
          { family: 'f', labels: ['a'], values: [3, 30] },
          { family: 'f', labels: ['b'], values: [3, 30] },
          { family: 'f', labels: ['other'], values: [9, 90] },
        ]);
        assert.deepEqual(await backend.ask(readMetrics, { zone: two.id, families: ['g'] }), []);
      }));

    test('counts each key up to its limit, and decrements when counts are given back', () =>
      during(async (backend) => {
        const { id } = backend.open(conn);
        assert.equal(await result(take(backend, id, 'a', 2, 1001)), 'taken');
        assert.equal(await result(take(backend, id, 'a', 2)), 'taken');
        assert.equal(await result(take(backend, id, 'a', 2)), 'limit');
        assert.equal(await result(take(backend, id, 'b', 2)), 'taken');
        backend.tell(giveBack, 1001);
        backend.tell(giveBack, 1001);
        assert.equal(await result(take(backend, id, 'a', 2)), 'taken');
        assert.equal(await result(take(backend, id, 'a', 2)), 'limit');
      }));

    test('adds up statistics of name resolution, which can be reset', () =>
      during(async (backend) => {
        const { id: zone } = backend.open({ kind: 'resolver', name: 'd', size: 0, key: '' });
        const other = backend.open({ kind: 'resolver', name: 'e', size: 0, key: '' });
        backend.tell(countResolutions, { zone, events: { name: 2, noerror: 1 } });
        backend.tell(countResolutions, { zone, events: { name: 1, timedout: 1 } });
        const counts = await backend.ask(readResolutions, { zone, reset: true });
        assert.deepEqual([counts?.name, counts?.noerror, counts?.timedout, counts?.srv], [3, 1, 1, 0]);
        assert.equal((await backend.ask(readResolutions, { zone, reset: false }))?.name, 0);
        assert.equal((await backend.ask(readResolutions, { zone: other.id, reset: false }))?.name, 0);
      }));

    test('passes requests and further tries of a handle on to the others, also to later ones', () =>
      during(async (backend) => {
        const declaration = { kind: 'retry_budget', name: 'b', size: 0, key: '' } as const;
        const news: unknown[][] = [[], [], []];
        const open = (i: number) => backend.open(declaration, (each) => news[i]?.push(each)).id;
        const [first] = [open(0), open(1)];
        backend.tell(reportRetries, { zone: first, window: 60_000, requests: 3, retries: 0 });
        backend.tell(reportRetries, { zone: first, window: 60_000, requests: 0, retries: 2 });
        await backend.ask(giveBack, 0);
        open(2);
        await backend.ask(giveBack, 0);
        assert.deepEqual(news, [
          [],
          [
            { requests: 3, retries: 0 },
            { requests: 0, retries: 2 },
          ],
          [{ requests: 3, retries: 2 }],
        ]);
      }));

    test('keeps values until they expire, the newest if there is no room', () =>
      during(async (backend) => {
        const { id: zone } = backend.open({ kind: 'ssl_session', name: 's', size: 32 << 10, key: '' });
        const add = (key: string, value: string, lifetime: number) =>
          backend.tell(addValue, { zone, key, value, lifetime });
        const find = async (key: string) => backend.ask(findValue, { zone, key });
        add('a', '\x00\xff', 60_000);
        add('b', 'x', 0);
        add('large', 'x'.repeat(4097), 60_000);
        assert.deepEqual(
          [await find('a'), await find('b'), await find('c'), await find('large')],
          ['\x00\xff', null, null, null],
        );
        for (let i = 0; i < 200; i++) add(`id ${i}`, 'y'.repeat(900), 60_000);
        assert.deepEqual([await find('a'), await find('id 0'), await find('id 199')], [null, null, 'y'.repeat(900)]);
      }));

    test('changes keys, all or none, and tells every handle of the zone', () =>
      during(async (backend) => {
        const declaration = { kind: 'keyval', name: 'kv', size: 32 << 10, key: '' } as const;
        const news: unknown[] = [];
        const { id: zone } = backend.open(declaration, (each) => news.push(each));
        backend.open(declaration, (each) => news.push(each));
        const change = async (mode: 'add' | 'modify', ...changes: readonly KeyChange[]) =>
          (await backend.ask(changeKeyValues, { zone, mode, changes })).result;
        const keys = async () => (await backend.ask(readKeyValues, { zone }))?.entries.map(({ key }) => key);
        const entry = (key: string, value?: string | null, left: number | null = null): KeyChange =>
          value === undefined ? { key, left } : { key, value, left };
        assert.equal(await change('add', entry('a', '1'), entry('b', '2')), 'done');
        assert.equal(await change('add', entry('c', '3'), entry('b', '2')), 'exists');
        assert.equal(await change('modify', entry('a', 'x'), entry('d', 'x')), 'missing');
        assert.equal(await change('add', entry('c', 'x'.repeat(20_000)), entry('d', 'x'.repeat(20_000))), 'memory');
        assert.deepEqual(await keys(), ['a', 'b']);
        assert.equal(await change('modify', entry('a', null), entry('b', undefined, 0)), 'done');
        assert.deepEqual(await keys(), []);
        assert.equal(await change('add', entry('c', 'x'.repeat(9000))), 'done');
        assert.equal(await backend.ask(clearKeyValues, { zone }), true);
        assert.equal(news.length, 8);
        assert.deepEqual(news.at(-1), { all: true, set: [], removed: [] });
      }));

    test('the first initial list of servers counts, and each change has a new version', () =>
      during(async (backend) => {
        const declaration = { kind: 'upstream_servers', name: 'app', size: 32 << 10, key: '' } as const;
        const versions: number[] = [];
        const { id: zone } = backend.open(declaration, (news) => versions.push((news as ServerListState).version));
        assert.equal(await backend.ask(readServers, { zone }), null);
        await backend.ask(loadServers, { zone, servers: [['a:1'], ['b:2', 'weight=2']] });
        const list = await backend.ask(loadServers, { zone, servers: [['c:3']] });
        assert.deepEqual(list?.servers, [
          { id: 0, words: ['a:1'] },
          { id: 1, words: ['b:2', 'weight=2'] },
        ]);
        const change = async (each: ServerChange) => (await backend.ask(changeServers, { zone, change: each })).result;
        assert.equal(await change({ do: 'remove', id: 1 }), 'done');
        assert.equal(await change({ do: 'remove', id: 1 }), 'missing');
        assert.equal(await change({ do: 'add', words: ['d:4'] }), 'done');
        assert.equal(await change({ do: 'modify', id: 2, before: ['x'], words: ['e:5'] }), 'changed');
        assert.equal(await change({ do: 'modify', id: 2, before: ['d:4'], words: ['e:5'] }), 'done');
        assert.equal(await change({ do: 'add', words: ['x'.repeat(40_000)] }), 'memory');
        assert.deepEqual(await backend.ask(readServers, { zone }), {
          version: 4,
          servers: [
            { id: 0, words: ['a:1'] },
            { id: 2, words: ['e:5'] },
          ],
        });
        assert.deepEqual(versions, [1, 2, 3, 4]);
      }));

    test('a ticket that is given back before its answer came holds nothing', () =>
      during(async (backend) => {
        const { id } = backend.open(conn);
        const answers = Array.from({ length: 20 }, async (_, i) => {
          const answer = take(backend, id, 'a', 1, 2000 + i);
          backend.tell(giveBack, 2000 + i);
          return result(answer);
        });
        assert.deepEqual(new Set(await Promise.all(answers)), new Set(['taken']));
        assert.equal(await result(take(backend, id, 'a', 1)), 'taken');
      }));

    test('several limits take all or nothing, and the one that refused is named', () =>
      during(async (backend) => {
        const one = backend.open(conn).id;
        const other = backend.open({ ...conn, name: 'other' }).id;
        await take(backend, other, 'k', 1, 3000);
        const limits = [
          { zone: one, key: 'k', max: 1 },
          { zone: other, key: 'k', max: 1 },
        ];
        assert.deepEqual(await backend.ask(takeConnections, { ticket: 3001, limits }), {
          result: 'limit',
          refusedBy: 1,
        });
        assert.equal(await result(take(backend, one, 'k', 1)), 'taken');
      }));

    test(`a zone has as much room as ${inStore ? 'the store' : 'nginx’s'}, and refuses further keys`, () =>
      during(async (backend) => {
        const { id } = backend.open(conn);
        const results = Array.from({ length: 400 }, (_, i) => result(take(backend, id, `key ${i}`, 1)));
        const taken = (await Promise.all(results)).filter((each) => each === 'taken').length;
        // Six pages of 64 pieces, of which nginx takes one for itself.
        assert.equal(taken, inStore ? 400 : 383);
        assert.equal(await result(take(backend, id, 'one more', 1)), inStore ? 'taken' : 'memory');
      }));

    test('declarations with the same name, size and key share one zone', () =>
      during(async (backend) => {
        const first = backend.open(conn);
        await take(backend, first.id, 'k', 1);
        const second = backend.open(conn);
        first.close();
        assert.equal(await result(take(backend, second.id, 'k', 1)), 'limit');
        const larger = backend.open({ ...conn, size: 64 << 10 });
        assert.equal(await result(take(backend, larger.id, 'k', 1)), 'taken');
      }));

    const ask = async (backend: ZoneBackend, zone: number, key: string, burst: number, rate = 1): Promise<RateAnswer> =>
      backend.ask(countRequest, { limits: [{ zone, key, rate, burst, delay: 0 }] });

    test('admits a request, delays a burst, and refuses further requests', () =>
      during(async (backend) => {
        const { id } = backend.open(req);
        assert.deepEqual(await ask(backend, id, 'k', 2000), { result: 'passed', excess: 0, limitIndex: -1, delay: 0 });
        const second = await ask(backend, id, 'k', 2000);
        assert.equal(second.result, 'delayed');
        assert.ok(second.excess > 990 && second.excess <= 1000, `${second.excess}`);
        assert.equal(second.delay, second.excess * 1000);
        assert.equal((await ask(backend, id, 'k', 2000)).result, 'delayed');
        const beyond = await ask(backend, id, 'k', 2000);
        assert.equal(beyond.result, 'beyond');
        assert.ok(beyond.excess > 2900, `${beyond.excess}`);
        assert.equal((await ask(backend, id, 'other', 2000)).result, 'passed');
      }));

    test(`a full zone ${inStore ? 'of this machine does not limit the store' : 'forgets the key that was used least recently'}`, () =>
      during(async (backend) => {
        const { id } = backend.open(req);
        for (let i = 0; i < 400; i++) void ask(backend, id, `key ${i}`, 0);
        assert.equal((await ask(backend, id, 'key 399', 0)).result, 'beyond');
        assert.equal((await ask(backend, id, 'key 0', 0)).result, inStore ? 'beyond' : 'passed');
      }));

    test('a refused request counts in none of its zones', () =>
      during(async (backend) => {
        const one = backend.open(req).id;
        const other = backend.open({ ...req, name: 'other' }).id;
        await ask(backend, other, 'k', 0);
        const limits = [
          { zone: one, key: 'k', rate: 1, burst: 0, delay: 0 },
          { zone: other, key: 'k', rate: 1, burst: 0, delay: 0 },
        ];
        const { result: refused, limitIndex } = await backend.ask(countRequest, { limits });
        assert.deepEqual([refused, limitIndex], ['beyond', 1]);
        assert.equal((await ask(backend, one, 'k', 0)).result, 'passed');
      }));

    test('keeps the peers of sessions until they are not used, the newest if there is no room', () =>
      during(async (backend) => {
        const { id: zone } = backend.open({ kind: 'sticky', name: 's', size: 32 << 10, key: 'app', ...stored });
        const learn = async (key: string, peer: string, create = true, timeout = 60_000) =>
          backend.ask(learnSession, { zone, key, peer, create, timeout });
        const find = async (key: string, timeout = 60_000) => backend.ask(findSession, { zone, key, timeout });
        assert.equal(await find('a'), null);
        await learn('a', 'one', false);
        assert.equal(await find('a'), null);
        await learn('a', 'one');
        assert.equal(await find('a'), 'one');
        await learn('a', 'two', false);
        assert.equal(await find('a'), 'two');
        assert.equal(await find('a', 0), null);
        assert.equal(await find('a'), null);
        if (inStore) return;
        // 16 pieces on each of six pages, of which nginx takes one for itself.
        for (let i = 0; i < 300; i++) void learn(`id ${i}`, `peer ${i}`);
        backend.flush();
        const kept = (await Promise.all(Array.from({ length: 300 }, (_, i) => find(`id ${i}`)))).filter(Boolean).length;
        assert.ok(kept >= 80 && kept <= 96, `${kept}`);
        assert.deepEqual([await find('id 0'), await find('id 299')], [null, 'peer 299']);
        // A session that is used is not the one that is dropped.
        const oldest = 300 - kept;
        assert.equal(await learn(`id ${oldest}`, 'used', false), false);
        assert.equal(await learn('another', 'peer'), true);
        assert.deepEqual([await find(`id ${oldest}`), await find(`id ${oldest + 1}`)], ['used', null]);
      }));

    test('counts the use of API keys by outcome, and limits it in windows', () =>
      during(async (backend) => {
        const { id: zone } = backend.open({ kind: 'api_keys', name: 'k', size: 0, key: '' });
        const limits = [
          { quota: 2, window: 60_000 },
          { quota: 9, window: 3_600_000 },
        ];
        const use = async (permitted = true) =>
          backend.ask(countUsage, { zone, client: 'joe', plan: 'free', limits, permitted });
        const answers = await Promise.all([use(), use(), use(), use(false)]);
        assert.deepEqual(
          answers.map(({ result, states }) => [result, ...states.map(({ remaining }) => remaining)]),
          [['allowed', 1, 8], ['allowed', 0, 7], ['limited', 0, 7], ['forbidden']],
        );
        const reset = answers[2]?.states[0]?.reset ?? 0;
        assert.ok(reset > 0 && reset <= 60_000, `${reset}`);
        assert.deepEqual(await backend.ask(readUsage, { zone }), [
          { client: 'joe', plan: 'free', allowed: 2, limited: 1, forbidden: 1 },
        ]);
      }));

    const health = { kind: 'upstream_health', name: 'h', size: 0, key: '' } as const;
    const checked = { check: 'c', peer: 'p', fails: 2, passes: 3, initial: 'up', time: 1 } as const;

    test('a peer is unhealthy after so many failures in a row, and up after so many successes', () =>
      during(async (backend) => {
        const { id: zone } = backend.open(health);
        const states: string[] = [];
        for (const passed of [true, false, true, false, false, true, true, false, true, true, true]) {
          const counts = await backend.ask(countHealth, { zone, ...checked, passed });
          states.push(counts?.state ?? '');
        }
        assert.deepEqual(states, [...Array<string>(4).fill('up'), ...Array<string>(6).fill('unhealthy'), 'up']);
        const [counts] = (await backend.ask(readHealth, { zone })) ?? [];
        assert.deepEqual([counts?.checks, counts?.fails, counts?.unhealthy, counts?.streak], [11, 4, 1, 3]);
        const mandatory = { zone, ...checked, peer: 'm', initial: 'checking' } as const;
        assert.equal((await backend.ask(countHealth, { ...mandatory, passed: true }))?.state, 'up');
        const other = { ...mandatory, peer: 'n' };
        assert.equal((await backend.ask(countHealth, { ...other, passed: false }))?.state, 'unhealthy');
      }));

    test('one table of the newest generation executes the checks, and all learn changes', () =>
      during(async (backend) => {
        const news: HealthNews[][] = [[], [], []];
        const zones = news.map((list) => backend.open(health, (each) => list.push(each as HealthNews)));
        const join = (i: number, generation: number, persistent: boolean) =>
          backend.ask(joinHealth, { zone: zones[i]?.id ?? 0, generation, checks: [{ key: 'c', persistent }] });
        await join(0, 1, true);
        await join(1, 1, true);
        const count = async (passed: boolean) =>
          backend.ask(countHealth, { zone: zones[0]?.id ?? 0, ...checked, fails: 1, passed });
        await count(false);
        assert.deepEqual(news, [[{ isLeader: true }, unhealthy], [unhealthy], []]);
        // The next generation takes over, with the states of persistent checks.
        assert.equal((await join(2, 2, true))?.[0]?.state, 'unhealthy');
        backend.tell(leaveHealth, { zone: zones[0]?.id ?? 0 });
        zones[1]?.close();
        await count(true);
        assert.deepEqual(news[0]?.at(-1), { isLeader: false });
        assert.deepEqual(news[2], [{ isLeader: true }]);
        assert.deepEqual(await join(2, 3, false), []);
      }));
  });
}
