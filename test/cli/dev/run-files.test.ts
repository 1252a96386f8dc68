/** Files that `tsproxy dev` creates, such as passwords, do not outlive it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunFiles } from '../../../src/cli/dev/run-files.js';

const MODULE = new URL('../../../src/cli/dev/run-files.js', import.meta.url).href;

/** Script that creates a file with a password, and does something. */
const creating = (then: string): string =>
  `const { RunFiles } = await import(${JSON.stringify(MODULE)}); new RunFiles().path('passwords', 'secret'); ${then}`;

test('files of a run that was killed are removed by the next one, those of running ones are not', (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'tsproxy-files-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(temporary, { recursive: true });
  });
  const run = (script: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: process.env });
  assert.equal(run(creating('process.kill(process.pid, "SIGKILL")')).signal, 'SIGKILL');
  const [left = ''] = readdirSync(temporary);
  assert.equal(readFileSync(join(temporary, left, 'passwords'), 'utf8'), 'secret');
  // Of others: names of another form, and a process that runs.
  mkdirSync(join(temporary, 'tsproxy-dev-1234'));
  writeFileSync(join(temporary, left.replace(/\w$/, '-')), '');
  const running = join(temporary, `tsproxy-dev-${process.ppid}-AbCdEf`);
  mkdirSync(running);
  const files = new RunFiles();
  const path = files.path('passwords', 'secret');
  assert.equal(existsSync(join(temporary, left)), false);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readdirSync(temporary).length, 4);
  files.remove();
  assert.deepEqual([existsSync(path), existsSync(running)], [false, true]);
  // By an exception.
  assert.equal(run(creating('throw new Error()')).status, 1);
  assert.equal(readdirSync(temporary).length, 3);
});
