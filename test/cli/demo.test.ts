import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { connect, get, request, until, websocket } from '../kit/index.js';
import { BINARY } from './running.js';

/** Starts the demonstration on any port; gives its port when it has said where to look. */
async function demo(t: {
  after(fn: () => void): void;
}): Promise<{ port: number; text: string; exited: Promise<number | null>; end(): void }> {
  const child = spawn(process.execPath, [BINARY, 'demo', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await until('it says where to look', () => text.includes('Ctrl-C') || child.exitCode !== null);
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1]);
  return { port, text, exited, end: () => void child.kill('SIGINT') };
}

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
