/** Contract of `Connection`, for HTTP/1 and for a protocol that echoes lines. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { openTransports } from '../../src/net/transport.js';
import { PROTOCOLS } from '../../src/server/protocols.js';
import { answeringBackend, type Connection, connect, reply, request, until } from '../kit/index.js';
import { LineEcho } from './line-echo.js';
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

for (const kind of [http1(), lineEcho()]) {
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
