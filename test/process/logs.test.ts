import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LEVELS } from '../../src/config/log-level.js';
import { DestinationLog, type LogEntry } from '../../src/logging/destination-log.js';
import { LogFile } from '../../src/logging/log-file.js';
import { ErrorLogFiles } from '../../src/process/logs.js';

function directory(t: { after(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-logs-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a line has time, level, process and message, as nginx writes it', (t) => {
  const path = join(directory(t), 'error.log');
  const log = new DestinationLog([{ to: new LogFile(path), threshold: LEVELS.indexOf('info') }]);
  log.write('error', '*7 connect() failed (111: Connection refused) while connecting to upstream');
  log.write('debug', 'not written');
  assert.match(
    readFileSync(path, 'utf8'),
    /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[error\] \d+#0: \*7 connect\(\) failed \(111: Connection refused\) while connecting to upstream\n$/,
  );
});

test('each destination receives entries of its level and above', () => {
  const seen: string[] = [];
  const to = (name: string) => (entry: LogEntry) => seen.push(`${name} ${entry.level}`);
  const log = new DestinationLog([
    { to: to('a'), threshold: LEVELS.indexOf('warn') },
    { to: to('b'), threshold: LEVELS.indexOf('crit') },
  ]);
  for (const level of ['crit', 'warn', 'notice'] as const) log.write(level, 'x');
  assert.deepEqual(seen, ['a crit', 'b crit', 'a warn']);
});

test('the default log exists even when nothing is written', (t) => {
  const path = join(directory(t), 'error.log');
  const logs = new ErrorLogFiles(path, () => assert.fail('no warning'));
  t.after(() => logs.close());
  assert.equal(readFileSync(path, 'utf8'), '');
});

test('a default log that cannot be opened is reported with nginx’s message', (t) => {
  const path = join(directory(t), 'missing', 'error.log');
  const warnings: string[] = [];
  new ErrorLogFiles(path, (message) => warnings.push(message)).close();
  assert.deepEqual(warnings, [
    `[alert] could not open error log file: open() "${path}" failed (2: No such file or directory)`,
  ]);
});

test('a file that cannot be opened changes nothing', (t) => {
  const base = directory(t);
  const path = join(base, 'error.log');
  const logs = new ErrorLogFiles(path, () => {});
  t.after(() => logs.close());
  const missing = join(base, 'missing', 'x.log');
  assert.throws(() => logs.prepare([{ destination: missing, level: 'info' }]), {
    message: `open() "${missing}" failed (2: No such file or directory)`,
  });
  logs.errorLog.write('error', 'still here');
  assert.match(readFileSync(path, 'utf8'), /still here/);
});

test('reopening follows a file that was moved away', (t) => {
  const base = directory(t);
  const path = join(base, 'error.log');
  const logs = new ErrorLogFiles(path, () => {});
  t.after(() => logs.close());
  logs.errorLog.write('error', 'before');
  renameSync(path, `${path}.1`);
  logs.errorLog.write('error', 'meanwhile');
  logs.reopen();
  logs.errorLog.write('error', 'after');
  assert.match(readFileSync(`${path}.1`, 'utf8'), /before\n.*meanwhile\n$/);
  assert.match(readFileSync(path, 'utf8'), /^[^\n]*after\n$/);
});

test('writes to a closed descriptor are dropped', (t) => {
  const file = new LogFile(join(directory(t), 'x.log'));
  file.close();
  file.write('nothing');
});
