import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CacheKeeper, type KeptDirectory } from '../../src/cache/cache-keeper.js';
import { entryPath, hashOf } from '../../src/cache/entry-path.js';
import { EntryWriter } from '../../src/cache/entry-writer.js';
import type { CacheNews, CacheTotals } from '../../src/zones/cache-entries.js';
import { accessedEntries, measureCache, storedEntry } from '../../src/zones/cache-operations.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { until } from '../kit/index.js';

const LIMITS = { files: 100, sleep: 0, threshold: 200 };

interface Kept {
  readonly data: KeptDirectory;
  readonly lines: string[];
  totals(): CacheTotals;
  store(key: string, length?: number): string;
  accessed(key: string): void;
  paths(): string[];
}

/** A cache in a new directory; `prepare` creates files before the keeper starts. */
function kept(t: TestContext, options: Partial<KeptDirectory>, prepare?: (cache: Kept) => void, size = 1 << 20): Kept {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-cache-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const unlimited = { inactive: 600_000, maxSize: null, minFree: 0, loader: LIMITS, manager: LIMITS };
  const data: KeptDirectory = { path, levels: [1, 2], ...unlimited, ...options };
  const backend = new LocalBackend();
  const lines: string[] = [];
  let keeper: CacheKeeper | null = null;
  const declaration = { kind: 'cache', name: 'c', size, key: path } as const;
  const zone = backend.open(declaration, (news) => keeper?.receive(news as CacheNews));
  const cache: Kept = {
    data,
    lines,
    totals: () => backend.ask(measureCache, { zone: zone.id }) as CacheTotals,
    store(key, length = 100) {
      const target = entryPath(data, hashOf(key));
      const writer = new EntryWriter({ path: target, temporary: null }, headOf(key));
      writer.write(Buffer.alloc(length), 0, length);
      const bytes = writer.finish();
      if (keeper !== null) backend.ask(storedEntry, { zone: zone.id, hash: hashOf(key), size: bytes });
      return target;
    },
    accessed: (key) => backend.tell(accessedEntries, { zone: zone.id, hashes: [hashOf(key)], counts: [1] }),
    paths: () =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort(),
  };
  prepare?.(cache);
  keeper = new CacheKeeper(data, backend, zone, (level, message) => lines.push(`${level}: ${message}`));
  const running = keeper;
  t.after(() => {
    running.close();
    zone.close();
  });
  running.start();
  return cache;
}

function headOf(key: string) {
  const times = { validUntil: 0, staleWhileRevalidateUntil: 0, staleIfErrorUntil: 0, date: 0, lastModified: -1 };
  return {
    ...times,
    key,
    etag: '',
    vary: '',
    variant: '',
    status: 200,
    reason: 'OK',
    version: 11,
    fields: '',
    tags: [],
  };
}

test('the ledger is loaded with the files of an earlier process', async (t) => {
  const cache = kept(t, { loader: { files: 7, sleep: 1, threshold: 200 } }, ({ store }) => {
    for (let i = 0; i < 50; i++) store(`k${i}`, i * 300);
  });
  await until('the keeper has done its work', () => !cache.totals().cold);
  const { files, size } = cache.totals();
  assert.equal(files, 50);
  assert.equal(cache.lines.length, 1);
  assert.match(cache.lines[0] ?? '', /^notice: http file cache: .* [0-9.]+M, bsize: 4096$/);
  assert.ok(cache.lines[0]?.includes((size / 2 ** 20).toFixed(3)));
});

test('foreign, misplaced, tiny and abandoned files are removed; files in use and temporary directories stay', async (t) => {
  const old = new Date(Date.now() - 3_600_000);
  const removed: string[] = [];
  const stay: string[] = [];
  const cache = kept(t, {}, ({ data: { path }, store }) => {
    stay.push(store('good'));
    const write = (name: string, content: string): string => {
      writeFileSync(join(path, name), content);
      return join(path, name);
    };
    mkdirSync(join(path, 'temp'));
    stay.push(write('temp/0000000001', ''));
    removed.push(write('notes.txt', 'x'.repeat(500)), write('a'.repeat(32), 'x'.repeat(500)));
    const tiny = store('tiny');
    writeFileSync(tiny, 'x');
    symlinkSync('/etc/passwd', join(path, 'link'));
    const abandoned = `${store('abandoned')}.0123456789`;
    writeFileSync(abandoned, 'x');
    utimesSync(abandoned, old, old);
    const young = `${store('young')}.0123456789`;
    writeFileSync(young, 'x');
    removed.push(tiny, join(path, 'link'), abandoned);
    stay.push(young);
  });
  await until('the keeper has done its work', () => !cache.totals().cold);
  for (const path of removed) assert.ok(!cache.paths().includes(path), path);
  for (const path of stay) assert.ok(cache.paths().includes(path), path);
  assert.equal(cache.totals().files, 3);
  assert.ok(existsSync('/etc/passwd'));
});

test('the oldest files are removed when there is more than max_size', async (t) => {
  const cache = kept(t, { maxSize: 10 * 4096 });
  await until('the keeper has done its work', () => !cache.totals().cold);
  for (let i = 0; i < 10; i++) cache.store(`k${i}`);
  cache.accessed('k0');
  for (let i = 10; i < 15; i++) cache.store(`k${i}`);
  await until('the keeper has done its work', () => cache.totals().size <= 10 * 4096);
  const expected = ['k0', 'k6', 'k7', 'k8', 'k9', 'k10', 'k11', 'k12', 'k13', 'k14'];
  assert.deepEqual(cache.paths(), expected.map((key) => entryPath(cache.data, hashOf(key))).sort());
});

test('files are removed one after the other if a part is limited to none, or to no time', async (t) => {
  for (const limit of [{ files: 0 }, { threshold: 0 }]) {
    const cache = kept(t, { maxSize: 2 * 4096, manager: { ...LIMITS, ...limit } });
    await until('the keeper has done its work', () => !cache.totals().cold);
    for (let i = 0; i < 5; i++) cache.store(`k${i}`);
    await until('the keeper has done its work', () => cache.paths().length === 2);
  }
});

test('inactive files are removed', async (t) => {
  const cache = kept(t, { inactive: 1000 });
  await until('the keeper has done its work', () => !cache.totals().cold);
  cache.store('a');
  await until('the keeper has done its work', () => cache.paths().length === 0);
  assert.equal(cache.totals().entries, 0);
});

test('files are removed as long as too little space is free', async (t) => {
  const cache = kept(t, { minFree: Number.MAX_SAFE_INTEGER }, ({ store }) => {
    for (let i = 0; i < 25; i++) store(`k${i}`);
  });
  await until('the keeper has done its work', () => !cache.totals().cold && cache.totals().size === 0);
  assert.deepEqual(cache.paths(), []);
});

test('files for which the zone has no room are removed', async (t) => {
  const cache = kept(
    t,
    {},
    ({ store }) => {
      for (let i = 0; i < 300; i++) store(`k${i}`, 1);
    },
    40 << 10,
  );
  await until('the keeper has done its work', () => !cache.totals().cold);
  const { files } = cache.totals();
  assert.ok(files > 100 && files < 300, String(files));
  assert.equal(cache.paths().length, files);
  cache.store('more');
  await until('the keeper has done its work', () => cache.paths().length === cache.totals().files);
  assert.ok(cache.paths().includes(entryPath(cache.data, hashOf('more'))));
});

test('a keeper of an earlier configuration does not take the place of a later one', async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-cache-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const backend = new LocalBackend();
  const replaced: string[] = [];
  const begin = (name: string, maxSize: number): CacheKeeper => {
    let keeper: CacheKeeper | null = null;
    const zone = backend.open({ kind: 'cache', name: 'c', size: 1 << 20, key: path }, (news) => {
      if ((news as CacheNews).replaced) replaced.push(name);
      keeper?.receive(news as CacheNews);
    });
    const data = { path, levels: [1], inactive: 600_000, maxSize, minFree: 0, loader: LIMITS, manager: LIMITS };
    const begun = new CacheKeeper(data, backend, zone, () => {});
    keeper = begun;
    t.after(() => {
      begun.close();
      zone.close();
    });
    begun.start();
    return begun;
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const earlier = begin('earlier', 1 << 20);
  await turn();
  begin('later', 1 << 30);
  await until('the earlier keeper is replaced', () => replaced.length > 0);
  earlier.retire();
  earlier.receive({ vacant: true });
  // The application is made in the next turn.
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(replaced, ['earlier']);
});
