/** The traffic tap over worker processes: a subscriber in the master receives the rows of all of them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TapOptions } from '../../src/library/tap.js';
import { tapSettings } from '../../src/library/tap-subscription.js';
import type { Instance } from '../../src/process/instance.js';
import type { WorkerProcesses } from '../../src/process/worker-processes.js';
import type { TapRow } from '../../src/tap/rows.js';
import { get, until, type WebSocketClient, websocket } from '../kit/index.js';
import { type WorkerScene, workerScene } from './worker-scene.js';

class Scene {
  readonly rows: TapRow[] = [];

  private constructor(
    readonly instance: Instance<WorkerProcesses>,
    readonly port: number,
    readonly source: WorkerScene['source'],
  ) {}

  static async open(t: TestContext, workers = 2): Promise<Scene> {
    const { instance, port, source, close } = await workerScene(workers, 'location / { return 200 $pid; }');
    t.after(close);
    return new Scene(instance, port, source);
  }

  subscribe(options: TapOptions = {}): () => void {
    return this.instance.subscribe({
      settings: tapSettings(options),
      deliver: async (rows) => void this.rows.push(...rows),
    });
  }

  /** Process ids of the workers whose rows arrived. */
  get pids(): Set<string> {
    return new Set(this.rows.flatMap((row) => (row.type === 'response' ? [row.id.split('-')[0] ?? ''] : [])));
  }

  /** Sends requests until rows of that many workers have arrived. */
  async seen(count: number): Promise<void> {
    for (let i = 0; i < 2000 && this.pids.size < count; i++) await get(this.port);
    assert.equal(this.pids.size, count);
  }
}

test('a subscriber receives the rows of all workers, of replaced and of added ones', async (t) => {
  const scene = await Scene.open(t);
  scene.subscribe({ kinds: ['http'] });
  await scene.instance.start();
  await scene.seen(2);
  const { pids } = scene.instance.workers ?? { pids: [] };
  assert.deepEqual([...scene.pids].sort(), pids.map(String).sort());
  // Both rows of a request arrive, in their order.
  const types = new Map<string, string[]>();
  for (const row of scene.rows) if ('id' in row) types.set(row.id, [...(types.get(row.id) ?? []), row.type]);
  for (const each of types.values()) assert.deepEqual(each, ['request', 'response']);

  process.kill(pids[0] ?? 0, 'SIGKILL');
  await until(
    'it is replaced',
    () => scene.instance.workers?.pids.length === 2 && !scene.instance.workers.pids.includes(pids[0] ?? 0),
  );
  scene.rows.length = 0;
  await scene.seen(2);
  await scene.instance.reload(scene.source(3));
  scene.rows.length = 0;
  await scene.seen(3);
});

test('WebSockets that are open are reported by their workers, and the end of the subscription reaches them', async (t) => {
  const scene = await Scene.open(t);
  await scene.instance.start();
  const clients: WebSocketClient[] = [];
  for (let i = 0; i < 20; i++) clients.push(await websocket(scene.port, '/ws'));
  const end = scene.subscribe({ kinds: ['websocket'] });
  await until('all are reported', () => scene.rows.filter(({ type }) => type === 'open').length === 20);
  for (const client of clients) assert.equal(await client.ask('hello'), 'hello');
  await until('the frames are reported', () => scene.rows.filter(({ type }) => type === 'frame').length === 40);
  const [frame] = scene.rows.filter((row) => row.type === 'frame');
  assert.equal(Buffer.from(frame?.payload ?? []).toString(), 'hello');
  end();
  for (const client of clients) assert.equal(await client.ask('unseen'), 'unseen');
  assert.equal(scene.rows.filter(({ type }) => type === 'frame').length, 40);
  await Promise.all(clients.map((client) => client.close()));
});

test('a subscriber that accepts nothing stops no worker, and its losses are counted', async (t) => {
  const scene = await Scene.open(t, 1);
  await scene.instance.start();
  let accept = (): void => {};
  const rows: TapRow[] = [];
  scene.instance.subscribe({
    settings: tapSettings({ kinds: ['websocket'], queue: 20 }),
    deliver: (batch) => {
      rows.push(...batch);
      return new Promise<void>((resolve) => {
        accept = resolve;
      });
    },
  });
  const client = await websocket(scene.port, '/ws');
  for (let i = 0; i < 200; i++) assert.equal(await client.ask(`${i}`), `${i}`);
  await client.close();
  const total = 1 + 400 + 2 + 1;
  const counted = (): number => rows.reduce((sum, row) => sum + (row.type === 'dropped' ? row.count : 1), 0);
  const before = rows.length;
  assert.ok(before < 20, `${before} rows without acceptance`);
  await until('all rows are accounted for', () => {
    accept();
    return counted() === total;
  });
  assert.ok(rows.some(({ type }) => type === 'dropped'));
});
