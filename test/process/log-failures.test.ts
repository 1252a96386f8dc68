import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LEVELS } from '../../src/config/log-level.js';
import { DestinationLog } from '../../src/logging/destination-log.js';
import { droppedWrites } from '../../src/logging/dropped-writes.js';
import { LogFile } from '../../src/logging/log-file.js';
import { get, startProxy } from '../kit/index.js';

const FULL = '/dev/full';
const COMPLAINT =
  /^\*\d+ write\(\) to "\/dev\/full" failed \(28: No space left on device\) while logging request, client: 127\.0\.0\.1, /;

function droppedTo(path: string): number {
  return droppedWrites().find(({ log }) => log === path)?.count ?? 0;
}

test('a full disk interrupts no request, and is logged once', async (t) => {
  const proxy = await startProxy(`
    server {
      listen 127.0.0.1:0;
      root %%DIR%%;
      location / { access_log ${FULL}; return 200 ok; }
      location /buffered { access_log ${FULL} combined buffer=1k; access_log logs/other.log; return 200 ok; }
      location /variable { access_log /dev/$arg_to; return 200 ok; }
      location /cached { open_log_file_cache max=2; access_log /dev/$arg_to; return 200 ok; }
    }`);
  t.after(() => proxy.close());
  for (let i = 0; i < 20; i++) assert.equal((await get(proxy.port)).body, 'ok');
  const [first = '', ...others] = proxy.messages('alert');
  assert.match(first, COMPLAINT);
  assert.deepEqual(others, []);
  for (let i = 0; i < 20; i++) assert.equal((await get(proxy.port, '/buffered')).body, 'ok');
  assert.equal(proxy.accessLog('logs/other.log').length, 20);
  assert.equal(proxy.messages('alert').length, 1);
  for (const path of ['/variable?to=full', '/cached?to=full']) {
    for (let i = 0; i < 5; i++) assert.equal((await get(proxy.port, path)).body, 'ok');
  }
  const [, second, third, ...more] = proxy.messages('alert');
  for (const message of [second, third]) {
    assert.match(message ?? '', COMPLAINT);
  }
  assert.deepEqual(more, []);
});

test('an error log on a full disk is reported in the others, once', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-full-'));
  t.after(() => rmSync(directory, { recursive: true }));
  symlinkSync(FULL, join(directory, 'full.log'));
  const [full, other] = ['full.log', 'other.log'].map((name) => new LogFile(join(directory, name)));
  assert.ok(full !== undefined && other !== undefined);
  const threshold = LEVELS.indexOf('info');
  const log = new DestinationLog([
    { to: full, threshold },
    { to: other, threshold },
  ]);
  for (let i = 0; i < 3; i++) log.write('error', `message ${i}`);
  assert.equal(droppedTo(full.path), 3);
  const lines = readFileSync(other.path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(lines.map((line) => line.replace(/^.*#0: /, '')).sort(), [
    'message 0',
    'message 1',
    'message 2',
    `write() to "${full.path}" failed (28: No space left on device)`,
  ]);
});

test('an error log of http on a full disk is reported in that of the process, once, and interrupts no request', async (t) => {
  const proxy = await startProxy(`
    error_log ${FULL} info;
    server { listen 127.0.0.1:0; root /nonexistent; access_log ${FULL}; location / { } }`);
  t.after(() => proxy.close());
  for (let i = 0; i < 5; i++) assert.equal((await get(proxy.port, '/x')).status, 404);
  assert.deepEqual(proxy.messages('alert'), [`write() to "${FULL}" failed (28: No space left on device)`]);
});
