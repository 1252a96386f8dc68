/** Hostile clients over HTTP/2: whatever they send takes bounded memory, and other clients are served. Long: `dist/bench/http2-hostile.js`. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Flag, FrameType } from '../../src/http2/frame-types.js';
import { collectGarbage } from '../kit/garbage.js';
import { scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';
import { Http2Client } from './client.js';
import { chunkOf, FLOODS, resets } from './floods.js';
import { frame, settingsFrame, uint32 } from './frames.js';
import { dataFrame, GET, headersFrame, literalBlock, POST, RawHttp2Client } from './raw-client.js';

const MIB = 1 << 20;

async function proxyOf(t: TestContext, text: string, replacements: Record<string, number> = {}): Promise<TestProxy> {
  const proxy = await startProxy(`http2 on; server { listen 127.0.0.1:0; ${text} }`, replacements);
  t.after(() => proxy.close());
  return proxy;
}

async function attacker(
  t: TestContext,
  proxy: TestProxy,
  settings: readonly (readonly [number, number])[] = [],
): Promise<RawHttp2Client> {
  const client = await RawHttp2Client.connect(proxy.port, settings);
  t.after(() => client.destroy());
  return client;
}

/** Memory in use without garbage. */
function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Sends until the proxy closes the connection, at most `limit` bytes; returns the number of bytes. */
async function sendUntilClosed(client: RawHttp2Client, bytes: Buffer, limit: number): Promise<number> {
  let sent = 0;
  while (sent < limit && !client.closed) {
    sent += bytes.length;
    if (client.socket.write(bytes)) await new Promise((resolve) => setImmediate(resolve));
    else await until('the proxy reads', () => client.socket.writableLength < MIB || client.closed);
  }
  return sent;
}

test('floods of control frames take no memory, and another client is served meanwhile', async (t) => {
  const proxy = await proxyOf(
    t,
    'client_max_body_size 0; location / { return 200 ok; } location /body { proxy_pass http://127.0.0.1:1; }',
  );
  const other = new Http2Client(`http://127.0.0.1:${proxy.port}`);
  t.after(() => other.close());
  await other.request({ ':path': '/' });
  const before = memory();
  for (const flood of FLOODS) {
    const client = await attacker(t, proxy);
    const { bytes } = chunkOf(flood);
    client.send(flood.first);
    const sending = sendUntilClosed(client, bytes, 8 * bytes.length);
    assert.equal((await other.request({ ':path': '/' })).body, 'ok', flood.name);
    await sending;
    // Everything was read: the request behind it is answered, unless the connection was closed.
    client.send(headersFrame(3, GET));
    await until(
      `${flood.name} was read`,
      () => client.closed || client.lines.some((line) => line.startsWith('headers 3')),
    );
    client.destroy();
  }
  const after = memory();
  assert.ok(after - before < 8 * MIB, `${(after - before) / MIB} MiB`);
});

test('a flood ends its connection, also if the client does not read', async (t) => {
  const proxy = await proxyOf(t, 'location / { return 200 ok; }');
  for (const reads of [true, false]) {
    const client = await attacker(t, proxy);
    if (!reads) client.socket.pause();
    const [ping] = FLOODS;
    assert.ok(ping !== undefined);
    const { bytes } = chunkOf(ping);
    const seen = proxy.messages().length;
    const log = (): string => proxy.messages().slice(seen).join('\n');
    let stop = false;
    const detected = until('the flood is detected', () => log().includes('http2 flood detected')).then(
      () => (stop = true),
    );
    while (!stop && !client.closed) {
      if (client.socket.write(bytes)) await new Promise((resolve) => setImmediate(resolve));
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await detected;
    client.destroy();
  }
});

test('requests that are reset at once leave no connection to the back end, and others are served', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.request();
    // Half-closed by the proxy, it is closed here.
    connection.socket.on('end', () => connection.end());
    if (request?.target === '/other')
      connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
    if (connection.reader.ended) connection.end();
  });
  t.after(() => backend.close());
  const proxy = await proxyOf(t, 'location / { proxy_pass http://127.0.0.1:%%BACK%%; }', { BACK: backend.port });
  const other = new Http2Client(`http://127.0.0.1:${proxy.port}`);
  t.after(() => other.close());
  let sent = 0;
  while (sent < 1500) {
    const client = await attacker(t, proxy);
    for (let first = 1; first < 1000 && !client.closed && sent < 1500; first += 200) {
      client.send(resets(first, 100, GET));
      sent += 100;
      // Not more at once than may be open at once.
      client.send(frame(FrameType.Ping, 0, 0, uint32(first, 0)));
      await until('the resets were read', () => client.closed || client.lines.includes(`ping ack ${first} 0`));
    }
    assert.equal((await other.request({ ':path': '/other' })).body, 'ok');
    client.destroy();
  }
  await until('no connection to the back end is left', () => backend.open === 0);
});

test('more streams than announced are refused, and too many refused streams end the connection', async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const proxy = await proxyOf(
    t,
    'http2_max_concurrent_streams 10; location / { proxy_pass http://127.0.0.1:%%BACK%%; }',
    { BACK: backend.port },
  );
  const client = await attacker(t, proxy);
  const frames: Buffer[] = [];
  for (let stream = 1; stream < 400; stream += 2) frames.push(headersFrame(stream, GET));
  client.send(...frames);
  await client.until(/^reset 21 7$/);
  await client.until(/^goaway/);
  await until('the connection is closed', () => client.closed);
  assert.ok(backend.connections.length <= 10);
});

const FATAL: readonly (readonly [name: string, code: number, ...frames: Buffer[]])[] = [
  [
    'an endless header block',
    11,
    frame(FrameType.Headers, 0, 1, literalBlock(GET)),
    ...Array.from({ length: 20 }, () => frame(FrameType.Continuation, 0, 1, literalBlock([['x', 'y'.repeat(16000)]]))),
  ],
  [
    'a header block of empty frames',
    11,
    frame(FrameType.Headers, 0, 1, literalBlock(GET)),
    ...Array.from({ length: 1000 }, () => frame(FrameType.Continuation, 0, 1)),
  ],
  [
    'a large list from a small block',
    11,
    frame(
      FrameType.Headers,
      Flag.EndHeaders,
      1,
      Buffer.concat([
        Buffer.from('\x40\x01a\x7f\xa1\x1e', 'latin1'),
        Buffer.alloc(4000, 'v'),
        Buffer.alloc(12_000, 0xbe),
      ]),
    ),
  ],
  [
    'a larger list than allowed',
    11,
    frame(FrameType.Headers, 0, 1, literalBlock(GET)),
    ...[1, 2, 3].map((i) =>
      frame(FrameType.Continuation, i === 3 ? Flag.EndHeaders : 0, 1, literalBlock([['x', 'y'.repeat(13_000)]])),
    ),
  ],
  ['a table larger than announced', 9, frame(FrameType.Headers, Flag.EndHeaders, 1, '\x3f\xe2\x1f')],
  ['a size of the table behind a field', 9, frame(FrameType.Headers, Flag.EndHeaders, 1, '\x82\x20')],
  ['an even stream', 1, headersFrame(2, GET)],
  ['stream 0', 1, headersFrame(0, GET)],
  ['a stream below the last', 1, headersFrame(5, GET), headersFrame(3, GET)],
  ['DATA of an idle stream', 1, dataFrame(7, 'x')],
  ['RST_STREAM of an idle stream', 1, frame(FrameType.RstStream, 0, 7, uint32(8))],
  ['WINDOW_UPDATE of an idle stream', 1, frame(FrameType.WindowUpdate, 0, 7, uint32(8))],
  ['a connection window above 2^31 - 1', 3, frame(FrameType.WindowUpdate, 0, 0, uint32(0x7fffffff))],
  ['an initial window above 2^31 - 1', 3, settingsFrame([[4, 0x80000000]])],
  ['PUSH_PROMISE', 1, frame(FrameType.PushPromise, Flag.EndHeaders, 1, uint32(2))],
  ['a frame larger than allowed', 6, Buffer.from('\x10\0\x01\x01\x04\0\0\0\x01', 'latin1')],
];

for (const [name, code, ...frames] of FATAL) {
  test(`${name} ends the connection`, async (t) => {
    const proxy = await proxyOf(t, 'location / { return 200 ok; }');
    const client = await attacker(t, proxy);
    client.send(...frames);
    await client.until(new RegExp(`^goaway \\d+ ${code} `));
    client.socket.end();
    await until('the connection is closed', () => client.closed);
  });
}

test('a stream window above 2^31 - 1 ends its stream only', async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const proxy = await proxyOf(
    t,
    'location / { proxy_pass http://127.0.0.1:%%BACK%%; } location /ok { return 200 ok; }',
    { BACK: backend.port },
  );
  const client = await attacker(t, proxy);
  client.send(headersFrame(1, GET), frame(FrameType.WindowUpdate, 0, 1, uint32(0x7fffffff)));
  await client.until(/^reset 1 3$/);
  client.send(headersFrame(3, [...GET.slice(0, 3), [':path', '/ok']]));
  assert.equal(await client.outcome(3), '200');
});

test('sizes of the table that change with every request lose no field', async (t) => {
  const proxy = await proxyOf(t, 'location / { return 200 $http_x_value; }');
  const client = await attacker(t, proxy);
  for (let i = 0; i < 100; i++) {
    const sizes = Buffer.from(`\x20\x3f\xe1\x1f`, 'latin1');
    const block = Buffer.concat([
      i % 2 === 0 ? sizes : Buffer.of(0x20),
      Buffer.from('\x40\x07x-value\x05value', 'latin1'),
      ...(i % 2 === 0 ? [Buffer.of(0xbe)] : []),
    ]);
    // Pseudo-fields come first, but sizes even before them.
    const at = i % 2 === 0 ? 4 : 1;
    const whole = Buffer.concat([block.subarray(0, at), literalBlock(GET), block.subarray(at)]);
    client.send(frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, i * 2 + 1, whole));
    const answer = await client.until(new RegExp(`^data ${i * 2 + 1} `));
    assert.equal(answer, `data ${i * 2 + 1} ${i % 2 === 0 ? 'value, value' : 'value'} ended`);
  }
});

/** Sends an endless response for `/endless` as fast as it is read, and counts the bytes. */
async function endlessBackend(t: TestContext): Promise<{ port: number; sent: () => number }> {
  let sent = 0;
  const piece = Buffer.alloc(65536, 'x');
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    const { socket } = connection;
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const more = (): void => {
      while (!socket.destroyed) {
        sent += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
  t.after(() => backend.close());
  return { port: backend.port, sent: () => sent };
}

test('a client that opens no window, or reads nothing, takes bounded memory', async (t) => {
  const { port, sent } = await endlessBackend(t);
  const proxy = await proxyOf(t, 'location / { proxy_pass http://127.0.0.1:%%BACK%%; proxy_max_temp_file_size 0; }', {
    BACK: port,
  });
  const before = memory();
  for (const [settings, window] of [
    [[[4, 0]], 0],
    [[[4, 0x7fffffff]], 0x7fff0000],
  ] as const) {
    const client = await attacker(t, proxy, settings);
    if (window > 0) {
      client.send(frame(FrameType.WindowUpdate, 0, 0, uint32(window)));
      client.socket.pause();
    }
    client.send(headersFrame(1, GET), headersFrame(3, GET));
    let last = -1;
    // Until the back end is not read any more.
    await until('the response is not read', () => {
      const now = sent();
      const same = now === last && now > 0;
      last = now;
      return same;
    });
    const growth = memory() - before;
    assert.ok(growth < 8 * MIB, `${growth / MIB} MiB`);
    client.destroy();
  }
});

test('a response arrives byte by byte through windows of one byte', async (t) => {
  const proxy = await proxyOf(t, 'location / { return 200 "0123456789"; }');
  const client = await attacker(t, proxy, [[4, 1]]);
  client.send(headersFrame(1, GET));
  for (let i = 1; i < 10; i++) {
    await until('a byte arrives', () => client.lines.filter((line) => line.startsWith('data 1 ')).length >= i);
    client.send(frame(FrameType.WindowUpdate, 0, 1, uint32(1)));
  }
  await client.until(/^data 1 9 ended$/);
  assert.deepEqual(
    client.lines.filter((line) => line.startsWith('data 1 ')).map((line) => line.charAt(7)),
    [...'0123456789'],
  );
});

test('a window that becomes negative stops a response until it is positive again', async (t) => {
  const proxy = await proxyOf(t, `location / { return 200 "${'x'.repeat(300)}"; }`);
  const client = await attacker(t, proxy, [[4, 100]]);
  client.send(headersFrame(1, GET));
  await client.until(/^data 1 x{100}$/);
  client.send(
    settingsFrame([[4, 0]]),
    frame(FrameType.WindowUpdate, 0, 1, uint32(100)),
    frame(FrameType.Ping, 0, 0, uint32(7, 7)),
  );
  await client.until(/^ping ack 7 7$/);
  assert.equal(client.lines.filter((line) => line.startsWith('data 1 ')).length, 1);
  client.send(frame(FrameType.WindowUpdate, 0, 1, uint32(200)));
  await client.until(/^data 1 x{200} ended$/);
});

test('a body larger than its window ends its stream, one larger than the windows of the connection the connection', async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const proxy = await proxyOf(
    t,
    'http2_body_preread_size 1000; location / { proxy_pass http://127.0.0.1:%%BACK%%; proxy_request_buffering off; client_body_buffer_size 1000; }',
    { BACK: backend.port },
  );
  const client = await attacker(t, proxy);
  await client.until(/^settings ack$/);
  client.send(headersFrame(1, POST, false), ...Array.from({ length: 8 }, () => dataFrame(1, Buffer.alloc(16_384))));
  await client.until(/^reset 1 3$/);
});
