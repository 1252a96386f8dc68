import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  type Answer,
  answeringBackend,
  type Backend,
  collectGarbage,
  connect,
  repeatAfterStall,
  reply,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

/** One request of a sequence. */
interface Sent {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'OPTIONS';
  readonly path: string;
  readonly framing: 'none' | 'length' | 'chunked';
  readonly body: string;
  readonly expect: boolean;
  readonly keep: 'default' | 'keep-alive' | 'close' | 'old';
}

let backend: Backend;
let proxy: TestProxy;

before(async () => {
  backend = await answeringBackend((received) => {
    const digest = createHash('sha1').update(received.body, 'latin1').digest('hex');
    const about = `${received.method} ${received.target} ${received.body.length} ${digest}`;
    if (received.method === 'HEAD') return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
    if (received.target.startsWith('/chunked')) {
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${about.length.toString(16)}\r\n${about}\r\n0\r\n\r\n`;
    }
    if (received.target.startsWith('/until-close')) return `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${about}`;
    if (received.target.startsWith('/empty')) return 'HTTP/1.1 204 No Content\r\n\r\n';
    if (received.target.startsWith('/large')) return reply(about.repeat(1500));
    return reply(about);
  });
  proxy = await startProxy(
    `
    client_body_buffer_size 4k;
    client_max_body_size 64k;
    upstream back { server 127.0.0.1:%%BACKEND%%; keepalive 8; }
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://back; }
      location /streamed { proxy_pass http://back; proxy_request_buffering off; }
      location /return { return 200 "here $request_method $uri\\n"; }
      location /none { return 204; }
      location /small { client_max_body_size 10; proxy_pass http://back; }
    }`,
    { BACKEND: backend.port },
  );
});
after(async () => {
  await proxy.close();
  await backend.close();
});

const PATHS = [
  '/',
  '/streamed',
  '/return',
  '/none',
  '/small',
  '/chunked',
  '/until-close',
  '/empty',
  '/large',
  '/streamed/chunked',
];

const sequences = fc.array(
  fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'),
    path: fc.tuple(fc.constantFrom(...PATHS), fc.nat(99)).map(([path, n]) => `${path}?${n}`),
    framing: fc.constantFrom('none', 'length', 'chunked'),
    body: fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 5, 11, 300, 4095, 5000, 20_000))
      .map(([byte, size]) => String.fromCharCode(byte).repeat(size)),
    expect: fc.boolean(),
    keep: fc.constantFrom('default', 'default', 'default', 'keep-alive', 'close', 'old'),
  }) satisfies fc.Arbitrary<Sent>,
  { minLength: 1, maxLength: 6 },
);

function bytesOf(sent: Sent): string {
  const old = sent.keep === 'old';
  const lines = [`${sent.method} ${sent.path} HTTP/1.${old ? 0 : 1}`, 'Host: localhost'];
  if (sent.keep === 'close' || sent.keep === 'keep-alive') lines.push(`Connection: ${sent.keep}`);
  const framing = old && sent.framing === 'chunked' ? 'length' : sent.framing;
  if (sent.expect && !old && framing !== 'none') lines.push('Expect: 100-continue');
  if (framing === 'none') return `${lines.join('\r\n')}\r\n\r\n`;
  if (framing === 'length')
    return `${[...lines, `Content-Length: ${sent.body.length}`].join('\r\n')}\r\n\r\n${sent.body}`;
  const middle = Math.floor(sent.body.length / 3);
  const chunks = [sent.body.slice(0, middle), sent.body.slice(middle)].filter((chunk) => chunk.length > 0);
  const coded = chunks.map((chunk) => `${chunk.length.toString(16)};x=y\r\n${chunk}\r\n`).join('');
  return `${[...lines, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n${coded}0\r\nTrailer: t\r\n\r\n`;
}

/** Compared parts of a response. A `100 Continue` depends on the bytes that have arrived when a body is requested. */
function essence(answer: Answer): unknown {
  const fields = answer.fields.filter(([name]) => name !== 'Date');
  return { status: answer.statusLine, fields, body: answer.body };
}

/** Sends one request, waits for the answer, sends the next; ends with the connection. */
async function oneByOne(sequence: readonly Sent[]): Promise<unknown[]> {
  const connection = await connect(proxy.port);
  const answers: unknown[] = [];
  try {
    for (const sent of sequence) {
      const answer = await connection.send(bytesOf(sent)).answer(sent.method);
      answers.push(essence(answer));
      if (closes(answer)) break;
    }
  } finally {
    connection.close();
  }
  return answers;
}

/** Sends everything in pieces, whatever comes back meanwhile. */
async function pipelined(sequence: readonly Sent[], cuts: readonly number[]): Promise<unknown[]> {
  const connection = await connect(proxy.port);
  const bytes = sequence.map(bytesOf).join('');
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  const answers: unknown[] = [];
  const sending = (async () => {
    let at = 0;
    for (const place of [...places, bytes.length]) {
      if (connection.socket.destroyed || !connection.socket.writable) return;
      connection.send(bytes.slice(at, place));
      at = place;
      // Long enough that the proxy sees the piece by itself, mostly.
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  try {
    for (const sent of sequence) {
      const answer = await connection.answer(sent.method);
      answers.push(essence(answer));
      if (closes(answer)) break;
    }
    await sending;
  } finally {
    connection.close();
  }
  return answers;
}

function closes(answer: Answer): boolean {
  return answer.field('connection') === 'close';
}

test('requests that are sent at once, split anywhere, have the answers that they have one by one', async () => {
  const runs = Number(process.env.STRESS_RUNS ?? 150);
  await fc.assert(
    fc.asyncProperty(sequences, fc.array(fc.nat(100_000), { maxLength: 12 }), async (sequence, cuts) => {
      const expected = await oneByOne(sequence);
      assert.deepEqual(await pipelined(sequence, cuts), expected);
    }),
    { numRuns: runs, seed: 9112 },
  );
  await until('all connections have ended', () => proxy.proxy.status.connections === 0);
  assert.equal(proxy.proxy.status.active, 0);
  assert.deepEqual(backend.failures, []);
});

/** Requests of a slow client: what is sent at first, and what it gets when it sends no more. */
const SLOW: readonly (readonly [what: string, bytes: string, status: number, before?: string])[] = [
  ['a head', 'GET / HTTP/1.1\r\nHost: loc', 0],
  ['a buffered body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345', 408],
  ['a streamed body', 'POST /streamed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345', 408],
  ['a chunked body', 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123', 408],
  ['a second head', 'GET /return HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT', 0, 'here'],
];

/** Clients that send nothing, or too slowly, and what is logged about them. */
async function slowClients(t: TestContext): Promise<void> {
  const slow = await startProxy(
    `
    client_header_timeout 150ms;
    client_body_timeout 150ms;
    keepalive_timeout 150ms;
    log_format status "$status $request_time";
    access_log logs/access.log status;
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /streamed { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_request_buffering off; }
      location /return { return 200 "here"; }
    }`,
    { BACKEND: backend.port },
  );
  t.after(() => slow.close());
  for (const [what, bytes, , before] of SLOW) {
    const connection = await connect(slow.port);
    connection.send(bytes);
    if (before !== undefined) assert.equal((await connection.answer()).body, before);
    // nginx closes without an answer as well.
    assert.equal(await connection.all(), '', what);
    connection.close();
  }
  // A byte now and then does not make a head that lasts for ever: its time counts from its first byte.
  const dripping = await connect(slow.port);
  const started = Date.now();
  const timer = setInterval(() => dripping.socket.writable && dripping.send('x'), 30);
  dripping.send('GET /');
  await dripping.all();
  clearInterval(timer);
  assert.ok(Date.now() - started < 10_000);
  // Clients that connect and send nothing are closed without a log line.
  const silent = await connect(slow.port);
  assert.equal(await silent.all(), '');
  await until('all connections have ended', () => slow.proxy.status.connections === 0);
  const statuses = slow.accessLog().map((line) => line.split(' ')[0]);
  assert.deepEqual(statuses, ['408', '408', '408', '408', '200', '408', '408']);
}

test('clients that send nothing, or too slowly, are closed with 408 in the log', (t) =>
  // After a stall that is longer than the timeouts, a client is closed before its bytes were read.
  repeatAfterStall(50, () => slowClients(t)));

test('a half of a request behind a whole one ends with the client that sent it', async () => {
  for (const rest of ['GET / HT', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345']) {
    for (const path of ['/large', '/return']) {
      const connection = await connect(proxy.port);
      connection.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n${rest}`).end();
      const all = await connection.all();
      assert.match(all, /^HTTP\/1\.1 200 OK/);
      await until('it has ended', () => proxy.proxy.status.connections === 0);
      connection.close();
    }
  }
  assert.equal(proxy.proxy.status.active, 0);
});

test('a half of a request behind a long answer ends with the client that sent it', async () => {
  const source = await answeringBackend(reply('x'.repeat(24 << 20)));
  const through = await startProxy(
    'server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACKEND%%; } }',
    { BACKEND: source.port },
  );
  for (const rest of ['GET / HT', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345']) {
    const connection = await connect(through.port);
    connection.send(`GET / HTTP/1.1\r\nHost: localhost\r\n\r\n${rest}`);
    await connection.until('\r\n\r\n');
    connection.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    connection.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    connection.socket.resume();
    await connection.all();
    await until('it has ended', () => through.proxy.status.connections === 0);
    assert.equal(through.proxy.status.active, 0);
    connection.close();
  }
  await through.close();
  await source.close();
});

test('a client that leaves before its body is whole ends the request where client aborts are ignored', async () => {
  const through = await startProxy(
    `proxy_ignore_client_abort on;
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /streamed { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_request_buffering off; }
    }`,
    { BACKEND: backend.port },
  );
  for (const path of ['/', '/streamed']) {
    const connection = await connect(through.port);
    connection.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345`);
    await until('it is read', () => through.proxy.status.active === 1);
    connection.reset();
    await until('it has ended', () => through.proxy.status.active === 0);
  }
  await through.close();
});

test('a response without a client is read to its end if client aborts are ignored', async () => {
  const source = await answeringBackend(reply('x'.repeat(24 << 20)));
  const through = await startProxy(
    'server { listen 127.0.0.1:0; location / { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%%BACKEND%%; } }',
    { BACKEND: source.port },
  );
  const connection = await connect(through.port);
  connection.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await connection.until('\r\n\r\n');
  connection.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  connection.reset();
  await until('it has ended', () => through.proxy.status.active === 0);
  assert.deepEqual(through.messages('error'), []);
  await through.close();
  await source.close();
});

test('a client that ended its side has the answers to all that it had asked', async () => {
  const connection = await connect(proxy.port);
  connection
    .send('GET /return?1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /return?2 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    .end();
  const all = await connection.all();
  assert.equal(all.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  connection.close();
});

test('a client that ended its side has the answers to many requests as well', async () => {
  const requests = 5000;
  const connection = await connect(proxy.port);
  connection.send('GET /return HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(requests)).end();
  const all = await connection.all();
  // `keepalive_requests` ends the connection after so many.
  assert.equal(all.match(/HTTP\/1\.1 200 OK/g)?.length, 1000);
  connection.close();
});

test('other connections have their turn between the pipelined requests of one', async (t) => {
  const connection = await connect(proxy.port);
  // The proxy is in this process: it has answered no more than 96 in each turn of the event loop so far.
  let turns = 0;
  let turn = setImmediate(function next() {
    turns++;
    turn = setImmediate(next);
  });
  t.after(() => clearImmediate(turn));
  const early: string[] = [];
  const answers = (): number => connection.reader.pending.split('HTTP/1.1 200').length - 1;
  connection.socket.on('data', () => {
    if (answers() > 96 * (turns + 1)) early.push(`${answers()} in ${turns} turns`);
  });
  connection.send('GET /return HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(900));
  await until('all are answered', () => answers() === 900);
  assert.deepEqual(early, []);
  connection.close();
});

test('an answer in many small pieces waits at the upstream for a client that does not read', async () => {
  const total = 64 << 20;
  const piece = Buffer.alloc(2000, 0x62);
  for (const framing of ['length', 'chunked'] as const) {
    let sent = 0;
    let stopped = false;
    const source = await answeringBackend(async (_request, { socket }) => {
      socket.write(
        framing === 'length'
          ? `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`
          : 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      while (sent < total && !socket.destroyed) {
        sent += piece.length;
        if (framing === 'chunked') socket.write(`${piece.length.toString(16)}\r\n`);
        const more = socket.write(piece);
        if (framing === 'chunked') socket.write('\r\n');
        // One piece at a time, so that the proxy reads them one by one.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (more || socket.writableLength <= 1 << 20) continue;
        stopped = true;
        break;
      }
      await new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
      return '';
    });
    const through = await startProxy(
      'server { listen 127.0.0.1:0; location / { proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%%BACKEND%%; } }',
      { BACKEND: source.port },
    );
    const connection = await connect(through.port);
    connection.socket.removeAllListeners('data');
    connection.socket.pause();
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    connection.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('the upstream waits, or has sent all', () => stopped || sent >= total);
    assert.ok(stopped, `${framing}: the upstream was never stopped`);
    // The back end itself holds 1 MiB, the proxy its buffers.
    collectGarbage();
    const held = process.memoryUsage().arrayBuffers - before;
    assert.ok(held < 16 << 20, `${framing}: ${held} bytes are held`);
    connection.close();
    await until('it has ended', () => through.proxy.status.connections === 0);
    await through.close();
    await source.close();
  }
});
