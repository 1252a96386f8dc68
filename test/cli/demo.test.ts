import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, get, request, websocket } from '../kit/index.js';
import { demo } from './demo-process.js';

test('the demonstration shows a page, echoes through both back ends, streams, and reloads under open sockets', async (t) => {
  const { port, exited, end } = await demo(t);
  assert.match((await get(port)).body, /You are talking through tsproxy/);
  assert.match((await get(port, '/demo.conf')).body, /upstream echo \{/);

  const sockets = await Promise.all([websocket(port, '/echo'), websocket(port, '/echo')]);
  const names = await Promise.all(sockets.map(async (socket) => JSON.parse(String(await socket.next())).from));
  assert.deepEqual(names.sort(), ['echo-1', 'echo-2']);

  const stream = await connect(port);
  stream.send(request('/events'));
  await stream.until('data: ');

  const reloaded = JSON.parse((await get(port, '/control/reload', { method: 'POST' })).body);
  assert.deepEqual([reloaded.ok, reloaded.generation], [true, 2]);
  const refused = JSON.parse((await get(port, '/control/reload-broken', { method: 'POST' })).body);
  assert.equal(refused.ok, false);
  assert.match(refused.findings, /unknown directive "proxy_pas"[\s\S]*did you mean "proxy_pass"/);
  for (const socket of sockets) assert.equal(JSON.parse(String(await socket.ask('hello'))).text, 'hello');
  await stream.until('"generation":2');

  end();
  assert.equal(await exited, 0);
  await stream.all();
});

test('two demonstrations run side by side', async (t) => {
  const [one, two] = await Promise.all([demo(t), demo(t)]);
  assert.notEqual(one.port, two.port);
  for (const { port } of [one, two]) assert.equal((await get(port)).status, 200);
});
