import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogEntry } from '../../src/logging/destination-log.js';
import { modules } from '../../src/modules/index.js';
import { watchedCount } from '../../src/net/deadlines.js';
import { openTransports } from '../../src/net/transport.js';
import type { Instance } from '../../src/process/instance.js';
import { ownInstance } from '../../src/process/own-instance.js';
import type { Serving } from '../../src/process/serving.js';
import { Upstream } from '../../src/upstream/upstream.js';
import { closedPort, complete, get, until } from '../kit/index.js';
import { deafPort } from './deaf.js';
import { FaultyBackend, RESET_CONFIGURATION, resetAtRandom } from './resets.js';

/** The upstreams of the configuration in force. */
function upstreams(instance: Instance<Serving>): Upstream[] {
  const { current } = instance.workers as unknown as {
    current: { table: { shared: Iterable<unknown> & { entries(): Iterable<[string, unknown]> } } };
  };
  return [...current.table.shared.entries()].map(([, object]) => object).filter((object) => object instanceof Upstream);
}

const seeds = (process.env.STRESS_SEEDS ?? '1').split(',').map(Number);
const total = Number(process.env.STRESS_CONNECTIONS ?? 800);

for (const seed of seeds) {
  test(`${total} connections that end at random moments leave nothing behind (seed ${seed})`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-resets-'));
    mkdirSync(join(directory, 'logs'));
    writeFileSync(join(directory, 'file'), Buffer.alloc(3 << 20, 0x66));
    const backend = await FaultyBackend.start(seed);
    const deaf = await deafPort();
    const entries: LogEntry[] = [];
    const [sockets, watched] = [openTransports(), watchedCount()];
    const replacements = {
      BACKEND: backend.port,
      DEAF: deaf.port,
      CLOSED: await closedPort(),
      DIR: directory,
      LISTEN: '127.0.0.1:0',
    };
    const instance = ownInstance({
      modules,
      source: { name: 'test', text: complete(RESET_CONFIGURATION, replacements), prefix: `${directory}/` },
      defaultErrorLog: (entry) => entries.push(entry),
      warn: assert.fail,
    });
    t.after(async () => {
      await instance.stop();
      await backend.close();
      deaf.close();
      rmSync(directory, { recursive: true, force: true });
    });
    await instance.start();
    const port = Number(instance.addresses[0]?.split(':')[1]);

    const outcome = await resetAtRandom(port, total, 40, seed);
    // The number of clients that receive a response before they leave depends on the load of the machine.
    t.diagnostic(`${outcome.answered} of ${total} saw an answer`);

    await until('no request is under way', () => instance.workers?.state.users === 0);
    await until('no client is connected', () => instance.workers?.connections === 0);
    // Idle connections may still be closed by the back end.
    const idle = (): number[] => upstreams(instance).map((upstream) => upstream.sessions.count);
    const kept = (): number => idle().reduce((sum, count) => sum + count, 0);
    assert.ok(
      idle().every((count) => count <= 32),
      `idle connections: ${idle()}`,
    );
    await until('only idle connections are open', () => openTransports() - sockets === kept());
    await until('only they are watched', () => watchedCount() - watched === kept());
    for (const upstream of upstreams(instance)) {
      for (const peer of upstream.current().peers) assert.equal(peer.conns, 0, `${upstream.name} ${peer.name}`);
    }
    assert.deepEqual(
      entries.filter(({ level }) => level === 'alert' || level === 'crit' || level === 'emerg'),
      [],
    );
    // It serves on.
    assert.equal((await get(port, '/chunked')).status, 200);
    await instance.stop();
    await until('every socket is closed', () => openTransports() === sockets && watchedCount() === watched);
  });
}
