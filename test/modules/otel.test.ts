/** `otel_*`: spans of requests, tries and WebSockets as a collector receives them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  closedPort,
  get,
  reply,
  startProxy,
  type TestProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';
import { type Collector, grpcCollector, type ReceivedSpan } from '../kit/otlp.js';

const TRACE_ID = '0123456789abcdef0123456789abcdef';
const PARENT_ID = 'fedcba9876543210';
const PARENT = `traceparent: 00-${TRACE_ID}-${PARENT_ID}-01`;

/** Configuration of the exporter, with one batch per span. */
const EXPORTER = 'otel_exporter { endpoint 127.0.0.1:%%OTLP%%; interval 20ms; }';

/** The server's spans named `name`, once `count` of them were received. */
async function spansNamed(collector: Collector, name: string, count = 1): Promise<ReceivedSpan[]> {
  const found = (): ReceivedSpan[] => collector.spans.filter((span) => span.kind === 2 && span.name === name);
  await until(`${count} spans ${name}`, () => found().length >= count);
  assert.equal(found().length, count);
  return found();
}

async function spanNamed(collector: Collector, name: string): Promise<ReceivedSpan> {
  const [span] = await spansNamed(collector, name);
  assert.ok(span);
  return span;
}

describe('a traced request', () => {
  let collector: Collector;
  let backend: Backend;
  let proxy: TestProxy;

  before(async () => {
    collector = await grpcCollector();
    backend = await answeringBackend(({ target }) =>
      target.includes('fail') ? reply('', { status: '503 Unavailable' }) : reply('hello'),
    );
    proxy = await startProxy(
      `${EXPORTER}
      otel_service_name edge;
      otel_resource_attr zone.name "z ö";
      otel_trace on;
      upstream two { server 127.0.0.1:%%CLOSED%%; server 127.0.0.1:%%PORT%%; }
      map $arg_sample $sampled { yes on; 1 1; default off; }
      server {
        listen 127.0.0.1:0;
        server_name one.test;
        location /plain { return 200 "plain"; }
        location /error { return 500; }
        location /named { otel_span_name "$request_method of $arg_name"; return 204; }
        location /attributes {
          otel_span_attr status "$status $arg_a";
          otel_span_attr http.request.header.x_tenant $http_x_tenant;
          return 204;
        }
        location /two { proxy_pass http://two; }
        location /fail { proxy_pass http://127.0.0.1:%%PORT%%/fail; }
        location /untried { otel_upstream_spans off; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /off { otel_trace off; return 204; }
        location /sampled { otel_trace $sampled; otel_span_name sampled; return 204; }
        location /redirected { otel_span_name first; rewrite ^ /final last; }
        location /final { otel_trace off; return 204; }
        location /untraced { otel_trace off; rewrite ^ /never last; }
        location /never { return 204; }
        location /page { error_page 404 /error-page; return 404; }
        location /error-page { return 200 "not here"; }
        location /ignore { otel_trace_context ignore; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /extract { otel_trace_context extract; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /inject { otel_trace_context inject; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /propagate { otel_trace_context propagate; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /parent { otel_trace $otel_parent_sampled; otel_trace_context propagate; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /variables {
          otel_trace_context extract;
          return 200 "$otel_trace_id $otel_span_id <$otel_parent_id> $otel_parent_sampled";
        }
        location /unused { otel_trace off; return 200 "$otel_trace_id $otel_span_id <$otel_parent_id> $otel_parent_sampled"; }
      }`,
      { OTLP: collector.port, CLOSED: await closedPort(), PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close(), collector.close()]));

  /** Fields of the last request that the back end has received. */
  const passed = (): readonly [string | undefined, string | undefined] => {
    const request = backend.requests.at(-1);
    return [request?.field('traceparent'), request?.field('tracestate')];
  };

  test('is a span with the attributes of nginx', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    await get(proxy.port, '/plain?a=b', { fields: ['User-Agent: agent ü'] });
    const span = await spanNamed(collector, '/plain');
    const { 'net.sock.peer.port': port, ...attributes } = span.attributes;
    assert.ok(Number(port) > 0);
    assert.deepEqual(attributes, {
      'http.method': 'GET',
      'http.target': '/plain?a=b',
      'http.route': '/plain',
      'http.scheme': 'http',
      'http.flavor': '1.1',
      'http.user_agent': 'agent \ufffd',
      'http.request_content_length': 0,
      'http.response_content_length': 5,
      'http.status_code': 200,
      'net.host.name': 'one.test',
      'net.host.port': proxy.port,
      'net.sock.peer.addr': '127.0.0.1',
    });
    assert.ok(span.start >= before - 1_000_000_000n && span.end >= span.start);
    assert.match(`${span.traceId} ${span.spanId}`, /^[\da-f]{32} [\da-f]{16}$/);
    assert.deepEqual([span.parentId, span.state, span.status], ['', '', 0]);
  });

  test('belongs to the configured resource', async () => {
    await get(proxy.port, '/plain');
    await collector.received(1);
    const [batch] = collector.batches;
    assert.deepEqual(batch?.resource, { 'service.name': 'edge', 'zone.name': 'z ö' });
    assert.equal(batch?.scope, 'tsproxy');
    assert.equal(batch?.fields['content-type'] ?? 'application/grpc', 'application/grpc');
  });

  test('has the status error from 500 on', async () => {
    await get(proxy.port, '/error');
    const span = await spanNamed(collector, '/error');
    assert.deepEqual([span.status, span.attributes['http.status_code']], [2, 500]);
  });

  test('has the configured name and attributes', async () => {
    await get(proxy.port, '/named?name=x');
    await spanNamed(collector, 'GET of x');
    await get(proxy.port, '/attributes?a=1', { fields: ['X-Tenant: blue'] });
    const { attributes } = await spanNamed(collector, '/attributes');
    assert.equal(attributes.status, '204 1');
    assert.deepEqual(attributes['http.request.header.x_tenant'], ['blue']);
  });

  test('has a child for each try', async () => {
    for (let i = 0; i < 2; i++) await get(proxy.port, '/two?token=hidden');
    const parents = await spansNamed(collector, '/two', 2);
    const tries = (of: ReceivedSpan | undefined) =>
      collector.spans.filter(({ parentId, kind }) => kind === 3 && parentId === of?.spanId);
    const parent = parents.find((span) => tries(span).length === 2);
    const [first, second] = tries(parent);
    assert.ok(parent && first && second);
    for (const each of [first, second]) {
      assert.equal(each.traceId, parent.traceId);
      assert.equal(each.name, 'GET');
      assert.ok(each.start >= parent.start && each.end <= parent.end && each.end >= each.start);
      assert.equal(each.attributes['tsproxy.upstream'], 'two');
      assert.match(String(each.attributes['http.url']), /^http:\/\/127\.0\.0\.1:\d+\/two\?token=\[redacted\]$/);
    }
    assert.notEqual(first.spanId, second.spanId);
    assert.deepEqual(
      [first.status, first.message, first.attributes['error.type'], first.attributes['http.status_code']],
      [2, 'connect', 'connect', undefined],
    );
    assert.deepEqual([second.status, second.attributes['http.status_code']], [0, 200]);
    assert.deepEqual([first.attributes['http.resend_count'], second.attributes['http.resend_count']], [undefined, 1]);
    assert.equal(second.attributes['net.sock.peer.addr'], '127.0.0.1');
    assert.equal(second.attributes['net.sock.peer.port'], backend.port);
    for (const time of ['tsproxy.connect_time', 'tsproxy.header_time']) {
      const value = second.attributes[time];
      assert.ok(typeof value === 'number' && value >= 0, time);
    }
    assert.ok(Number(second.attributes['tsproxy.bytes_sent']) > 0);
  });

  test('has a failed child if the response of the upstream is an error', async () => {
    await get(proxy.port, '/fail');
    const parent = await spanNamed(collector, '/fail');
    const child = collector.spans.find(({ parentId }) => parentId === parent.spanId);
    assert.deepEqual([child?.status, child?.attributes['http.status_code']], [2, 503]);
  });

  test('has no children with otel_upstream_spans off', async () => {
    await get(proxy.port, '/untried');
    const { spanId } = await spanNamed(collector, '/untried');
    assert.ok(collector.spans.every(({ parentId }) => parentId !== spanId));
  });

  test('is recorded if the variable of otel_trace is "on" or 1, and otherwise not', async () => {
    for (const value of ['yes', '1', 'no', 'off']) await get(proxy.port, `/sampled?sample=${value}`);
    await get(proxy.port, '/off');
    await get(proxy.port, '/named?name=later');
    await spanNamed(collector, 'GET of later');
    await spansNamed(collector, 'sampled', 2);
    assert.ok(collector.spans.every(({ name }) => name !== '/off'));
  });

  test('is recorded by the otel_trace of its first location, and described by the directives of its last one', async () => {
    await get(proxy.port, '/redirected');
    await get(proxy.port, '/untraced');
    await get(proxy.port, '/page');
    const span = await spanNamed(collector, '/error-page');
    assert.equal(span.attributes['http.status_code'], 404);
    assert.equal(span.attributes['http.target'], '/page');
    assert.equal((await spanNamed(collector, '/final')).attributes['http.status_code'], 204);
    assert.ok(collector.spans.every(({ name }) => name !== '/never' && name !== 'first'));
  });

  test('without a parent begins a trace, with every otel_trace_context', async () => {
    for (const path of ['ignore', 'extract', 'inject', 'propagate']) {
      await get(proxy.port, `/${path}/alone`, { fields: ['X-Last: 1'] });
      const spans = await spansNamed(collector, `/${path}`, 1);
      const [span] = spans;
      assert.equal(span?.parentId, '');
      const own = path === 'inject' || path === 'propagate' ? `00-${span?.traceId}-${span?.spanId}-01` : undefined;
      assert.deepEqual(passed(), [own, undefined]);
      assert.equal(backend.requests.at(-1)?.field('x-last'), '1');
    }
  });

  test('uses and replaces the fields of its parent as configured', async () => {
    const already = collector.spans.length;
    for (const path of ['ignore', 'extract', 'inject', 'propagate']) {
      const fields = ['A: 1', PARENT, 'B: 2', 'tracestate: a=1,b=2', 'C: 3', 'Tracestate: c=3'];
      await get(proxy.port, `/${path}/child`, { fields });
      await until('the span', () =>
        collector.spans.slice(already).some(({ attributes }) => attributes['http.target'] === `/${path}/child`),
      );
      const span = collector.spans.find(({ attributes }) => attributes['http.target'] === `/${path}/child`);
      assert.ok(span);
      const extracts = path === 'extract' || path === 'propagate';
      assert.equal(span.traceId === TRACE_ID, extracts, path);
      assert.equal(span.parentId, extracts ? PARENT_ID : '');
      assert.equal(span.state, extracts ? 'a=1,b=2,c=3' : '');
      const injects = path === 'inject' || path === 'propagate';
      assert.deepEqual(passed(), [
        injects ? `00-${span.traceId}-${span.spanId}-01` : PARENT.slice(13),
        path === 'inject' ? undefined : path === 'propagate' ? 'a=1,b=2,c=3' : 'a=1,b=2, c=3',
      ]);
      const received = backend.requests.at(-1);
      assert.deepEqual(
        ['a', 'b', 'c'].map((name) => received?.field(name)),
        ['1', '2', '3'],
      );
    }
  });

  test('follows the decision of its parent, and passes it on', async () => {
    for (const flags of ['01', '00', '03', '02']) {
      const parent = `traceparent: 00-${TRACE_ID}-${PARENT_ID}-${flags}`;
      await get(proxy.port, `/parent/${flags}`, { fields: [parent] });
      const isSampled = flags === '01' || flags === '03';
      assert.match(
        passed()[0] ?? '',
        new RegExp(`^00-${TRACE_ID}-(?!${PARENT_ID})[\\da-f]{16}-${isSampled ? '01' : '00'}$`),
      );
    }
    await get(proxy.port, '/parent/none');
    assert.match(passed()[0] ?? '', /^00-[\da-f]{32}-[\da-f]{16}-00$/);
    await spansNamed(collector, '/parent', 2);
  });

  test('has variables with its ids', async () => {
    const answer = await get(proxy.port, '/variables', { fields: [PARENT] });
    const span = await spanNamed(collector, '/variables');
    assert.equal(answer.body, `${TRACE_ID} ${span.spanId} <${PARENT_ID}> 1`);
    const alone = await get(proxy.port, '/unused', { fields: [PARENT] });
    assert.match(alone.body, /^[\da-f]{32} [\da-f]{16} <> 0$/);
    assert.ok(!alone.body.includes(TRACE_ID));
  });

  for (const [what, value] of [
    ['another version', `01-${TRACE_ID}-${PARENT_ID}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${PARENT_ID}-01`],
    ['a parent of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['a short id', `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ['other letters', `00-${TRACE_ID.replace('a', 'g')}-${PARENT_ID}-01`],
    ['more parts', `00-${TRACE_ID}-${PARENT_ID}-01-x`],
    ['flags of one digit', `00-${TRACE_ID}-${PARENT_ID}-1`],
    ['nothing', ''],
  ] as const) {
    test(`a parent with ${what} is ignored, with its state`, async () => {
      const fields = [`traceparent: ${value}`, 'tracestate: a=1'];
      const { body } = await get(proxy.port, '/variables', { fields });
      assert.match(body, /^[\da-f]{32} [\da-f]{16} <> 0$/);
      assert.ok(!body.startsWith(TRACE_ID));
      await get(proxy.port, '/propagate', { fields });
      const [parent, state] = passed();
      assert.match(parent ?? '', /^00-[\da-f]{32}-[\da-f]{16}-01$/);
      assert.equal(state, undefined);
    });
  }

  test('upper-case ids of a parent become lower case', async () => {
    const { body } = await get(proxy.port, '/variables', { fields: [PARENT.toUpperCase()] });
    assert.ok(body.startsWith(TRACE_ID));
  });

  test('leaks no credentials', async (t) => {
    const receiver = await grpcCollector();
    const secret = 's3cret-value';
    const arguments_ = ['access_token', 'api_key', 'password', 'token', 'TOKEN']
      .map((name) => `${name}=${secret}`)
      .join('&');
    const own = await startProxy(
      `${EXPORTER} otel_trace on;
      otel_span_name "$request_uri";
      otel_span_attr http.request.header.authorization $http_authorization;
      otel_span_attr http.request.header.x_api_key $http_x_api_key;
      otel_span_attr http.request.header.cookie $http_cookie;
      otel_span_attr http.response.header.set-cookie $sent_http_set_cookie;
      otel_span_attr line $request;
      otel_span_attr http.request.header.referer $http_referer;
      server {
        listen 127.0.0.1:0;
        add_header Set-Cookie "a=${secret}";
        location / { proxy_pass http://127.0.0.1:%%PORT%%; }
      }`,
      { OTLP: receiver.port, PORT: backend.port },
    );
    t.after(() => Promise.all([own.close(), receiver.close()]));
    await get(own.port, `/secret?${arguments_}`, {
      fields: [
        `Authorization: Bearer ${secret}`,
        `Proxy-Authorization: Basic ${secret}`,
        `Cookie: a=${secret}`,
        `X-Api-Key: ${secret}`,
        `Referer: http://a.test/?${arguments_}#token=${secret}`,
      ],
    });
    assert.equal((await receiver.received(2)).length, 2);
    assert.ok(receiver.bytes.includes('[redacted]'));
    assert.ok(!receiver.bytes.includes(secret));
  });
});

describe('a traced WebSocket', () => {
  test('is a span with events at its opening, its end, and samples of its messages', async (t) => {
    const collector = await grpcCollector();
    const echo = await websocketEcho();
    const proxy = await startProxy(
      `${EXPORTER} otel_trace on; otel_trace_context propagate;
      server {
        listen 127.0.0.1:0;
        location /few { proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
        location /sampled { otel_websocket_messages 3; proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
        location /many { otel_websocket_messages 1; proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
      }`,
      { OTLP: collector.port, ECHO: echo.port },
    );
    t.after(() => Promise.all([proxy.close(), echo.close(), collector.close()]));

    const first = await websocket(proxy.port, '/few', { traceparent: PARENT.slice(13) });
    await first.ask('hello');
    await first.close(4001);
    const span = await spanNamed(collector, '/few');
    assert.deepEqual(
      span.events.map(({ name }) => name),
      ['websocket.open', 'websocket.close'],
    );
    assert.equal(span.attributes['http.status_code'], 101);
    assert.equal(span.parentId, PARENT_ID);
    assert.equal(echo.upgrades[0]?.traceparent, `00-${TRACE_ID}-${span.spanId}-01`);
    const [open, close] = span.events;
    assert.ok(open && close && open.time >= span.start && close.time >= open.time && close.time <= span.end);
    assert.deepEqual(close.attributes, {
      'websocket.closed_by': 'client',
      'websocket.close_code': 4001,
      'websocket.close_reason': '',
      'websocket.messages_received': 1,
      'websocket.messages_sent': 1,
      'websocket.bytes_received': 7,
      'websocket.bytes_sent': 7,
    });

    const second = await websocket(proxy.port, '/sampled');
    for (let i = 0; i < 5; i++) await second.ask(i === 3 ? Buffer.from('1234') : `message ${i}`);
    await second.close();
    const { events } = await spanNamed(collector, '/sampled');
    assert.deepEqual(
      events.slice(1, -1).map(({ name, attributes }) => [name, attributes]),
      [
        ['client', 1, false, 9],
        ['upstream', 1, false, 9],
        ['client', 4, true, 4],
        ['upstream', 4, true, 4],
      ].map(([from, message, binary, size]) => [
        'websocket.message',
        {
          'websocket.from': from,
          'websocket.message': message,
          'websocket.binary': binary,
          'websocket.size': size,
        },
      ]),
    );

    const third = await websocket(proxy.port, '/many');
    for (let i = 0; i < 100; i++) await third.ask('x');
    await third.close();
    const many = await spanNamed(collector, '/many');
    assert.deepEqual([many.events.length, many.droppedEvents], [130, 72]);
  });
});
