/** Checks of the fields of requests, with nginx's messages. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { answeringBackend, type Backend, reply, startProxy, type TestProxy } from '../kit/index.js';
import { FrameClient, type Pairs, request } from './frame-client.js';

const PSEUDO = request('/');

describe('fields of a request', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend(({ head }) => reply(head));
    proxy = await startProxy(
      `http2 on;
      server { listen 127.0.0.1:0; server_name localhost; max_headers 4; large_client_header_buffers 4 1k;
        location / { proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:%%BACK%%; } }
      server { listen 127.0.0.1:0; server_name lax; ignore_invalid_headers off; underscores_in_headers on;
        location / { return 200 "$http_a_b $uri"; } }`,
      { BACK: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  const refused: readonly (readonly [name: string, fields: Pairs, status: number, message: RegExp])[] = [
    ['an upper-case name', [...PSEUDO, ['X-A', 'b']], 400, /client sent invalid header name: "X-A"/],
    ['a line break in a value', [...PSEUDO, ['a', 'b\r\nc: d']], 400, /client sent header "a" with invalid value/],
    ['a NUL in a value', [...PSEUDO, ['a', 'b\0']], 400, /client sent header "a" with invalid value/],
    ['a space in a name', [...PSEUDO, ['a b', 'c']], 400, /invalid header name: "a b"/],
    [
      'a pseudo-field after others',
      [...PSEUDO.slice(0, 3), ['a', 'b'], [':authority', 'localhost']],
      400,
      /out of order/,
    ],
    ['an unknown pseudo-field', [...PSEUDO, [':status', '200']], 400, /unknown pseudo-header ":status"/],
    ['no :method', PSEUDO.slice(1), 400, /client sent no :method header/],
    ['no :scheme', [...PSEUDO.slice(0, 1), ...PSEUDO.slice(2)], 400, /client sent no :scheme header/],
    ['no :path', [...PSEUDO.slice(0, 2), ...PSEUDO.slice(3)], 400, /client sent no :path header/],
    ['an empty :path', request(''), 400, /client sent empty :path header/],
    ['a :path without a slash', request('*'), 400, /client sent invalid :path header: "\*"/],
    ['a space in :path', request('/a b'), 400, /client sent invalid :path header/],
    ['a second :path', [...PSEUDO, [':path', '/']], 400, /client sent duplicate :path header/],
    ['a second :method', [...PSEUDO, [':method', 'GET']], 400, /client sent duplicate :method header/],
    ['an invalid method', request('/', 'G T'), 400, /client sent invalid method: "G T"/],
    ['neither :authority nor Host', PSEUDO.slice(0, 3), 400, /neither ":authority" nor "Host"/],
    ['an invalid :authority', request('/', 'GET', 'a b'), 400, /client sent invalid ":authority" header/],
    ['another Host than :authority', [...PSEUDO, ['host', 'other']], 400, /"Host" headers with different values/],
    ['a Connection field', [...PSEUDO, ['connection', 'close']], 400, /client sent "Connection" header/],
    ['a Keep-Alive field', [...PSEUDO, ['keep-alive', 'a']], 400, /client sent "Keep-Alive" header/],
    ['a Transfer-Encoding field', [...PSEUDO, ['transfer-encoding', 'chunked']], 400, /"Transfer-Encoding" header/],
    ['an Upgrade field', [...PSEUDO, ['upgrade', 'h2c']], 400, /client sent "Upgrade" header/],
    ['a TE field other than trailers', [...PSEUDO, ['te', 'gzip']], 400, /client sent invalid "TE" header/],
    ['an invalid Content-Length', [...PSEUDO, ['content-length', '1x']], 400, /invalid "Content-Length"/],
    ['a length without a body', [...PSEUDO, ['content-length', '1']], 400, /client prematurely closed stream/],
    [
      'a second Content-Length',
      [...PSEUDO, ['content-length', '0'], ['content-length', '0']],
      400,
      /duplicate header line/,
    ],
    ['a second Host', [...PSEUDO, ['host', 'localhost'], ['host', 'localhost']], 400, /duplicate host header/],
    ['CONNECT', request('/', 'CONNECT'), 405, /client sent CONNECT method/],
    ['TRACE', request('/', 'TRACE'), 405, /client sent TRACE method/],
    [
      'too many fields',
      [...PSEUDO, ['a', ''], ['b', ''], ['c', ''], ['d', ''], ['e', '']],
      400,
      /too many header lines/,
    ],
    ['an invalid escape in :path', request('/%zz'), 400, /client sent invalid request/],
  ];
  for (const [name, fields, status, message] of refused) {
    test(`${name} is refused, and the connection continues`, async (t) => {
      const client = FrameClient.connect(t, proxy.port);
      const requests = backend.requests.length;
      client.headers(1, fields);
      assert.match(await client.line(/^headers 1 /), new RegExp(`:status: ${status}`));
      assert.ok(
        proxy.messages('info').some((each) => message.test(each) && each.includes('reading client request headers')),
      );
      client.headers(3, request('/after'));
      assert.match(await client.line(/^data 3 /), /GET \/after HTTP\/1\.[01]\r\n/);
      assert.equal(backend.requests.length, requests + 1);
    });
  }

  test('fields reach an HTTP/1 back end in their order, cookies joined, with Host from :authority', async (t) => {
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [...PSEUDO, ['cookie', 'a=1'], ['x-first', 'b'], ['cookie', 'c=2'], ['te', 'trailers']]);
    const answer = await client.line(/^data 1 /);
    assert.match(answer, /GET \/ HTTP\/1\.[01]\r\nHost: localhost\r\n/);
    assert.match(answer, /x-first: b\r\n/);
    assert.match(answer, /cookie: a=1; c=2\r\n/);
  });

  test('unusual names are dropped, or passed where the server of the request allows them', async (t) => {
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [...PSEUDO, ['a_b', 'c'], ['x', 'y']]);
    const dropped = await client.line(/^data 1 /);
    assert.ok(!dropped.includes('a_b'));
    assert.ok(proxy.messages('info').some((each) => each.includes('client sent invalid header: "a_b"')));
    client.headers(3, [...request('/a/../b//c', 'GET', 'lax'), ['a_b', 'passed']]);
    assert.equal(await client.line(/^data 3 /), 'data 3 passed /b/c ended');
  });

  test('a header list that exceeds large_client_header_buffers ends the connection', async (t) => {
    const client = FrameClient.connect(t, proxy.port);
    client.headers(1, [
      ...PSEUDO,
      ['a', 'x'.repeat(1000)],
      ['b', 'x'.repeat(1000)],
      ['c', 'x'.repeat(1000)],
      ['d', 'x'.repeat(1000)],
      ['e', 'x'.repeat(1000)],
    ]);
    assert.match(await client.line(/^goaway /), /^goaway 0 11 /);
    await client.end();
    assert.ok(proxy.messages('info').some((each) => each.includes('client sent too large header')));
  });
});

/** Sends a head of 30 KB in one frame to a proxy with these `large_client_header_buffers`. */
async function sendLargeHead(t: TestContext, buffers: string): Promise<{ client: FrameClient; value: string }> {
  const proxy = await startProxy(
    `http2 on; server { listen 127.0.0.1:0; large_client_header_buffers ${buffers}; return 200 "$http_a"; }`,
  );
  t.after(() => proxy.close());
  const client = FrameClient.connect(t, proxy.port);
  const value = 'Z'.repeat(30_000);
  client.headers(1, [...PSEUDO, ['a', value]]);
  return { client, value };
}

test('a head of 30 KB in one frame is accepted with large_client_header_buffers 4 32k', async (t) => {
  const { client, value } = await sendLargeHead(t, '4 32k');
  await client.line(/^headers 1 .*:status: 200/);
  assert.ok(Number(client.find(/^setting 5 /)?.split(' ')[2]) >= 4 * 32_768);
  await client.line(/^data 1 .* ended$/);
  assert.equal(client.received(1), value.length);
});

test('a frame of more than 16 KiB is an error with the default buffers', async (t) => {
  const { client } = await sendLargeHead(t, '4 8k');
  await client.line(/^goaway \d+ 6 /);
  assert.equal(client.find(/^setting 5 /), undefined);
});
