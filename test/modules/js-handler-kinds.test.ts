/** Every kind of function fails in every way: the request, message or event ends as documented, and others continue. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { connect, get, listening, request, startProxy, until, websocket, websocketEcho } from '../kit/index.js';

const MAIN = `
  function deeper(n) { return deeper(n + 1) + 1; }
  export const throws = () => { throw new Error('thrown'); };
  export const rejects = async () => { throw new Error('rejected'); };
  export const never = () => new Promise(() => {});
  export const recurses = () => deeper(0);
  export const twice = (r) => { r.return(403, 'one'); r.return(404, 'two'); };
  export const afterEnd = (r) => { r.status = 200; r.sendHeader(); r.finish(); r.send('more'); };
  export const hello = (r) => r.return(200, 'hello');
`;
const WAYS = [...MAIN.matchAll(/export const (\w+)/g)].map(([, name = '']) => name).filter((name) => name !== 'hello');

/** Directives of a location for a function of the module. */
const KINDS: Readonly<Record<string, (fn: string) => string>> = {
  content: (fn) => `js_content main.${fn};`,
  access: (fn) => `js_access main.${fn}; js_content main.hello;`,
  set: (fn) => `return 200 "[$set_${fn}]";`,
  headerFilter: (fn) => `js_header_filter main.${fn}; proxy_pass http://backend;`,
  bodyFilter: (fn) => `js_body_filter main.${fn}; proxy_pass http://backend;`,
  upstreamRequest: (fn) => `js_upstream_request main.${fn}; proxy_pass http://backend;`,
  upstreamResponse: (fn) => `js_upstream_response main.${fn}; proxy_pass http://backend;`,
  balancer: (fn) => `proxy_pass http://balanced_${fn};`,
  sseEvent: (fn) => `js_sse_event main.${fn}; proxy_pass http://backend/events;`,
  observe: (fn) => `js_observe main.${fn}; js_content main.hello;`,
};

/** Outcomes of the ways of each kind. */
const OUTCOMES: Readonly<Record<string, string>> = {
  content: '500 | 500 | 500 | 500 | 403 | 200',
  access: '500 | 500 | 500 | 500 | 403 | 200',
  // The variable is empty; r.return() responds.
  set: '200 | 200 | 200 | 200 | 403 | 200',
  // Promises have no effect; the methods cannot be called.
  headerFilter: '500 | 200 | 200 | 500 | 500 | 500',
  bodyFilter: '200 cut | 200 | 200 | 200 cut | 200 cut | 200 cut',
  upstreamRequest: '500 | 500 | 500 | 500 | 403 | 200',
  upstreamResponse: '500 | 500 | 500 | 500 | 403 | 200',
  // Round robin chooses.
  balancer: '200 | 200 | 200 | 200 | 200 | 200',
  // The stream ends without the event.
  sseEvent: '200 | 200 | 200 | 200 | 200 | 200',
  observe: '200 | 200 | 200 | 200 | 200 | 200',
};

test('functions of requests that fail in any way end only their own request', async (t) => {
  const server = createServer((req, res) => {
    const events = req.url === '/events';
    res.writeHead(200, { 'Content-Type': events ? 'text/event-stream' : 'text/plain' });
    res.end(events ? 'data: event\n\n' : 'body');
  });
  const port = await listening(t, server);
  const locations = Object.entries(KINDS).flatMap(([kind, directives]) =>
    WAYS.map((fn) => `location = /${kind}/${fn} { ${directives(fn)} }`),
  );
  const proxy = await startProxy(
    `js_import main from main.js; js_timeout idle=30ms; access_log off;
     ${WAYS.map((fn) => `js_set $set_${fn} main.${fn};`).join('\n')}
     upstream backend { server 127.0.0.1:${port}; }
     ${WAYS.map((fn) => `upstream balanced_${fn} { js_balancer main.${fn}; server 127.0.0.1:${port}; }`).join('\n')}
     server {
       listen 127.0.0.1:0;
       ${locations.join('\n')}
       location = /hello { js_content main.hello; }
     }`,
    {},
    { files: { 'main.js': MAIN } },
  );
  t.after(() => proxy.close());
  for (const [kind, expected] of Object.entries(OUTCOMES)) {
    const outcomes: string[] = [];
    for (const way of WAYS) {
      outcomes.push(await outcomeOf(proxy.port, `/${kind}/${way}`));
      assert.equal((await get(proxy.port, '/hello')).body, 'hello', `after ${kind} ${way}`);
    }
    assert.equal(outcomes.join(' | '), expected, kind);
  }
  assert.deepEqual(proxy.messages('alert'), []);
});

test('functions of WebSockets that fail in any way end only their own WebSocket', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const ways = WAYS.filter((way) => way !== 'twice' && way !== 'afterEnd');
  const location = (kind: string, directives: (fn: string) => string): string =>
    ways
      .map((fn) => `location /${kind}/${fn} { ${directives(fn)} proxy_pass ws://127.0.0.1:${echo.port}; }`)
      .join('\n');
  const proxy = await startProxy(
    `js_import main from main.js; js_timeout idle=30ms; access_log off;
     server {
       listen 127.0.0.1:0;
       ${location('upgrade', (fn) => `js_websocket_upgrade main.${fn};`)}
       ${location('message', (fn) => `js_websocket_message main.${fn} from=client;`)}
       ${location('close', (fn) => `js_websocket_close main.${fn};`)}
       ${location('observe', (fn) => `js_websocket_observe main.${fn};`)}
     }`,
    {},
    { files: { 'main.js': MAIN } },
  );
  t.after(() => proxy.close());
  const other = await websocket(proxy.port, '/close/throws');
  for (const way of ways) {
    await assert.rejects(websocket(proxy.port, `/upgrade/${way}`), /500/, way);
    const failing = await websocket(proxy.port, `/message/${way}`);
    failing.send('message');
    assert.equal(await failing.closed, 1011, way);
    for (const kind of ['close', 'observe']) {
      const client = await websocket(proxy.port, `/${kind}/${way}`);
      assert.equal(await client.ask('message'), 'message', `${kind} ${way}`);
      await client.close();
    }
    assert.equal(await other.ask('message'), 'message', `after ${way}`);
  }
  await other.close();
  await until(
    'the ends of the WebSockets are handled',
    () => proxy.messages('error').filter((line) => line.includes('/close/throws')).length === 2,
  );
  assert.deepEqual(proxy.messages('alert'), []);
});

/** Status, and whether the response is incomplete or has an event. */
async function outcomeOf(port: number, path: string): Promise<string> {
  const client = await connect(port);
  const response = await client.send(request(path, { fields: ['Connection: close'] })).all();
  const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(response) ?? [];
  if (/\r\nTransfer-Encoding: chunked\r\n/.test(response) && !response.endsWith('\r\n0\r\n\r\n'))
    return `${status} cut`;
  return response.includes('data: event') ? `${status} event` : status;
}
