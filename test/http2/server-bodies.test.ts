/** Bodies of requests and responses on streams: buffering, flow control, limits, resets. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { Setting } from '../../src/http2/settings.js';
import {
  answeringBackend,
  type BackendConnection,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';
import { pattern, random } from '../net/sockets.js';
import { answerOf, Http2Client } from './client.js';
import { FrameClient, request } from './frame-client.js';

function connect(t: TestContext, proxy: TestProxy): Http2Client {
  const client = new Http2Client(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.close());
  return client;
}

/** A proxy with these directives in its location, before a back end with this script. */
async function before(
  t: TestContext,
  directives: string,
  script: (connection: BackendConnection) => Promise<void>,
): Promise<TestProxy> {
  const backend = await scriptedBackend(script);
  t.after(() => backend.close());
  const proxy = await startProxy(
    `http2 on; access_log logs/access.log; server { listen 127.0.0.1:0; keepalive_requests 10000;
      location / { proxy_pass http://127.0.0.1:%%BACK%%; ${directives} } }`,
    { BACK: backend.port },
  );
  t.after(() => proxy.close());
  return proxy;
}

describe('the body of a request', () => {
  for (const buffering of ['on', 'off']) {
    test(`of unknown length is forwarded with proxy_request_buffering ${buffering}`, async (t) => {
      const lines: string[] = [];
      const proxy = await before(
        t,
        `proxy_http_version 1.1; client_max_body_size 0; proxy_request_buffering ${buffering};`,
        async (connection) => {
          for (let each = await connection.request(); each !== null; each = await connection.request()) {
            lines.push(`${each.field('content-length') ?? '-'} ${each.field('transfer-encoding') ?? '-'}`);
            connection.send(reply(String(each.body.length)));
          }
        },
      );
      const client = connect(t, proxy);
      const stream = client.open({ ':path': '/', ':method': 'POST' }, { endStream: false });
      for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(50_000, 'x'));
      stream.end();
      assert.equal((await answerOf(stream)).body, '1000000');
      assert.deepEqual(lines, [buffering === 'on' ? '1000000 -' : '- chunked']);
    });
  }

  for (const size of ['1k', '20k', '1m']) {
    test(`is complete, whatever the sizes of its frames, with a buffer of ${size}`, async (t) => {
      const sums = new Map<string, string>();
      const proxy = await before(
        t,
        `proxy_http_version 1.1; client_max_body_size 0; client_body_buffer_size ${size};`,
        async (connection) => {
          for (let each = await connection.request(); each !== null; each = await connection.request()) {
            sums.set(each.target, createHash('md5').update(each.body, 'latin1').digest('hex'));
            connection.send(reply('ok'));
          }
        },
      );
      const client = FrameClient.connect(t, proxy.port);
      const next = random(17);
      const streams = [1, 3, 5].map((number) => ({ number, body: pattern(100_000 + next(200_000), number), sent: 0 }));
      for (const { number } of streams) client.headers(number, request(`/${number}`, 'POST'), false);
      const expected = streams.map(({ number, body }) => [`/${number}`, createHash('md5').update(body).digest('hex')]);
      // Frames of all streams alternate, so that a read has pieces of several.
      for (let open = [...streams]; open.length > 0; open = open.filter(({ body, sent }) => sent < body.length)) {
        const stream = open[next(open.length)] as (typeof streams)[number]; // not empty
        const to = Math.min(stream.body.length, stream.sent + next(next(4) === 0 ? 300 : 16_384) + 1);
        client.data(stream.number, stream.body.subarray(stream.sent, to), to === stream.body.length);
        stream.sent = to;
      }
      for (const { number } of streams) await client.line(new RegExp(`^data ${number} ok ended$`));
      assert.deepEqual([...sums].sort(), expected.sort());
    });
  }

  test('is forwarded while it arrives, without buffering, and its sender waits for a slow back end', async (t) => {
    const total = 24_000_000;
    let read: (() => void) | null = null;
    const proxy = await before(
      t,
      'proxy_http_version 1.1; client_max_body_size 0; proxy_request_buffering off; client_body_buffer_size 16k;',
      async (connection) => {
        const head = await connection.head();
        assert.equal(head?.field('content-length'), String(total));
        connection.socket.pause();
        await new Promise<void>((resolve) => (read = resolve));
        connection.socket.resume();
        await until('the end of the body', () => connection.reader.pending.length >= total);
        connection.send(reply('done'));
      },
    );
    const client = connect(t, proxy);
    const fields = { ':path': '/', ':method': 'POST', 'content-length': total };
    const stream = client.open(fields, { endStream: false });
    const answer = answerOf(stream);
    const piece = Buffer.alloc(16_000, 'x');
    let sent = 0;
    const write = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (stream.write(piece)) continue;
        stream.once('drain', write);
        return;
      }
      stream.end();
    };
    write();
    await until('the request of the back end', () => read !== null);
    // Until the sockets between are full.
    for (let last = -1; last !== sent; ) {
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(sent < 16_000_000, `${sent} bytes were accepted while nothing was read`);
    (read as unknown as () => void)();
    assert.equal((await answer).body, 'done');
    assert.equal(sent, total);
  });

  test('with a length that differs from its DATA is refused, and never reaches a back end', async (t) => {
    let requests = 0;
    const proxy = await before(t, '', async (connection) => {
      while ((await connection.request()) !== null) {
        requests++;
        connection.send(reply('ok'));
      }
    });
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [...request('/', 'POST'), ['content-length', '3']], false).data(1, 'abcd', true);
    assert.match(await client.line(/^headers 1 /), /:status: 400/);
    client.headers(3, [...request('/', 'POST'), ['content-length', '3']], false).data(3, 'ab', true);
    assert.match(await client.line(/^headers 3 /), /:status: 400/);
    const messages = proxy.messages('info').join('\n');
    assert.match(messages, /client intended to send body data larger than declared/);
    assert.match(messages, /client prematurely closed stream: only 2 out of 3 bytes of request body received/);
    client.headers(5, [...request('/', 'POST'), ['content-length', '3']], false).data(5, 'abc', true);
    assert.match(await client.line(/^headers 5 /), /:status: 200/);
    assert.equal(requests, 1);
  });

  test('that is too large is refused, announced or not, and the client may stop sending', async (t) => {
    const proxy = await before(t, 'client_max_body_size 10;', async () => {});
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [...request('/', 'POST'), ['content-length', '11']], false);
    assert.match(await client.line(/^headers 1 /), /:status: 413/);
    await client.line(/^reset 1 0$/);
    client.headers(3, request('/', 'POST'), false).data(3, 'x'.repeat(11));
    assert.match(await client.line(/^headers 3 /), /:status: 413/);
    await client.line(/^reset 3 0$/);
    await client.settled(1);
    assert.match(proxy.messages('error').join('\n'), /too large body: 11 bytes[\s\S]*too large chunked body: 11 bytes/);
  });

  test('of a client that waits is requested by 100 Continue', async (t) => {
    const proxy = await before(t, '', async (connection) => {
      const each = await connection.request();
      connection.send(reply(each?.body ?? ''));
    });
    const client = connect(t, proxy);
    const stream = client.open({ ':path': '/', ':method': 'POST', expect: '100-continue' }, { endStream: false });
    stream.on('continue', () => stream.end('body'));
    assert.equal((await answerOf(stream)).body, 'body');
  });

  test('that was discarded by a response which is then replaced is empty, and delays nothing', async (t) => {
    const backend = await answeringBackend(({ method, body }) => reply(`${method} ${body.length}`));
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; server { listen 127.0.0.1:0; error_page 412 =200 @back; location / { return 200 x; }
        location @back { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [...request('/', 'POST'), ['if-match', '"other"']], false);
    assert.equal(await client.line(/^data 1 /), 'data 1 POST 0 ended');
    await client.line(/^reset 1 0$/);
  });

  test('may end with trailers', async (t) => {
    const proxy = await before(t, '', async (connection) => {
      const each = await connection.request();
      connection.send(reply(each?.body ?? ''));
    });
    const client = FrameClient.connect(t, proxy.port);
    client
      .headers(1, request('/', 'POST'), false)
      .data(1, 'body')
      .headers(1, [['x-checksum', '1']]);
    assert.equal(await client.line(/^data 1 /), 'data 1 body ended');
    client
      .headers(3, request('/', 'POST'), false)
      .data(3, 'body')
      .headers(3, [[':path', '/']]);
    await client.line(/^reset 3 1$/);
  });

  test('times out with client_body_timeout, and the connection continues', async (t) => {
    const proxy = await before(t, 'client_body_timeout 300ms;', async () => {});
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/', 'POST'), false).data(1, 'x');
    await client.line(/^reset 1 1$/);
    await client.settled(1);
    await until('the line in the log', () => proxy.accessLog().length > 0);
    assert.match(proxy.accessLog()[0] ?? '', / 408 0 /);
    assert.ok(
      proxy.messages('info').some((each) => /client timed out .* while reading client request body/.test(each)),
    );
  });
});

describe('a response', () => {
  test('respects both windows of the client, down to one byte', async (t) => {
    const body = 'abcdefghij'.repeat(20);
    const proxy = await startProxy(`http2 on; server { listen 127.0.0.1:0; location / { return 200 ${body}; } }`);
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port, [[Setting.InitialWindowSize, 0]]);
    client.headers(1, request('/'));
    await client.line(/^headers 1 /);
    for (let i = 1; i <= body.length; i++) {
      await client.settled(i);
      assert.equal(client.received(1), i - 1);
      client.window(1, 1);
    }
    await client.line(/^data 1 .* ended$/);
    assert.equal(client.received(1), body.length);
  });

  test('of one stream does not delay those of others, and is complete when its window opens', async (t) => {
    const proxy = await startProxy(
      `http2 on; server { listen 127.0.0.1:0; location / { root %%DIR%%/html; } location /small { return 200 small; } }`,
      {},
      { files: { 'html/large': 'x'.repeat(1_000_000) } },
    );
    t.after(() => proxy.close());
    const client = FrameClient.connect(t, proxy.port);
    client.window(0, 10_000_000).headers(1, request('/large'));
    await until('the end of the window', () => client.received(1) >= 65_535);
    await client.settled(1);
    assert.equal(client.received(1), 65_535);
    client.headers(3, request('/small'));
    assert.equal(await client.line(/^data 3 /), 'data 3 small ended');
    client.window(1, 1_000_000);
    await client.line(/^data 1 .* ended$/);
    assert.equal(client.received(1), 1_000_000);
  });

  test('of a slow client keeps the back end waiting', async (t) => {
    let written = 0;
    const size = 64_000_000;
    const proxy = await before(t, 'proxy_buffering off;', async (connection) => {
      await connection.request();
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(64_000, 'x');
      const write = (): void => {
        while (written < size && !connection.socket.destroyed) {
          written += piece.length;
          if (connection.socket.write(piece)) continue;
          connection.socket.once('drain', write);
          return;
        }
      };
      write();
      await new Promise((resolve) => connection.socket.on('close', resolve));
    });
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/'));
    await client.line(/^data 1 /);
    let last = -1;
    // Until the sockets between are full.
    while (written !== last) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(written < 30_000_000, `${written} bytes`);
    client.reset(1, 8);
    await client.settled(1);
  });

  test('carries early hints and trailers of the back end', async (t) => {
    const proxy = await before(
      t,
      'proxy_http_version 1.1; proxy_pass_trailers on; early_hints 1; proxy_set_header TE trailers; proxy_set_header Connection TE;',
      async (connection) => {
        await connection.request();
        connection.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
        connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n');
        connection.send('4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n');
      },
    );
    const client = connect(t, proxy);
    const answer = await client.request({ ':path': '/' });
    assert.deepEqual([answer.status, answer.body, answer.trailers['x-sum']], [200, 'body', '42']);
    assert.deepEqual(
      answer.interim.map((fields) => [fields[':status'], fields.link]),
      [[103, '</a.css>; rel=preload']],
    );
    assert.equal(answer.headers.connection, undefined);
  });

  test('that the back end does not complete resets the stream after what has arrived', async (t) => {
    const proxy = await before(t, '', async (connection) => {
      await connection.request();
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
      connection.socket.end();
    });
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/'));
    await client.line(/^reset 1 2$/);
    assert.equal(client.received(1), 3);
    await client.settled(1);
  });

  test('that the client cancels closes the connection to the back end, and is logged with 499', async (t) => {
    let closed = false;
    let asked = false;
    const proxy = await before(t, '', async (connection) => {
      await connection.request();
      asked = true;
      await until('the end', () => connection.reader.ended);
      closed = true;
    });
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, request('/slow'));
    await until('the request of the back end', () => asked);
    client.reset(1, 8);
    await until('the end of the connection to the back end', () => closed);
    await until('the line in the log', () => proxy.accessLog().length > 0);
    assert.match(proxy.accessLog()[0] ?? '', /"GET \/slow HTTP\/2\.0" 499 0 /);
    assert.ok(proxy.messages('info').some((each) => each.includes('client canceled stream 1')));
    await client.settled(1);
  });
});

test('variables and logs count bytes as nginx does', async (t) => {
  const backend = await answeringBackend(({ body }) => reply(body));
  t.after(() => backend.close());
  const proxy = await startProxy(
    `http2 on; log_format counts "$request_length $bytes_sent $body_bytes_sent $connection_requests $http2 $pipe";
    access_log logs/access.log counts; server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACK%%; } }`,
    { BACK: backend.port },
  );
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  client.headers(1, request('/', 'POST'), false).data(1, 'four', true);
  await client.line(/^data 1 /);
  client.headers(3, request('/'));
  await client.line(/^headers 3 /);
  await until('two lines', () => proxy.accessLog().length === 2);
  const [length = 0, sent = 0, body = 0, ...rest] = (proxy.accessLog()[0] ?? '').split(' ');
  assert.ok(Number(length) >= 4 && Number(length) < 100);
  assert.ok(Number(sent) > 4 + 2 * 9);
  assert.deepEqual([body, ...rest], ['4', '1', 'h2c', '.']);
  assert.match(proxy.accessLog()[1] ?? '', /^\d+ \d+ 0 2 h2c \.$/);
});
