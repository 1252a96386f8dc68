import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CachePurger, type PurgedDirectory } from '../../src/cache/cache-purger.js';
import type { EntryHead } from '../../src/cache/entry-head.js';
import { entryPath, hashOf } from '../../src/cache/entry-path.js';
import { EntryWriter } from '../../src/cache/entry-writer.js';
import { PurgeList } from '../../src/cache/purge-list.js';
import { loadedEntries, storedEntry } from '../../src/zones/cache-operations.js';
import { CachePurges, type Purge, type PurgeKind, type PurgeNews } from '../../src/zones/cache-purges.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { until } from '../kit/index.js';

const PAST = Math.floor(Date.now() / 1000) - 10;
const LIMITS = { files: 2, sleep: 0, threshold: 200 };

function headOf(key: string, change: Partial<EntryHead> = {}): EntryHead {
  return {
    validUntil: PAST + 1000,
    staleWhileRevalidateUntil: 0,
    staleIfErrorUntil: 0,
    key,
    date: PAST,
    lastModified: -1,
    etag: '',
    vary: '',
    variant: '',
    status: 200,
    reason: 'OK',
    version: 11,
    fields: '',
    tags: [],
    ...change,
  };
}

/** A cache with a purger, and a second process with the same zones. */
function cache(t: TestContext, purger: PurgedDirectory['purger']) {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-purge-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const backend = new LocalBackend();
  const zone = backend.open({ kind: 'cache', name: 'c', size: 1 << 20, key: path });
  backend.tell(loadedEntries, { zone: zone.id });
  const data = { path, levels: [1, 2], zone: 'c', inactive: 600_000, purger };
  const dropped: string[] = [];
  const own = new CachePurger(data, backend, zone, (hash) => dropped.push(hash));
  const other = new CachePurger(data, backend, zone, () => {});
  t.after(() => {
    own.close();
    other.close();
    zone.close();
  });
  return {
    own,
    other,
    dropped,
    store(key: string, change: Partial<EntryHead> = {}, hash = hashOf(key)): EntryHead {
      const head = headOf(key, change);
      const writer = new EntryWriter({ path: entryPath(data, hash), temporary: null }, head);
      backend.ask(storedEntry, { zone: zone.id, hash, size: writer.finish() });
      return head;
    },
    exists: (key: string) => existsSync(entryPath(data, hashOf(key))),
    log: (level: string, message: string) => assert.fail(`${level}: ${message}`),
  };
}

test('the purge of a key removes its file at once, and no other', async (t) => {
  const { own, dropped, store, exists, log } = cache(t, null);
  const [, kept] = [store('/a'), store('/ab')];
  assert.equal(await own.purgeKey('/a', log), 'purged');
  assert.equal(exists('/a'), false);
  assert.deepEqual(dropped, [hashOf('/a')]);
  assert.equal(own.isPurged(hashOf('/ab'), kept), false);
  assert.equal(exists('/ab'), true);
  assert.equal(await own.purgeKey('/a', log), 'missing');
});

test('the purge of a key with variants applies to all of them, in every process', async (t) => {
  const { own, other, store, log } = cache(t, null);
  const vary = { vary: 'Accept', variant: '0'.repeat(32) };
  store('/a', vary);
  const variant = store('/a', { ...vary, variant: '1'.repeat(32) }, 'f'.repeat(32));
  assert.equal(await own.purgeKey('/a', log), 'purged');
  assert.equal(other.isPurged('f'.repeat(32), variant), true);
  assert.equal(other.isPurged('f'.repeat(32), { ...variant, date: PAST + 60 }), false);
});

test('prefixes, expressions and tags purge entries that were stored before, in every process', async (t) => {
  const { own, other, store, exists, log } = cache(t, null);
  const heads = ['/img/a', '/img/b', '/page/1', '/page/2'].map((key) => store(key, { tags: [key.slice(-1), 'all'] }));
  const purged = () => heads.filter((head) => other.isPurged(hashOf(head.key), head)).map(({ key }) => key);
  assert.deepEqual(purged(), []);
  assert.equal(await own.purgeKey('/img/*', log), 'purged');
  assert.deepEqual(purged(), ['/img/a', '/img/b']);
  assert.equal(exists('/img/a'), false);
  assert.equal(await own.purgeMatches('ge/[2-9]$'), 'purged');
  assert.deepEqual(purged(), ['/img/a', '/img/b', '/page/2']);
  assert.equal(await own.purgeTags(['x', '1']), 'purged');
  assert.deepEqual(purged().length, 4);
  assert.equal(await own.purgeMatches('(a'), 'invalid');
  assert.equal(await own.purgeMatches('a'.repeat(2000)), 'invalid');
});

test('with purger=on, the files are removed although nobody requests them, and the purge is over', async (t) => {
  const { own, store, exists, log } = cache(t, LIMITS);
  const keys = Array.from({ length: 250 }, (_, i) => `/${i % 2 === 0 ? 'even' : 'odd'}/${i}`);
  const heads = keys.map((key) => store(key));
  await own.purgeKey('/even/*', log);
  await until('the files are removed', () => keys.every((key) => exists(key) === key.startsWith('/odd')));
  await until('the purge is over', () => !own.isPurged(hashOf('/even/0'), heads[0] as EntryHead));
});

test('an expression that takes too long counts as a match', async (t) => {
  const { own, store } = cache(t, null);
  const head = store(`${'a'.repeat(4000)}b`);
  await own.purgeMatches('^(a+)+(a+)+(a+)+c');
  const started = performance.now();
  own.isPurged(hashOf(head.key), head);
  assert.ok(performance.now() - started < 5000);
});

test('the zone tells a new process of all purges, and forgets those that are over', () => {
  let now = 0;
  const purges = new CachePurges(() => now);
  const purge = (by: PurgeKind, text: string, left = 1000): Purge => ({ by, text, date: PAST, left });
  purges.add(purge('prefix', '/a'));
  purges.add(purge('tag', 't', 5000));
  const list = new PurgeList();
  purges.watch({ notify: (_zone, news) => list.apply(news as PurgeNews) }, 1);
  assert.equal(list.size, 2);
  assert.equal(list.matches(headOf('/ab')), true);
  now = 2000;
  purges.add(purge('key', '/x'));
  assert.equal(list.matches(headOf('/ab')), false);
  assert.equal(list.matches(headOf('/x')), true);
  assert.equal(list.matches(headOf('/b', { tags: ['t'] })), true);
  assert.deepEqual(
    purges.snapshot().map(({ text, left }) => [text, left]),
    [
      ['t', 3000],
      ['/x', 1000],
    ],
  );
});

test('the number of purges is limited, that of those with which each key is compared more so', () => {
  const purges = new CachePurges(() => 0);
  const add = (by: PurgeKind, text: string) => purges.add({ by, text, date: PAST, left: 1000 });
  for (let i = 0; i < 500; i++) assert.equal(add('prefix', `/${i}`), true);
  assert.equal(add('regex', 'x'), false);
  assert.equal(add('prefix', '/0'), true);
  assert.equal(add('tag', 'x'), true);
  assert.equal(add('key', 'k'.repeat(9 << 20)), false);
});
