import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderExplanation } from '../../src/explain/render.js';
import { type ExplainRequest, explain } from '../../src/index.js';

const HTTP = `
events {}
http {
  server {
    listen 80;
    location / { proxy_pass http://127.0.0.1:9; }
    location /ws {
      proxy_websocket on;
      websocket_ping_interval 30s;
      websocket_idle_timeout 10m;
      websocket_expire 12h code=4000;
      websocket_protocol_error close;
      websocket_max_message_size 1m;
      proxy_pass http://127.0.0.1:9;
    }
    location /bytes {
      tunnel_lifetime 1h;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_pass http://127.0.0.1:9;
    }
    location /events {
      sse_heartbeat 15s;
      sse_retry 2s;
      sse_reconnect on time=2m;
      sse_error failed;
      proxy_pass http://127.0.0.1:9;
    }
    location /checked { auth_request /auth; sse_reconnect on; proxy_pass http://127.0.0.1:9; }
    location = /auth { proxy_pass http://127.0.0.1:9; }
  }
}
`;

const ACCEPT = { accept: 'text/event-stream' };

async function response(request: string | ExplainRequest): Promise<string> {
  const text = renderExplanation(await explain(HTTP, request));
  return text.slice(text.indexOf('\nresponse'), text.indexOf('\nassumptions'));
}

test('the rules of a WebSocket follow its response, with their effects', async () => {
  const { answer } = await explain(HTTP, 'ws://localhost/ws');
  assert.equal(answer.stream?.kind, 'WebSocket');
  assert.deepEqual(
    answer.stream.rules.map(({ directive, effect }) => [directive.text, effect]),
    [
      ['websocket_protocol_error close', 'an invalid frame closes it with code 1002'],
      [
        'websocket_ping_interval 30s',
        'both ends are pinged every 30s, and are dead if they have not answered after 20s',
      ],
      ['websocket_idle_timeout 10m', 'closed with code 1001 after 600s without a message'],
      ['websocket_expire 12h code=4000', 'closed with code 4000 at the age of 43200s'],
      ['websocket_max_message_size 1m', 'applies to its frames or messages'],
    ],
  );
  assert.equal(answer.stream.rules[0]?.directive.at?.line, 12);
  assert.match(await response('ws://localhost/ws'), /\n {2}begins a WebSocket\n {4}websocket_protocol_error close /);
});

test('the age limit of another tunnel follows its response', async () => {
  const request = { request: '/bytes', headers: { upgrade: 'bytes', connection: 'upgrade' } };
  const { answer } = await explain(HTTP, request);
  assert.equal(answer.stream?.kind, 'tunnel');
  assert.deepEqual(
    answer.stream.rules.map(({ effect }) => effect),
    ['closed at the age of 3600s'],
  );
});

test('the request of an EventSource gets an event stream, with the rules of sse directives', async () => {
  const { answer, upstreams } = await explain(HTTP, { request: '/events', headers: ACCEPT });
  assert.match(upstreams[0]?.requests[0]?.answer ?? '', /\r\nContent-Type: text\/event-stream\r\n/);
  assert.equal(upstreams[0]?.requests.length, 1);
  assert.match(answer.head, /\r\nContent-Type: text\/event-stream\r\n/);
  assert.equal(answer.stream?.kind, 'event stream');
  assert.deepEqual(
    answer.stream.rules.map(({ directive, effect }) => [directive.text, effect]),
    [
      ['sse_heartbeat 15s', 'a comment is sent after 15s without data'],
      ['sse_retry 2s', 'clients are told to reconnect after 2s'],
      [
        'sse_reconnect on time=2m',
        'if it ends or fails, it is requested again, up to 20 times within 120s; not if its events have no ids',
      ],
      ['sse_error failed', 'if it ends in a failure of the upstream, an event "error" is sent'],
    ],
  );
  assert.match(
    await response({ request: '/events', headers: ACCEPT }),
    /\n {2}begins an event stream, whose events are passed on at once\n {4}sse_heartbeat 15s /,
  );
});

test('an event stream can be assumed by its type, and no rule applies to one that is compressed or has a length', async () => {
  const of = async (type: string, headers: Readonly<Record<string, string>> = {}) =>
    (await explain(HTTP, { request: '/events', answer: { headers: { 'content-type': type, ...headers } } })).answer
      .stream;
  assert.equal((await of('text/event-stream; charset=utf-8'))?.rules.length, 4);
  const compressed = await of('text/event-stream', { 'content-encoding': 'gzip' });
  assert.deepEqual([compressed?.unchanged, compressed?.rules], ['the upstream server has compressed it', []]);
  const finite = await of('text/event-stream', { 'content-length': '0' });
  assert.deepEqual([finite?.unchanged, finite?.rules], ['its length is declared', []]);
});

test('other responses begin no stream, also if the client accepts one', async () => {
  for (const request of [
    '/ws',
    '/',
    { request: '/events', headers: ACCEPT, answer: { status: 204 } },
    { request: '/events', headers: ACCEPT, answer: { headers: { 'content-type': 'text/plain' } } },
  ]) {
    assert.equal((await explain(HTTP, request)).answer.stream, null);
  }
});

test('a subrequest is not answered with an event stream, which would have no end', async () => {
  const { answer, upstreams } = await explain(HTTP, { request: '/checked', headers: ACCEPT });
  assert.equal(upstreams.length, 2);
  assert.match(upstreams[0]?.requests[0]?.answer ?? '', /\r\nContent-Type: text\/html\r\n/);
  assert.equal(answer.stream?.kind, 'event stream');
});
