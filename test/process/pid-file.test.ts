import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPidFile, removePidFile, writePidFile } from '../../src/process/pid-file.js';

function pidPath(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-pid-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'nginx.pid');
}

test('the pid file names this process and is removed with it', (t) => {
  const path = pidPath(t);
  writePidFile(path);
  assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
  assert.equal(removePidFile(path), null);
  assert.equal(existsSync(path), false);
});

test('the pid file of a successor is left alone', (t) => {
  const path = pidPath(t);
  writeFileSync(path, '1\n');
  assert.equal(removePidFile(path), null);
  assert.equal(existsSync(path), true);
});

test('a missing file and one without a number are reported with nginx’s messages', (t) => {
  const path = pidPath(t);
  assert.throws(() => readPidFile(path), { message: `open() "${path}" failed (2: No such file or directory)` });
  writeFileSync(path, 'soon\n');
  assert.throws(() => readPidFile(path), { message: `invalid PID number "soon" in "${path}"` });
  // 0 would be the process group of whoever asks, and `pid_t` has 32 bits.
  for (const text of ['', ' 1', '0', '2147483648']) {
    writeFileSync(path, text);
    assert.throws(() => readPidFile(path), { message: `invalid PID number "${text}" in "${path}"` });
  }
});
