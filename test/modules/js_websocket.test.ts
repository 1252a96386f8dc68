/** Functions of scripts for WebSockets. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { startProxy, type TestProxy, until, WebSocketClient, websocket, websocketEcho } from '../kit/index.js';

interface Scene {
  readonly proxy: TestProxy;
  readonly echo: Awaited<ReturnType<typeof websocketEcho>>;
}

/** A proxy in front of an echo server; `script` is the module `main`. */
async function scene(t: TestContext, script: string, directives: string, server = ''): Promise<Scene> {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `js_import main from main.js;
     server {
       listen 127.0.0.1:0;
       ${server}
       location / { proxy_pass ws://127.0.0.1:${echo.port}; ${directives} }
     }`,
    {},
    { files: { 'main.js': script } },
  );
  t.after(() => proxy.close());
  return { proxy, echo };
}

test('a function passes messages on, changes, drops and answers them, and closes the WebSocket', async (t) => {
  const script = `
    export function filter(r, message) {
      if (message.from === 'upstream') return;
      const { text } = message;
      if (text === 'change') message.replace('changed in ' + r.uri + ' for ' + r.headersIn['X-User']);
      else if (text === 'json') message.replace({ a: [1, null] });
      else if (text === 'bytes') message.replace(new Uint8Array([1, 2, 255]));
      else if (text === 'drop') message.drop();
      else if (text === 'reply') { message.drop(); message.reply('answer'); }
      else if (text === 'insert') message.insert('first');
      else if (text === 'close') message.close(4001, 'as wished');
      else if (message.binary) message.replace(Buffer.concat([message.data, message.data]));
      else if (text.startsWith('{')) message.replace(String(message.json().value));
    }`;
  const { proxy } = await scene(t, script, 'js_websocket_message main.filter;');
  const client = await websocket(proxy.port, '/path', { 'X-User': 'me' });
  assert.equal(await client.ask('plain ü'), 'plain ü');
  assert.equal(await client.ask('change'), 'changed in /path for me');
  assert.equal(await client.ask('json'), '{"a":[1,null]}');
  assert.deepEqual(await client.ask('bytes'), Buffer.from([1, 2, 255]));
  client.send('drop');
  assert.equal(await client.ask('{"value":"ä"}'), 'ä');
  assert.equal(await client.ask('reply'), 'answer');
  assert.equal(await client.ask('insert'), 'first');
  assert.equal(await client.next(), 'insert');
  assert.deepEqual(await client.ask(Buffer.from([7])), Buffer.from([7, 7]));
  client.send('close');
  assert.equal(await client.closed, 4001);
});

test('messages of both senders keep their order while functions wait, with compression', async (t) => {
  const script = `
    let count = 0;
    export async function filter(r, message) {
      const wait = ++count % 3;
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait === 1 ? 0 : 2));
      message.replace(message.text + (message.from === 'client' ? ' up' : ' down'));
    }`;
  for (const perMessageDeflate of [false, true]) {
    const options: ServerOptions = { port: 0, host: '127.0.0.1', perMessageDeflate };
    const server = new WebSocketServer(options);
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => server.close());
    const proxy = await startProxy(
      `js_import main from main.js;
       server { listen 127.0.0.1:0; location / {
         proxy_pass ws://127.0.0.1:${(server.address() as { port: number }).port};
         js_websocket_message main.filter; } }`,
      {},
      { files: { 'main.js': script } },
    );
    t.after(() => proxy.close());
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, { perMessageDeflate });
    const client = new WebSocketClient(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    assert.equal(socket.extensions.includes('permessage-deflate'), perMessageDeflate);
    const texts = Array.from({ length: 50 }, (_, i) => `message ${i} ${'x'.repeat(i * 20)}`);
    for (const text of texts) client.send(text);
    for (const text of texts) assert.equal(await client.next(), `${text} up down`);
    await client.close();
  }
});

test('the upgrade is refused, routed and authenticated, and its state reaches the messages and the end', async (t) => {
  const script = `
    const log = [];
    export async function upgrade(r, upgrade) {
      const user = r.args.user;
      if (user === undefined) return r.return(401, 'who?');
      if (user === 'elsewhere') return r.internalRedirect('@other');
      await null;
      upgrade.socket.state.user = user;
      if (upgrade.protocols.includes('v2')) upgrade.protocol = 'v2';
    }
    export function message(r, message) {
      message.replace(message.socket.state.user + ': ' + message.text);
    }
    export function close(r, closing) {
      ngx.log(ngx.WARN, JSON.stringify([closing.socket.state.user, closing.by, closing.code, closing.reason,
        closing.fromClient.messages, closing.fromUpstream.messages, closing.duration >= 0, closing.socket.open]));
    }`;
  const { proxy, echo } = await scene(
    t,
    script,
    'js_websocket_upgrade main.upgrade; js_websocket_message main.message from=client; js_websocket_close main.close;',
    'location @other { return 418; }',
  );
  await assert.rejects(websocket(proxy.port, '/'), /401/);
  await assert.rejects(websocket(proxy.port, '/?user=elsewhere'), /418/);
  assert.equal(echo.upgrades.length, 0);
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/?user=me`, ['v1', 'v2', 'bearer.secret']);
  const client = new WebSocketClient(socket);
  await new Promise((resolve) => socket.once('open', resolve));
  assert.equal(socket.protocol, 'v2');
  assert.equal(echo.upgrades[0]?.['sec-websocket-protocol'], 'v2');
  assert.equal(await client.ask('text'), 'me: text');
  await client.close(1000);
  await until('the end is logged', () => proxy.messages('warn').some((line) => line.includes('["me"')));
  const line = proxy.messages('warn').find((each) => each.includes('["me"')) ?? '';
  assert.match(line, /\["me","client",1000,"",1,1,true,false\]/);
  // Plain requests are not upgrades.
  const plain = await fetch(`http://127.0.0.1:${proxy.port}/`);
  assert.equal(plain.status, 200);
});

test('a function sends messages at any time, and the queue of a side that does not read is bounded', async (t) => {
  const script = `
    export function message(r, message) {
      const { socket } = message;
      if (message.text === 'later') setTimeout(() => socket.send('client', 'pushed'), 1);
      if (message.text === 'flood') {
        const timer = setInterval(() => {
          for (let i = 0; i < 20 && socket.open; i++) socket.send('client', 'x'.repeat(100000));
          if (!socket.open) clearInterval(timer);
        }, 1);
        message.drop();
      }
    }`;
  const { proxy } = await scene(t, script, 'js_websocket_message main.message from=client;');
  const client = await websocket(proxy.port);
  assert.deepEqual([await client.ask('later'), await client.next()].sort(), ['later', 'pushed']);
  client.socket.pause();
  client.send('flood');
  await until('too much waits', () =>
    proxy.messages('warn').some((line) => line.includes('closing WebSocket with 1013')),
  );
  client.socket.resume();
  assert.equal(await client.closed, 1013);
});

test('a function that throws, rejects or takes too long closes the WebSocket, or lets messages pass', async (t) => {
  const script = `
    export function message(r, message) {
      if (message.text === 'throw') throw new Error('on purpose');
      if (message.text === 'reject') return Promise.reject(new Error('later'));
      if (message.text === 'never') return new Promise(() => {});
      if (message.text === 'bad close') message.close(1005);
    }`;
  const { proxy } = await scene(t, script, 'js_websocket_message main.message from=client; js_timeout 30ms;');
  for (const text of ['throw', 'reject', 'never', 'bad close']) {
    const client = await websocket(proxy.port);
    client.send(text);
    assert.equal(await client.closed, 1011, text);
  }
  const errors = proxy.messages('error').join('\n');
  for (const part of ['on purpose', 'later', 'timed out after 30 ms', '1005 is no code'])
    assert.ok(errors.includes(part), part);
  const open = await scene(t, script, 'js_websocket_message main.message from=client; js_timeout 30ms fail=open;');
  const client = await websocket(open.proxy.port);
  for (const text of ['throw', 'reject', 'never', 'more']) assert.equal(await client.ask(text), text);
  await client.close();
});

test('a reload with a changed module reaches open WebSockets, and keeps their state', async (t) => {
  const version = (name: string) => `
    export function message(r, message) {
      const { state } = message.socket;
      state.count = (state.count ?? 0) + 1;
      message.replace('${name} ' + state.count + ' ' + r.variables.mark + ' ' + r.variables.late + ' ' + r.uri);
    }`;
  const { proxy, echo } = await scene(
    t,
    version('old'),
    'js_websocket_message main.message from=client;',
    'set $mark marked;',
  );
  const client = await websocket(proxy.port);
  assert.equal(await client.ask('a'), 'old 1 marked undefined /');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${proxy.directory}/main.js`, version('new'));
  const change = await proxy.reload(
    // The slots of variables differ from those of the previous table.
    `js_import main from main.js;
     map $uri $first { default first; }
     map $uri $late { default late; }
     log_format all "$first $late";
     server {
       listen 127.0.0.1:0;
       set $mark marked;
       location / { proxy_pass ws://127.0.0.1:${echo.port}; js_websocket_message main.message from=client; }
     }`,
  );
  await change.predecessorEnded;
  assert.equal(await client.ask('a'), 'new 2 marked late /');
  await client.close();
});
