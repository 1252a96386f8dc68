/**
 * Traces of worker processes: the last spans are sent when a worker exits or a configuration is replaced, and traffic never
 * waits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from '../kit/index.js';
import { grpcCollector } from '../kit/otlp.js';
import { freePort, serve } from './running.js';

const configuration = (port: number, otlp: number, exporter = '', workers = 2, target = 'one'): string => `
worker_processes ${workers};
pid nginx.pid;
error_log error.log notice;
events {}
http {
  access_log off;
  otel_exporter { endpoint 127.0.0.1:${otlp}; interval 1h; ${exporter} }
  otel_trace on;
  otel_span_name ${target};
  server {
    listen 127.0.0.1:${port};
    location / { return 200 $pid; }
  }
}`;

/** Requests until as many workers have answered. */
async function answersOf(port: number, workers: number): Promise<number> {
  const pids = new Set<string>();
  for (let requests = 1; ; requests++) {
    pids.add((await get(port, '/')).body);
    if (pids.size === workers && requests >= 6) return requests;
  }
}

test('the spans of all workers are sent at a graceful shutdown', async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  const port = await freePort();
  const running = await serve(t, configuration(port, collector.port));
  const requests = await answersOf(port, 2);
  assert.equal(collector.batches.length, 0);
  running.signal('SIGQUIT');
  await running.exited;
  assert.equal(collector.spans.length, requests);
  assert.equal(collector.batches.length, 2);
  assert.doesNotMatch(running.prefix.log, /OTel/);
});

test('the last spans are sent at a fast shutdown', async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  const port = await freePort();
  const running = await serve(t, configuration(port, collector.port, 'batch_size 2;', 1));
  for (let i = 0; i < 2; i++) await get(port, '/');
  // The connection is there: a worker has half a second.
  await collector.received(2);
  await get(port, '/');
  running.signal('SIGTERM');
  await running.exited;
  assert.equal(collector.spans.length, 3);
});

test('the spans of a configuration are sent when it is replaced by one with another exporter', async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  const port = await freePort();
  const running = await serve(t, configuration(port, collector.port, '', 1));
  await get(port, '/');
  // The same exporter continues.
  running.prefix.write('nginx.conf', configuration(port, collector.port, '', 1, 'two'));
  running.signal('SIGHUP');
  await running.logged(/generation 2 started/);
  await get(port, '/');
  assert.equal(collector.batches.length, 0);
  running.prefix.write('nginx.conf', configuration(port, collector.port, 'header x y;', 1, 'three'));
  running.signal('SIGHUP');
  const spans = await collector.received(2);
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['one', 'two'],
  );
  assert.equal(collector.batches.length, 1);
  await running.logged(/generation 3 started/);
  await get(port, '/');
  running.signal('SIGQUIT');
  await running.exited;
  assert.deepEqual(
    collector.spans.map(({ name }) => name),
    ['one', 'two', 'three'],
  );
  assert.equal(collector.batches.at(-1)?.fields.x, 'y');
});

test('a collector that does not respond delays neither requests nor the exit, and dropped spans are counted', async (t) => {
  const collector = await grpcCollector({ answer: () => ({ after: new Promise(() => {}) }) });
  t.after(() => collector.close());
  const port = await freePort();
  const running = await serve(t, configuration(port, collector.port, 'batch_size 2; batch_count 2;', 1));
  for (let i = 0; i < 10; i++) assert.equal((await get(port, '/')).status, 200);
  await running.logged(/\[notice\] .*OTel dropped records: [1-6]\b/);
  assert.equal(collector.batches.length, 2);
  const begun = Date.now();
  running.signal('SIGQUIT');
  assert.equal(await running.exited, 0);
  assert.ok(Date.now() - begun >= 1500);
});

test('a collector that cannot be reached is logged, and requests are answered', async (t) => {
  const [port, closed] = [await freePort(), await freePort()];
  const running = await serve(t, configuration(port, closed, 'batch_size 1;', 1));
  for (let i = 0; i < 3; i++) assert.equal((await get(port, '/')).status, 200);
  running.signal('SIGQUIT');
  assert.equal(await running.exited, 0);
  const lost = [
    ...running.prefix.log.matchAll(/\[error\] .*OTel export failure: connect ECONNREFUSED .*, (\d) spans are lost/g),
  ];
  assert.equal(
    lost.reduce((sum, [, count]) => sum + Number(count), 0),
    3,
  );
});
