import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FillProgress } from '../../src/cache/fill-progress.js';
import { GrowingBody, type GrowingTarget } from '../../src/cache/growing-body.js';

const HEAD = 64;

interface Cleanup {
  after(fn: () => void): void;
}

/** A client of an exchange: what it received, and how that ended. */
class Client implements GrowingTarget {
  producer: GrowingTarget['producer'] = null;
  received = '';
  ended: 'end' | 'abort' | null = null;
  /** Whether it accepts more. */
  fast = true;
  readonly lines: string[] = [];
  /** Files that are read; and whether another one is to follow if the writing fails. */
  files = 1;
  replaces = false;
  private readonly waiting: (() => void)[] = [];

  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    this.received += bytes.latin1Slice(start, end);
    this.changed();
    return this.fast;
  }
  flush(): void {}
  end(): void {
    this.ended = 'end';
    this.changed();
  }
  abort(): void {
    this.ended = 'abort';
    this.changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** A file that is written, and a body that follows it. */
function begin(t: Cleanup, { stall = 60_000 } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'growing-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'entry');
  const [writing, fd] = [openSync(path, 'w'), openSync(path, 'r')];
  t.after(() => closeSync(writing));
  writeSync(writing, 'h'.repeat(HEAD));
  const progress = new FillProgress(path, 0, () => {});
  const client = new Client();
  const body = new GrowingBody(client, { fd, bodyStart: HEAD }, progress, {
    stall,
    log: (level, message) => client.lines.push(`${level}: ${message}`),
    onFailure: () => client.replaces,
    onEnd: () => client.files--,
  });
  body.resume();
  let length = 0;
  const write = (text: string): number => {
    writeSync(writing, text);
    return (length += text.length);
  };
  /** The file of another writer with these first bytes. */
  const another = (text: string) => {
    writeFileSync(`${path}.2`, 'h'.repeat(2 * HEAD) + text);
    const file = { fd: openSync(`${path}.2`, 'r'), bodyStart: 2 * HEAD };
    const next = new FillProgress(`${path}.2`, text.length, () => {});
    const grow = (more: string, ended: 'filled' | 'failed' | null = null) => {
      writeFileSync(`${path}.2`, more, { flag: 'a' });
      next.grow(next.length + more.length, ended);
    };
    return { file, progress: next, grow };
  };
  return { client, body, progress, fd, write, another };
}

test('sends bytes as soon as they are in the file, and ends with the writer', (t) => {
  const { client, progress, fd, write } = begin(t);
  assert.equal(client.received, '');
  progress.grow(write('one'));
  assert.equal(client.received, 'one');
  write('unreported');
  progress.grow(3);
  assert.equal(client.received, 'one');
  progress.grow(write('two'), 'filled');
  assert.equal(client.received, 'oneunreportedtwo');
  assert.equal(client.ended, 'end');
  assert.equal(client.files, 0);
  assert.throws(() => fstatSync(fd), { code: 'EBADF' });
});

test('sends a large file in turns, to the last byte', async (t) => {
  const { client, progress, write } = begin(t);
  const text = Array.from({ length: 100_000 }, (_, i) => String(i).padStart(8, '0')).join('');
  progress.grow(write(text), 'filled');
  assert.ok(client.received.length < text.length);
  await client.until(() => client.ended !== null);
  assert.equal(client.ended, 'end');
  assert.ok(client.received === text);
});

test('waits for a slow client, also if the writer ends meanwhile', async (t) => {
  const { client, progress, write } = begin(t);
  client.fast = false;
  progress.grow(write('one'));
  progress.grow(write('two'));
  assert.equal(client.received, 'one');
  progress.grow(write('three'), 'filled');
  assert.equal(client.received, 'one');
  client.producer?.resume();
  assert.equal(client.received, 'onetwothree');
  assert.equal(client.ended, null);
  client.producer?.resume();
  assert.equal(client.ended, 'end');
});

test('after a failure of the writer the response is truncated once its bytes are sent', (t) => {
  const { client, progress, write } = begin(t);
  progress.grow(write('one'), 'failed');
  assert.equal(client.received, 'one');
  assert.equal(client.ended, 'abort');
  assert.deepEqual(client.lines, ['error: writing of the cache entry failed while it was sent']);
});

test('after a failure another file continues the response once it has the same bytes', async (t) => {
  const { client, body, progress, fd, write, another } = begin(t);
  client.replaces = true;
  const beginning = 'abcdefgh'.repeat(40_000);
  progress.grow(write(beginning));
  await client.until(() => client.received.length === beginning.length);
  progress.grow(beginning.length, 'failed');
  assert.equal(client.ended, null);
  client.producer?.resume();
  const next = another(beginning.slice(0, 100));
  body.replace(next.file, next.progress);
  assert.equal(client.received.length, beginning.length);
  next.grow(beginning.slice(100));
  next.grow('the end', 'filled');
  await client.until(() => client.ended !== null);
  assert.equal(client.ended, 'end');
  assert.ok(client.received === `${beginning}the end`);
  for (const each of [fd, next.file.fd]) assert.throws(() => fstatSync(each), { code: 'EBADF' });
});

test('a file with other bytes does not continue the response, nor does a shorter one', (t) => {
  for (const text of ['One and more', 'on', '']) {
    const { client, body, progress, fd, write, another } = begin(t);
    client.replaces = true;
    progress.grow(write('one'), 'failed');
    const next = another(text);
    body.replace(next.file, next.progress);
    next.grow('', 'filled');
    assert.equal(client.ended, 'abort');
    assert.equal(client.received, 'one');
    assert.deepEqual(client.lines, ['error: response that was requested again differs from the part that was sent']);
    for (const each of [fd, next.file.fd]) assert.throws(() => fstatSync(each), { code: 'EBADF' });
  }
});

test('a second failure while the bytes are compared can be followed by a third file', (t) => {
  const { client, body, progress, write, another } = begin(t);
  client.replaces = true;
  progress.grow(write('one'), 'failed');
  const second = another('o');
  body.replace(second.file, second.progress);
  second.grow('', 'failed');
  assert.equal(client.ended, null);
  const third = another('one, two');
  body.replace(third.file, third.progress);
  assert.equal(client.received, 'one, two');
  third.grow('', 'filled');
  assert.equal(client.ended, 'end');
  assert.throws(() => fstatSync(second.file.fd), { code: 'EBADF' });
});

test('a file shorter than reported is a truncated response', (t) => {
  const { client, progress, write } = begin(t);
  progress.grow(write('one') + 1, 'filled');
  assert.equal(client.received, 'one');
  assert.equal(client.ended, 'abort');
});

test('a writer that makes no progress truncates the response', async (t) => {
  const { client, progress, write } = begin(t, { stall: 1 });
  progress.grow(write('one'));
  // Its deadline alone does not keep this process running.
  const running = setInterval(() => {}, 1000);
  await client.until(() => client.ended !== null);
  clearInterval(running);
  assert.equal(client.ended, 'abort');
  assert.equal(client.received, 'one');
});

test('a client that leaves gives up the file; later progress has no effect', (t) => {
  const { client, body, progress, fd, write } = begin(t);
  body.abort();
  assert.throws(() => fstatSync(fd), { code: 'EBADF' });
  progress.grow(write('one'), 'filled');
  assert.equal(client.received, '');
  assert.equal(client.ended, null);
});
