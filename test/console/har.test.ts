/** Rows of the feed as an HTTP archive and as JSON lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedRow, FrameRow, RequestDetails } from '../../src/console/feed-format.js';
import { toHar, toJsonLine } from '../../src/console/har.js';
import { messagesOf } from '../../src/console/messages.js';
import { EventClient, EventServer } from '../kit/event-stream.js';
import { get, startProxy, until, websocket, websocketEcho } from '../kit/index.js';
import { FeedClient } from './feed-client.js';
import { harErrors } from './har-schema.js';

const TIME = Date.parse('2026-01-02T03:04:05.678Z');

function frame(
  from: 'client' | 'upstream',
  opcode: number,
  text: string | Uint8Array,
  more: Partial<FrameRow> = {},
): FrameRow {
  const payload = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return {
    ...{ type: 'frame', id: '1-1', time: TIME + 10, from, opcode, fin: true, rsv: 0, compressed: false, mask: null },
    ...{ length: payload.length, payload, withheld: null, ...more },
  };
}

const OPEN: FeedRow = {
  ...{ type: 'open', id: '1-1', time: TIME, secure: true, client: '127.0.0.1:4000', host: 'example.com' },
  ...{ target: '/ws?a=b%20c', location: '/ws', upstream: '127.0.0.1:5000', generation: 1, openedAt: TIME },
  ...{ protocol: '', extensions: '' },
};

test('messages are reassembled from fragments, around control frames, and decompressed ones replace their frames', () => {
  const messages = messagesOf([
    frame('client', 1, 'one ', { fin: false }),
    frame('client', 9, 'ping'),
    frame('upstream', 2, new Uint8Array([1, 2])),
    frame('client', 0, 'two ', { fin: false }),
    frame('client', 0, 'three'),
    frame('upstream', 1, new Uint8Array([0xaa]), { compressed: true, rsv: 4, fin: false }),
    frame('upstream', 0, new Uint8Array([0xbb]), { compressed: true }),
    {
      ...{ type: 'message', id: '1-1', time: TIME + 11, from: 'upstream', opcode: 1, length: 5 },
      ...{ payload: new TextEncoder().encode('hello'), withheld: null },
    },
    frame('client', 1, 'cut', { length: 100 }),
    frame('client', 1, '', { payload: null, withheld: 'hidden', length: 7 }),
  ]);
  assert.deepEqual(
    messages.map(({ from, opcode, frames, length, payload, withheld }) => [
      ...[from, opcode, frames, length, payload && Buffer.from(payload).toString('latin1'), withheld],
    ]),
    [
      ['client', 9, 1, 4, 'ping', null],
      ['upstream', 2, 1, 2, '\x01\x02', null],
      ['client', 1, 3, 13, 'one two three', null],
      ['upstream', 1, 2, 5, 'hello', null],
      ['client', 1, 1, 100, 'cut', null],
      ['client', 1, 1, 7, null, 'hidden'],
    ],
  );
});

test('an archive of a WebSocket has its messages with seconds, text, and base64', () => {
  const rows = [
    OPEN,
    frame('client', 1, 'hellö'),
    frame('upstream', 2, new Uint8Array([0, 255, 16])),
    frame('client', 8, '\x03\xe8'),
    frame('upstream', 1, '', { payload: null, withheld: 'hidden', length: 3 }),
  ];
  const har = toHar(rows, new Map(), '1.0');
  assert.deepEqual(harErrors(har), []);
  const [entry] = har.log.entries;
  assert.equal(entry?._resourceType, 'websocket');
  assert.equal(entry.request.url, 'wss://example.com/ws?a=b%20c');
  assert.deepEqual(entry.request.queryString, [{ name: 'a', value: 'b c' }]);
  assert.equal(entry.response.status, 101);
  const time = (TIME + 10) / 1000;
  assert.deepEqual(entry._webSocketMessages, [
    { type: 'send', time, opcode: 1, data: 'hellö' },
    { type: 'receive', time, opcode: 2, data: 'AP8Q' },
    { type: 'receive', time, opcode: 1, data: '', _length: 3, _withheld: 'hidden' },
  ]);
});

test('timings of an archive add up to its time, and heads come from the details', () => {
  const one = {
    address: '[::1]:80',
    status: 502,
    start: 1,
    queue: -1,
    connect: 2,
    head: -1,
    done: -1,
    sent: 1,
    received: 0,
  };
  const two = { ...one, status: 200, start: 5, connect: 3, head: 10, done: 14 };
  const rows: FeedRow[] = [
    {
      ...{ type: 'request', id: '1-2', time: TIME, secure: false, client: 'c', host: 'h', method: 'POST' },
      ...{ target: '/x', generation: 1 },
    },
    {
      ...{ type: 'response', id: '1-2', time: TIME + 20, status: 200, completed: true, server: '', location: '/' },
      ...{ received: 100, sent: 50, duration: 20, tries: [one, two] },
    },
  ];
  const head = { line: 'POST /x HTTP/1.1', fields: [['Host', 'h:81']] as const, cut: false };
  const details = {
    request: head,
    response: { line: 'HTTP/1.1 200 Fine', fields: [['Content-Type', 'text/plain']] as const, cut: false },
  } as Partial<RequestDetails> as RequestDetails;
  const har = toHar(rows, new Map([['1-2', details]]));
  assert.deepEqual(harErrors(har), []);
  const [entry] = har.log.entries;
  assert.ok(entry !== undefined);
  assert.deepEqual(entry.timings, { blocked: 5, dns: -1, connect: 3, send: 0, wait: 7, receive: 4, ssl: -1 });
  assert.equal(entry.time, 19);
  assert.equal(entry.request.url, 'http://h:81/x');
  assert.equal(entry.request.bodySize, 100 - entry.request.headersSize);
  assert.deepEqual([entry.response.statusText, entry.response.content.mimeType], ['Fine', 'text/plain']);
  assert.equal(entry.serverIPAddress, '::1');
  assert.equal(entry._tries?.length, 2);
});

test('the schema refuses archives with wrong parts', () => {
  const har = toHar([OPEN, frame('client', 1, 'x')]);
  const [entry] = har.log.entries;
  const altered = (change: object): unknown => ({ log: { ...har.log, entries: [{ ...entry, ...change }] } });
  assert.deepEqual(harErrors(altered({})), []);
  assert.ok(harErrors(altered({ startedDateTime: '5 o’clock' })).length > 0);
  assert.ok(harErrors(altered({ _webSocketMessages: [{ type: 'send', time: TIME, opcode: 1, data: '' }] })).length > 0);
  assert.ok(harErrors(altered({ _webSocketMessages: undefined })).length > 0);
  assert.ok(harErrors(altered({ timings: {} })).length > 0);
  assert.ok(harErrors({}).length > 0);
});

test('a row as a line of JSON has its payload as text or in base64', () => {
  assert.match(toJsonLine(frame('client', 1, 'hellö\n')), /"payload":"hellö\\n"\}$/);
  assert.match(toJsonLine(frame('client', 2, new Uint8Array([255, 0]))), /"payloadBase64":"\/wA="\}$/);
  assert.doesNotMatch(toJsonLine(frame('client', 1, '', { payload: null, withheld: 'hidden' })), /payloadBase64/);
});

test('rows of real traffic are a valid archive', async (t) => {
  const echo = await websocketEcho();
  const events = new EventServer();
  await events.start();
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0;
      location /console/ { console; console_payload on; }
      location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
      location /events { proxy_pass http://127.0.0.1:%%EVENTS%%; }
      location / { return 200 ok; } }`,
    { ECHO: echo.port, EVENTS: events.port },
  );
  t.after(() => Promise.all([proxy.close(), echo.close(), events.stop()]));
  const feed = await FeedClient.watch(proxy.port);
  const client = await websocket(proxy.port, '/ws');
  await client.ask('hello');
  await client.ask(Buffer.from([1, 2, 3]));
  await client.close();
  const stream = new EventClient(proxy.port, '/events');
  await until('an open stream', () => events.open.size === 1);
  events.send('first');
  events.send('second');
  await stream.received(2);
  await feed.first('event', 2);
  const [totals] = await feed.first('stream');
  assert.ok(totals !== undefined && !totals.waiting);
  stream.close();
  await get(proxy.port, '/plain?x=1');
  await feed.exchange('/plain?x=1');
  await until('the end of all', () => feed.of('close').length > 0 && feed.of('response').length > 2);
  const har = toHar(feed.rows);
  assert.deepEqual(harErrors(har), []);
  const socket = har.log.entries.find(({ _resourceType }) => _resourceType === 'websocket');
  assert.deepEqual(
    socket?._webSocketMessages?.map(({ type, opcode, data }) => `${type} ${opcode} ${data}`),
    ['send 1 hello', 'receive 1 hello', 'send 2 AQID', 'receive 2 AQID'],
  );
  const source = har.log.entries.find(({ _resourceType }) => _resourceType === 'eventsource');
  assert.deepEqual(
    source?._eventSourceMessages?.map(({ eventId, data }) => `${eventId} ${data}`),
    ['1 first', '2 second'],
  );
  await feed.close();
});
