import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openEntry, openGrowing, rewriteHead } from '../../src/cache/entry-file.js';
import type { EntryHead } from '../../src/cache/entry-head.js';
import { entryPath, hashOf } from '../../src/cache/entry-path.js';
import { type EntryPlace, EntryWriter } from '../../src/cache/entry-writer.js';

const HEAD: EntryHead = {
  validUntil: 1_900_000_000,
  staleWhileRevalidateUntil: 1_900_000_010,
  staleIfErrorUntil: 1_900_000_020,
  key: 'http://back/\xe9?a=1',
  date: 1_800_000_000,
  lastModified: -1,
  etag: '"v1"',
  vary: 'accept, cookie',
  variant: '00112233445566778899aabbccddeeff',
  status: 200,
  reason: 'OK',
  version: 11,
  fields: 'Content-Type: text/plain\r\nX-A: \xff\r\n',
  tags: ['news', 'front-page'],
};

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-cache-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function placeIn(path: string, key = HEAD.key): EntryPlace {
  return { path: entryPath({ path, levels: [1, 2] }, hashOf(key)), temporary: null };
}

function store(place: EntryPlace, body: Buffer, head = HEAD): number {
  const writer = new EntryWriter(place, head);
  for (let at = 0; at < body.length; at += 50_000) writer.write(body, at, Math.min(body.length, at + 50_000));
  return writer.finish();
}

function bodyOf(path: string, key = HEAD.key): Buffer | null {
  const entry = openEntry(path, key, (_level, message) => assert.fail(message));
  if (entry === null) return null;
  const body = Buffer.from(entry.fd < 0 ? entry.bytes.subarray(entry.bodyStart, entry.length) : readFileSync(entry.fd));
  entry.close();
  return body;
}

/** Bytes without a period. */
function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * i) >> 3));
}

test('the last digits of the MD5 of a key name the directories of its file', () => {
  const hash = 'b7f54b2df7773722d382f4809d65029c';
  assert.equal(entryPath({ path: '/data', levels: [1, 2] }, hash), `/data/c/29/${hash}`);
  assert.equal(entryPath({ path: '/data', levels: [] }, hash), `/data/${hash}`);
});

for (const length of [0, 1, 1023, 1024, 65_535, 65_536, 65_537, 81_919, 81_920, 300_001]) {
  test(`a response of ${length} bytes is read as it was stored`, (t) => {
    const place = placeIn(directory(t));
    const body = bytes(length);
    const size = store(place, body);
    const entry = openEntry(place.path, HEAD.key, (_level, message) => assert.fail(message));
    assert.ok(entry !== null);
    assert.deepEqual(entry.head, HEAD);
    assert.equal(entry.bodyLength, length);
    assert.equal(entry.size, size);
    entry.close();
    const read = bodyOf(place.path);
    assert.ok(read?.subarray(-length || read.length).equals(body));
  });
}

test('a file is not seen under its name before it is complete, and a discarded one leaves nothing', (t) => {
  const root = directory(t);
  const place = placeIn(root);
  const writer = new EntryWriter(place, HEAD);
  writer.write(bytes(100_000), 0, 100_000);
  assert.equal(
    openEntry(place.path, HEAD.key, () => assert.fail()),
    null,
  );
  writer.discard();
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  assert.deepEqual(files, []);
});

test('a file that grows is read by others up to the bytes that were flushed', (t) => {
  const place = placeIn(directory(t));
  const writer = new EntryWriter(place, HEAD);
  writer.write(bytes(10), 0, 10);
  assert.equal(writer.available, 0);
  writer.flush();
  assert.equal(writer.available, 10);
  const growing = openGrowing(writer.path);
  assert.deepEqual(growing?.stored.head, HEAD);
  assert.equal(growing?.stored.bodyLength, -1);
  assert.equal(growing?.stored.bodyStart, writer.bodyStart);
  writer.write(bytes(20), 10, 20);
  writer.finish();
  assert.deepEqual(readFileSync(growing?.fd ?? -1).subarray(-20), bytes(20));
});

test('damage of any byte of a small file makes it a miss, which is logged and removed', (t) => {
  const place = placeIn(directory(t));
  store(place, bytes(200));
  const good = readFileSync(place.path);
  const room = good.readUInt32LE(8);
  const start = good.readUInt32LE(12);
  for (let at = 0; at < good.length; at++) {
    if (at >= room && at < start) continue;
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x10;
    writeFileSync(place.path, bad);
    const lines: string[] = [];
    assert.equal(
      openEntry(place.path, HEAD.key, (_level, message) => lines.push(message)),
      null,
      `byte ${at}`,
    );
    assert.equal(lines.length, 1);
    assert.equal(bodyOf(place.path), null, 'removed');
  }
});

test('a truncated, extended or foreign file is a miss, which is logged and removed', (t) => {
  const place = placeIn(directory(t));
  const damages: ((path: string) => void)[] = [
    (path) => truncateSync(path, 50),
    (path) => truncateSync(path, 300),
    (path) => truncateSync(path, 150_000),
    (path) => truncateSync(path, 200_000),
    (path) => writeFileSync(path, ''),
    (path) => writeFileSync(path, 'x'.repeat(100_000)),
  ];
  for (const damage of damages) {
    store(place, bytes(160_000));
    damage(place.path);
    const lines: string[] = [];
    assert.equal(
      openEntry(place.path, HEAD.key, (_level, message) => lines.push(message)),
      null,
    );
    assert.match(lines.join('\n'), /^cache file ".*" (is|has|contains) [^\n]*$/);
    assert.equal(bodyOf(place.path), null);
  }
});

test('a file of another key with the same hash is a miss, and stays', (t) => {
  const place = placeIn(directory(t));
  store(place, bytes(10));
  const lines: string[] = [];
  assert.equal(
    openEntry(place.path, 'another', (_level, message) => lines.push(message)),
    null,
  );
  assert.deepEqual(lines, [`cache file "${place.path}" has md5 collision`]);
  assert.ok(bodyOf(place.path) !== null);
});

test('a revalidation replaces the head in place, or with a copy of the body if the head is longer', (t) => {
  for (const length of [100, 200_000]) {
    const place = placeIn(directory(t));
    store(place, bytes(length));
    for (const fields of [HEAD.fields, `X-Long: ${'x'.repeat(5000)}\r\n`, '']) {
      const entry = openEntry(place.path, HEAD.key, (_level, message) => assert.fail(message));
      assert.ok(entry !== null);
      const head = { ...HEAD, fields, validUntil: entry.head.validUntil + 1 };
      assert.ok((rewriteHead(entry, head, place) ?? 0) > length);
      entry.close();
      const again = openEntry(place.path, HEAD.key, (_level, message) => assert.fail(message));
      assert.deepEqual(again?.head, head);
      again?.close();
      assert.ok(bodyOf(place.path)?.subarray(-length).equals(bytes(length)));
    }
  }
});

test('a revalidation does not change a file that was replaced meanwhile', (t) => {
  const place = placeIn(directory(t));
  store(place, bytes(100));
  const entry = openEntry(place.path, HEAD.key, (_level, message) => assert.fail(message));
  assert.ok(entry !== null);
  store(place, bytes(50), { ...HEAD, etag: '"v2"' });
  assert.equal(rewriteHead(entry, { ...HEAD, validUntil: 1 }, place), null);
  entry.close();
  const now = openEntry(place.path, HEAD.key, (_level, message) => assert.fail(message));
  assert.equal(now?.head.etag, '"v2"');
  now?.close();
});

test('a response that cannot be written is reported in the words of nginx', (t) => {
  const root = directory(t);
  writeFileSync(join(root, 'file'), '');
  const beside = new EntryWriter({ path: join(root, 'file', 'a', 'b'), temporary: null }, HEAD);
  assert.throws(() => beside.finish(), /^Error: (open|mkdir)\(\) ".*" failed \(20: Not a directory\)$/);
  beside.discard();
  const elsewhere = new EntryWriter(
    { path: join(root, 'a'), temporary: { path: join(root, 'file', 'temp'), levels: [] } },
    HEAD,
  );
  assert.throws(() => elsewhere.flush(), /^Error: \w+\(\) ".*" failed \(20: Not a directory\)$/);
  elsewhere.discard();
});
