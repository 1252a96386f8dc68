import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CacheKeeper } from '../../src/cache/cache-keeper.js';
import { openEntry } from '../../src/cache/entry-file.js';
import { entryPath, hashOf, sizeOnDisk } from '../../src/cache/entry-path.js';
import type { CacheTotals } from '../../src/zones/cache-entries.js';
import { measureCache } from '../../src/zones/cache-operations.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { until } from '../kit/index.js';
import { bodyFor } from './stored-bodies.js';

const LIMITS = { files: 1000, sleep: 0, threshold: 200 };
const RUNS = 4;

test('processes killed while they store leave complete entries only, which the ledger has after a restart', async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-cache-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (let run = 0; run < RUNS; run++) {
    const child = fork(fileURLToPath(new URL('storing-process.js', import.meta.url)), [path, String(run)]);
    await once(child, 'message');
    await new Promise((resolve) => setTimeout(resolve, 7 * run));
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const directory = { path, levels: [1, 2] };
  const names = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const complete = new Set(names.filter(({ name }) => /^[0-9a-f]{32}$/.test(name)).map(({ name }) => name));
  let [found, size] = [0, 0];
  for (let run = 0; run < RUNS; run++) {
    for (let i = 0; i < complete.size; i++) {
      const key = `${run}-${i}`;
      if (!complete.has(hashOf(key))) continue;
      const entry = openEntry(entryPath(directory, hashOf(key)), key, (_level, message) => assert.fail(message));
      assert.ok(entry !== null);
      size += sizeOnDisk(statSync(entry.path).size);
      const body = readFileSync(entry.path).subarray(entry.bodyStart);
      assert.ok(body.equals(bodyFor(key)), 'the body is complete');
      entry.close();
      found++;
    }
  }
  assert.equal(found, complete.size);
  assert.ok(found >= 20 * RUNS);
  // Incomplete files are removed when they are no longer in use.
  const old = new Date(Date.now() - 3_600_000);
  const incomplete = names.filter(({ name }) => !complete.has(name)).map((entry) => join(entry.parentPath, entry.name));
  assert.ok(incomplete.length <= RUNS);
  for (const each of incomplete) utimesSync(each, old, old);
  const backend = new LocalBackend();
  const zone = backend.open({ kind: 'cache', name: 'c', size: 1 << 20, key: path });
  const rest = { inactive: 600_000, maxSize: null, minFree: 0, loader: LIMITS, manager: LIMITS };
  const keeper = new CacheKeeper({ ...directory, ...rest }, backend, zone, () => {});
  t.after(() => {
    keeper.close();
    zone.close();
  });
  keeper.start();
  const totals = () => backend.ask(measureCache, { zone: zone.id }) as CacheTotals;
  await until('the ledger is loaded', () => !totals().cold);
  assert.deepEqual([totals().files, totals().size], [found, size]);
  assert.equal(readdirSync(path, { recursive: true }).filter((name) => String(name).includes('.')).length, 0);
});
