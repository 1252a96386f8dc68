import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type OpenEntry, openEntry } from '../../src/cache/entry-file.js';
import { EntryWriter } from '../../src/cache/entry-writer.js';
import { MemoryTier } from '../../src/cache/memory-tier.js';
import { until } from '../kit/index.js';

interface Files {
  store(key: string, body: string): void;
  load(tier: MemoryTier, key: string, maxObject?: number): OpenEntry | null;
  path(key: string): string;
  /** Keys whose files were opened. */
  readonly opened: string[];
}

function files(t: TestContext): Files {
  const root = mkdtempSync(join(tmpdir(), 'tsproxy-cache-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const opened: string[] = [];
  const path = (key: string): string => join(root, key);
  const times = { validUntil: 0, staleWhileRevalidateUntil: 0, staleIfErrorUntil: 0, date: 0, lastModified: -1 };
  const rest = { etag: '', vary: '', variant: '', status: 200, reason: 'OK', version: 11, fields: '', tags: [] };
  return {
    opened,
    path,
    store(key, body) {
      const writer = new EntryWriter({ path: path(key), temporary: null }, { ...times, ...rest, key });
      writer.write(Buffer.from(body), 0, body.length);
      writer.finish();
    },
    load: (tier, key, maxObject = 1000) =>
      tier.find(key, key) ??
      tier.load(key, path(key), true, maxObject, () => {
        opened.push(key);
        return openEntry(path(key), key, (_level, message) => assert.fail(message));
      }),
  };
}

function bodyOf(entry: OpenEntry | null): string | null {
  if (entry === null) return null;
  const body = entry.bytes.toString('latin1', entry.bodyStart, entry.length);
  entry.close();
  return body;
}

test('an entry is read from its file once, and can be used by several requests', (t) => {
  const { store, load, opened } = files(t);
  const tier = new MemoryTier(10_000);
  store('a', 'body');
  for (let i = 0; i < 3; i++) assert.equal(bodyOf(load(tier, 'a')), 'body');
  assert.deepEqual(opened, ['a']);
});

test('an entry that was dropped is read again', (t) => {
  const { store, load, opened } = files(t);
  const tier = new MemoryTier(10_000);
  store('a', 'one');
  assert.equal(bodyOf(load(tier, 'a')), 'one');
  store('a', 'two');
  tier.drop('a');
  assert.equal(bodyOf(load(tier, 'a')), 'two');
  assert.deepEqual(opened, ['a', 'a']);
});

test('a file that was replaced or removed without an announcement is noticed after a second', async (t) => {
  const { store, load, path } = files(t);
  const tier = new MemoryTier(10_000);
  store('a', 'one');
  store('b', 'one');
  for (const key of ['a', 'b']) assert.equal(bodyOf(load(tier, key)), 'one');
  store('a', 'two');
  unlinkSync(path('b'));
  await until('the files were looked at', () => bodyOf(load(tier, 'a')) === 'two');
  await until('the files were looked at', () => load(tier, 'b') === null);
});

test('large objects and those of other keys are not kept', (t) => {
  const { store, load, opened } = files(t);
  const tier = new MemoryTier(100_000);
  store('a', 'x'.repeat(1001));
  store('huge', 'x'.repeat(200_000));
  for (const key of ['a', 'a', 'huge']) load(tier, key)?.close();
  assert.deepEqual(opened, ['a', 'a', 'huge']);
  assert.equal(tier.size, 0);
  assert.equal(tier.find('a', 'another'), null);
});

test('an entry is found by its key, a variant only by its hash', (t) => {
  const { store, path } = files(t);
  const tier = new MemoryTier(10_000);
  store('a', 'body');
  const load = (isMain: boolean) => tier.load('a', path('a'), isMain, 1000, () => openEntry(path('a'), 'a', () => {}));
  load(false);
  assert.equal(tier.findKey('a'), null);
  assert.equal(bodyOf(tier.find('a', 'a')), 'body');
  load(true);
  assert.equal(bodyOf(tier.findKey('a')), 'body');
  tier.drop('a');
  assert.equal(tier.findKey('a'), null);
});

test('unused entries make room for others, and the limit is kept', (t) => {
  const { store, load, opened } = files(t);
  const tier = new MemoryTier(20_000);
  store('hot', 'x');
  load(tier, 'hot');
  for (let i = 0; i < 50; i++) {
    store(`k${i}`, 'x'.repeat(500));
    load(tier, `k${i}`);
    assert.ok(tier.usedBytes <= 20_000);
    assert.equal(bodyOf(load(tier, 'hot')), 'x');
  }
  assert.equal(opened.filter((key) => key === 'hot').length, 1);
  assert.ok(tier.size > 5);
  tier.clear();
  assert.equal(tier.usedBytes, 0);
});
