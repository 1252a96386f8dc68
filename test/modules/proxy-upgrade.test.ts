/** Streams and tunnels through proxy_pass: bytes move the moment they come, and what ends is accounted for. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Backend,
  type BackendConnection,
  type Connection,
  connect,
  repeatAfterStall,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-Theirs: 1\r\n\r\n';
const UPGRADE = { fields: ['Upgrade: echo', 'Connection: Upgrade'] };
const PASS = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

async function proxied(
  t: TestContext,
  script: (connection: BackendConnection) => void | Promise<void>,
  settings = PASS,
): Promise<[TestProxy, Backend]> {
  const backend = await scriptedBackend(script);
  const proxy = await startProxy(
    `log_format tunnel '$status $bytes_sent $body_bytes_sent $upstream_bytes_received $upstream_bytes_sent $request_completion';
    access_log logs/access.log tunnel;
    server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return [proxy, backend];
}

/** A client that is closed at the end of the test: a client which does not end its side keeps the process running. */
async function connected(t: TestContext, proxy: TestProxy): Promise<Connection> {
  const client = await connect(proxy.port);
  t.after(() => client.close());
  return client;
}

/** Switches protocols, then sends back what comes. */
async function echo(connection: BackendConnection): Promise<void> {
  await connection.head();
  connection.send(SWITCH);
  for (;;) {
    const bytes = await connection.reader.some();
    if (bytes === '') return connection.end();
    connection.send(bytes);
  }
}

describe('a stream of events', () => {
  test('passes the head at once, and each event the moment it comes, with default settings', async (t) => {
    let upstream: BackendConnection | undefined;
    const [proxy] = await proxied(
      t,
      async (connection) => {
        await connection.head();
        upstream = connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      },
      '',
    );
    const client = await connected(t, proxy);
    client.send(request('/'));
    assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Transfer-Encoding: chunked/);
    for (let i = 0; i < 5; i++) {
      upstream?.send(`data: ${i}\n\n`);
      assert.equal(await client.until('\n\n\r\n'), `9\r\ndata: ${i}\n\n\r\n`);
    }
    upstream?.end();
    assert.equal(await client.all(), '0\r\n\r\n');
  });
  test('passes a chunk that comes in pieces piece by piece', async (t) => {
    let upstream: BackendConnection | undefined;
    const [proxy] = await proxied(
      t,
      async (connection) => {
        await connection.head();
        upstream = connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello');
      },
      '',
    );
    const client = await connected(t, proxy);
    client.send(request('/'));
    await client.until('5\r\nhello\r\n');
    upstream?.send('world\r\n0\r\n\r\n');
    assert.equal(await client.all(), '5\r\nworld\r\n0\r\n\r\n');
  });
});

describe('an upgraded connection', () => {
  test('carries bytes both ways, and its head is the answer', async (t) => {
    const [proxy] = await proxied(t, echo);
    const client = await connected(t, proxy);
    const answer = await client.send(request('/', UPGRADE)).answer();
    assert.equal(answer.statusLine, 'HTTP/1.1 101 Switching Protocols');
    assert.deepEqual(
      [answer.field('upgrade'), answer.field('connection'), answer.field('x-theirs')],
      ['echo', 'upgrade', '1'],
    );
    assert.equal(answer.field('transfer-encoding'), undefined);
    for (const text of ['hello', '\0\xff', 'x'.repeat(200_000)]) {
      client.send(text);
      assert.equal(await client.bytes(text.length), text);
    }
    client.close();
  });
  test('carries what the client sent before it was answered', async (t) => {
    const [proxy] = await proxied(t, echo);
    const client = await connected(t, proxy);
    const answer = await client.send(`${request('/', UPGRADE)}early`).answer();
    assert.equal(answer.status, 101);
    assert.equal(await client.bytes(5), 'early');
    client.close();
  });
  test('carries what the upstream sent with its head', async (t) => {
    const [proxy] = await proxied(t, async (connection) => {
      await connection.head();
      connection.send(`${SWITCH}greeting`);
      await connection.reader.all();
    });
    const client = await connected(t, proxy);
    assert.equal((await client.send(request('/', UPGRADE)).answer()).status, 101);
    assert.equal(await client.bytes(8), 'greeting');
    client.close();
  });
  test('is logged at its end, with the bytes of both directions', async (t) => {
    const [proxy, backend] = await proxied(t, echo);
    const client = await connected(t, proxy);
    const { raw } = await client.send(request('/', UPGRADE)).answer();
    await client.send('hello').bytes(5);
    assert.deepEqual(proxy.accessLog(), []);
    client.end();
    await client.all();
    await until('it is logged', () => proxy.accessLog().length === 1);
    await until('the upstream connection is closed', () => backend.open === 0);
    const [status, sent, body, received, asked, completion] = (proxy.accessLog()[0] ?? '').split(' ');
    assert.deepEqual([status, body, completion], ['101', '5', 'OK']);
    assert.equal(sent, String(raw.length + 5));
    assert.equal(received, String(SWITCH.length + 5));
    assert.ok(Number(asked) > 5 + 40, asked);
  });
  test('ends when the upstream ends it, after what it sent last', async (t) => {
    const [proxy] = await proxied(t, async (connection) => {
      await connection.head();
      connection.send(SWITCH);
      await connection.reader.some();
      connection.send('bye').end();
    });
    const client = await connected(t, proxy);
    await client.send(request('/', UPGRADE)).answer();
    assert.equal(await client.send('x').all(), 'bye');
    await until('it is logged', () => proxy.accessLog().length === 1);
  });
  for (const side of ['client', 'upstream'] as const) {
    test(`ends on both sides when the ${side} resets it`, async (t) => {
      const [proxy, backend] = await proxied(t, echo);
      const client = await connected(t, proxy);
      await client.send(request('/', UPGRADE)).answer();
      if (side === 'client') client.reset();
      else {
        backend.connections[0]?.reset();
        await client.all();
      }
      await until('both are closed', () => backend.open === 0 && proxy.proxy.status.connections === 0);
      await until('it is logged', () => proxy.accessLog().length === 1);
    });
  }
  test('ends when nothing moved for proxy_read_timeout, and not while something does', async (t) => {
    await repeatAfterStall(80, async () => {
      const [proxy, backend] = await proxied(t, echo, `${PASS} proxy_read_timeout 250ms;`);
      const client = await connected(t, proxy);
      await client.send(request('/', UPGRADE)).answer();
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        assert.equal(await client.send('x').bytes(1), 'x');
      }
      assert.equal(await client.all(), '');
      await until('the upstream connection is closed', () => backend.open === 0);
      assert.match(proxy.messages('info').join('\n'), /upstream timed out .* while proxying upgraded connection/);
    });
  });
  test('that the upstream refuses is answered as it says, and the connection goes on', async (t) => {
    const [proxy] = await proxied(t, async (connection) => {
      for (let asked = await connection.request(); asked !== null; asked = await connection.request()) {
        connection.send(reply('no', { status: '426 Upgrade Required', fields: ['Upgrade: other'] }));
      }
    });
    const client = await connected(t, proxy);
    const answer = await client.send(request('/', UPGRADE)).answer();
    assert.deepEqual([answer.status, answer.body, answer.field('upgrade')], [426, 'no', 'other']);
    assert.equal((await client.send(request('/', UPGRADE)).answer()).status, 426);
    client.close();
  });
  test('is 502 where nobody asked for it', async (t) => {
    const [proxy] = await proxied(t, echo);
    const client = await connected(t, proxy);
    assert.equal((await client.send(request('/')).answer()).status, 502);
    assert.match(proxy.messages('error').join('\n'), /upstream sent 101 to a request without "Upgrade"/);
  });
  test('is not asked for where Upgrade is not passed on', async (t) => {
    let head = '';
    const [proxy] = await proxied(
      t,
      async (connection) => {
        head = (await connection.head())?.head ?? '';
        connection.send(reply('plain'));
      },
      '',
    );
    const client = await connected(t, proxy);
    assert.equal((await client.send(request('/', UPGRADE)).answer()).body, 'plain');
    assert.doesNotMatch(head, /upgrade/i);
    client.close();
  });
  test('holds the one side while the other takes nothing', async (t) => {
    let sent = 0;
    const [proxy] = await proxied(t, async (connection) => {
      await connection.head();
      connection.send(SWITCH);
      const piece = Buffer.alloc(65_536);
      const more = () => {
        while (sent < 256 << 20) {
          sent += piece.length;
          if (!connection.socket.write(piece)) return;
        }
      };
      connection.socket.on('drain', more);
      more();
    });
    const client = await connected(t, proxy);
    await client.send(request('/', UPGRADE)).answer();
    client.socket.pause();
    let before = -1;
    await until('nothing moves', () => {
      const stuck = before === sent;
      before = sent;
      return stuck;
    });
    assert.ok(sent < 64 << 20, `${sent} bytes were taken for a client that reads nothing`);
    client.close();
  });
});

test('what an upstream sent before it ended a tunnel reaches a client that is still talking', async (t) => {
  const total = 20 << 20;
  const [proxy, backend] = await proxied(t, async (connection) => {
    await connection.head();
    connection.send(SWITCH);
    connection.socket.write(Buffer.alloc(total));
    connection.end();
  });
  const client = await connected(t, proxy);
  client.send(request('/', UPGRADE));
  await client.until('\r\n\r\n');
  let received = client.reader.pending.length;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    // It does not know yet that nobody hears it any more.
    client.send('x');
  });
  await until('the connection is closed', () => client.reader.ended);
  assert.deepEqual([received, client.reader.error], [total, null]);
  client.close();
  await until('the upstream connection is closed', () => backend.open === 0);
});

test('a client that does not end its side of a tunnel when the upstream has ended is closed after lingering_timeout', async (t) => {
  const [proxy] = await proxied(
    t,
    async (connection) => {
      await connection.head();
      connection.send(SWITCH).end();
    },
    `${PASS} lingering_timeout 200ms;`,
  );
  const client = await connected(t, proxy);
  client.send(request('/', UPGRADE));
  await client.until('\r\n\r\n');
  assert.equal(await client.all(), '');
  // Nobody is there any more.
  const gone = new Promise((resolve) => client.socket.once('error', resolve));
  const timer = setInterval(() => client.send('x'), 20);
  await gone;
  clearInterval(timer);
});
