/** The console over worker processes: a viewer, connected to one of them, receives the rows of all. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FeedClient } from '../console/feed-client.js';
import { get, until, type WebSocketClient, websocket } from '../kit/index.js';
import { type WorkerScene, workerScene } from './worker-scene.js';

let scene: WorkerScene;

before(async () => {
  scene = await workerScene(
    3,
    'location / { return 200 $pid; } location /console/ { console control=on; console_payload on; }',
  );
  await scene.instance.start();
});

after(() => scene.close());

/** Requests something; the proxy may end meanwhile. */
function visit(port: number): void {
  void get(port, '/visit').catch(() => {});
}

/** Process ids of the workers whose requests a viewer has seen. */
function pidsOf(feed: FeedClient): Set<string> {
  return new Set(feed.of('response').map(({ id }) => id.split('-')[0] ?? ''));
}

test('a viewer receives the rows of all workers, in order for each request', async () => {
  const clients: WebSocketClient[] = [];
  for (let n = 0; n < 6; n++) clients.push(await websocket(scene.port, `/ws?${n}`));
  const feed = await FeedClient.watch(scene.port);
  assert.equal((await feed.message('hello')).workers, 3);
  await feed.first('open', 6);
  // Each worker has the subscription when it has sent something.
  await until('rows of all workers', () => {
    visit(scene.port);
    return pidsOf(feed).size === 3;
  });
  await Promise.all(
    clients.map(async (client, n) => {
      for (let i = 0; i < 20; i++) await client.ask(`${n}:${i}`);
    }),
  );
  await until('all frames', () => feed.of('frame').filter(({ from }) => from === 'upstream').length >= 120);
  for (const { id } of feed.of('open')) {
    const texts = feed.of('frame').filter((frame) => frame.id === id && frame.from === 'client');
    const numbers = texts.map(({ payload }) =>
      Number(
        Buffer.from(payload ?? [])
          .toString()
          .split(':')[1],
      ),
    );
    assert.deepEqual(numbers, [...numbers.keys()]);
  }
  await Promise.all([...clients.map((client) => client.close()), feed.close()]);
});

test('viewers of all workers have the same token', async () => {
  const feeds: FeedClient[] = [];
  for (let n = 0; n < 8; n++) feeds.push(await FeedClient.open(scene.port));
  const tokens = await Promise.all(feeds.map(async (feed) => (await feed.message('hello')).token));
  assert.equal(new Set(tokens).size, 1);
  assert.match(tokens[0] ?? '', /^[\w-]{32}$/);
  await Promise.all(feeds.map((feed) => feed.close()));
});

test('the feed continues over a reload', async () => {
  const feed = await FeedClient.watch(scene.port, { frames: 'none' });
  await feed.message('hello');
  const next = scene.source(3);
  await scene.instance.reload({ ...next, text: next.text.replace('return 200 $pid', 'return 200 "$pid "') });
  await until('hello of the next generation', () => feed.messages.some(({ generation }) => generation === 2));
  await until('rows of all workers under the next generation', () => {
    visit(scene.port);
    const ids = new Set(feed.of('request').flatMap(({ id, generation }) => (generation === 2 ? [id] : [])));
    return new Set([...ids].map((id) => id.split('-')[0])).size === 3;
  });
  await feed.close();
});

test('a slow viewer in one worker loses rows that are counted, and delays nothing', async () => {
  const slow = await FeedClient.watch(scene.port, { payload: 65_536 });
  await slow.message('hello');
  const clients: WebSocketClient[] = [];
  for (let n = 0; n < 3; n++) clients.push(await websocket(scene.port, `/ws?${n}`));
  await slow.first('open', 3);
  slow.socket.pause();
  const message = 'x'.repeat(60_000);
  for (let i = 0; i < 80; i++) await Promise.all(clients.map((client) => client.ask(message)));
  slow.socket.resume();
  const [dropped] = await slow.first('dropped');
  assert.ok(dropped !== undefined && dropped.count > 0);
  await Promise.all(clients.map((client) => client.ask('end')));
  await until('the last frames', () => slow.of('frame').some(({ length }) => length === 3));
  await until('frames and dropped ones add up', () => {
    const seen = slow.of('frame').length + slow.of('dropped').reduce((sum, { count }) => sum + count, 0);
    return seen >= 486;
  });
  await Promise.all([...clients.map((client) => client.close()), slow.close()]);
});

test('workers that replace others report to the viewers that are there', async () => {
  const feeds: FeedClient[] = [];
  for (let n = 0; n < 16; n++) feeds.push(await FeedClient.watch(scene.port, { frames: 'none' }));
  const [victim = 0] = scene.instance.workers?.pids ?? [];
  process.kill(victim, 'SIGKILL');
  await until('a replacement', () => {
    const pids = scene.instance.workers?.pids ?? [];
    return pids.length === 3 && !pids.includes(victim);
  });
  const replacement = String(scene.instance.workers?.pids.at(-1));
  const left = feeds.filter(({ socket }) => socket.readyState === socket.OPEN);
  for (const feed of left) {
    await until('rows of the replacement', () => {
      visit(scene.port);
      return pidsOf(feed).has(replacement);
    });
  }
  await Promise.all(left.map((feed) => feed.close()));
});
