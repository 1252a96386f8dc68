/**
 * Requests that could be understood in two ways: none of them reaches a back end that speaks HTTP/1, whose raw bytes are read
 * by a strict reader that was written apart.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { startProxy, until } from '../kit/index.js';
import { type Message, readMessage } from '../oracle/framing/message.js';
import { dataFrame, GET, headersFrame, POST, type RawFields, RawHttp2Client } from './raw-client.js';

/** A back end that records raw bytes per connection, and answers each head. */
async function recordingBackend(): Promise<{ port: number; bytes: string[]; close(): void }> {
  const bytes: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    const at = bytes.push('') - 1;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes[at] += chunk.latin1Slice();
      if (readMessage(bytes[at] as string, 0, { method: null, ended: false })?.message.complete === true) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as net.AddressInfo).port, bytes, close };
}

/** The requests that a strict recipient reads from the bytes of a connection. */
function requestsIn(bytes: string): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const read = readMessage(bytes, at, { method: null, ended: true });
    if (read === undefined) break;
    messages.push(read.message);
    at = read.end;
  }
  return messages;
}

interface Case {
  readonly name: string;
  readonly fields: RawFields;
  /** Pieces of the body; none: END_STREAM in HEADERS. */
  readonly body?: readonly string[];
  readonly trailers?: RawFields;
  /** Status, or code of the reset or of the connection's end. */
  readonly outcome: string | RegExp;
}

const set = (name: string, value: string, fields = GET): RawFields =>
  fields.map(([each, old]) => [each, each === name ? value : old]);
const without = (name: string): RawFields => GET.filter(([each]) => each !== name);
const REFUSED = /^(?:400|reset 1)$/;
const INJECTED = 'x\r\n\r\nGET /injected HTTP/1.1\r\nHost: x\r\n\r\n';

const CASES: readonly Case[] = [
  ...(
    [
      ['an upper-case name', 'Upper', 'x'],
      ['an upper-case letter in a name', 'x-Upper', 'x'],
      ['CR LF in a value', 'x-value', INJECTED],
      ['CR in a value', 'x-value', 'a\rb'],
      ['LF in a value', 'x-value', 'a\nb'],
      ['NUL in a value', 'x-value', 'a\0b'],
      ['CR LF in a name', `x\r\nGET /injected HTTP/1.1\r\nx`, 'x'],
      ['a colon in a name', 'x-name: injected', 'x'],
      ['a space in a name', 'x name', 'x'],
      ['a space after a name', 'transfer-encoding ', 'chunked'],
      ['a tab in a name', 'x\tname', 'x'],
      ['NUL in a name', 'x\0name', 'x'],
      ['DEL in a name', 'x\x7fname', 'x'],
      ['Connection', 'connection', 'close'],
      ['Connection: keep-alive', 'connection', 'keep-alive'],
      ['Keep-Alive', 'keep-alive', 'timeout=5'],
      ['Transfer-Encoding', 'transfer-encoding', 'chunked'],
      ['Upgrade', 'upgrade', 'websocket'],
      ['Proxy-Connection', 'proxy-connection', 'keep-alive'],
      ['TE with another value than trailers', 'te', 'gzip'],
      ['TE with trailers and more', 'te', 'trailers, gzip'],
      ['a body that was promised', 'content-length', '5'],
      ['a Content-Length that is no number', 'content-length', '5x'],
      ['a negative Content-Length', 'content-length', '-1'],
      ['a Content-Length with a sign', 'content-length', '+0'],
      ['an empty Content-Length', 'content-length', ''],
      ['a list of lengths', 'content-length', '0, 0'],
      ['a Content-Length beyond all numbers', 'content-length', '99999999999999999999'],
      ['another Host than :authority', 'host', 'other.example'],
      ['a pseudo-field after others', ':path', '/other'],
    ] as const
  ).map(([name, field, value]): Case => ({ name, fields: [...GET, [field, value]], outcome: REFUSED })),
  ...(
    [
      ['no :method', without(':method')],
      ['no :scheme', without(':scheme')],
      ['no :path', without(':path')],
      ['neither :authority nor Host', without(':authority')],
      ['an empty :path', set(':path', '')],
      ['a :path without a slash', set(':path', 'x')],
      ['* in :path', set(':path', '*')],
      ['an absolute :path', set(':path', 'http://other.example/')],
      ['a space in :path', set(':path', '/x HTTP/1.1')],
      ['CR LF in :path', set(':path', `/${INJECTED}`)],
      ['NUL in :path', set(':path', '/\0')],
      ['an empty :method', set(':method', '')],
      ['a :method with more', set(':method', 'GET /injected HTTP/1.1\r\nx: ')],
      ['a lower-case :method', set(':method', 'get')],
      ['an empty :scheme', set(':scheme', '')],
      ['a :scheme with more', set(':scheme', 'http://x/')],
      ['an empty :authority', set(':authority', '')],
      ['CR LF in :authority', set(':authority', `x\r\nInjected: x`)],
      ['a space in :authority', set(':authority', 'local host')],
      ['a slash in :authority', set(':authority', 'localhost/x')],
      ['two :method', [[':method', 'GET'], ...GET]],
      ['two :path', [[':path', '/other'], ...GET]],
      ['two :scheme', [[':scheme', 'https'], ...GET]],
      ['two :authority', [[':authority', 'other'], ...GET]],
      ['two Host', [...without(':authority'), ['host', 'a'], ['host', 'a']]],
      ['two different Host', [...without(':authority'), ['host', 'a'], ['host', 'b']]],
      ['an unknown pseudo-field', [[':unknown', 'x'], ...GET]],
      [':status', [[':status', '200'], ...GET]],
      ['two lengths', [...GET, ['content-length', '0'], ['content-length', '0']]],
      ['two TE', [...GET, ['te', 'trailers'], ['te', 'trailers']]],
    ] as const
  ).map(([name, fields]): Case => ({ name, fields, outcome: REFUSED })),
  {
    name: 'more DATA than declared',
    fields: [...POST, ['content-length', '5']],
    body: [`12345${INJECTED}`],
    outcome: REFUSED,
  },
  {
    name: 'more DATA than declared, in a second frame',
    fields: [...POST, ['content-length', '5']],
    body: ['12345', INJECTED],
    outcome: REFUSED,
  },
  { name: 'less DATA than declared', fields: [...POST, ['content-length', '50']], body: ['12345'], outcome: REFUSED },
  {
    name: 'less DATA than declared, and trailers',
    fields: [...POST, ['content-length', '50']],
    body: ['12345'],
    trailers: [['x-trailer', 'x']],
    outcome: REFUSED,
  },
  {
    name: 'trailers with a pseudo-field',
    fields: POST,
    body: ['12345'],
    trailers: [[':path', '/injected']],
    outcome: /^reset 1$/,
  },
];

/** Requests that are forwarded, with the request that the back end has to read. */
const FORWARDED: readonly (Case & { readonly start: string; readonly content: string; readonly lacks?: RegExp })[] = [
  {
    name: 'a body without a length',
    fields: POST,
    body: ['0\r\n\r\n', 'GET /'],
    outcome: '200',
    start: 'POST / HTTP/1.1',
    content: '0\r\n\r\nGET /',
  },
  {
    name: 'trailers that would frame',
    fields: POST,
    body: ['12345'],
    trailers: [
      ['content-length', '0'],
      ['transfer-encoding', 'chunked'],
      ['host', 'x'],
    ],
    outcome: '200',
    start: 'POST / HTTP/1.1',
    content: '12345',
    lacks: /\r\n0\r\n[^\r]/,
  },
  // It was forwarded when its head arrived; the DATA is dropped.
  {
    name: 'DATA after a length of 0',
    fields: [...POST, ['content-length', '0']],
    body: [INJECTED],
    outcome: '200',
    start: 'POST / HTTP/1.1',
    content: '',
    lacks: /injected/,
  },
  { name: 'TE: trailers', fields: [...GET, ['te', 'trailers']], outcome: '200', start: 'GET / HTTP/1.1', content: '' },
  {
    name: 'Host as :authority',
    fields: [...GET, ['host', 'localhost']],
    outcome: '200',
    start: 'GET / HTTP/1.1',
    content: '',
  },
  {
    name: 'a declared length that is right',
    fields: [...POST, ['content-length', '5']],
    body: ['123', '45'],
    outcome: '200',
    start: 'POST / HTTP/1.1',
    content: '12345',
  },
];

async function send(client: RawHttp2Client, { fields, body, trailers }: Case): Promise<string> {
  client.send(headersFrame(1, fields, body === undefined && trailers === undefined));
  const pieces = body ?? [];
  for (const [i, piece] of pieces.entries()) {
    client.send(dataFrame(1, piece, i === pieces.length - 1 && trailers === undefined));
    // So that the proxy may have forwarded what came before.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (trailers !== undefined) client.send(headersFrame(1, trailers));
  return await client.outcome(1);
}

for (const buffering of ['on', 'off']) {
  test(`nothing ambiguous reaches an HTTP/1 back end, with proxy_request_buffering ${buffering}`, async (t) => {
    const backend = await recordingBackend();
    t.after(() => backend.close());
    const proxy = await startProxy(
      `http2 on; server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACK%%;
         proxy_http_version 1.1; proxy_request_buffering ${buffering}; } }`,
      { BACK: backend.port },
    );
    t.after(() => proxy.close());
    for (const each of CASES) {
      backend.bytes.length = 0;
      const client = await RawHttp2Client.connect(proxy.port);
      const outcome = await send(client, each);
      assert.match(outcome, each.outcome as RegExp, `${each.name}: ${outcome}`);
      client.destroy();
      for (const bytes of backend.bytes) {
        // A body that has begun is cut: it is no complete request.
        const read = requestsIn(bytes);
        assert.ok(read.length <= 1 && read[0]?.complete !== true, `${each.name}: ${JSON.stringify(bytes)}`);
        assert.doesNotMatch(bytes, /injected/i, each.name);
      }
    }
    for (const { name, start, content, lacks, ...each } of FORWARDED) {
      backend.bytes.length = 0;
      const client = await RawHttp2Client.connect(proxy.port);
      assert.equal(await send(client, { name, ...each }), each.outcome, name);
      await until('the request has arrived', () => backend.bytes.length === 1);
      const [bytes = ''] = backend.bytes;
      const read = requestsIn(bytes);
      assert.equal(read.length, 1, `${name}: ${JSON.stringify(bytes)}`);
      assert.deepEqual(
        [read[0]?.start, read[0]?.body, read[0]?.complete, read[0]?.fault],
        [start, content, true, ''],
        name,
      );
      if (lacks !== undefined) assert.doesNotMatch(bytes, lacks);
      assert.deepEqual(read[0]?.trailers, []);
      client.destroy();
    }
  });
}
