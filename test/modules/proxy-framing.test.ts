/** Bodies of answers: every framing of an upstream reaches every kind of client whole, and what is no answer is 502. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Answer,
  type Backend,
  connect,
  exchange,
  get,
  parseAnswer,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';

/** Responses of the back end, by path; it closes the connection afterwards if the name starts with `close`. */
const ANSWERS: Readonly<Record<string, string>> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  empty: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  chunked: `${CHUNKED}\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`,
  'chunked-empty': `${CHUNKED}\r\n0\r\n\r\n`,
  trailers: `${CHUNKED}Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-other:2\r\n\r\n`,
  'framing-trailers': `${CHUNKED}\r\n5\r\nhello\r\n0\r\nContent-Length: 100\r\nX-Sum: 1\r\ntransfer-encoding: chunked\r\nConnection: X-Sum\r\nX-Secret: 1\r\nETag: "x"\r\n\r\n`,
  close: 'HTTP/1.1 200 OK\r\n\r\nhello',
  'close-1.0': 'HTTP/1.0 200 OK\r\n\r\nhello',
  'close-declared': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello',
  'close-length': 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  204: 'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
  304: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 100\r\n\r\n',
  head: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n',
  'head-chunked': `${CHUNKED}\r\n`,
  continue:
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  hints:
    'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x\r\nServer: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
};

/** Invalid responses, and their log messages. */
const BROKEN: Readonly<Record<string, readonly [bytes: string, message: string]>> = {
  'close-nothing': ['', 'upstream prematurely closed connection'],
  'close-half': ['HTTP/1.1 200 OK\r\nContent-Le', 'upstream prematurely closed connection'],
  'no-http': ['SSH-2.0-OpenSSH\r\n', 'no valid HTTP/1.0 header'],
  'http-0.9': ['<html>hello</html>\r\n\r\n', 'no valid HTTP/1.0 header'],
  'no-status': ['HTTP/1.1 OK\r\n\r\n', 'no valid HTTP/1.0 header'],
  'bad-name': ['HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n', 'upstream sent invalid header: "X\\x20..."'],
  folded: ['HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', 'upstream sent invalid header'],
  nul: ['HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', 'upstream sent invalid header'],
  'bad-length': [
    'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello',
    'invalid "Content-Length" header: "Content-Length: 5x"',
  ],
  'signed-length': ['HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello', 'invalid "Content-Length" header'],
  'no-length': ['HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello', 'invalid "Content-Length" header'],
  'two-lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 'duplicate header line'],
  'same-lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello', 'duplicate header line'],
  both: [
    `${CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n`,
    '"Content-Length" and "Transfer-Encoding" headers at the same time',
  ],
  coding: [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'unknown "Transfer-Encoding": "gzip, chunked"',
  ],
  big: [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 'upstream sent too big header'],
};

describe("the framing of an upstream's answer", () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      for (let asked = await connection.request(); asked !== null; asked = await connection.request()) {
        const name = /[^/]+$/.exec(asked.target)?.[0] ?? '';
        connection.send(ANSWERS[name] ?? BROKEN[name]?.[0] ?? '');
        if (name.startsWith('close')) return connection.end();
      }
      connection.end();
    });
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; keepalive 4; }
      map $upstream_status $unsteady { volatile; '' HEAD; default GET; }
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://app; }
        location /trailing/ { proxy_pass_trailers on; proxy_hide_header X-Secret; proxy_pass http://app; }
        location /hinting/ { early_hints $arg_none $http_x_hints; proxy_pass http://app; }
        location /unchunked/ { chunked_transfer_encoding off; proxy_pass http://app; }
        location /small/ { proxy_buffer_size 1k; proxy_pass http://app; }
        location /as-head/ { proxy_method HEAD; proxy_pass http://app; }
        location /as-lower/ { proxy_method head; proxy_pass http://app; }
        location /as-volatile/ { proxy_method $unsteady; proxy_pass http://app; }
        location /as-get/ { proxy_method GET; proxy_pass http://app; }
      }`,
      { PORT: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const old = async (path: string, ...fields: string[]): Promise<[string, Answer]> => {
    const raw = await exchange(proxy.port, [`GET ${path} HTTP/1.0`, ...fields, '', ''].join('\r\n'));
    return [raw, parseAnswer(raw)];
  };

  for (const name of ['length', 'chunked', 'close', 'close-1.0', 'close-declared', 'close-length']) {
    test(`${name}: the body is whole for HTTP/1.1 and HTTP/1.0`, async () => {
      assert.equal((await get(proxy.port, `/${name}`)).body, 'hello');
      const [, answer] = await old(`/${name}`);
      assert.equal(answer.body, 'hello');
      assert.equal(answer.field('transfer-encoding'), undefined);
    });
  }
  test('a length is passed on; without one the body is chunked, or ends with the connection for HTTP/1.0', async () => {
    assert.equal((await get(proxy.port, '/length')).field('content-length'), '5');
    const chunked = await get(proxy.port, '/close');
    assert.deepEqual([chunked.field('transfer-encoding'), chunked.field('content-length')], ['chunked', undefined]);
    const [, answer] = await old('/chunked', 'Connection: keep-alive');
    assert.equal(answer.field('connection'), 'close');
    const plain = await get(proxy.port, '/unchunked/chunked', { fields: ['Connection: keep-alive'] });
    assert.deepEqual(
      [plain.field('transfer-encoding'), plain.field('connection'), plain.body],
      [undefined, 'close', 'hello'],
    );
  });
  test('an empty body is one in either framing', async () => {
    assert.equal((await get(proxy.port, '/empty')).field('content-length'), '0');
    assert.equal((await get(proxy.port, '/chunked-empty')).body, '');
  });
  test('204 and 304 have no body, whatever their fields say, and the connection goes on', async () => {
    const connection = await connect(proxy.port);
    const keep = { fields: ['Connection: keep-alive'] };
    const none = await connection.send(request('/204', keep)).answer();
    assert.deepEqual(
      [none.status, none.field('content-length'), none.field('x'), none.body],
      [204, undefined, 'y', ''],
    );
    const unchanged = await connection.send(request('/304', keep)).answer();
    assert.deepEqual([unchanged.status, unchanged.field('etag'), unchanged.body], [304, '"x"', '']);
    assert.equal((await connection.send(request('/length')).answer()).body, 'hello');
    connection.close();
  });
  test('HEAD has the fields of a body and none, and the upstream connection is kept', async () => {
    const before = backend.connections.length;
    const head = await get(proxy.port, '/head', { method: 'HEAD' });
    assert.deepEqual([head.status, head.field('content-length'), head.body], [200, '100', '']);
    const chunked = await get(proxy.port, '/head-chunked', { method: 'HEAD' });
    assert.deepEqual([chunked.status, chunked.field('content-length'), chunked.body], [200, undefined, '']);
    assert.equal((await get(proxy.port, '/length')).body, 'hello');
    assert.ok(backend.connections.length <= before + 1);
  });
  test('proxy_method decides whether a body comes: HEAD for GET, and GET for HEAD', async () => {
    const none = await get(proxy.port, '/as-head/head');
    assert.deepEqual([none.status, none.field('content-length'), none.body], [200, '0', '']);
    for (const path of ['/as-lower/head', '/as-volatile/head']) assert.equal((await get(proxy.port, path)).status, 200);
    const head = await get(proxy.port, '/as-get/length', { method: 'HEAD' });
    assert.deepEqual([head.status, head.field('content-length'), head.body], [200, '5', '']);
    const chunked = await get(proxy.port, '/as-get/chunked', { method: 'HEAD' });
    assert.deepEqual([chunked.status, chunked.body], [200, '']);
    assert.equal((await get(proxy.port, '/chunked')).body, 'hello');
  });
  test('trailers are passed with proxy_pass_trailers', async () => {
    const passed = await get(proxy.port, '/trailing/trailers', { fields: ['TE: trailers'] });
    assert.equal(passed.body, 'hello');
    assert.deepEqual(passed.trailers, [
      ['X-Sum', '1'],
      ['x-other', '2'],
    ]);
    const kept = await get(proxy.port, '/trailers');
    assert.deepEqual([kept.body, kept.trailers], ['hello', []]);
    assert.equal((await old('/trailing/trailers'))[1].body, 'hello');
  });
  test('trailers that name the framing or the connection, or are hidden, are not passed', async () => {
    const { trailers } = await get(proxy.port, '/trailing/framing-trailers', { fields: ['TE: trailers'] });
    assert.deepEqual(trailers, [
      ['X-Sum', '1'],
      ['ETag', '"x"'],
    ]);
  });
  test('interim answers are passed over', async () => {
    const answer = await get(proxy.port, '/continue');
    assert.deepEqual([answer.interim, answer.status, answer.body, answer.field('x')], [[], 200, 'hello', undefined]);
    assert.deepEqual((await get(proxy.port, '/hints')).interim, []);
  });
  test('early hints are passed on where early_hints says so, to HTTP/1.1 only', async () => {
    const answer = await get(proxy.port, '/hinting/hints', { fields: ['X-Hints: 1'] });
    assert.deepEqual([answer.interim, answer.status, answer.body], [[103, 103], 200, 'hello']);
    const [first] = answer.raw.split('\r\n\r\n');
    assert.equal(first, 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload');
    assert.equal(answer.field('link'), undefined);
    assert.deepEqual((await get(proxy.port, '/hinting/hints', { fields: ['X-Hints: 0'] })).interim, []);
    assert.deepEqual((await old('/hinting/hints', 'X-Hints: 1'))[1].interim, []);
  });
  test('proxy_buffer_size is the size that a head may have', async () => {
    assert.equal((await get(proxy.port, '/small/length')).status, 200);
    assert.equal((await get(proxy.port, '/small/big')).status, 502);
  });

  for (const [name, [, message]] of Object.entries(BROKEN)) {
    test(`${name} is 502`, async () => {
      const from = proxy.entries.length;
      assert.equal((await get(proxy.port, `/${name}`)).status, 502);
      const output = proxy.entries.slice(from).map((entry) => entry.message);
      assert.ok(
        output.some((line) => line.includes(message)),
        output.join('\n'),
      );
    });
  }
});
