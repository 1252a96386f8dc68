/** The traffic tap of a proxy, with real clients and servers. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createProxy, type TapOptions, type TapRow, type TapSubscription } from '../../src/index.js';
import { EventClient } from '../kit/event-stream.js';
import { get, startProxy, type TestProxy, until, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';

const SERVER = `server { listen 127.0.0.1:0;
  location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }
  location / { add_header X-Own yes; add_header Set-Cookie "id=1"; return 200 ok; } }`;

type Row<T extends TapRow['type']> = Extract<TapRow, { type: T }>;

/** A subscription that keeps all rows. */
class Recorder {
  readonly rows: TapRow[] = [];
  readonly subscription: TapSubscription;
  constructor(proxy: Pick<TestProxy['proxy'], 'tap'>, options: TapOptions = {}) {
    this.subscription = proxy.tap(options, (rows) => void this.rows.push(...rows));
  }

  of<T extends TapRow['type']>(type: T): Row<T>[] {
    return this.rows.filter((row): row is Row<T> => row.type === type);
  }

  async first<T extends TapRow['type']>(type: T, count = 1): Promise<Row<T>[]> {
    await until(`${count} rows "${type}"`, () => this.of(type).length >= count);
    return this.of(type);
  }

  /** Sender, opcode, and payload of the frames. */
  get frames(): string[] {
    return this.of('frame').map(
      ({ from, opcode, payload, withheld }) => `${from} ${opcode} ${withheld ?? Buffer.from(payload ?? []).toString()}`,
    );
  }
}

async function scene(t: TestContext): Promise<{ proxy: TestProxy; echo: WebSocketEcho }> {
  const echo = await websocketEcho();
  const proxy = await startProxy(SERVER, { PORT: echo.port });
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  return { proxy, echo };
}

test('a subscriber receives requests and responses', async (t) => {
  const { proxy } = await scene(t);
  const tap = new Recorder(proxy.proxy);
  await get(proxy.port, '/a?token=secret&x=1');
  const [response] = await tap.first('response');
  const [request] = tap.of('request');
  assert.ok(request !== undefined && response !== undefined);
  assert.equal(request.id, response.id);
  assert.equal(request.method, 'GET');
  assert.equal(request.target, '/a?token=[redacted]&x=1');
  assert.match(request.client, /^127\.0\.0\.1:\d+$/);
  assert.ok(request.headers.some(([name]) => name === 'Host'));
  assert.equal(response.status, 200);
  assert.equal(response.bytes, 2);
  assert.equal(response.completed, true);
  assert.equal(response.upstream, '');
  assert.deepEqual(
    response.headers.filter(([name]) => name !== 'Content-Type'),
    [
      ['X-Own', 'yes'],
      ['Set-Cookie', '[redacted]'],
    ],
  );
  assert.ok(response.duration >= 0);
});

test('a subscriber receives a WebSocket from its opening to its end', async (t) => {
  const { proxy, echo } = await scene(t);
  const tap = new Recorder(proxy.proxy, { kinds: ['websocket'], payload: 5 });
  const client = await websocket(proxy.port, '/ws?x=ü');
  assert.equal(await client.ask('hellö world'), 'hellö world');
  client.socket.close(4000, 'ciao');
  await client.closed;
  const [close] = await tap.first('close');
  const [open] = tap.of('open');
  assert.ok(open !== undefined && close !== undefined);
  assert.equal(open.upstream, `127.0.0.1:${echo.port}`);
  assert.equal(open.generation, 1);
  assert.deepEqual(tap.frames, [
    'client 1 hell\ufffd',
    'upstream 1 hell\ufffd',
    'client 8 \x0f\ufffdcia',
    'upstream 8 \x0f\ufffdcia',
  ]);
  const [frame] = tap.of('frame');
  assert.ok(frame?.fin && frame.length === 12 && frame.rsv === 0 && !frame.compressed);
  assert.deepEqual(
    tap.rows.map(({ type }) => type),
    ['open', 'frame', 'frame', 'frame', 'frame', 'close'],
  );
  assert.ok(tap.rows.every((row) => 'id' in row && row.id === open.id));
  assert.equal(close.by, 'client');
  assert.equal(close.code, 4000);
  assert.equal(close.reason, 'ciao');
  assert.deepEqual(close.received, { messages: 1, frames: 2, bytes: 18 });
});

test('a subscriber that joins later is told of open WebSockets, and sees their next frames', async (t) => {
  const { proxy } = await scene(t);
  const before = await websocket(proxy.port, '/ws');
  assert.equal(await before.ask('unseen'), 'unseen');
  const idle = await websocket(proxy.port, '/ws');
  const silent = new Recorder(proxy.proxy);
  const opened = await silent.first('open', 2);
  assert.equal(new Set(opened.map(({ id }) => id)).size, 2);
  assert.ok(opened.every(({ openedAt, time }) => openedAt <= time));
  assert.equal(await before.ask('seen'), 'seen');
  await silent.first('frame', 2);
  assert.deepEqual(silent.frames, ['client 1 seen', 'upstream 1 seen']);
  silent.subscription.close();
  const count = silent.rows.length;
  assert.equal(await before.ask('later'), 'later');
  assert.equal(silent.rows.length, count);
  // A second subscription begins anew.
  const again = new Recorder(proxy.proxy);
  await again.first('open', 2);
  assert.equal(await before.ask('again'), 'again');
  await again.first('frame', 2);
  assert.deepEqual(again.frames, ['client 1 again', 'upstream 1 again']);
  await Promise.all([before.close(), idle.close()]);
});

test('messages, targets and reasons are redacted before they reach the subscriber', async (t) => {
  const { proxy } = await scene(t);
  const tap = new Recorder(proxy.proxy, {
    redact: { fields: ['X-Secret'], jsonPaths: ['$.password'], patterns: ['\\b\\d{16}\\b'] },
  });
  const client = await websocket(proxy.port, '/ws?card=1234567812345678');
  const message = '{"password":"secret","card":"1234567812345678"}';
  assert.equal(await client.ask(message), message);
  assert.equal(await client.ask('secret'), 'secret');
  client.socket.close(4000, 'card 1234567812345678');
  await client.closed;
  const [close] = await tap.first('close');
  assert.deepEqual(tap.frames.slice(0, 4), [
    'client 1 {"password":"[redacted]","card":"[redacted]"}',
    'upstream 1 {"password":"[redacted]","card":"[redacted]"}',
    'client 1 not JSON',
    'upstream 1 not JSON',
  ]);
  assert.equal(close?.reason, 'card [redacted]');
  assert.doesNotMatch(JSON.stringify(tap.rows), /1234567812345678|secret/);
});

test('server-sent events are rows, with comments, and without the event that has begun', async (t) => {
  let send: (text: string) => void = () => {};
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    send = (text) => response.write(text);
    response.write('data: before\n\ndata: half');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { sse_retry 1s; proxy_pass http://127.0.0.1:%%PORT%%; } }',
    { PORT: (server.address() as AddressInfo).port },
  );
  t.after(() => {
    server.closeAllConnections();
    server.close();
    return proxy.close();
  });
  const client = new EventClient(proxy.port, '/');
  t.after(() => client.end());
  await until('the first part has arrived', () => client.text.includes('half'));
  const tap = new Recorder(proxy.proxy, { payload: 14, redact: { patterns: ['token'] } });
  send(' an event\n\n');
  send('id: 1\r\ndata: a token\r\n\r\n: comment\n\n');
  send('data: second\n\n');
  const events = await tap.first('event', 3);
  assert.deepEqual(
    events.map(({ payload, length }) => [Buffer.from(payload ?? []).toString(), length]),
    [
      ['id: 1\r\ndata: a', 24],
      [': comment\n', 10],
      ['data: second\n\n', 14],
    ],
  );
});

test('a slow listener loses rows, which are counted, and delays nothing', async (t) => {
  const { proxy } = await scene(t);
  let accept = (): void => {};
  const rows: TapRow[] = [];
  const subscription = proxy.proxy.tap({ queue: 10, kinds: ['websocket'] }, (batch) => {
    rows.push(...batch);
    return new Promise((resolve) => {
      accept = resolve;
    });
  });
  const client = await websocket(proxy.port, '/ws');
  for (let i = 0; i < 50; i++) assert.equal(await client.ask(`m${i}`), `m${i}`);
  await client.close();
  await until('the tunnel has ended', () => proxy.proxy.status.active === 0);
  const total = 1 + 100 + 2 + 1;
  await until('all rows are delivered or counted', () => {
    accept();
    return rows.filter(({ type }) => type !== 'dropped').length + subscription.dropped === total;
  });
  assert.ok(subscription.dropped >= total - 30, `${subscription.dropped} dropped`);
});

test('an exception of a listener ends its subscription, and is logged', async (t) => {
  const { proxy } = await scene(t);
  let calls = 0;
  proxy.proxy.tap({}, () => {
    calls++;
    throw new Error('no more');
  });
  const other = new Recorder(proxy.proxy);
  await get(proxy.port, '/');
  await get(proxy.port, '/');
  await other.first('response', 2);
  assert.equal(calls, 1);
  assert.deepEqual(proxy.messages('alert'), ['listener of the traffic tap failed: Error: no more']);
});

test('a subscription from before the start continues across reloads', async (t) => {
  const echo = await websocketEcho();
  const text = (more = ''): string =>
    `events {} http { access_log off; ${SERVER.replace('%%PORT%%', String(echo.port))} ${more} }`;
  const proxy = createProxy({ config: text(), errorLog: () => {} });
  const tap = new Recorder(proxy);
  const unused = new Recorder(proxy);
  unused.subscription.close();
  await proxy.start();
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  const port = Number(proxy.addresses[0]?.split(':')[1]);
  const client = await websocket(port, '/ws');
  assert.equal(await client.ask('one'), 'one');
  await (await proxy.reload({ config: text('map $uri $x { default 1; }') })).predecessorEnded;
  assert.equal(await client.ask('two'), 'two');
  await client.close();
  await tap.first('close');
  assert.deepEqual(tap.frames.slice(0, 4), ['client 1 one', 'upstream 1 one', 'client 1 two', 'upstream 1 two']);
  await get(port, '/new');
  await tap.first('response', 2);
  assert.equal(unused.rows.length, 0);
});
