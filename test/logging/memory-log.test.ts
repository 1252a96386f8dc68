import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryLogs as texts } from '../../src/index.js';
import { MemoryLog, memoryLogs } from '../../src/logging/memory-log.js';
import { get, startProxy } from '../kit/index.js';

test('keeps the last lines that have room, and none in part', (t) => {
  const log = new MemoryLog(20);
  t.after(() => log.close());
  assert.equal(log.text(), '');
  log.write('one\n');
  log.write('two\n');
  assert.equal(log.text(), 'one\ntwo\n');
  log.write('three\n');
  log.write('four\n');
  log.write('five\n');
  assert.equal(log.text(), 'three\nfour\nfive\n');
  log.write(`${'x'.repeat(50)}\nlast\n`);
  assert.equal(log.text(), 'last\n');
  assert.ok(memoryLogs().includes('last\n'));
});

test('error_log memory: holds what can be read, over reloads, until the proxy is closed', async () => {
  const configuration = `
    error_log memory:64k debug;
    events {}
    http { access_log off; server { listen 127.0.0.1:0; error_log memory:4k error; root %%DIR%%; } }`;
  const proxy = await startProxy(configuration);
  await get(proxy.port, '/missing');
  const [process = '', server = ''] = texts();
  assert.match(process, /\[notice\] \d+#0: generation 1 started\n/);
  assert.match(
    server,
    /\[error\] \d+#0: \*\d+ open\(\) ".*\/missing" failed \(2: No such file or directory\), client: /,
  );
  await proxy.reload(configuration);
  assert.ok(texts()[1]?.startsWith(server));
  await proxy.close();
  assert.deepEqual(texts(), []);
});
