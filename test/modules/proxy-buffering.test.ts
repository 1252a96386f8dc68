/** `proxy_buffering`: a slow client does not hold its upstream; what it has not taken waits in memory and in a file. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { chunkOf, type Flood, flood, patternDigest } from '../kit/flood.js';
import {
  type Backend,
  type BackendConnection,
  type Connection,
  collectGarbage,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const MIB = 1 << 20;
/** More than the sockets of both sides hold. */
const TOTAL = 24 * MIB;
/** The most that these hold, with what the proxy keeps in memory. */
const HELD = 16 * MIB;

interface Scene {
  readonly proxy: TestProxy;
  readonly backend: Backend;
  /** Bytes that the first response's upstream has sent so far. */
  given(): number;
}

interface Play {
  readonly total?: number;
  /** Fields of the answer; without a length it is `total`. */
  readonly fields?: readonly string[];
  readonly frame?: (piece: Buffer) => Buffer;
  /** Action after the body; default: the connection stays open. */
  readonly atEnd?: (connection: BackendConnection) => void;
}

/** A back end that gives a large answer, or says which of its connections it is asked on (`/small`), and a proxy before it. */
async function scene(t: TestContext, settings: string, play: Play = {}): Promise<Scene> {
  const { total = TOTAL, fields = [`Content-Length: ${total}`], frame, atEnd } = play;
  let state: Flood = { given: 0 };
  const backend = await scriptedBackend(async (connection) => {
    for (;;) {
      const received = await connection.request();
      if (received === null) return connection.end();
      if (received.target === '/small') {
        connection.send(reply(String(connection.number)));
        continue;
      }
      connection.send(`HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\n\r\n`);
      state = flood(connection.socket, total, frame);
      if (atEnd === undefined) continue;
      await until('all was given', () => state.given === total);
      atEnd(connection);
    }
  });
  const proxy = await startProxy(
    `log_format s '$status $body_bytes_sent $upstream_response_length'; access_log logs/access.log s;
    proxy_temp_path %%DIR%%/temp 1 2;
    upstream app { server 127.0.0.1:%%PORT%% max_conns=1; keepalive 1; }
    server {
      listen 127.0.0.1:0;
      default_type text/html;
      location / { ${settings} proxy_pass http://app; }
      location /page { ssi on; return 200 'before<!--#include virtual="/included" -->behind'; }
    }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return { proxy, backend, given: () => state.given };
}

/** A client that asked, has read the head, and reads no further. */
async function paused(proxy: TestProxy, bytes = request('/large')): Promise<Connection> {
  const client = await connect(proxy.port);
  await client.send(bytes).until('\r\n\r\n');
  client.socket.pause();
  return client;
}

/** Counts and digests what comes on a socket from here on. */
function digesting(client: Connection): { received: number; digest(): string } {
  const hash = createHash('md5');
  const first = Buffer.from(client.reader.pending, 'latin1');
  hash.update(first);
  const state = { received: first.length, digest: () => hash.copy().digest('hex') };
  const { socket }: { socket: Socket } = client;
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    state.received += chunk.length;
    hash.update(chunk);
  });
  socket.resume();
  return state;
}

async function arrives(client: Connection, total: number): Promise<void> {
  const state = digesting(client);
  await until('all arrived', () => state.received >= total);
  assert.equal(state.received, total);
  assert.equal(state.digest(), patternDigest(total));
}

async function stuck(given: () => number): Promise<void> {
  let before = -1;
  let times = 0;
  await until('nothing moves', () => {
    times = given() === before ? times + 1 : 0;
    before = given();
    return times >= 20;
  });
}

/** Waits until the only connection that the upstream may have serves another request. */
async function servesOthers(proxy: TestProxy): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const answer = await get(proxy.port, '/small');
    if (answer.status === 200) return assert.equal(answer.body, '1');
  }
  assert.fail('the connection is not free');
}

/** Descriptors of files below the proxy's directory that have no name any more. */
function openFiles(proxy: TestProxy): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      if (path.startsWith(`${proxy.directory}/temp/`)) count++;
    } catch {
      // It was closed meanwhile.
    }
  }
  return count;
}

/** Bytes in buffers that somebody holds. */
function memoryInUse(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

function warnings(proxy: TestProxy): string[] {
  return proxy.messages('warn').filter((message) => message.includes('buffered to a temporary file'));
}

const ONLY_LINUX = { skip: existsSync('/proc/self/fd') ? false : 'the system does not show open files' };

describe('an answer for a slow client', ONLY_LINUX, () => {
  test('is read from the upstream as fast as it comes, and arrives as it was', async (t) => {
    const total = 50 * MIB;
    const { proxy, given } = await scene(t, '', { total });
    const before = memoryInUse();
    const client = await paused(proxy);
    await until('the upstream has given all', () => given() === total);
    await servesOthers(proxy);
    assert.equal(openFiles(proxy), 1);
    assert.deepEqual(
      readdirSync(`${proxy.directory}/temp`, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()),
      [],
      'the file has no name any more',
    );
    // Garbage is freed shortly after it was found.
    await until('memory is as it was', () => memoryInUse() - before < 2 * MIB);
    await arrives(client, total);
    await until('it is logged', () => proxy.accessLog().some((line) => line === `200 ${total} ${total}`));
    await until('the file is gone', () => openFiles(proxy) === 0);
    const [warning] = warnings(proxy);
    assert.match(
      warning ?? '',
      /an upstream response is buffered to a temporary file .*\/temp\/(\d)\/(\d\d)\/\d{7}\2\1 while reading upstream, client: 127/,
    );
    assert.equal(warnings(proxy).length, 1);
    client.close();
  });
  test('waits in memory where it has room there', async (t) => {
    const { proxy, given } = await scene(t, 'proxy_buffers 64 1m;', { total: TOTAL });
    const client = await paused(proxy);
    await until('the upstream has given all', () => given() === TOTAL);
    assert.equal(openFiles(proxy), 0);
    await arrives(client, TOTAL);
    assert.deepEqual(warnings(proxy), []);
    client.close();
  });
  test('waits at the upstream when the file is full, and arrives as it was', async (t) => {
    const { proxy, given } = await scene(t, 'proxy_max_temp_file_size 1m; proxy_temp_file_write_size 16k;');
    const client = await paused(proxy);
    await until('the file is there', () => openFiles(proxy) === 1);
    await stuck(given);
    assert.ok(given() < HELD, `${given()} bytes were taken`);
    await arrives(client, TOTAL);
    assert.equal(given(), TOTAL);
    client.close();
  });
  test('waits at the upstream, in memory and in the smallest file, while the client reads now and then', async (t) => {
    const settings = 'proxy_buffer_size 4k; proxy_buffers 4 4k; proxy_max_temp_file_size 4k;';
    const { proxy } = await scene(t, settings);
    const client = await paused(proxy);
    const state = digesting(client);
    while (state.received < TOTAL) {
      const before = state.received;
      client.socket.resume();
      await until('some came', () => state.received > before);
      client.socket.pause();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(state.digest(), patternDigest(TOTAL));
    client.close();
  });
  test('may be in chunks, and is passed on so', async (t) => {
    const { proxy, given } = await scene(t, '', {
      fields: ['Transfer-Encoding: chunked', 'Trailer: X-End'],
      frame: chunkOf,
      atEnd: (connection) => connection.send('0\r\nX-End: yes\r\n\r\n'),
    });
    const client = await paused(proxy);
    await until('the upstream has given all', () => given() === TOTAL);
    assert.equal(openFiles(proxy), 1);
    client.socket.resume();
    assert.equal(digestOfChunks(await client.all()), patternDigest(TOTAL));
  });
  test('may be one of HTTP/1.0, which ends with the connection', async (t) => {
    const { proxy, given } = await scene(t, '', {
      fields: ['Connection: close'],
      atEnd: (connection) => connection.end(),
    });
    const client = await paused(proxy, 'GET /large HTTP/1.0\r\n\r\n');
    await until('the upstream has given all', () => given() === TOTAL);
    const state = digesting(client);
    await until('the connection is closed', () => client.reader.ended);
    assert.equal(state.digest(), patternDigest(TOTAL));
  });
  test('may be in chunks for a client of HTTP/1.0', async (t) => {
    const { proxy, given } = await scene(t, '', {
      fields: ['Transfer-Encoding: chunked'],
      frame: chunkOf,
      atEnd: (connection) => connection.send('0\r\n\r\n'),
    });
    const client = await paused(proxy, 'GET /large HTTP/1.0\r\n\r\n');
    await until('the upstream has given all', () => given() === TOTAL);
    const state = digesting(client);
    await until('the connection is closed', () => client.reader.ended);
    assert.equal(state.received, TOTAL);
    assert.equal(state.digest(), patternDigest(TOTAL));
  });
  test('may be included in a page', async (t) => {
    const { proxy, given } = await scene(t, '', {
      fields: ['Transfer-Encoding: chunked'],
      frame: chunkOf,
      atEnd: (connection) => connection.send('0\r\n\r\n'),
    });
    const client = await paused(proxy, 'GET /page HTTP/1.0\r\n\r\n');
    await until('the upstream has given all', () => given() === TOTAL);
    assert.equal(openFiles(proxy), 1);
    client.socket.resume();
    const body = await client.all();
    assert.equal(body.slice(0, 6), 'before');
    assert.equal(body.slice(-6), 'behind');
    assert.equal(createHash('md5').update(body.slice(6, -6), 'latin1').digest('hex'), patternDigest(TOTAL));
    await until('the file is gone', () => openFiles(proxy) === 0);
    client.close();
  });
  test('that may leave only so fast does not hold the upstream either', async (t) => {
    const total = 600_000;
    const { proxy, given } = await scene(t, 'limit_rate 400k;', { total });
    const client = await connect(proxy.port);
    client.send(request('/large'));
    await until('the upstream has given all', () => given() === total);
    assert.ok(proxy.accessLog().length === 0);
    const answer = await client.answer();
    assert.equal(createHash('md5').update(answer.body, 'latin1').digest('hex'), patternDigest(total));
    client.close();
  });
  test('leaves no file behind when it has been taken, also where more may come', async (t) => {
    const { proxy, given } = await scene(t, '', { fields: ['Connection: close'] });
    const client = await paused(proxy, 'GET /large HTTP/1.0\r\n\r\n');
    await until('the upstream has given what it has', () => given() === TOTAL);
    assert.equal(openFiles(proxy), 1);
    await arrives(client, TOTAL);
    await until('the file is gone', () => openFiles(proxy) === 0);
    assert.equal(proxy.proxy.status.active, 1);
    client.close();
  });
  test('is cut off behind what came where the upstream leaves in the middle', async (t) => {
    const { proxy, given } = await scene(t, '', {
      fields: [`Content-Length: ${TOTAL + 1}`],
      atEnd: (connection) => connection.end(),
    });
    const client = await paused(proxy);
    await until('the upstream is gone', () => proxy.messages('error').length > 0 && given() === TOTAL);
    const state = digesting(client);
    await until('the connection is closed', () => client.reader.ended);
    assert.equal(state.received, TOTAL);
    assert.equal(state.digest(), patternDigest(TOTAL));
    await until('the file is gone', () => openFiles(proxy) === 0);
  });
});

function digestOfChunks(raw: string): string {
  const hash = createHash('md5');
  for (let at = 0; ; ) {
    const line = raw.indexOf('\r\n', at);
    const size = Number.parseInt(raw.slice(at, line), 16);
    if (size === 0) return hash.digest('hex');
    hash.update(raw.slice(line + 2, line + 2 + size), 'latin1');
    at = line + size + 4;
  }
}

describe('a slow client that goes', ONLY_LINUX, () => {
  test('takes file and upstream with it', async (t) => {
    const { proxy, backend, given } = await scene(t, 'proxy_max_temp_file_size 1m;');
    const client = await paused(proxy);
    await until('the file is there', () => openFiles(proxy) === 1);
    await stuck(given);
    client.reset();
    await until('the upstream is let go of', () => backend.open === 0);
    await until('the file is gone', () => openFiles(proxy) === 0);
    assert.equal(proxy.proxy.status.active, 0);
  });
  test('takes the file with it where the upstream has given all', async (t) => {
    const { proxy, given } = await scene(t, '');
    const client = await paused(proxy);
    await until('the upstream has given all', () => given() === TOTAL);
    client.reset();
    await until('the file is gone', () => openFiles(proxy) === 0);
    await until('it is logged', () => proxy.accessLog().length === 1);
    assert.equal(proxy.proxy.status.active, 0);
  });
  test('leaves the upstream to its end with proxy_ignore_client_abort on', async (t) => {
    const { proxy, given } = await scene(t, 'proxy_max_temp_file_size 1m; proxy_ignore_client_abort on;');
    const client = await paused(proxy);
    await stuck(given);
    client.reset();
    await until('the upstream has given all', () => given() === TOTAL);
    await until('it is logged', () => proxy.accessLog().length === 1);
    assert.match(proxy.accessLog()[0] ?? '', new RegExp(` ${TOTAL}$`));
    await until('the file is gone', () => openFiles(proxy) === 0);
  });
  test('is let go of after send_timeout', async (t) => {
    const { proxy } = await scene(t, 'send_timeout 200ms;');
    const client = await paused(proxy);
    await until('it is logged', () => proxy.messages('info').some((line) => /client timed out .* sending/.test(line)));
    await until('the file is gone', () => openFiles(proxy) === 0);
    assert.equal(proxy.proxy.status.active, 0);
    client.close();
  });
});

describe('whether an answer is buffered', ONLY_LINUX, () => {
  for (const [settings, field, buffered] of [
    ['', 'X-Accel-Buffering: no', false],
    ['', 'X-Accel-Buffering: No', false],
    ['', 'X-Accel-Buffering: never', true],
    ['proxy_ignore_headers X-Accel-Buffering;', 'X-Accel-Buffering: no', true],
    ['proxy_buffering off;', 'X-None: none', false],
    ['proxy_buffering off;', 'X-Accel-Buffering: yes', true],
    ['proxy_buffering off; proxy_ignore_headers X-Accel-Buffering;', 'X-Accel-Buffering: yes', false],
  ] as const) {
    test(`is ${buffered} with "${settings}" and "${field}"`, async (t) => {
      const { proxy, given } = await scene(t, settings, { fields: [`Content-Length: ${TOTAL}`, field] });
      const client = await paused(proxy);
      if (buffered) await until('the upstream has given all', () => given() === TOTAL);
      else {
        await stuck(given);
        assert.ok(given() < HELD, `${given()} bytes were taken`);
      }
      assert.equal(openFiles(proxy), buffered ? 1 : 0);
      await arrives(client, TOTAL);
      client.close();
    });
  }
});

describe('what an upstream sends now', () => {
  for (const settings of ['', 'proxy_buffering off;']) {
    test(`is passed on now, with "${settings}"`, async (t) => {
      let connection: BackendConnection | null = null;
      const backend = await scriptedBackend(async (accepted) => {
        await accepted.request();
        connection = accepted.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      });
      const proxy = await startProxy(
        `server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
        { PORT: backend.port },
      );
      t.after(() => Promise.all([proxy.close(), backend.close()]));
      const client = await connect(proxy.port);
      await client.send(request('/')).until('\r\n\r\n');
      for (let i = 0; i < 20; i++) {
        (connection as BackendConnection | null)?.send(`data: ${i}\n\n`);
        await client.until(`data: ${i}\n\n`);
      }
      client.close();
    });
  }
});
