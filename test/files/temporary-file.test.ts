import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openTemporaryFile, TemporaryFile } from '../../src/files/temporary-file.js';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-files-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('subdirectories are named by the last digits of the number of a file', (t) => {
  const path = directory(t);
  const file = openTemporaryFile({ path, levels: [1, 2, 3] }, true);
  closeSync(file.fd);
  const [, last, middle, first, number] = /\/(\d)\/(\d\d)\/(\d{3})\/(\d{10})$/.exec(file.path) ?? [];
  assert.equal(number?.slice(-6), `${first}${middle}${last}`);
  assert.ok(existsSync(file.path));
});

test('a name that is taken is left alone', (t) => {
  const path = directory(t);
  const numbers = [7, 7, 8];
  t.mock.method(crypto, 'randomInt', () => numbers.shift());
  writeFileSync(join(path, '0000000007'), 'mine');
  const file = openTemporaryFile({ path, levels: [] }, true);
  closeSync(file.fd);
  assert.equal(file.path, join(path, '0000000008'));
  assert.equal(readFileSync(join(path, '0000000007'), 'utf8'), 'mine');
});

test('a place that cannot be is told in a sentence', (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'file'), '');
  assert.throws(() => openTemporaryFile({ path: join(path, 'file'), levels: [] }, true), {
    message: /^open\(\) ".*\/file\/\d{10}" failed \(20: Not a directory\)$/,
  });
});

test('what was written is read, and its room is used again', async (t) => {
  const path = directory(t);
  const file = TemporaryFile.create({ path, levels: [] });
  t.after(() => file.close());
  assert.deepEqual(readdirSync(path), []);
  const append = (...pieces: string[]): Promise<number> =>
    new Promise((resolve, reject) =>
      file.append(
        pieces.map((piece) => Buffer.from(piece)),
        (error, written) => (error === null ? resolve(written) : reject(error)),
      ),
    );
  const read = (position: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const into = Buffer.alloc(100);
      file.read(into, position, (error, count) =>
        error === null ? resolve(into.toString('latin1', 0, count)) : reject(error),
      );
    });
  assert.equal(await append('one', 'two'), 6);
  assert.equal(await append('three'), 5);
  assert.equal(file.length, 11);
  assert.equal(await read(3), 'twothree');
  await assert.rejects(read(11), { message: /was truncated$/ });
  file.rewind();
  await append('four');
  assert.equal(file.length, 4);
  assert.equal((await read(0)).slice(0, 4), 'four');
});

test('nobody is told of what was under way when a file was closed', async (t) => {
  const path = directory(t);
  const file = TemporaryFile.create({ path, levels: [] });
  let told = 0;
  file.append([Buffer.alloc(1 << 20)], () => told++);
  file.close();
  const other = TemporaryFile.create({ path, levels: [] });
  await new Promise<void>((resolve) => other.append([Buffer.alloc(1 << 20)], () => resolve()));
  other.close();
  assert.equal(told, 0);
});
