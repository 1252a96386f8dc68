import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answeringBackend, get, reply, startProxy, type TestProxy } from '../kit/index.js';
import { Http2Client } from './client.js';

function connect(t: TestContext, proxy: TestProxy): Http2Client {
  const client = new Http2Client(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.close());
  return client;
}

test('a request on clear text is answered next to HTTP/1 on the same port', async (t) => {
  const proxy = await startProxy(`http2 on; access_log logs/access.log; log_format main '$request $http2';
    server { listen 127.0.0.1:0; location / { return 200 "$http2 $server_protocol $request_method"; } }`);
  t.after(() => proxy.close());
  const client = connect(t, proxy);
  const answer = await client.request({ ':path': '/a?b' });
  assert.deepEqual([answer.status, answer.body], [200, 'h2c HTTP/2.0 GET']);
  assert.equal(answer.headers['content-type'], 'text/plain');
  assert.equal((await get(proxy.port)).body, ' HTTP/1.1 GET');
  assert.match(proxy.accessLog()[0] ?? '', /"GET \/a\?b HTTP\/2\.0" 200 16 /);
});

test('a body is forwarded to an HTTP/1 back end, and its response to the client', async (t) => {
  const backend = await answeringBackend(({ method, target, body, field }) =>
    reply(`${method} ${target} ${field('host')} ${body.length}`, { status: '201 Created', fields: ['X-Back: End'] }),
  );
  t.after(() => backend.close());
  const proxy = await startProxy(
    `http2 on; server { listen 127.0.0.1:0; location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:%%BACK%%; } }`,
    { BACK: backend.port },
  );
  t.after(() => proxy.close());
  const client = connect(t, proxy);
  const body = Buffer.alloc(300_000, 'x');
  const answers = await Promise.all([
    client.request({ ':path': '/one', ':method': 'POST', ':authority': 'example.test' }, body),
    client.request({ ':path': '/two', ':method': 'PUT', ':authority': 'example.test' }, 'small'),
  ]);
  assert.deepEqual(
    answers.map(({ status, body: text }) => [status, text]),
    [
      [201, 'POST /one example.test 300000'],
      [201, 'PUT /two example.test 5'],
    ],
  );
  assert.equal(answers[0]?.headers['x-back'], 'End');
});
