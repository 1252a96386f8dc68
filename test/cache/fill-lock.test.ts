import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { FillLocks, type LockTerms } from '../../src/cache/fill-lock.js';
import { FillProgress } from '../../src/cache/fill-progress.js';
import { portChannel } from '../../src/zones/channel.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { ZoneServer } from '../../src/zones/zone-server.js';

const strict = { log: (_level: string, message: string) => assert.fail(message), timeout: 20_000 };
const PATIENT: LockTerms = { wait: 'complete', timeout: 60_000, age: 60_000 };
const STREAM: LockTerms = { ...PATIENT, wait: 'stream' };

interface Subject {
  /** Backends of two users of the zone. */
  readonly backends: readonly [ZoneBackend, ZoneBackend];
  close(): void;
}

const BACKENDS: Readonly<Record<string, () => Subject>> = {
  'this process': () => {
    const backend = new LocalBackend();
    return { backends: [backend, backend], close: () => {} };
  },
  'the master': () => {
    const server = new ZoneServer();
    const channels = [new MessageChannel(), new MessageChannel()] as const;
    for (const { port1 } of channels) server.serve(portChannel(port1));
    const remote = (i: 0 | 1) => new RemoteBackend(portChannel(channels[i].port2), strict);
    return {
      backends: [remote(0), remote(1)],
      close: () => {
        for (const { port1 } of channels) port1.close();
      },
    };
  },
};

for (const [name, create] of Object.entries(BACKENDS)) {
  const during = async (use: (one: FillLocks, two: FillLocks) => Promise<void>): Promise<void> => {
    const { backends, close } = create();
    try {
      await use(new FillLocks(backends[0], 'c'), new FillLocks(backends[1], 'c'));
    } finally {
      close();
    }
  };

  test(`zone in ${name}: requests wait until the entry is stored`, () =>
    during(async (one, two) => {
      const filler = one.lock('k');
      assert.equal(await filler.acquire(PATIENT), 'mine');
      assert.ok(filler.isFiller);
      const waiting = [two.lock('k'), one.lock('k'), two.lock('k')].map((lock) => lock.acquire(PATIENT));
      assert.equal(await two.lock('k').acquire({ ...PATIENT, wait: 'no' }), 'busy');
      assert.equal(await two.lock('other').acquire(PATIENT), 'mine');
      filler.end('filled', 0);
      assert.deepEqual(await Promise.all(waiting), ['filled', 'filled', 'filled']);
      const next = two.lock('k');
      assert.equal(await next.acquire(PATIENT), 'mine');
      next.leave();
    }));

  test(`zone in ${name}: a request waits no longer than its timeout, or until the lock is too old`, () =>
    during(async (one, two) => {
      const filler = one.lock('k');
      assert.equal(await filler.acquire({ ...PATIENT, age: 40 }), 'mine');
      assert.equal(await two.lock('k').acquire({ ...PATIENT, timeout: 10 }), 'timeout');
      const second = two.lock('k');
      assert.equal(await second.acquire(PATIENT), 'mine');
      assert.equal(await one.lock('k').acquire({ ...PATIENT, timeout: 10 }), 'timeout');
      filler.leave();
      second.leave();
      assert.equal(await one.lock('k').acquire(PATIENT), 'mine');
    }));

  test(`zone in ${name}: readers follow the file, which is flushed for them only`, () =>
    during(async (one, two) => {
      const filler = one.lock('k');
      assert.equal(await filler.acquire(STREAM), 'mine');
      let [written, flushes] = [5, 0];
      const flushed: (() => void)[] = [];
      const flush = () => {
        flushes++;
        for (const resolve of flushed.splice(0)) resolve();
        return written;
      };
      filler.announce('/tmp/1', flush);
      filler.grown();
      const readers = [two.lock('k'), two.lock('k')];
      assert.equal(flushes, 0);
      const progress = await Promise.all(readers.map((lock) => lock.acquire(STREAM)));
      const [file] = progress;
      assert.ok(file instanceof FillProgress);
      assert.equal(progress[1], file);
      assert.equal(file.path, '/tmp/1');
      const reach = (length: number) =>
        new Promise<void>((resolve) => {
          if (file.length >= length) resolve();
          else file.listen(() => file.length >= length && resolve());
        });
      await reach(5);
      written = 9;
      filler.grown();
      await reach(9);
      assert.equal(file.ended, null);
      const ended = new Promise((resolve) => file.listen(() => resolve(file.ended)));
      filler.end('filled', 12);
      assert.equal(await ended, 'filled');
      assert.equal(file.length, 12);
      for (const reader of readers) reader.leave();
    }));

  test(`zone in ${name}: a request that leaves the queue is not the next filler`, () =>
    during(async (one, two) => {
      const filler = one.lock('k');
      assert.equal(await filler.acquire(PATIENT), 'mine');
      const left = two.lock('k');
      void Promise.resolve(left.acquire(PATIENT)).then(() => assert.fail('it has left'));
      const next = two.lock('k').acquire(PATIENT);
      left.leave();
      // Settled in the order in which the zone got the questions.
      assert.equal(await two.lock('k').acquire({ ...PATIENT, wait: 'no' }), 'busy');
      filler.leave();
      assert.equal(await next, 'mine');
    }));
}

test('without an answer of the master the entry is requested without a lock after the timeout', async () => {
  const { port1, port2 } = new MessageChannel();
  const locks = new FillLocks(new RemoteBackend(portChannel(port2), { log: () => {}, timeout: 5 }), 'c');
  const started = performance.now();
  assert.equal(await locks.lock('k').acquire({ ...PATIENT, timeout: 150 }), 'unlocked');
  assert.ok(performance.now() - started >= 150);
  assert.equal(await locks.lock('k').acquire({ ...PATIENT, wait: 'no' }), 'unlocked');
  port1.close();
});

test('a question that was answered too late leaves no lock behind', async () => {
  const [slow, other] = [new MessageChannel(), new MessageChannel()];
  const server = new ZoneServer();
  server.serve(portChannel(other.port1));
  const filler = new FillLocks(new RemoteBackend(portChannel(slow.port2), { log: () => {}, timeout: 200 }), 'c').lock(
    'k',
  );
  const acquired = filler.acquire(PATIENT);
  // The master begins to read after the first timeout.
  setTimeout(() => server.serve(portChannel(slow.port1)), 250);
  assert.equal(await acquired, 'mine');
  const locks = new FillLocks(new RemoteBackend(portChannel(other.port2), strict), 'c');
  assert.equal(await locks.lock('k').acquire({ ...PATIENT, wait: 'no' }), 'busy');
  const next = locks.lock('k').acquire(PATIENT);
  filler.leave();
  assert.equal(await next, 'mine');
  slow.port1.close();
  other.port1.close();
});
