/** Contract of `Connection`, for HTTP/1, a protocol that echoes lines, and one with concurrent streams. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { openTransports } from '../../src/net/transport.js';
import { PROTOCOLS } from '../../src/server/protocols.js';
import { answeringBackend, type Connection, connect, reply, request, until } from '../kit/index.js';
import { LineEcho } from './line-echo.js';
import { MultiplexedConnection } from './multiplexed.js';
import { TestServer } from './test-server.js';

interface ProtocolKind {
  readonly name: string;
  /** Sends a request and reads its response; the connection is kept alive, unless the server is draining. */
  exchange(client: Connection): Promise<void>;
  /** Sends a request whose response is complete after `finish`. */
  begin(client: Connection): Promise<{ finish(): Promise<void> }>;
  start(t: TestContext): Promise<TestServer>;
}

const http1 = (): ProtocolKind => {
  let release: () => void = () => {};
  let onArrival: () => void = () => {};
  const kept = { fields: ['Connection: keep-alive'] };
  return {
    name: 'HTTP/1',
    async exchange(client) {
      assert.equal((await client.send(request('/', kept)).answer()).body, 'ok');
    },
    async begin(client) {
      const held = new Promise<void>((resolve) => {
        onArrival = resolve;
      });
      client.send(request('/held', kept));
      await held;
      return {
        async finish() {
          release();
          assert.equal((await client.answer()).body, 'held');
        },
      };
    },
    async start(t) {
      const backend = await answeringBackend(() => {
        onArrival();
        return new Promise<string>((resolve) => {
          release = () => resolve(reply('held'));
        });
      });
      t.after(() => backend.close());
      return new TestServer(t).apply(
        `server { listen 127.0.0.1:0; location / { return 200 ok; }
         location /held { proxy_pass http://127.0.0.1:${backend.port}; } }`,
      );
    },
  };
};

const lineEcho = (): ProtocolKind => {
  const connections = new Set<LineEcho>();
  return {
    name: 'line echo',
    async exchange(client) {
      assert.equal(await client.send('line\n').until('\n'), 'line\n');
    },
    async begin(client) {
      client.send('hold\n');
      let own: LineEcho | undefined;
      await until('the line has arrived', () => {
        own = [...connections].find((connection) => !connection.idle);
        return own !== undefined;
      });
      return {
        async finish() {
          own?.release();
          assert.equal(await client.until('\n'), 'held\n');
        },
      };
    },
    start: (t) =>
      new TestServer(t, {
        ...PROTOCOLS,
        'line-echo': (transport, host, arrived, accepted) =>
          new LineEcho(transport, host, arrived, accepted, connections),
      }).apply('server { listen 127.0.0.1:0; }', () => ({ protocol: 'line-echo' })),
  };
};

/** A back end that answers each request when the test releases it. */
async function holdingBackend(t: TestContext) {
  const held = new Map<string, () => void>();
  const backend = await answeringBackend(
    ({ target }) => new Promise<string>((resolve) => held.set(target, () => resolve(reply(`held ${target}`)))),
  );
  t.after(() => backend.close());
  return { port: backend.port, held };
}

const multiplexed = (): ProtocolKind => {
  let held: Map<string, () => void>;
  return {
    name: 'concurrent streams',
    async exchange(client) {
      assert.equal(await client.send('1 GET / a\n').until('1 end\n'), '1 head 200\n1 data 2\nok1 end\n');
    },
    async begin(client) {
      client.send('1 GET /held a\n');
      await until('the request has arrived', () => held.has('/held'));
      return {
        async finish() {
          held.get('/held')?.();
          assert.match(await client.until('1 end\n'), /^1 head 200\n1 data 10\nheld \/held1 end\n$/);
        },
      };
    },
    async start(t) {
      const backend = await holdingBackend(t);
      ({ held } = backend);
      return new TestServer(t, {
        'concurrent-streams': (transport, host, arrived, accepted) =>
          new MultiplexedConnection(transport, host, arrived, accepted),
      }).apply(
        `server { listen 127.0.0.1:0; location / { return 200 ok; } location /rejected { return 444; }
         location /held { proxy_pass http://127.0.0.1:${backend.port}; } }
         server { listen 127.0.0.1:0; server_name other.example; return 200 other; }`,
        () => ({ protocol: 'concurrent-streams' }),
      );
    },
  };
};

test('streams of one connection are routed, answered, cut and cancelled independently', async (t) => {
  const backend = await holdingBackend(t);
  const it = await new TestServer(t, {
    streams: (transport, host, arrived, accepted) => new MultiplexedConnection(transport, host, arrived, accepted),
  }).apply(
    `server { listen 127.0.0.1:0; location / { return 200 $host$uri; } location /cut { return 444; }
     location /held { proxy_pass http://127.0.0.1:${backend.port}; } }
     server { listen 127.0.0.1:0; server_name other.example; return 200 "other $request"; }`,
    () => ({ protocol: 'streams' }),
  );
  const client = await connect(it.port);
  t.after(() => client.close());
  client.send('1 GET /held/1 a\n2 GET /held/2 a\n3 GET /held/3 a\n');
  await until('all requests have arrived', () => backend.held.size === 3);
  assert.equal(
    await client.send('4 GET /x/%2e a.example:80\n').until('4 end\n'),
    '4 head 200\n4 data 12\na.example/x/4 end\n',
  );
  assert.match(await client.send('5 GET /y other.example\n').until('5 end\n'), /other GET \/y HTTP\/2\.0/);
  assert.equal(await client.send('6 GET /cut a\n').until('\n'), '6 reset\n');
  assert.match(await client.send('7 GET / bad/host\n').until('7 end\n'), /^7 head 400\n/);
  assert.match(await client.send('8 TRACE / a\n').until('8 end\n'), /^8 head 405\n/);
  client.send('1 cancel\n');
  assert.equal(await client.until('\n'), '1 reset\n');
  for (const number of ['3', '2']) {
    backend.held.get(`/held/${number}`)?.();
    assert.equal(
      await client.until(`${number} end\n`),
      `${number} head 200\n${number} data 12\nheld /held/${number}${number} end\n`,
    );
  }
  const { table } = it.server;
  client.send('9 GET /held/9 a\n');
  await until('the request has arrived', () => backend.held.has('/held/9'));
  assert.equal(table.users, 1);
  client.close();
  await until('its stream is released', () => table.users === 0 && it.server.connections === 0);
  assert.ok(it.log.some((line) => line.includes('client prematurely closed connection')));
});

for (const kind of [http1(), lineEcho(), multiplexed()]) {
  const contract = (fact: string, run: (t: TestContext, server: TestServer) => Promise<void>): void => {
    test(`${kind.name}: ${fact}`, { timeout: 60_000 }, async (t) => {
      const server = await kind.start(t);
      await run(t, server);
      server.server.stop();
      await until('every transport is closed', () => openTransports() === 0);
      assert.equal(server.server.connections, 0);
    });
  };
  const opened = async (t: TestContext, { port }: TestServer): Promise<Connection> => {
    const client = await connect(port);
    t.after(() => client.close());
    return client;
  };
  const idleOnes = ({ server }: TestServer): number => [...server.idle(-1000)].length;

  contract('connections are counted until they close', async (t, it) => {
    const client = await opened(t, it);
    await until('it is counted', () => it.server.connections === 1);
    assert.deepEqual([it.server.counts.accepted, it.server.counts.handled], [1, 1]);
    client.close();
    await until('it is no longer counted', () => it.server.connections === 0);
  });

  contract('a connection is idle before its first request and after each response', async (t, it) => {
    const client = await opened(t, it);
    await until('it is counted', () => it.server.connections === 1);
    assert.equal(idleOnes(it), 1);
    const { finish } = await kind.begin(client);
    assert.equal(idleOnes(it), 0);
    await finish();
    await until('it is idle', () => idleOnes(it) === 1);
  });

  contract('connections that were used since the last listing of idle ones are listed last', async (t, it) => {
    const [first, second] = [await opened(t, it), await opened(t, it)];
    for (const each of [second, first]) {
      await kind.exchange(each);
      await until('both are idle', () => idleOnes(it) === 2);
    }
    const [oldest] = it.server.idle(-1000);
    oldest?.destroy();
    assert.equal(await second.all(), '');
    await kind.exchange(first);
  });

  contract('quitting closes idle connections at once', async (t, it) => {
    const client = await opened(t, it);
    await kind.exchange(client);
    await until('it is idle', () => idleOnes(it) === 1);
    const quit = it.server.quit();
    assert.equal(await client.all(), '');
    client.end();
    await quit;
  });

  contract('quitting waits for a request in progress, and closes its connection afterwards', async (t, it) => {
    const client = await opened(t, it);
    const { finish } = await kind.begin(client);
    let over = false;
    const quit = it.server.quit().then(() => {
      over = true;
    });
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(over, false);
    await finish();
    assert.equal(await client.all(), '');
    client.end();
    await quit;
  });

  contract('a client that has just connected may still send its first request when the server quits', async (t, it) => {
    const client = await opened(t, it);
    await until('it is counted', () => it.server.connections === 1);
    const quit = it.server.quit();
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    await kind.exchange(client);
    assert.equal(await client.all(), '');
    client.end();
    await quit;
  });

  contract('stopping closes a connection in the middle of a request', async (t, it) => {
    const client = await opened(t, it);
    await kind.begin(client);
    it.server.stop();
    assert.equal(await client.all(), '');
    await until('it is no longer counted', () => it.server.connections === 0);
  });

  contract('an old table is released when its last request is finished', async (t, it) => {
    const client = await opened(t, it);
    const { finish } = await kind.begin(client);
    const old = it.server.table;
    assert.equal(old.unused, false);
    await finish();
    await until('it is released', () => old.unused);
    client.close();
    if (!client.socket.closed) await once(client.socket, 'close');
  });
}
