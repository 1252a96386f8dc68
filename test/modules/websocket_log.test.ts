/** `websocket_log` and the variables `$websocket_*`, with real WebSocket clients and servers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { explain } from '../../src/index.js';
import { startProxy, type TestProxy, until, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';
import { RawWebSocket } from '../websocket/raw-client.js';

const PASS = 'proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%;';

const LOCATIONS = `
  location /text { websocket_log logs/text.log; ${PASS} }
  location /json { websocket_log logs/json.log websocket_json; ${PASS} }
  location /valid { rewrite ^ /valid? break; websocket_log logs/valid.log websocket_json; ${PASS} }
  location /own {
    websocket_log logs/own.log brief;
    websocket_log logs/bad-only.log brief if=$abnormal;
    access_log logs/access-own.log closed;
    ${PASS}
  }
  location /mapped { websocket_log logs/mapped.log mapped; ${PASS} }
  location /none { ${PASS} }
  location /ping { websocket_log logs/ping.log pings; websocket_ping_interval 20ms; ${PASS} }
  location /expire { websocket_log logs/expire.log brief; websocket_expire 50ms code=4000; ${PASS} }
  location /off { websocket_log logs/cut.log brief; websocket_close off; websocket_expire 50ms; ${PASS} }
  location /path { root %%DIR%%; websocket_log %%DIR%%/logs/$websocket_event.log brief; ${PASS} }
  location ~ "^/evil(?<evil>(?:.|\\s)*)$" {
    root %%DIR%%; websocket_log %%DIR%%/logs/x$evil.log brief; websocket_log %%DIR%%/logs/evil.log evil if=$evil; ${PASS}
  }
  location /buffered { websocket_log logs/buffered.log brief buffer=32k; ${PASS} }
  location /plain { websocket_log logs/plain.log; return 200 ok; }`;

const FORMATS = `
  log_format brief '$websocket_event $websocket_closed_by $websocket_close_code "$websocket_close_reason"';
  log_format closed '$uri $status $websocket_event $websocket_closed_by $websocket_close_code '
    '$websocket_messages_received/$websocket_frames_received/$websocket_bytes_received '
    '$websocket_messages_sent/$websocket_frames_sent/$websocket_bytes_sent';
  log_format mapped '$kind';
  log_format pings '$websocket_event $websocket_client_rtt $websocket_upstream_rtt';
  map $websocket_event $kind { open first; close second; default none; }
  map $websocket_close_code $abnormal { 1000 0; default 1; "" 0; }`;

function configuration(locations: string, formats = FORMATS): string {
  return `${formats} access_log off; server { listen 127.0.0.1:0; ${locations} }`;
}

let echo: WebSocketEcho;
let proxy: TestProxy;

before(async () => {
  echo = await websocketEcho();
  proxy = await startProxy(`log_format evil '$websocket_event <$evil>'; ${configuration(LOCATIONS)}`, {
    PORT: echo.port,
  });
});
after(() => Promise.all([proxy.close(), echo.close()]));

/** The lines of a log, once there are as many. */
async function lines(name: string, count: number, of = proxy): Promise<string[]> {
  await until(`${count} lines in ${name}`, () => of.accessLog(`logs/${name}.log`).length >= count);
  const found = of.accessLog(`logs/${name}.log`);
  assert.equal(found.length, count);
  return found;
}

test('a line is written when a WebSocket is opened, and one when it ends', async () => {
  const client = await websocket(proxy.port, '/text?a=b');
  const [opened] = await lines('text', 1);
  assert.match(
    opened ?? '',
    /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/text\?a=b HTTP\/1\.1" open upstream=127\.0\.0\.1:\d+ generation=1 duration=\d+\.\d{3} closed_by=- code=- reason="-" received=0\/0\/0 sent=0\/0\/0 rtt=-\/-$/,
  );
  assert.equal(await client.ask('hello'), 'hello');
  assert.equal(await client.ask('you'), 'you');
  client.socket.close(1000, 'all done');
  await client.closed;
  const [, closed] = await lines('text', 2);
  assert.match(
    closed ?? '',
    /" close upstream=127\.0\.0\.1:\d+ generation=1 duration=\d+\.\d{3} closed_by=client code=1000 reason="all done" received=2\/3\/18 sent=2\/3\/18 rtt=-\/-$/,
  );
});

test('the format websocket_json is UTF-8, whatever the client sends', async () => {
  const user = Buffer.from('us\xe9r:x', 'latin1').toString('base64');
  const client = await RawWebSocket.open(proxy.port, '/valid?\xff\xc3\xa9', [`Authorization: Basic ${user}`]);
  client.connection.close();
  for (const line of await lines('valid', 2)) {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(line, 'latin1'));
    const { request, remote_user } = JSON.parse(text) as Record<string, string>;
    assert.equal(request, 'GET /valid?\ufffd\u00e9 HTTP/1.1');
    assert.equal(remote_user, 'us\ufffdr');
  }
});

test('the format websocket_json has typed members', async () => {
  const client = await websocket(proxy.port, '/json');
  assert.equal(await client.ask('hello'), 'hello');
  client.socket.close(4001, 'adieu "é"');
  await client.closed;
  const logged = await lines('json', 2);
  const [opened, closed] = logged.map((line) => JSON.parse(Buffer.from(line, 'latin1').toString('utf8')));
  assert.equal(opened.event, 'open');
  assert.equal(opened.code, null);
  assert.equal(opened.closed_by, null);
  assert.equal(opened.messages_received, 0);
  const { time, duration, upstream, ...rest } = closed;
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.equal(typeof duration, 'number');
  assert.equal(upstream, `127.0.0.1:${echo.port}`);
  assert.deepEqual(rest, {
    event: 'close',
    remote_addr: '127.0.0.1',
    remote_user: null,
    request: 'GET /json HTTP/1.1',
    host: '127.0.0.1',
    generation: 1,
    closed_by: 'client',
    code: 4001,
    reason: 'adieu "é"',
    messages_received: 1,
    frames_received: 2,
    bytes_received: 5 + 2 + 10,
    invalid_frames_received: 0,
    messages_sent: 1,
    frames_sent: 2,
    // `ws` answers with the same payload.
    bytes_sent: 5 + 2 + 10,
    invalid_frames_sent: 0,
    client_rtt: null,
    upstream_rtt: null,
  });
});

test('the reason of a client cannot forge a line, in text or in JSON', async () => {
  for (const path of ['/own', '/json']) {
    const before = { own: proxy.accessLog('logs/own.log').length, json: proxy.accessLog('logs/json.log').length };
    const client = await RawWebSocket.open(proxy.port, path);
    const reason = Buffer.from([0x0d, 0x0a, 0x22, 0x7d, 0x00, 0x1b, 0xff, 0xc3]);
    client.send({ opcode: 8, payload: Buffer.concat([Buffer.from([0x0f, 0xa0]), reason]) });
    const name = path.slice(1) as 'own' | 'json';
    const last = (await lines(name, before[name] + 2)).at(-1) ?? '';
    if (path === '/own') {
      assert.equal(last, 'close client 4000 "\\x0D\\x0A\\x22}\\x00\\x1B\\xEF\\xBF\\xBD\\xEF\\xBF\\xBD"');
    } else {
      const utf8 = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(last, 'latin1'));
      assert.equal(JSON.parse(utf8).reason, '\r\n"}\0\x1b\ufffd\ufffd');
    }
    client.connection.reset();
  }
});

test('a line break in a variable of a format, a path or a condition leaves whole lines', async () => {
  const path = `/evil${encodeURIComponent('\r\nforged line\n')}`;
  await (await websocket(proxy.port, path)).close();
  const [opened, closed] = await lines('evil', 2);
  assert.equal(opened, 'open <\\x0D\\x0Aforged line\\x0A>');
  assert.equal(closed, 'close <\\x0D\\x0Aforged line\\x0A>');
  assert.equal(proxy.accessLog('logs/x\r\nforged line\n.log').length, 2);
});

test('variables have their final values in an access log, and if= is evaluated for each line', async () => {
  const before = proxy.accessLog('logs/bad-only.log').length;
  const normal = await websocket(proxy.port, '/own');
  assert.equal(await normal.ask('xyz'), 'xyz');
  assert.equal(await normal.close(), 1000);
  await until('the access log has the WebSocket', () =>
    proxy.accessLog('logs/access-own.log').includes('/own 101 close client 1000 1/2/5 1/2/5'),
  );
  assert.equal(proxy.accessLog('logs/bad-only.log').length, before);
  const lost = await RawWebSocket.open(proxy.port, '/own');
  lost.connection.reset();
  assert.deepEqual((await lines('bad-only', before + 1)).at(-1), 'close client 1006 ""');
});

test('values computed for the first line are computed again for the second', async () => {
  const client = await websocket(proxy.port, '/mapped');
  await lines('mapped', 1);
  await client.close();
  assert.deepEqual(await lines('mapped', 2), ['first', 'second']);
});

test('pings of the proxy give round trips', async () => {
  const client = await websocket(proxy.port, '/ping');
  let pings = 0;
  await new Promise<void>((resolve) => client.socket.on('ping', () => ++pings === 3 && resolve()));
  await client.close();
  const [opened, closed] = await lines('ping', 2);
  assert.equal(opened, 'open - -');
  assert.match(closed ?? '', /^close \d\.\d{6} \d\.\d{6}$/);
});

test('the proxy closes with its own code, and with 1006 if it sends no Close frame', async () => {
  const expired = await websocket(proxy.port, '/expire');
  assert.equal(await expired.closed, 4000);
  assert.match((await lines('expire', 2))[1] ?? '', /^close proxy 4000 "/);
  const cut = await websocket(proxy.port, '/off');
  assert.equal(await cut.closed, 1006);
  assert.deepEqual(await lines('cut', 2), ['open - - "-"', 'close proxy 1006 ""']);
});

test('an upstream that closes or is lost is named', async () => {
  const before = proxy.accessLog('logs/own.log').length;
  const client = await websocket(proxy.port, '/own');
  assert.equal(await client.ask('open'), 'open');
  for (const socket of echo.sockets.clients) socket.close(1013, 'later');
  assert.equal(await client.closed, 1013);
  assert.equal((await lines('own', before + 2)).at(-1), 'close upstream 1013 "later"');
  const second = await websocket(proxy.port, '/own');
  assert.equal(await second.ask('open'), 'open');
  for (const socket of echo.sockets.clients) socket.terminate();
  assert.equal(await second.closed, 1014);
  assert.equal((await lines('own', before + 4)).at(-1), 'close upstream 1006 ""');
});

test('paths may contain the event', async () => {
  await (await websocket(proxy.port, '/path')).close();
  assert.equal((await lines('close', 1))[0], 'close client 1000 ""');
  assert.equal((await lines('open', 1))[0], 'open - - "-"');
});

test('plain requests, and WebSockets without the directive, are not logged', async () => {
  await (await websocket(proxy.port, '/none')).close();
  assert.equal(await (await fetch(`http://127.0.0.1:${proxy.port}/plain`)).text(), 'ok');
  assert.equal(proxy.file('logs/plain.log'), '');
});

test('a reload that changes the log applies to open WebSockets', async (t) => {
  const at = (log: string, more = ''): string => configuration(`location /ws { ${log} ${more} ${PASS} }`, FORMATS);
  const own = await startProxy(at('websocket_log logs/old.log brief;'), { PORT: echo.port });
  t.after(() => own.close());
  const client = await websocket(own.port, '/ws');
  await lines('old', 1, own);
  const { predecessorEnded } = await own.reload(at('websocket_log logs/new.log websocket_json;'), { PORT: echo.port });
  await predecessorEnded;
  assert.equal(own.proxy.status.generations, 1);
  assert.equal(await client.ask('still here'), 'still here');
  // A changed format applies, too.
  const changed = FORMATS.replace("log_format brief '", "log_format brief 'changed ");
  await (
    await own.reload(
      configuration(
        `location /ws { websocket_log logs/new.log brief; websocket_log logs/buffered.log websocket buffer=4k; ${PASS} }`,
        changed,
      ),
      { PORT: echo.port },
    )
  ).predecessorEnded;
  await client.close();
  assert.deepEqual(await lines('new', 1, own), ['changed close client 1000 ""']);
  assert.equal(own.accessLog('logs/old.log').length, 1);
  // Buffered lines are written when the log is closed by the next reload.
  await (await own.reload(at('websocket_log off;'), { PORT: echo.port })).predecessorEnded;
  assert.match((await lines('buffered', 1, own))[0] ?? '', /" close .* received=1\/2\/12 sent=1\/2\/12 /);
});

test('a configuration may define the predefined formats itself', async (t) => {
  const own = await startProxy(
    configuration(
      `location / { websocket_log logs/a.log; websocket_log logs/b.log WEBSOCKET_JSON; ${PASS} }`,
      "log_format websocket 'mine $websocket_event'; log_format websocket_json escape=json '[\"$websocket_event\"]';",
    ),
    { PORT: echo.port },
  );
  t.after(() => own.close());
  await (await websocket(own.port, '/')).close();
  assert.deepEqual(await lines('a', 2, own), ['mine open', 'mine close']);
  assert.deepEqual(await lines('b', 2, own), ['["open"]', '["close"]']);
});

test('explain shows the log of a WebSocket', async () => {
  const explanation = await explain(
    `events {} http { server { listen 127.0.0.1:8080; websocket_log /tmp/x.log websocket_json if=$arg_a;
      location / { proxy_websocket on; proxy_pass http://127.0.0.1:9; } } }`,
    'ws://localhost/',
  );
  const text = JSON.stringify(explanation);
  assert.match(text, /"websocket_log"/);
  assert.match(text, /websocket_json/);
});
