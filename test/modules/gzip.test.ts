import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it, test } from 'node:test';
import { constants, createGunzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressorMemory, MAX_MEMORY } from '../../src/encoding/codec.js';
import { decoded, longestTurn, slowText, text } from '../encoding/bodies.js';
import { cutAt } from '../http1/splits.js';
import {
  answeringBackend,
  type Backend,
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

const ACCEPTED = { fields: ['Accept-Encoding: gzip'] };

/** Reads the body of a chunked response as it arrives, and decompresses it. */
class GunzipReader {
  text = '';
  private readonly gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });

  constructor(private readonly connection: Connection) {
    this.gunzip.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
  }

  /** Reads chunks until the decompressed text ends with `mark`. */
  async until(mark: string): Promise<void> {
    while (!this.text.endsWith(mark)) {
      const size = Number.parseInt(await this.connection.until('\r\n'), 16);
      const bytes = Buffer.from((await this.connection.bytes(size + 2)).slice(0, -2), 'latin1');
      await new Promise<void>((resolve) => this.gunzip.write(bytes, () => resolve()));
    }
  }
}

describe('parts of a response that arrive separately', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let connections: AsyncGenerator<Backend['connections'][number]>;
  before(async () => {
    const waiting: ((connection: Backend['connections'][number]) => void)[] = [];
    const arrived: Backend['connections'][number][] = [];
    connections = (async function* () {
      for (;;) yield arrived.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    })();
    backend = await scriptedBackend(async (connection) => {
      await connection.request();
      const next = waiting.shift();
      if (next === undefined) arrived.push(connection);
      else next(connection);
    });
    proxy = await startProxy(
      `
      gzip on;
      gzip_types *;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /unbuffered { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /slow { gzip_comp_level 9; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  async function open(path: string, head: string) {
    const client = await connect(proxy.port);
    client.send(request(path, ACCEPTED));
    const upstream = (await connections.next()).value as Backend['connections'][number];
    upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
    assert.match(await client.until('\r\n\r\n'), /Content-Encoding: gzip/);
    return { client, upstream, reader: new GunzipReader(client) };
  }

  for (const [name, path, head] of [
    ['are flushed one by one if they are events', '/events', 'Content-Type: text/event-stream; charset=utf-8'],
    ['are flushed one by one if the response is not buffered', '/unbuffered', 'Content-Type: text/x'],
    ['are flushed one by one if the upstream disables buffering', '/x', 'Content-Type: a/b\r\nX-Accel-Buffering: no'],
  ] as const) {
    it(name, async () => {
      const { client, upstream, reader } = await open(path, head);
      for (const event of ['data: one\n\n', 'data: two\n\n', 'data: three\n\n']) {
        upstream.send(event);
        await reader.until(event);
      }
      upstream.end();
      client.close();
    });
  }

  it('are flushed together if they arrive together', async () => {
    const { client, upstream, reader } = await open(
      '/events',
      'Content-Type: text/event-stream\r\nTransfer-Encoding: chunked',
    );
    upstream.send(Array.from({ length: 50 }, (_, i) => `9\r\ndata: ${String(i).padStart(2, '0')}\n\r\n`).join(''));
    await reader.until('data: 49\n');
    upstream.send('0\r\n\r\n');
    const rest = await client.all();
    // One flush, and the end: the marker of a flush is an empty stored block.
    assert.equal(rest.split('\x00\x00\xff\xff').length, 1);
    client.close();
  });

  it('are sent even if the response is truncated', async () => {
    const { client, upstream, reader } = await open('/x', 'Content-Type: text/plain\r\nContent-Length: 1000');
    upstream.send('a part').end();
    await reader.until('a part');
    assert.equal(await client.all(), '', 'there is no last chunk');
    client.close();
  });

  it('release the compressor when the client resets the connection', async () => {
    const used = compressorMemory().inUse;
    const { client, upstream } = await open('/slow', 'Content-Type: text/event-stream');
    assert.ok(compressorMemory().inUse > used);
    client.reset();
    await until('the compressor is released', () => compressorMemory().inUse === used);
    upstream.end();
  });
});

describe('a compressed response', () => {
  let proxy: TestProxy;
  let backend: Backend;
  /** Body of the back end, in pieces. */
  let pieces: readonly string[] = [];
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      await connection.request();
      connection.socket.setNoDelay(true);
      connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const piece of pieces) {
        connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
        if (pieces.length < 20) await new Promise((resolve) => setImmediate(resolve));
      }
      connection.send('0\r\n\r\n').end();
    });
    proxy = await startProxy(
      `
      log_format coding '$uri $gzip_ratio $gzip_time';
      access_log %%DIR%%/logs/access.log coding;
      gzip on;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /streamed { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /best { gzip_comp_level 9; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /parts { gzip_no_buffer on; gzip_window 512; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /limited { limit_rate 8k; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /file/ { alias %%DIR%%/; default_type text/html; }
      }`,
      { BACKEND: backend.port },
      { files: { large: text(600_000), small: text(300) } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  it('is the same however the body is split', async () => {
    const body = text(70_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(body.length), { maxLength: 40 }),
        fc.constantFrom('/', '/streamed', '/parts'),
        async (places, path) => {
          pieces = cutAt(body, places);
          const answer = await get(proxy.port, path, ACCEPTED);
          assert.equal(answer.field('content-encoding'), 'gzip');
          assert.ok(decoded(answer) === body);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is the same for each length around the sizes of buffers', async () => {
    for (const size of [0, 1, 4095, 4096, 16_384, 16_385, 65_536, 131_071, 131_072, 131_073, 1_000_000]) {
      pieces = size === 0 ? [] : [text(size)];
      assert.ok(decoded(await get(proxy.port, '/', ACCEPTED)) === text(size), String(size));
    }
  });

  it('is limited in its rate as an uncompressed one', async () => {
    pieces = [text(60_000)];
    const started = Date.now();
    const answer = await get(proxy.port, '/limited', ACCEPTED);
    assert.ok(decoded(answer) === text(60_000));
    assert.ok(answer.body.length > 10_000);
    assert.ok(Date.now() - started > 250, 'the compressed bytes count');
  });

  it('may be a file', async () => {
    for (const [name, size] of [
      ['large', 600_000],
      ['small', 300],
    ] as const) {
      assert.ok(decoded(await get(proxy.port, `/file/${name}`, ACCEPTED)) === text(size));
    }
  });

  it('has its ratio and its time in the log', async () => {
    pieces = [text(65_536)];
    const answer = await get(proxy.port, '/logged', ACCEPTED);
    await get(proxy.port, '/not-compressed');
    const lines = proxy.accessLog();
    const line = lines.find((each) => each.startsWith('/logged')) ?? '';
    const [, ratio, time] = line.split(' ');
    assert.equal(ratio, (65_536 / answer.body.length).toFixed(2));
    assert.match(time ?? '', /^0\.\d{6}$/);
    assert.ok(lines.includes('/not-compressed - -'));
  });

  it('does not block other requests if its compression takes unusually long', async () => {
    pieces = [slowText(300_000)];
    const slow = get(proxy.port, '/best', ACCEPTED);
    const longest = await longestTurn(slow);
    assert.ok(decoded(await slow) === pieces[0]);
    const line = proxy.accessLog().find((each) => each.startsWith('/best')) ?? '';
    const time = Number(line.split(' ')[2]) * 1000;
    assert.ok(longest < time / 2, `${time} ms compressing, ${longest} ms blocked`);
  });

  it('is not stored in memory for a client that does not read it', async () => {
    const incompressible = randomBytes(1 << 20).toString('latin1');
    pieces = Array.from({ length: 32 }, () => incompressible);
    const count = backend.connections.length;
    const client = await connect(proxy.port);
    client.socket.pause();
    client.send(request('/streamed', ACCEPTED));
    await until('the back end has begun', () => (backend.connections[count]?.socket.bytesWritten ?? 0) > 0);
    const upstream = backend.connections[count]?.socket;
    let before = -1;
    // The back end can write no more when everybody has paused.
    await until('the back end is paused', () => {
      const left = upstream?.writableLength ?? 0;
      const same = left > 0 && left === before;
      before = left;
      return same;
    });
    assert.ok((upstream?.writableLength ?? 0) > 8 << 20, 'most of the response is still in the back end');
    client.reset();
  });
});

describe('compressors', () => {
  it('are reused, and never use more memory than the limit', async () => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.request();
      connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nx');
    });
    const proxy = await startProxy(
      `
      gzip on;
      gzip_types *;
      gzip_hash 128k;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }
      server {
        listen 127.0.0.2:0;
        location / { brotli on; brotli_types *; brotli_window 16m; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
    const used = compressorMemory().inUse;
    const clients: Connection[] = [];
    const heads: string[] = [];
    const port = proxy.portOf('127.0.0.2');
    for (let i = 0; i < 10; i++) {
      const client = await connect({ host: '127.0.0.2', port });
      clients.push(client);
      client.send(request('/', { fields: ['Accept-Encoding: br'] }));
      heads.push(await client.until('\r\n\r\n'));
    }
    assert.ok(compressorMemory().inUse <= MAX_MEMORY);
    const compressed = heads.filter((head) => head.includes('Content-Encoding: br'));
    assert.ok(compressed.length > 0 && compressed.length < heads.length, `${compressed.length} are compressed`);
    assert.ok(proxy.messages('info').some((line) => line.includes('the memory limit of compressors is reached')));
    for (const client of clients) client.reset();
    await until('they are released', () => compressorMemory().inUse === used);
    await proxy.close();
    await backend.close();
  });
});

describe('a response that is decompressed', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let body = '';
  before(async () => {
    backend = await answeringBackend(() =>
      reply(body, { fields: ['Content-Type: text/html', 'Content-Encoding: gzip'] }),
    );
    proxy = await startProxy(
      `
      gunzip on;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /streamed { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  it('is complete, also if it is much larger than what was received', async () => {
    for (const size of [0, 1, 65_536, 65_537, 8 << 20]) {
      body = gzipSync(Buffer.alloc(size, 'abc')).toString('latin1');
      const answer = await get(proxy.port);
      assert.ok(answer.body === Buffer.alloc(size, 'abc').toString(), String(size));
    }
  });

  it('is decompressed only as fast as the client reads it', async () => {
    const size = 256 << 20;
    body = gzipSync(Buffer.alloc(size)).toString('latin1');
    const used = compressorMemory().inUse;
    const client = await connect(proxy.port);
    client.socket.pause();
    client.send(request('/streamed'));
    await until('decompression has begun', () => compressorMemory().inUse > used);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    await get(proxy.port, '/', { fields: ['Accept-Encoding: gzip'] });
    collectGarbage();
    const held = process.memoryUsage().arrayBuffers - before;
    assert.ok(held < 64 << 20, `${held} bytes are in memory`);
    client.reset();
    await until('it is released', () => compressorMemory().inUse === used);
  });

  it('is aborted if it is invalid or incomplete', async () => {
    const good = gzipSync(text(100_000)).toString('latin1');
    for (const [bad, message] of [
      ['not gzip at all', 'inflate() failed: 0, -3'],
      [good.slice(0, -20), 'inflate() returned -5 on response end'],
      [`${good}and more`, 'inflate() failed: 0, -3'],
    ] as const) {
      body = bad;
      const client = await connect(proxy.port);
      const raw = await client.send(request('/')).all();
      assert.ok(!raw.endsWith('0\r\n\r\n'), 'the response does not look complete');
      assert.ok(
        proxy.messages('error').some((line) => line.includes(message)),
        `${message}: ${proxy.messages()}`,
      );
      client.close();
    }
  });
});

test('sub_filter, charset and gzip are applied in this order', async (t) => {
  const proxy = await startProxy(`
    charset_map one two { 41 42; }
    gzip on;
    gzip_types *;
    server {
      listen 127.0.0.1:0;
      location / {
        default_type text/html;
        source_charset one; charset two;
        sub_filter aa A;
        return 200 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
      }
    }`);
  t.after(() => proxy.close());
  const answer = await get(proxy.port, '/', ACCEPTED);
  assert.equal(answer.field('content-type'), 'text/html; charset=two');
  assert.equal(decoded(answer), `B${'a'.repeat(33)}`);
});
