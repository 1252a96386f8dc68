import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CacheEntries, type CacheNews } from '../../src/zones/cache-entries.js';

const MIB = 1 << 20;
const everything = { inactive: Number.POSITIVE_INFINITY, maxSize: Number.POSITIVE_INFINITY, anyway: false, count: 100 };

function hash(i: number): string {
  return (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').repeat(4);
}

/** A process that records what it is told. */
class User {
  readonly news: CacheNews[] = [];
  notify(_zone: number, news: unknown): void {
    this.news.push(news as CacheNews);
  }
}

const user = new User();

function filled(count: number, size = 4096): CacheEntries {
  const entries = new CacheEntries(MIB);
  for (let i = 0; i < count; i++) entries.stored(hash(i), size, i * 1000, user, 1);
  return entries;
}

test('uses are counted over misses, stores and accesses', () => {
  const entries = new CacheEntries(MIB);
  assert.equal(entries.missed(hash(1), 0), 1);
  assert.equal(entries.missed(hash(1), 0), 2);
  entries.stored(hash(1), 5000, 0, user, 1);
  entries.accessed([hash(1), hash(2)], [2, 1], 3000);
  assert.deepEqual(entries.list(0, 10, 4000).entries, [{ hash: hash(1), size: 8192, uses: 4, unused: 1000 }]);
  assert.deepEqual(entries.totals, { size: 8192, files: 1, entries: 1, cold: true });
  entries.removed(hash(1), user, 1);
  assert.deepEqual(entries.totals, { size: 0, files: 0, entries: 1, cold: true });
  assert.equal(entries.missed(hash(1), 0), 5);
});

test('inactive entries are evicted, the oldest access first', () => {
  const entries = filled(5);
  entries.accessed([hash(0)], [1], 9000);
  const evicted = entries.evict(10_000, { ...everything, inactive: 7000 });
  assert.deepEqual(evicted, [hash(1), hash(2), hash(3)]);
  assert.equal(entries.nextInactive(10_000, 7000), 1000);
  assert.equal(entries.totals.files, 2);
});

test('the size counts evicted files until their removal is confirmed', () => {
  const entries = filled(5);
  const evicted = entries.evict(0, { ...everything, maxSize: 3 * 4096 });
  assert.deepEqual(evicted, [hash(0), hash(1)]);
  assert.equal(entries.totals.size, 5 * 4096);
  assert.deepEqual(entries.confirm(evicted, 0), []);
  assert.equal(entries.totals.size, 3 * 4096);
});

test('at most the given number of entries is evicted at once, and as many in any case', () => {
  const entries = filled(5);
  assert.equal(entries.evict(0, { ...everything, anyway: true, count: 2 }).length, 2);
  assert.equal(entries.totals.files, 3);
});

test('a file stored while or shortly after an eviction removes it is to be checked', () => {
  const entries = filled(3);
  entries.evict(0, { ...everything, maxSize: 4096 });
  assert.equal(entries.stored(hash(0), 4096, 100, user, 1), false);
  assert.deepEqual(entries.confirm([hash(0), hash(1)], 100), [hash(0)]);
  assert.equal(entries.stored(hash(1), 4096, 500, user, 1), true);
  assert.equal(entries.stored(hash(1), 4096, 5000, user, 1), false);
});

test('a full zone evicts the oldest entries, and tells the keeper', () => {
  const keeper = new User();
  const entries = new CacheEntries(64 << 10);
  assert.deepEqual(entries.keep(keeper, 1, 's', Number.POSITIVE_INFINITY), []);
  const count = 1000;
  for (let i = 0; i < count; i++) entries.stored(hash(i), 4096, i, user, 1);
  const { files, entries: rows } = entries.totals;
  assert.ok(files >= 384 && files <= 480 && rows === files, `${files} entries of 128 bytes in 64 KiB`);
  const evicted = keeper.news.flatMap((news) => news.evicted ?? []);
  assert.deepEqual(
    evicted,
    Array.from({ length: count - files }, (_, i) => hash(i)),
  );
  assert.deepEqual(entries.load([hash(1), hash(count - 1), hash(5000)], [1, 1, 1], 0), [hash(5000)]);
});

test('one process is the keeper, until it ends or the settings change', () => {
  const [a, b] = [new User(), new User()];
  const entries = new CacheEntries(MIB);
  entries.watch(a, 1);
  entries.watch(b, 2);
  assert.deepEqual(entries.keep(a, 1, 's', 4096), []);
  assert.equal(entries.keep(b, 2, 's', 4096), null);
  entries.stored(hash(1), 4096, 0, user, 3);
  assert.deepEqual(a.news, []);
  for (let i = 2; i < 5; i++) entries.stored(hash(i), 4096, 0, user, 3);
  assert.deepEqual(a.news, [{ full: true }]);
  entries.evict(0, { ...everything, maxSize: 3 * 4096 });
  entries.unwatch(a, 1);
  assert.deepEqual(b.news, [{ vacant: true }]);
  assert.deepEqual(entries.keep(b, 2, 's', 4096), [hash(1)], 'removals that were not confirmed');
  assert.deepEqual(entries.keep(a, 1, 'other', 4096), [hash(1)]);
});

test('followers learn which entries others store, remove and evict', () => {
  const [a, b] = [new User(), new User()];
  const entries = new CacheEntries(MIB);
  entries.follow(a, 1);
  entries.follow(b, 2);
  entries.stored(hash(1), 1, 0, a, 1);
  entries.removed(hash(1), b, 2);
  entries.stored(hash(2), 1, 0, b, 2);
  entries.evict(0, { ...everything, maxSize: 0 });
  assert.deepEqual(
    a.news.map(({ changed }) => changed),
    [[hash(1)], [hash(2)], [hash(2)]],
  );
  assert.deepEqual(
    b.news.map(({ changed }) => changed),
    [[hash(1)], [hash(2)]],
  );
});

test('loaded files are added unless they are known or being removed', () => {
  const entries = filled(2, 8192);
  entries.evict(0, { ...everything, maxSize: 8192 });
  assert.deepEqual(entries.load([hash(0), hash(1), hash(2)], [4096, 4096, 4096], 0), []);
  assert.deepEqual(entries.totals, { size: 8192 + 8192 + 4096, files: 2, entries: 2, cold: true });
  entries.loaded();
  assert.equal(entries.totals.cold, false);
});

test('a list is continued where it ended', () => {
  const entries = filled(5);
  const first = entries.list(0, 3, 0);
  const second = entries.list(first.next, 3, 0);
  assert.equal(second.next, -1);
  assert.deepEqual(
    [...first.entries, ...second.entries].map((entry) => entry.hash),
    [0, 1, 2, 3, 4].map(hash),
  );
});

test('the ledger agrees with a list of entries after many operations', () => {
  const entries = new CacheEntries(64 << 10);
  const model = new Map<string, number>();
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let i = 0; i < 20_000; i++) {
    const key = hash(random(300));
    const act = random(4);
    if (act === 0) {
      entries.removed(key, user, 1);
      model.delete(key);
    } else if (act === 1) {
      const size = random(5);
      entries.stored(key, size * 4096, i, user, 1);
      model.set(key, size * 4096);
    } else if (act === 2) entries.accessed([key], [1], i);
    else if (random(20) === 0) {
      const evicted = entries.evict(i, { ...everything, maxSize: 100 * 4096, count: 10 });
      for (const each of evicted) model.delete(each);
      entries.confirm(evicted, i);
    }
  }
  const listed = new Map(entries.list(0, 1000, 0).entries.map((entry) => [entry.hash, entry.size]));
  assert.deepEqual([...listed].sort(), [...model].sort());
  assert.equal(
    entries.totals.size,
    [...model.values()].reduce((sum, size) => sum + size, 0),
  );
  assert.equal(entries.totals.files, model.size);
});
