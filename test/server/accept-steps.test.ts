import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AcceptKey, type AcceptStep, MORE, type ReadStep, type TransportStep } from '../../src/net/accept-step.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { openTransports, type TransportOwner } from '../../src/net/transport.js';
import { PROTOCOLS } from '../../src/server/protocols.js';
import { type Connection, connect, request, until } from '../kit/index.js';
import { LineEcho } from './line-echo.js';
import { TestServer } from './test-server.js';

const PREFIX = new AcceptKey<string>('prefix');
const PEEKED = new AcceptKey<string>('peeked');

/** Consumes `<text>` and stores the text, as a PROXY protocol header would be. */
const prefix: ReadStep = {
  activity: 'reading the prefix',
  read(bytes, incoming) {
    if (bytes[0] !== 60) return incoming.refuse('error', 'broken prefix');
    const end = bytes.indexOf(62);
    if (end < 0) return bytes.length < 64 ? MORE : incoming.refuse('error', 'too long prefix');
    incoming.accepted.set(PREFIX, bytes.latin1Slice(1, end));
    return end + 1;
  },
};

/** Reads five bytes and leaves them to the next step, as for a ClientHello. */
const peek: ReadStep = {
  activity: 'peeking',
  read(bytes, incoming) {
    if (bytes.length < 5) return MORE;
    incoming.accepted.set(PEEKED, bytes.latin1Slice(0, 5));
    return 0;
  },
};

/**
 * Expects `hello `, the name of a protocol and a line feed, which it answers with `welcome`, as a TLS handshake with
 * ALPN would. Bytes behind the line belong to the protocol.
 */
const handshake: TransportStep = {
  activity: 'shaking hands',
  wrap(socket, early, incoming) {
    let received = '';
    const owner: TransportOwner = {
      onBytes(_transport, bytes, length) {
        received += bytes.latin1Slice(0, length);
        proceed();
      },
      onEnd: () => transport.destroy(),
      onDrain() {},
      onClosed: (_transport, error) => {
        incoming.refuse('info', `peer closed connection (${error?.code ?? 'end'})`);
      },
      onConnected() {},
    };
    const transport = SocketTransport.adopt(socket, owner);
    const proceed = (): void => {
      const end = received.indexOf('\n') + 1;
      if (end === 0) return;
      const [, protocol = ''] = /^hello (.*)\n$/.exec(received.slice(0, end)) ?? [];
      if (protocol !== '') incoming.protocol = protocol;
      transport.writeText('welcome\n');
      incoming.proceed(transport, Buffer.from(received.slice(end), 'latin1'));
    };
    received = early.latin1Slice();
    proceed();
    return transport;
  },
};

interface Stepped {
  readonly it: TestServer;
  readonly echoes: Set<LineEcho>;
  client(): Promise<Connection>;
}

async function serve(t: TestContext, steps: readonly AcceptStep[], protocol = 'line-echo'): Promise<Stepped> {
  const echoes = new Set<LineEcho>();
  const it = new TestServer(t, {
    ...PROTOCOLS,
    'line-echo': (transport, host, arrived, accepted) => new LineEcho(transport, host, arrived, accepted, echoes),
  });
  const text = 'server { listen 127.0.0.1:0; client_header_timeout 300ms; return 200 ok; }';
  await it.apply(text, () => ({ protocol, steps }));
  t.after(async () => {
    it.server.stop();
    await until('every transport is closed', () => openTransports() === 0);
    assert.equal(it.server.connections, 0);
  });
  const client = async (): Promise<Connection> => {
    const connection = await connect(it.port);
    t.after(() => connection.close());
    return connection;
  };
  return { it, echoes, client };
}

test('a step consumes the first bytes, wherever they are split, and the protocol receives the rest', async (t) => {
  const { client, echoes } = await serve(t, [prefix]);
  const bytes = '<abc>one\ntwo\n';
  for (let split = 1; split < bytes.length; split++) {
    const connection = await client();
    connection.send(bytes.slice(0, split));
    await new Promise((resolve) => setImmediate(resolve));
    connection.send(bytes.slice(split));
    assert.equal(await connection.bytes(8), 'one\ntwo\n');
    const [echo] = echoes;
    assert.equal(echo?.accepted?.get(PREFIX), 'abc');
    connection.close();
    await until('it is closed', () => echoes.size === 0);
  }
});

test('bytes that a step only inspects are passed on', async (t) => {
  const { client, echoes } = await serve(t, [prefix, peek]);
  const connection = await client();
  assert.equal(await connection.send('<x>line one\n').until('\n'), 'line one\n');
  const [echo] = echoes;
  assert.deepEqual([echo?.accepted?.get(PREFIX), echo?.accepted?.get(PEEKED)], ['x', 'line ']);
});

test('a step that takes over the socket receives pushed-back bytes and chooses the protocol', async (t) => {
  const { client, echoes } = await serve(t, [prefix, peek, handshake], 'http/1.1');
  const echo = await client();
  assert.equal(await echo.send('<a>hello line-echo\n').until('\n'), 'welcome\n');
  assert.equal(await echo.send('hi\n').until('\n'), 'hi\n');
  assert.equal([...echoes][0]?.accepted?.get(PEEKED), 'hello');
  const http = await client();
  assert.equal(await http.send('<a>hello http/1.1\n').until('\n'), 'welcome\n');
  assert.equal((await http.send(request('/')).answer()).body, 'ok');
  const byDefault = await client();
  assert.equal(await byDefault.send('<a>hello\n').until('\n'), 'welcome\n');
  assert.equal((await byDefault.send(request('/')).answer()).body, 'ok');
});

test('a step that takes over the socket can be the first', async (t) => {
  const { client } = await serve(t, [handshake]);
  const connection = await client();
  assert.equal(await connection.send('hello line-echo\nearly\n').bytes(14), 'welcome\nearly\n');
  assert.equal(await connection.send('hi\n').until('\n'), 'hi\n');
});

test('a refused connection is closed and logged with the activity of its step', async (t) => {
  const { it, client } = await serve(t, [prefix]);
  const connection = await client();
  assert.equal(await connection.send('no prefix').all(), '');
  connection.close();
  await until('it is logged', () => it.log.length > 0);
  assert.match(
    it.log[0] ?? '',
    /^\[error\] \*\d+ broken prefix while reading the prefix, client: 127\.0\.0\.1, server: 127\.0\.0\.1:0$/,
  );
  await until('it is no longer counted', () => it.server.connections === 0);
});

for (const [name, steps, activity] of [
  ['reads', [prefix], 'reading the prefix'],
  ['has taken over the socket', [handshake], 'shaking hands'],
] as const) {
  test(`a client that sends nothing to a step that ${name} is closed after client_header_timeout`, async (t) => {
    const { it, client } = await serve(t, steps);
    const connection = await client();
    connection.send('<');
    assert.equal(await connection.all(), '');
    connection.close();
    await until('it is logged', () => it.log.length > 0);
    assert.match(it.log[0] ?? '', new RegExp(`client timed out \\(110: Connection timed out\\) while ${activity}`));
    await until('it is no longer counted', () => it.server.connections === 0);
  });

  test(`a client that leaves during a step that ${name} is closed and not counted`, async (t) => {
    const { it, client } = await serve(t, steps);
    for (const leave of ['end', 'reset'] as const) {
      const connection = await client();
      await until('it is counted', () => it.server.connections === 1);
      connection[leave]();
      await until('it is no longer counted', () => it.server.connections === 0);
      connection.close();
    }
  });

  test(`stopping closes a connection in a step that ${name}`, async (t) => {
    const { it, client } = await serve(t, steps);
    const connection = await client();
    await until('it is counted', () => it.server.connections === 1);
    it.server.stop();
    assert.equal(await connection.all(), '');
    assert.equal(it.server.connections, 0);
  });
}

test('a connection in a step keeps the table of a removed listener until its request is finished', async (t) => {
  const { it, client } = await serve(t, [prefix], 'http/1.1');
  const connection = await client();
  await until('it is counted', () => it.server.connections === 1);
  const { table } = it.server;
  const quit = it.server.quit();
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(table.unused, false);
  connection.send('<a>');
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(table.unused, false);
  assert.equal((await connection.send(request('/')).answer()).body, 'ok');
  connection.end();
  await quit;
  assert.equal(table.unused, true);
});

test('a listener with a protocol that does not exist is an error of its table', async (t) => {
  const it = new TestServer(t);
  await assert.rejects(
    it.apply('server { listen 127.0.0.1:0; }', () => ({ protocol: 'spdy' })),
    /no such protocol: spdy/,
  );
});
