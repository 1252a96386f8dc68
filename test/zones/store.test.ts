import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ZoneDeclaration } from '../../src/config/zone-declaration.js';
import { countRequest, takeConnections } from '../../src/zones/limits.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { findSession, learnSession } from '../../src/zones/sticky-operations.js';
import { StoreRefused, StoreUnavailable, storeError } from '../../src/zones/store/errors.js';
import type { Store } from '../../src/zones/store/store.js';
import { StoreBackend } from '../../src/zones/store/store-backend.js';
import { giveBack, newTicket } from '../../src/zones/tickets.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { closedPort, until } from '../kit/index.js';
import { RedisServer, withoutRedis } from '../kit/redis.js';
import { openStore, storeOf } from './store.js';

type Failure = 'local' | 'open' | 'closed';

function backendOf(store: Store): ZoneBackend {
  return new StoreBackend(new LocalBackend(), new Map([['main', store]]));
}

function declare(kind: 'limit_req' | 'limit_conn', failure: Failure = 'local', lease = 1): ZoneDeclaration {
  return { kind, name: 'z', size: 1 << 20, key: '$x', store: { name: 'main', failure, lease } };
}

/** One user of a zone of requests or connections. */
class User {
  readonly id: number;
  constructor(
    readonly backend: ZoneBackend,
    kind: 'limit_req' | 'limit_conn',
    failure: Failure = 'local',
    lease = 1,
  ) {
    this.id = backend.open(declare(kind, failure, lease)).id;
  }

  /** Counts a request; 1000 thousandths are one request. */
  async request(key: string, burst: number, rate = 1): Promise<string> {
    const limits = [{ zone: this.id, key, rate, burst: burst * 1000, delay: Number.MAX_SAFE_INTEGER }];
    return (await this.backend.ask(countRequest, { limits })).result;
  }

  async connect(key: string, max: number, ticket = newTicket()): Promise<string> {
    return (await this.backend.ask(takeConnections, { ticket, limits: [{ zone: this.id, key, max }] })).result;
  }

  async admitted(times: number, use: () => Promise<string>): Promise<number> {
    const results = await Promise.all(Array.from({ length: times }, use));
    return results.filter((each) => each === 'passed' || each === 'taken').length;
  }
}

describe('a store of zones', { skip: withoutRedis }, () => {
  let server: RedisServer;
  const opened: Store[] = [];
  let count = 0;
  /** A connected store with the keys of its own test, of which each call is another process. */
  const open = async (
    ...[settings, node, lines]: Parameters<typeof openStore> extends [unknown, ...infer R] ? R : never
  ) => {
    const store = await openStore(server, { prefix: `t${count}:`, ...settings }, node, lines);
    opened.push(store);
    return store;
  };
  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.close());
  const each = (name: string, run: () => Promise<void>) =>
    test(name, async () => {
      count++;
      try {
        await run();
      } finally {
        for (const store of opened.splice(0)) store.close();
      }
    });

  each('nodes count the requests of a key together, exactly', async () => {
    const users = [await open({}, 'a'), await open({}, 'b'), await open({}, 'b')].map(
      (store) => new User(backendOf(store), 'limit_req'),
    );
    const admitted = await Promise.all(users.map((user) => user.admitted(100, () => user.request('k', 49))));
    assert.equal(
      admitted.reduce((sum, n) => sum + n, 0),
      50,
    );
  });

  each('nodes count the connections of a key together, and an ended one makes room', async () => {
    const [one, two] = [await open(), await open({}, 'other')].map((store) => new User(backendOf(store), 'limit_conn'));
    assert.ok(one !== undefined && two !== undefined);
    assert.equal(await one.connect('k', 2, 7001), 'taken');
    assert.equal(await two.connect('k', 2), 'taken');
    assert.equal(await two.connect('k', 2), 'limit');
    one.backend.tell(giveBack, 7001);
    assert.equal(await one.connect('k', 2), 'taken');
    assert.equal(await two.connect('k', 2), 'limit');
  });

  each('every key has the prefix and the name of its zone, and expires', async () => {
    const store = await open({ prefix: 'expire:' });
    const backend = backendOf(store);
    await new User(backend, 'limit_req').request('\xff\x00k', 5);
    await new User(backend, 'limit_conn').connect('k', 5);
    const keys = (await server.command('KEYS', 'expire:*')) as string[];
    assert.equal(keys.length, 3);
    assert.deepEqual(keys.map((key) => key.replace(/:[\w-]{11}:.*/s, '')).sort(), [
      'expire:limit_conn:z',
      'expire:limit_req:z',
      'expire:nodes',
    ]);
    for (const key of keys) assert.ok(Number(await server.command('PTTL', key)) > 0, key);
  });

  each('zones of the same name with different keys, and values after a colon, do not share counts', async () => {
    const store = await open();
    const backend = backendOf(store);
    const other = backend.open({ ...declare('limit_req'), key: '$y' }).id;
    const user = new User(backend, 'limit_req');
    assert.equal(await user.request('a:b', 0), 'passed');
    assert.equal(await user.request('a', 0), 'passed');
    const limits = [{ zone: other, key: 'a', rate: 1, burst: 0, delay: 0 }];
    assert.equal((await backend.ask(countRequest, { limits })).result, 'passed');
    assert.equal(await user.request('a', 0), 'beyond');
  });

  each('connections of a process that was killed are free after the lease, and not before', async () => {
    const prefix = `t${count}:`;
    const script = fileURLToPath(new URL('store-holder.js', import.meta.url));
    const child = fork(script, [server.socket, prefix, '1000', 'k']);
    const [refusedBy] = (await once(child, 'message')) as [number];
    assert.equal(refusedBy, 0);
    const alive = await open({ lease: 1000 });
    const take = () =>
      alive.take(newTicket(), [{ key: alive.key('z', 'k'), max: 1 }], { backend: new LocalBackend(), limits: [] });
    // Renewed while the process lives: `PTTL` grows again.
    const left = async () => Number(await server.command('PTTL', `${prefix}z:k`));
    let least = Number.POSITIVE_INFINITY;
    for (let now = await left(); now <= least; now = await left()) least = now;
    assert.equal(await take(), 1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const begun = performance.now();
    while ((await take()) !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const passed = performance.now() - begun;
    assert.ok(passed < 10_000, `${passed}`);
  });

  each('values that others planted under its keys are replaced', async () => {
    const store = await open();
    const backend = backendOf(store);
    const rates = new User(backend, 'limit_req');
    const connections = new User(backend, 'limit_conn');
    await rates.request('k', 0);
    await connections.connect('k', 1, 7101);
    backend.tell(giveBack, 7101);
    const [rate = ''] = (await server.command('KEYS', `t${count}:limit_req*`)) as string[];
    const connection = rate.replace('limit_req', 'limit_conn').replace(/:[\w-]{11}:k$/, '');
    for (const value of ['x', '-1:5', '1e9:1', '99999999999999999999999:1', `1:${'9'.repeat(99)}`]) {
      await server.command('SET', rate, value);
      assert.equal(await rates.request('k', 0), 'passed', value);
      assert.equal(await rates.request('k', 0), 'beyond', value);
    }
    await server.command('DEL', rate);
    await server.command('LPUSH', rate, 'x');
    assert.equal(await rates.request('k', 0), 'passed');
    assert.equal(await connections.connect('k', 1), 'taken');
    const [taken = ''] = (await server.command('KEYS', `${connection}*`)) as string[];
    await server.command('SET', taken, 'x');
    assert.equal(await connections.connect('k', 1), 'taken');
    assert.equal(await connections.connect('k', 1), 'limit');
    assert.ok(store.isUp);
  });

  each('scripts that the server has forgotten are sent again', async () => {
    const user = new User(backendOf(await open()), 'limit_req');
    assert.equal(await user.request('k', 1), 'passed');
    await server.command('SCRIPT', 'FLUSH');
    assert.equal(await user.request('k', 1), 'passed');
    assert.equal(await user.request('k', 1), 'beyond');
  });

  each('with leases, one question counts several requests, and no more are admitted in all', async () => {
    const stores = [await open({}, 'a'), await open({}, 'b')];
    const users = stores.map((store) => new User(backendOf(store), 'limit_req', 'local', 10));
    const results: string[] = [];
    for (let i = 0; i < 60; i++) for (const user of users) results.push(await user.request('k', 49));
    assert.equal(results.filter((each) => each === 'passed').length, 50);
    const leased = stores.reduce((sum, { counts }) => sum + counts.leased, 0);
    assert.ok(leased >= 40, `${leased}`);
  });

  each('a renewal of many connections is one call after the other', async () => {
    const store = await open({ lease: 300 });
    const user = new User(backendOf(store), 'limit_conn');
    assert.equal(await user.admitted(1200, () => user.connect('k', 1200)), 1200);
    const begun = performance.now();
    server.signal('SIGSTOP');
    const { calls } = store.counts;
    await until('renewals are due', () => performance.now() - begun > 500);
    const registrations = Math.ceil((performance.now() - begun) / 1000);
    server.signal('SIGCONT');
    assert.ok(store.counts.calls - calls <= 2 + registrations, `${store.counts.calls - calls}`);
  });
});

describe('a store that fails', { skip: withoutRedis }, () => {
  let server: RedisServer;
  const lines: string[] = [];
  let store: Store;
  let second: Store;
  const keep = { timeout: 1000 };
  before(async () => {
    server = await RedisServer.start();
    store = await openStore(server, keep, 'one', lines);
    second = await openStore(server, keep, 'two');
    // Registered once more, it sees both.
    await until('two nodes', () => store.nodes === 2);
  });
  after(async () => {
    store.close();
    second.close();
    await server.close();
  });

  const recovered = () => until('the store responds', () => store.isUp && second.isUp);

  test('a stopped one is not awaited beyond the deadline, and each zone does what it is told', async () => {
    const users = (['local', 'open', 'closed'] as const).map(
      (failure) => new User(backendOf(store), 'limit_req', failure),
    );
    const held = new User(backendOf(store), 'limit_conn');
    assert.equal(await held.connect('c', 6), 'taken');
    server.signal('SIGSTOP');
    const begun = performance.now();
    const results = await Promise.all(users.map((user) => user.request('k', 9)));
    assert.ok(performance.now() - begun < 5000);
    assert.deepEqual(results, ['passed', 'passed', 'unavailable']);
    const [local, open, closed] = users as [User, User, User];
    // One of two nodes: half of the burst, and the request within the rate.
    assert.equal(await local.admitted(20, () => local.request('k', 9)), 4);
    assert.equal(await open.admitted(20, () => open.request('k', 9)), 20);
    assert.equal(await closed.admitted(20, () => closed.request('k', 9)), 0);
    // The connection that the store counted is one of the three of this node.
    assert.equal(await held.admitted(9, () => held.connect('c', 6)), 2);
    server.signal('SIGCONT');
    await recovered();
    // All three are counted in the store.
    const other = new User(backendOf(second), 'limit_conn');
    assert.equal(await other.admitted(9, () => other.connect('c', 6)), 3);
    assert.match(
      lines.join('\n'),
      /^error: zone store "main" \(unix:.*\) does not respond \(no response within 1000 ms\): "store_failure" of its zones applies\nnotice: zone store "main" \(unix:.*\) responds again$/,
    );
  });

  test('one that stops as soon as it is connected is not awaited longer', async () => {
    const fresh = await openStore(server, { timeout: 300 }, 'one');
    const user = new User(backendOf(fresh), 'limit_req', 'open');
    server.signal('SIGSTOP');
    const begun = performance.now();
    assert.equal(await user.request('k', 9), 'passed');
    assert.ok(performance.now() - begun < 3000);
    server.signal('SIGCONT');
    fresh.close();
    await recovered();
  });

  test('one that fails soon after each connection is connected to less and less often', async () => {
    const fresh = await openStore(server, {}, 'one');
    const begun = performance.now();
    for (let failures = 1; failures <= 4; failures++) {
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
      await until('it responds again', () => fresh.counts.failures === failures && fresh.isUp);
    }
    // At least four fifths of 50, 100, 200 and 400 ms.
    assert.ok(performance.now() - begun > 590);
    fresh.close();
    await recovered();
  });

  test('one that lost its contents gets the connections again', async () => {
    const user = new User(backendOf(store), 'limit_conn');
    const ended = newTicket();
    assert.equal(await user.connect('lost', 3, ended), 'taken');
    assert.equal(await user.connect('lost', 3), 'taken');
    await server.kill();
    await until('it is noticed', () => !store.isUp);
    user.backend.tell(giveBack, ended);
    await server.restart();
    await recovered();
    const other = new User(backendOf(second), 'limit_conn');
    assert.equal(await other.admitted(9, () => other.connect('lost', 3)), 2);
  });

  test('one that is read-only, or has no memory left, is used again when it recovers', async () => {
    const user = new User(backendOf(store), 'limit_req', 'open');
    const broken = async (set: readonly string[], reset: readonly string[]) => {
      await server.command(...set);
      assert.equal(await user.request('k', 9), 'passed');
      await until('it is not used', () => !store.isUp);
      await server.command(...reset);
      await recovered();
    };
    await broken(['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']);
    await broken(['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']);
  });

  test('a request that ended before the store failed to answer leaves nothing behind', async () => {
    const user = new User(backendOf(store), 'limit_conn');
    server.signal('SIGSTOP');
    const tickets = Array.from({ length: 20 }, () => newTicket());
    const answers = tickets.map((ticket) => user.connect('gone', 2, ticket));
    for (const ticket of tickets) user.backend.tell(giveBack, ticket);
    await Promise.all(answers);
    server.signal('SIGCONT');
    await recovered();
    const other = new User(backendOf(second), 'limit_conn');
    assert.equal(await other.admitted(9, () => other.connect('gone', 2)), 2);
  });
});

describe('sessions in a store', { skip: withoutRedis }, () => {
  test('a session learned on one node is known on the others, and on its own while the store is gone', async (t) => {
    const server = await RedisServer.start();
    t.after(() => server.close());
    const stores = [await openStore(server, { timeout: 2000 }), await openStore(server, { timeout: 2000 })];
    t.after(() => {
      for (const store of stores) store.close();
    });
    const store = { name: 'main', failure: 'local', lease: 1 } as const;
    const declaration: ZoneDeclaration = { kind: 'sticky', name: 's', size: 1 << 20, key: 'app', store };
    const [one, two] = stores.map((each) => {
      const backend = backendOf(each);
      const { id: zone } = backend.open(declaration);
      const question = { zone, key: 'id', timeout: 60_000 };
      return {
        find: async () => backend.ask(findSession, question),
        learn: async (peer: string, create: boolean) => backend.ask(learnSession, { ...question, peer, create }),
      };
    });
    assert.ok(one !== undefined && two !== undefined);
    /** What a node learns is sent to the store without waiting for it, and the others have connections of their own. */
    const known = async (node: typeof one, peer: string) => {
      const deadline = Date.now() + 20_000;
      for (let found = await node.find(); found !== peer; found = await node.find())
        assert.ok(Date.now() < deadline, `${found} instead of ${peer}`);
    };
    await one.learn('a', false);
    assert.equal(await two.find(), null);
    await one.learn('a', true);
    await known(two, 'a');
    await two.learn('b', false);
    await known(one, 'b');
    const [key = ''] = (await server.command('KEYS', 'test:sticky:*')) as string[];
    for (const planted of ['x', '1:b', `${'9'.repeat(20)}:b`]) {
      await server.command('SET', key, planted);
      assert.equal(await two.find(), null, planted);
    }
    // The node that has learned it tells the store again.
    await known(one, 'a');
    await until('the store knows it', () => stores.every(({ isUp }) => isUp));
    await known(two, 'a');
    await server.kill();
    await until('it is noticed', () => stores.every(({ isUp }) => !isUp));
    await known(one, 'a');
    await server.restart();
    await until('it responds', () => stores.every(({ isUp }) => isUp));
    await known(one, 'a');
    await known(two, 'a');
  });
});

describe('access to a store', { skip: withoutRedis }, () => {
  let server: RedisServer;
  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.close());

  const attempt = async (settings: Parameters<typeof storeOf>[1], password: string | null): Promise<Store> => {
    const store = storeOf(server, settings, 'n', [], { password, authorities: null });
    await store.load();
    try {
      await store.start();
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  };

  test('a user needs these commands only, and no other keys', async () => {
    const commands = '+evalsha +eval +time +get +set +del +zadd +zrem +zremrangebyscore +zcard +pttl +pexpire'.split(
      ' ',
    );
    const create = (...rules: string[]) => server.command('ACL', 'SETUSER', 'proxy', 'reset', 'on', '>pw', ...rules);
    await create('~p:*', ...commands);
    const store = await attempt({ user: 'proxy', prefix: 'p:' }, 'pw');
    const user = new User(backendOf(store), 'limit_req');
    assert.equal(await user.request('k', 0), 'passed');
    assert.equal(await user.request('k', 0), 'beyond');
    store.close();
    for (const command of commands) {
      await create('~p:*', ...commands.filter((one) => one !== command));
      // Without `eval`, scripts that the server knows can be run.
      if (command === '+eval') await server.command('SCRIPT', 'FLUSH');
      await assert.rejects(attempt({ user: 'proxy', prefix: 'p:' }, 'pw'), StoreRefused, command);
    }
    await create('~p:*', ...commands);
    await assert.rejects(attempt({ user: 'proxy', prefix: 'q:' }, 'pw'), StoreRefused);
  });

  test('a password and a user are bytes', async () => {
    await server.command('ACL', 'SETUSER', 'jürgen', 'reset', 'on', '>pässword', '~*', '+@all');
    const bytes = (text: string) => Buffer.from(text).toString('latin1');
    (await attempt({ user: bytes('jürgen') }, bytes('pässword'))).close();
  });

  test('a cluster, even of one server, is refused unless the prefix has a hash tag', async () => {
    // By default the port of the cluster's bus is 10,000 above the other, and may be beyond the highest.
    const bus = String(await closedPort());
    const cluster = await RedisServer.start(['--cluster-enabled', 'yes', '--cluster-port', bus]);
    const store = storeOf(cluster, { prefix: '{t}:' });
    const other = storeOf(cluster);
    try {
      await cluster.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      while (!String(await cluster.command('CLUSTER', 'INFO')).includes('cluster_state:ok'))
        await new Promise((resolve) => setTimeout(resolve, 50));
      await other.load();
      await assert.rejects(other.start(), StoreRefused);
      await store.load();
      await store.start();
      const user = new User(backendOf(store), 'limit_req');
      assert.equal(await user.admitted(3, () => user.request('k', 1)), 2);
    } finally {
      other.close();
      store.close();
      await cluster.close();
    }
  });

  test('a wrong password, or a database that does not exist, is refused, and the message has no secret', async () => {
    await server.command('ACL', 'SETUSER', 'other', 'reset', 'on', '>right', '~*', '+@all');
    const problem = async (settings: Parameters<typeof storeOf>[1], password: string | null) => {
      const error = await attempt(settings, password).then(
        () => null,
        (why: unknown) => why,
      );
      assert.ok(error instanceof StoreRefused, String(error));
      return error.message;
    };
    assert.match(await problem({ user: 'other' }, 'secret-word'), /^WRONGPASS (?!.*secret-word)/);
    assert.match(await problem({ database: 99 }, null), /^ERR DB index is out of range/);
    await server.command('CONFIG', 'SET', 'requirepass', 'x');
    assert.match(await problem({}, null), /^NOAUTH/);
  });

  test('replies are divided into refusals and failures', () => {
    const refused = ['NOPERM x', 'MOVED 1 h:1', "ERR unknown command 'evalsha'"];
    const failed = [
      'OOM command not allowed',
      "READONLY You can't write",
      'LOADING x',
      'BUSY x',
      'connect ECONNREFUSED',
    ];
    for (const text of refused) assert.ok(storeError(new Error(text)) instanceof StoreRefused, text);
    for (const text of failed) assert.ok(storeError(new Error(text)) instanceof StoreUnavailable, text);
  });
});
