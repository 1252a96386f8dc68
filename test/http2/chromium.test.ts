/** Chromium over HTTP/2 with TLS: a WebSocket on a stream, as its net log shows, and server-sent events. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, noBrowser } from '../kit/browser.js';
import { certificates, listening, startProxy, until, websocketEcho, withoutOpenssl } from '../kit/index.js';

/** Event of the net log, as far as it is examined. */
interface NetEvent {
  readonly type: number;
  readonly params?: { readonly headers?: readonly string[] | string; readonly url?: string };
}

/** Header lists of the requests on HTTP/2 sessions in a net log. */
function requestsIn(path: string): string[] {
  const log = JSON.parse(readFileSync(path, 'utf8')) as {
    constants: { logEventTypes: Record<string, number> };
    events: NetEvent[];
  };
  const type = log.constants.logEventTypes.HTTP2_SESSION_SEND_HEADERS;
  assert.ok(type !== undefined);
  return log.events.flatMap(({ type: each, params }) => (each === type ? [String(params?.headers)] : []));
}

/** Runs in the page: a WebSocket, then an event stream. */
const SCRIPT = `(async () => {
  const socket = new WebSocket('wss://' + location.host + '/socket');
  const lengths = [];
  const code = await new Promise((resolve) => {
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
      lengths.push(data.length);
      if (lengths.length === 1) socket.send('x'.repeat(200000));
      else socket.close(4002);
    };
    socket.onclose = ({ code }) => resolve(code);
  });
  const source = new EventSource('/events');
  const streamed = await new Promise((resolve) => {
    const all = [];
    source.onmessage = ({ data }) => all.push(data) === 2 && resolve(all);
  });
  source.close();
  return { lengths, code, streamed };
})()`;

test('Chromium opens a WebSocket and an event stream on one HTTP/2 connection', {
  skip: noBrowser || withoutOpenssl,
}, async (t) => {
  const authority = certificates();
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: one\n\n');
    setTimeout(() => response.write('data: two\n\n'), 20);
  });
  const events = await listening(t, server);
  const proxy = await startProxy(
    `log_format line '$request_method $uri $status $server_protocol $connection'; access_log logs/access.log line;
     server {
       listen 127.0.0.1:0 ssl; http2 on; http2_extended_connect on;
       ssl_certificate ${authority.directory}/ec.crt; ssl_certificate_key ${authority.directory}/ec.key;
       location / { default_type text/html; return 200 '<!doctype html><title>page</title>'; }
       location /socket { proxy_websocket on; websocket_origin same; proxy_pass http://127.0.0.1:${echo.port}; }
       location /events { proxy_pass http://127.0.0.1:${events}; }
     }`,
  );
  t.after(() => proxy.close());
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-net-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const netLog = join(directory, 'net.json');
  const chromium = await browser(t, ['--ignore-certificate-errors', `--log-net-log=${netLog}`]);
  const page = await chromium.newPage();
  await page.goto(`https://127.0.0.1:${proxy.port}/`);
  const received = await page.evaluate(SCRIPT);
  assert.deepEqual(received, { lengths: [5, 200_000], code: 4002, streamed: ['one', 'two'] });
  const logged = (): string[] => proxy.accessLog().filter((line) => !line.includes('favicon'));
  await until('all are logged', () => logged().length >= 3);
  const lines = logged();
  const connection = lines[0]?.split(' ').at(-1);
  assert.deepEqual(lines.toSorted(), [
    `GET / 200 HTTP/2.0 ${connection}`,
    `GET /events 200 HTTP/2.0 ${connection}`,
    `GET /socket 101 HTTP/2.0 ${connection}`,
  ]);
  // The log is complete when the browser has ended.
  await chromium.close();
  const requests = requestsIn(netLog);
  const handshakes = requests.filter((headers) => headers.includes(':protocol: websocket'));
  assert.equal(handshakes.length, 1, requests.join('\n'));
  assert.match(handshakes[0] ?? '', /:method: CONNECT/);
});
