import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { ZoneDeclaration } from '../../src/config/zone-declaration.js';
import { announceFill, endFill, lockEntry, reportFill } from '../../src/zones/cache-lock-operations.js';
import type { LockNews } from '../../src/zones/cache-locks.js';
import { portChannel } from '../../src/zones/channel.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { giveBack } from '../../src/zones/tickets.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { ZoneServer } from '../../src/zones/zone-server.js';

const LOCKS: ZoneDeclaration = { kind: 'cache_locks', name: 'c', size: 0, key: '' };
const strict = { log: (_level: string, message: string) => assert.fail(message), timeout: 20_000 };

/** A user of the zone, with the updates that it got. */
class User {
  readonly news: LockNews[] = [];
  readonly zone: number;

  constructor(readonly backend: ZoneBackend) {
    this.zone = backend.open(LOCKS, (each) => this.news.push(each as LockNews)).id;
  }

  async lock(ticket: number, wait: 'no' | 'complete' | 'stream' = 'complete', age = 60_000): Promise<string> {
    return (await this.backend.ask(lockEntry, { zone: this.zone, key: 'k', ticket, age, wait })).outcome;
  }

  end(ticket: number, end: 'filled' | 'failed' | 'passed', length = 0): void {
    this.backend.tell(endFill, { ticket, length, end });
    this.backend.tell(giveBack, ticket);
  }

  /** The updates so far; those of earlier operations have arrived. */
  async updates(): Promise<LockNews[]> {
    await this.backend.ask(giveBack, -1);
    return this.news.splice(0);
  }
}

const OF_DYING = 9;

/** Clock of the zones, ms. */
let time = 1000;

interface Users {
  readonly one: User;
  readonly two: User;
  /** Ends the second user, which has that ticket. */
  kill(): void;
  close(): void;
}

const BACKENDS: Readonly<Record<string, () => Users>> = {
  'this process': () => {
    const backend = new LocalBackend(() => time);
    return {
      one: new User(backend),
      two: new User(backend),
      kill: () => backend.tell(giveBack, OF_DYING),
      close: () => {},
    };
  },
  'a master of two workers': () => {
    const server = new ZoneServer(() => time);
    const [a, b] = [new MessageChannel(), new MessageChannel()];
    server.serve(portChannel(a.port1));
    const second = server.serve(portChannel(b.port1));
    return {
      one: new User(new RemoteBackend(portChannel(a.port2), strict)),
      two: new User(new RemoteBackend(portChannel(b.port2), strict)),
      kill: () => second.end(),
      close: () => {
        a.port1.close();
        b.port1.close();
      },
    };
  },
};

const done = (ticket: number, outcome: 'mine' | 'filled' | 'unlocked') => ({ ticket, outcome, growing: null });

for (const [name, create] of Object.entries(BACKENDS)) {
  describe(`locks of cache entries in ${name}`, () => {
    const during = async (use: (users: Users) => Promise<void>): Promise<void> => {
      const users = create();
      try {
        await use(users);
      } finally {
        users.close();
      }
    };

    test('one request is the filler; all others learn that the entry is stored', () =>
      during(async ({ one, two }) => {
        assert.equal(await one.lock(1), 'mine');
        assert.equal(await two.lock(2), 'busy');
        assert.equal(await two.lock(3, 'no'), 'busy');
        one.end(1, 'filled');
        await one.updates();
        assert.deepEqual(await two.updates(), [done(2, 'filled')]);
        assert.equal(await two.lock(4, 'no'), 'mine');
      }));

    test('after a failure the request that has waited longest is the filler, unless it has left', () =>
      during(async ({ one, two }) => {
        assert.equal(await one.lock(1), 'mine');
        for (const ticket of [2, 3, 4]) assert.equal(await two.lock(ticket), 'busy');
        two.backend.tell(giveBack, 2);
        await two.updates();
        one.backend.tell(giveBack, 1);
        await one.updates();
        assert.deepEqual(await two.updates(), [done(3, 'mine')]);
        two.end(3, 'failed');
        assert.deepEqual(await two.updates(), [done(4, 'mine')]);
        two.backend.tell(giveBack, 4);
        await two.updates();
        assert.equal(await one.lock(5), 'mine');
      }));

    test('a response that is not stored lets requests that can stream continue, and one that cannot', () =>
      during(async ({ one, two }) => {
        assert.equal(await one.lock(1), 'mine');
        assert.equal(await two.lock(2), 'busy');
        assert.equal(await two.lock(3), 'busy');
        assert.equal(await two.lock(4, 'stream'), 'busy');
        assert.equal(await two.lock(5, 'stream'), 'busy');
        one.end(1, 'passed');
        await one.updates();
        assert.deepEqual(await two.updates(), [done(4, 'unlocked'), done(5, 'unlocked'), done(2, 'mine')]);
      }));

    test('another request is a second filler when the lock is too old, and the first one still ends the wait', () =>
      during(async ({ one, two }) => {
        assert.equal(await one.lock(1, 'complete', 500), 'mine');
        assert.equal(await two.lock(2, 'complete', 500), 'busy');
        time += 500;
        two.backend.tell(giveBack, 2);
        assert.equal(await two.lock(5, 'complete', 500), 'mine');
        assert.equal(await two.lock(3, 'complete', 500), 'busy');
        one.end(1, 'filled');
        await one.updates();
        assert.deepEqual(await two.updates(), [done(3, 'filled')]);
        assert.equal(await one.lock(4, 'no'), 'busy');
        two.end(5, 'filled');
        await two.updates();
        assert.equal(await one.lock(4, 'no'), 'mine');
      }));

    test('readers of a growing file learn its place, its growth and its end; the filler learns that there are any', () =>
      during(async ({ one, two }) => {
        assert.equal(await one.lock(1, 'stream'), 'mine');
        assert.equal(await two.lock(2, 'stream'), 'busy');
        assert.equal(await two.lock(3, 'complete'), 'busy');
        one.backend.tell(announceFill, { ticket: 1, path: '/tmp/1', length: 10 });
        const announced = (await one.updates()).filter((each) => 'followed' in each);
        assert.deepEqual(announced, [{ followed: 1 }]);
        const [first] = await two.updates();
        assert.ok(first !== undefined && 'outcome' in first && first.growing !== null);
        const { fill } = first.growing;
        assert.deepEqual(first, { ticket: 2, outcome: 'growing', growing: { fill, path: '/tmp/1', length: 10 } });

        one.backend.tell(reportFill, { ticket: 1, length: 20 });
        await one.updates();
        assert.deepEqual(await two.updates(), [{ fill, length: 20, ended: null }]);
        assert.equal(await two.lock(4, 'stream'), 'growing');
        assert.deepEqual(await two.updates(), [
          { ticket: 4, outcome: 'growing', growing: { fill, path: '/tmp/1', length: 20 } },
        ]);
        one.end(1, 'filled', 30);
        await one.updates();
        // Once for both readers of this process.
        assert.deepEqual(await two.updates(), [done(3, 'filled'), { fill, length: 30, ended: 'filled' }]);
      }));

    test('a worker that dies releases its locks: readers learn of the failure, and another request is the filler', () =>
      during(async ({ one, two, kill }) => {
        assert.equal(await two.lock(OF_DYING, 'stream'), 'mine');
        assert.equal(await one.lock(1, 'stream'), 'busy');
        assert.equal(await one.lock(2), 'busy');
        two.backend.tell(announceFill, { ticket: OF_DYING, path: '/tmp/1', length: 10 });
        await two.updates();
        const [growing] = await one.updates();
        assert.ok(growing !== undefined && 'outcome' in growing && growing.growing !== null);
        kill();
        assert.deepEqual(await one.updates(), [
          done(2, 'mine'),
          { fill: growing.growing.fill, length: 10, ended: 'failed' },
        ]);
      }));

    test('requests of a dead worker do not wait any more', () =>
      during(async ({ one, two, kill }) => {
        assert.equal(await one.lock(1), 'mine');
        assert.equal(await two.lock(OF_DYING), 'busy');
        kill();
        one.end(1, 'failed');
        assert.deepEqual(await one.updates(), []);
        assert.equal(await one.lock(2, 'no'), 'mine');
      }));
  });
}

test('locks continue in another backend after a reload, and end with the request that has them', async () => {
  const local = new LocalBackend(() => time);
  const user = new User(local);
  assert.equal(await user.lock(1), 'mine');
  assert.equal(await user.lock(2), 'busy');
  const { port1, port2 } = new MessageChannel();
  new ZoneServer(() => time).serve(portChannel(port1));
  const later = new User(new RemoteBackend(portChannel(port2), strict));
  local.moveTo(later.backend);
  assert.equal(await later.lock(3), 'busy');
  user.end(1, 'filled');
  assert.deepEqual(await user.updates(), [done(2, 'filled')]);
  // It looks the entry up again.
  assert.deepEqual(await later.updates(), [done(3, 'mine')]);
  port1.close();
});
