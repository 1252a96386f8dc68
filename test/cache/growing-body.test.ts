import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
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
  files = 1;
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
    onEnd: () => client.files--,
  });
  body.resume();
  let length = 0;
  const write = (text: string): number => {
    writeSync(writing, text);
    return (length += text.length);
  };
  return { client, body, progress, fd, write };
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
