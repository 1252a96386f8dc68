/** Event streams through real sockets: delivery, comments, failures and departures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGunzip } from 'node:zlib';
import { type BackendConnection, connect, parseEvents, repeatAfterStall, request, until } from '../kit/index.js';
import { CHUNKED, chunk, client, HEAD, logged, scene } from './event-scene.js';

test('events arrive one by one with proxy_buffering and gzip, and are counted', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy } = await scene(t, 'gzip on; gzip_types text/event-stream;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const raw = await connect(proxy.port);
  t.after(() => raw.close());
  raw.send(request('/', { fields: ['Accept-Encoding: gzip'] }));
  const head = await raw.until('\r\n\r\n');
  assert.match(head, /content-encoding: gzip/i);
  let text = '';
  const gunzip = createGunzip().on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
  });
  const reading = (async () => {
    // Size line, data, line end.
    for (;;) {
      const size = Number.parseInt(await raw.until('\r\n'), 16);
      if (size === 0) return;
      gunzip.write(Buffer.from(await raw.bytes(size), 'latin1'));
      await raw.bytes(2);
    }
  })();
  for (const event of ['data: one\n\n', 'data: two\n\n', ': comment\n\n', 'data: three\n\n']) {
    const expected = text + event;
    upstream?.send(event);
    await until('the event has arrived', () => text === expected);
  }
  upstream?.end();
  await reading;
  assert.equal(await logged(proxy), '200 3 46 0 0 0 ""');
});

test('without the directives a stream is passed on byte for byte', async (t) => {
  const body = '\xef\xbb\xbf\r\n: c\rdata: a\n\r\n\r\ndata: incomplete';
  const { client } = await scene(t, '', (connection) => connection.send(`${HEAD}${body}`).end());
  const stream = client();
  await stream.end();
  assert.equal(stream.text, body);
});

test('variables of other responses are empty', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 1s;', (connection) => {
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\ndata:\n\n');
  });
  await client().end();
  assert.equal(await logged(proxy), '200 - - - - - "-"');
});

test('sse_heartbeat sends comments while the upstream is silent, but not within an event', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy, client } = await scene(t, 'sse_heartbeat 100ms;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const started = performance.now();
  const stream = client();
  await until('two comments have arrived', () => stream.text.startsWith(': heartbeat\n\n'.repeat(2)));
  upstream?.send('data: a');
  await until('the beginning of the event has arrived', () => stream.text.endsWith('data: a'));
  await new Promise((resolve) => setTimeout(resolve, 400));
  upstream?.send('\n\n');
  await until('a comment follows the event', () => stream.text.includes('data: a\n\n: heartbeat\n\n'));
  assert.deepEqual(stream.data, ['a']);
  upstream?.end();
  await stream.end();
  const comments = stream.text.split(': heartbeat\n\n').length - 1;
  // None in the 400 ms within the event.
  assert.ok(comments <= (performance.now() - started - 400) / 100 + 1, `${comments} comments`);
  assert.match(await logged(proxy), new RegExp(`^200 1 \\d+ ${comments} 0 0 ""$`));
});

test('sse_heartbeat does not prolong proxy_read_timeout', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 50ms; proxy_read_timeout 400ms;', (connection) => {
    connection.send(HEAD);
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.state, 'cut');
  assert.ok(parseEvents(stream.text).comments.length >= 2);
  assert.match(proxy.messages('error').join(), /upstream timed out .* while reading upstream/);
});

test('sse_retry is sent at once, and that of the upstream follows it', async (t) => {
  let upstream: BackendConnection | undefined;
  const { client } = await scene(t, 'sse_retry 1500ms;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const stream = client();
  await until('it has arrived', () => stream.text === 'retry: 1500\n\n');
  upstream?.send('\xef\xbb\xbfretry: 2000\n\n').end();
  await stream.end();
  assert.deepEqual(parseEvents(stream.text).retries, [1500, 2000]);
});

test('sse_error sends an event when the upstream fails, and the response is complete', async (t) => {
  const { client } = await scene(t, `sse_error '{"of":"$uri"}';`, (connection) => {
    connection.send(CHUNKED + chunk('data: a\n\ndata: incomp')).end();
  });
  const stream = client('/x');
  await stream.end();
  assert.equal(stream.state, 'complete');
  assert.equal(stream.text, 'data: a\n\nevent: error\ndata: {"of":"/x"}\n\n');
});

test('without sse_error the connection is cut when the upstream fails', async (t) => {
  const { client } = await scene(t, '', (connection) => {
    connection.send(CHUNKED + chunk('data: a\n\n')).end();
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.state, 'cut');
  assert.deepEqual(stream.data, ['a']);
});

for (const [name, directives, path] of [
  ['', '', '/'],
  [' with proxy_store', 'proxy_store on; proxy_temp_path temp;', '/stored'],
  [' with sse_reconnect', 'sse_reconnect on;', '/'],
]) {
  test(`a client that leaves a silent stream ends the request to the upstream within 100 ms${name}`, async (t) => {
    // The event loop of a busy machine may itself be late.
    await repeatAfterStall(100, async () => {
      let upstream: BackendConnection | undefined;
      const { proxy, client } = await scene(t, directives ?? '', (connection) => {
        upstream = connection.send(`${HEAD}data: a\n\n`);
      });
      const stream = client(path);
      await stream.received(1);
      const closed = new Promise<number>((resolve) => upstream?.socket.on('close', () => resolve(performance.now())));
      upstream?.socket.on('end', () => upstream?.socket.end());
      const left = performance.now();
      stream.close();
      const time = (await closed) - left;
      assert.ok(time < 1000, `${time} ms`);
      t.diagnostic(`${time.toFixed(1)} ms`);
      assert.equal(await logged(proxy), '200 1 9 0 0 0 ""');
      assert.equal(proxy.file('html/stored'), '');
    });
  });
}

test('a stream ends with its upstream at once', async (t) => {
  let upstream: BackendConnection | undefined;
  const { client } = await scene(t, 'sse_heartbeat 15s;', (connection) => {
    upstream = connection.send(`${HEAD}data: a\n\n`);
  });
  const stream = client();
  await stream.received(1);
  upstream?.end();
  await stream.end();
  assert.equal(stream.state, 'complete');
});

test('a stream is never stored', async (t) => {
  const { proxy, client } = await scene(t, 'proxy_store on; proxy_temp_path temp;', (connection) => {
    connection.send(`${HEAD}data: a\n\n`).end();
  });
  await client('/stored').end();
  await logged(proxy);
  assert.equal(proxy.file('html/stored'), '');
});

test('a stream that the upstream has compressed is passed on unchanged', async (t) => {
  const { proxy, client } = await scene(t, 'sse_heartbeat 50ms; sse_retry 1s;', async (connection) => {
    connection.send(HEAD.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\nxyz'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    connection.end();
  });
  const stream = client();
  await stream.end();
  assert.equal(stream.text, 'xyz');
  assert.match(proxy.messages('warn').join(), /event stream is passed on unchanged because upstream has compressed it/);
});

test('nothing is inserted into a stream whose length is declared', async (t) => {
  const { proxy, client } = await scene(
    t,
    'sse_heartbeat 50ms; sse_retry 1s; sse_reconnect on;',
    async (connection) => {
      connection.send(HEAD.replace('\r\n\r\n', '\r\nContent-Length: 9\r\n\r\n'));
      await new Promise((resolve) => setTimeout(resolve, 200));
      connection.send('data: a\n\n');
    },
  );
  const stream = client();
  await stream.end();
  assert.equal(stream.text, 'data: a\n\n');
  assert.equal(await logged(proxy), '200 1 9 0 0 0 ""');
});

test('a HEAD request gets the head only', async (t) => {
  const { proxy } = await scene(t, 'sse_retry 1s;', (connection) => connection.send(HEAD).end());
  const raw = await connect(proxy.port);
  const answer = await raw.send(request('/', { method: 'HEAD' })).all();
  assert.ok(answer.endsWith('\r\n\r\n'), answer);
  raw.close();
});

test('tokens of a POST arrive one by one, and its end is passed on', async (t) => {
  let upstream: BackendConnection | undefined;
  const { proxy } = await scene(t, 'sse_heartbeat 15s; sse_error x;', (connection) => {
    upstream = connection.send(HEAD);
  });
  const stream = client(t, proxy, '/v1/chat', { method: 'POST', body: '{}' });
  await until('it is open', () => stream.state === 'open');
  for (let i = 1; i <= 5; i++) {
    upstream?.send(`data: ${i}\n\n`);
    await stream.received(i);
  }
  upstream?.send('data: [DONE]\n\n').end();
  await stream.end();
  assert.equal(stream.state, 'complete');
  assert.equal(stream.data.at(-1), '[DONE]');
});
