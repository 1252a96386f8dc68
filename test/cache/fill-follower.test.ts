import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EntryHead } from '../../src/cache/entry-head.js';
import { FillFollower } from '../../src/cache/fill-follower.js';
import type { FillLock } from '../../src/cache/fill-lock.js';
import { FillProgress } from '../../src/cache/fill-progress.js';
import type { Exchange } from '../../src/program/exchange.js';

test('a response is truncated after some requests for its entry that have all failed, with pauses between them', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'follower-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'entry');
  writeFileSync(path, 'body');
  const progress = new FillProgress(path, 4, () => {});
  // A lock that is free each time, as after a request that failed at once.
  const lock = { acquire: () => 'mine', leave() {} } as unknown as FillLock;
  const times: number[] = [];
  let received = '';
  const sequence = await new Promise<string>((resolve) => {
    const x = {
      producer: null,
      client: { id: 1 },
      errorLog: { threshold: -1 },
      logContext: () => '',
      writeBytes(bytes: Buffer, start: number, end: number): boolean {
        received += bytes.latin1Slice(start, end);
        return true;
      },
      flush() {},
      end: () => resolve('end'),
      abort: () => resolve('abort'),
    } as unknown as Exchange;
    const entry = { head: {} as EntryHead, file: { fd: openSync(path, 'r'), bodyStart: 0 }, progress };
    const follower = new FillFollower(x, lock, entry, {
      terms: { wait: 'stream', timeout: 1000, age: 1000 },
      path,
      newLock: () => lock,
      refill: () => times.push(performance.now()) > 0,
    });
    follower.start(60_000);
    progress.grow(4, 'failed');
  });
  assert.deepEqual([sequence, received, times.length], ['abort', 'body', 4]);
  assert.ok((times[3] ?? 0) - (times[0] ?? 0) > 200);
});
