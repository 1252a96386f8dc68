/** The overview and control of the console over worker processes, which ask their master. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Problem, StateMessage, WorkerState } from '../../src/console/state.js';
import type { Instance } from '../../src/process/instance.js';
import type { WorkerProcesses } from '../../src/process/worker-processes.js';
import { FeedClient } from '../console/feed-client.js';
import { until, websocket } from '../kit/index.js';
import { eventually } from '../modules/api-client.js';
import { ask, problemsOf, tokenField } from '../modules/console-client.js';
import { workerScene } from './worker-scene.js';

/** A master with workers, and the last overview that a viewer has received. */
class Scene {
  private constructor(
    readonly instance: Instance<WorkerProcesses>,
    readonly port: number,
    private readonly feed: FeedClient,
  ) {}

  static async open(t: TestContext, workers: number): Promise<Scene> {
    const { instance, port, close } = await workerScene(
      workers,
      `location /console/ { console control=on; }
      location / { proxy_set_header X-Api-Key s3cr3t; proxy_pass http://127.0.0.1:%%ECHO%%; }`,
    );
    t.after(close);
    await instance.start();
    return new Scene(instance, port, await FeedClient.open(port));
  }

  get state(): StateMessage | undefined {
    return this.feed.messages.findLast(({ type }) => type === 'state') as StateMessage | undefined;
  }

  /** Pids of the workers in the overview. */
  get pids(): number[] {
    return (this.state?.workers ?? []).map(({ pid }: WorkerState) => pid);
  }
}

test('an overview has all workers, and reports one that was lost', async (t) => {
  const scene = await Scene.open(t, 2);
  const sockets = [];
  for (let i = 0; i < 4; i++) sockets.push(await websocket(scene.port, '/ws'));
  // The viewer is a tunnel as well.
  await until('the tunnels of both workers', () => scene.state?.connections.tunnels === 5);
  assert.deepEqual(
    scene.state?.workers.map(({ number }) => number),
    [0, 1],
  );
  assert.deepEqual(scene.pids.sort(), [...(scene.instance.workers?.pids ?? [])].sort());
  assert.deepEqual(
    scene.state?.generations.map(({ number, tunnels }) => [number, tunnels]),
    [[1, 5]],
  );
  assert.deepEqual(problemsOf(scene.state), []);
  assert.equal(scene.state?.reloads[0]?.cause, 'start');
  // Processor time needs two overviews, and the event loop two periods.
  await until('figures of workers', () => {
    return scene.state?.workers.every(({ cpu, lag }) => cpu !== null && lag !== null) === true;
  });

  // It may be the one that serves the viewer, so the overview is requested.
  const [victim = 0] = scene.pids;
  process.kill(victim, 'SIGKILL');
  await eventually('the loss and the replacement', async () => {
    const { body } = await ask(scene.port, 'state').catch(() => ({ body: null }));
    const pids: number[] = body?.workers?.map(({ pid }: WorkerState) => pid) ?? [];
    const texts: string[] = body?.problems?.map(({ text }: Problem) => text) ?? [];
    return (
      pids.length === 2 &&
      !pids.includes(victim) &&
      texts.includes(`Worker process ${victim} exited on signal 9 and was replaced`)
    );
  });
  await Promise.all(sockets.map((socket) => socket.socket.terminate()));
});

test('workers ask their master for texts, explanations and reloads', async (t) => {
  const scene = await Scene.open(t, 2);
  const config = await ask(scene.port, 'config');
  assert.equal(config.status, 200);
  assert.match(config.body.texts[0].text, /X-Api-Key \[redacted\];/);
  const explained = await ask(scene.port, 'explain', { request: 'GET /a' });
  assert.equal(explained.status, 200);
  assert.match(explained.body.text, /location \//);
  const token = await tokenField(scene.port);
  const reloaded = await ask(scene.port, 'reload', {}, [token]);
  assert.deepEqual([reloaded.status, reloaded.body.generation], [200, 2]);
  await until('the new generation', () => scene.state?.generation === 2);
  assert.deepEqual((await ask(scene.port, 'generations')).body.length, 2);
  // The token is the same in all workers and generations.
  for (let i = 0; i < 4; i++) assert.equal((await ask(scene.port, 'tunnels/1-1/close', {}, [token])).status, 404);
});
