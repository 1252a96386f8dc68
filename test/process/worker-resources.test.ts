import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { processorsOf } from '../../src/process/worker-resources.js';
import { freePort, serve } from '../cli/running.js';
import { until } from '../kit/index.js';

test('masks go to workers in turn, the last one to all that follow', () => {
  const affinity = { auto: false, masks: [0b01n, 0b110n] };
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => processorsOf(affinity, n)),
    [0b01n, 0b110n, 0b110n, 0b110n],
  );
  assert.equal(processorsOf(null, 0), null);
});

test('auto assigns each worker one processor of the mask, in turn', () => {
  const affinity = { auto: true, masks: [0b1010n] };
  assert.deepEqual(
    [0, 1, 2].map((n) => processorsOf(affinity, n)),
    [0b0010n, 0b1000n, 0b0010n],
  );
  assert.equal(processorsOf({ auto: true, masks: [0n] }, 0), null);
});

function statusOf(pid: number, field: string): string {
  return new RegExp(`${field}:\\s+(\\S+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
}

test('a worker has the processor and the limit of open files that it is to have, and a reload changes them', async (t) => {
  const port = await freePort();
  const text = (files: number): string => `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info;
    worker_cpu_affinity 1; worker_rlimit_nofile ${files};
    events { } http { access_log off; server { listen 127.0.0.1:${port}; } }`;
  const proxy = await serve(t, text(1000));
  const { pid } = proxy.child;
  const worker = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0]);
  const limit = (): string =>
    /^Max open files +(\d+ +\d+)/m.exec(readFileSync(`/proc/${worker}/limits`, 'latin1'))?.[1] ?? '';
  await until('it has 1000 files', () => /^1000 +1000$/.test(limit()));
  await until('it has the first processor', () => statusOf(worker, 'Cpus_allowed_list') === '0');
  assert.notEqual(availableParallelism() > 1 && statusOf(proxy.child.pid ?? 0, 'Cpus_allowed_list'), '0');
  proxy.prefix.write('nginx.conf', text(900));
  proxy.signal('SIGHUP');
  await until('it has 900 files', () => /^900 +900$/.test(limit()));
});
