/** Metrics as Prometheus reads them: `promtool check metrics`, a server that scrapes, and the dashboard. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FAMILIES } from '../../src/metrics/families.js';
import { freePort } from '../cli/running.js';
import { get, startProxy, type TestProxy, websocket, websocketEcho } from '../kit/index.js';
import { eventually } from '../modules/api-client.js';
import { samplesIn, scrape } from './samples.js';

const DASHBOARD = readFileSync(new URL('../../../docs/grafana-dashboard.json', import.meta.url), 'utf8');

function missing(program: string): string | false {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.some((directory) => existsSync(join(directory, program))) ? false : `needs ${program}`;
}

/** A proxy with traffic of every kind. */
async function busy(t: TestContext): Promise<TestProxy> {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `limit_req_zone $server_name zone=rate:64k rate=1r/m;
    api_plan free 100/1d;
    api_keys partners { key joe free; }
    upstream app { zone app 64k; server 127.0.0.1:%%PORT%%; queue 5; circuit_breaker failures=5; }
    server {
      listen 127.0.0.1:0;
      server_name busy.example;
      location = /metrics { metrics; }
      location / { proxy_pass http://app; }
      location /key { api_key partners; metrics_usage on; proxy_pass http://app; }
      location /limited { limit_req zone=rate; proxy_pass http://app; }
      location ~ '^/we"ird$' { return 200; }
      location /ws { proxy_pass ws://app; }
    }`,
    { PORT: echo.port },
  );
  t.after(() => proxy.close());
  for (const path of ['/', '/limited', '/limited', '/we%22ird', '/missing']) await get(proxy.port, path);
  await get(proxy.port, '/key', { fields: ['X-API-Key: key'] });
  const client = await websocket(proxy.port, '/ws');
  await client.ask('message');
  await client.close();
  await eventually('the WebSocket is counted', async () => {
    return [...(await scrape(proxy.port)).keys()].some((series) => series.startsWith('tsproxy_websocket_closed'));
  });
  return proxy;
}

test('promtool accepts the metrics without a complaint', { skip: missing('promtool') }, async (t) => {
  const proxy = await busy(t);
  const { body } = await get(proxy.port, '/metrics');
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part));
  child.stdin.end(body, 'latin1');
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([code, output], [0, '']);
});

interface QueryResult {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

test('a Prometheus server scrapes the metrics, and evaluates all expressions of the dashboard', {
  skip: missing('prometheus'),
}, async (t) => {
  const proxy = await busy(t);
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-prometheus-'));
  const port = await freePort();
  writeFileSync(
    join(directory, 'prometheus.yml'),
    `global: { scrape_interval: 500ms, scrape_timeout: 500ms }
scrape_configs:
- job_name: tsproxy
  static_configs: [{ targets: ['127.0.0.1:${proxy.port}'] }]
`,
  );
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--storage.tsdb.retention.time=1h',
      '--log.level=error',
    ],
    { stdio: 'ignore', env: { ...process.env, GOMAXPROCS: '1', GOMEMLIMIT: '64MiB' } },
  );
  const exited = new Promise((resolve) => server.on('exit', resolve));
  t.after(async () => {
    server.kill('SIGKILL');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  });
  const query = async (expression: string): Promise<QueryResult> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (await answer.json()) as QueryResult;
  };
  const values = async (expression: string): Promise<string[]> => {
    const { data } = await query(expression).catch((): QueryResult => ({ status: 'not started' }));
    return data?.result.map(({ value }) => value[1]) ?? [];
  };
  // On a busy machine a scrape may exceed its time; then the series are gone until the next one.
  const becomes = (expression: string, expected: string): Promise<void> =>
    eventually(`${expression} is ${expected}`, async () => (await values(expression)).join() === expected);
  await becomes('up', '1');
  await becomes('tsproxy_http_requests_total{location="/limited",code="503"}', '1');
  await becomes('sum(tsproxy_websocket_messages_total)', '2');
  await becomes('tsproxy_http_requests_total{location=~".*we.ird.*",code="200"}', '1');
  await becomes('tsproxy_http_request_duration_seconds_count{location="/limited"}', '2');
  await get(proxy.port, '/');
  await becomes('tsproxy_http_requests_total{location="/",code="200"}', '3');
  for (const expression of expressionsIn(JSON.parse(DASHBOARD))) {
    const { status, error } = await query(withoutVariables(expression));
    assert.equal(status, 'success', `${expression}: ${error}`);
  }
});

/** Grafana's variables with values. */
function withoutVariables(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

/** Expressions of all panels and annotations. */
function expressionsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) => {
    return name === 'expr' && typeof value === 'string' ? [value] : expressionsIn(value);
  });
}

test('the dashboard uses existing metrics and labels only', () => {
  const names = new Map<string, readonly string[]>();
  for (const { name, type, labels } of FAMILIES) {
    if (type !== 'histogram') names.set(name, labels);
    else for (const part of ['bucket', 'sum', 'count']) names.set(`${name}_${part}`, [...labels, 'le']);
  }
  const expressions = expressionsIn(JSON.parse(DASHBOARD));
  assert.ok(expressions.length > 30);
  for (const expression of expressions) {
    const used = [...expression.matchAll(/\btsproxy_\w+/g)].map(([name]) => name);
    assert.ok(used.length > 0, expression);
    const known = new Set(['instance']);
    for (const name of used) {
      const labels = names.get(name);
      assert.ok(labels, `${name} in ${expression}`);
      for (const label of labels) known.add(label);
    }
    const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
    const selected = [...expression.matchAll(/(\w+)(?:=~|!=|=)"/g)].map(([, label = '']) => label);
    for (const label of [...grouped, ...selected]) assert.ok(known.has(label), `${label} in ${expression}`);
  }
});

test('100,000 different paths and hosts add no series', async (t) => {
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      keepalive_requests 1000000;
      access_log off;
      location = /metrics { metrics; }
      location / { return 204; }
    }`,
  );
  t.after(() => proxy.close());
  const socket = connect(proxy.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const mark = 'HTTP/1.1 204';
  let tail = '';
  let received = 0;
  let waiting: { readonly count: number; readonly done: () => void; readonly fail: (error: Error) => void } | null =
    null;
  socket.on('data', (chunk: Buffer) => {
    const text = tail + chunk.latin1Slice();
    received += text.split(mark).length - 1;
    tail = text.slice(1 - mark.length);
    if (waiting !== null && received >= waiting.count) waiting.done();
  });
  socket.on('close', () => waiting?.fail(new Error(`closed after ${received} responses`)));
  const ask = async (from: number, to: number): Promise<void> => {
    let requests = '';
    for (let i = from; i < to; i++) requests += `GET /${i}/x${i % 977} HTTP/1.1\r\nHost: h${i}.example\r\n\r\n`;
    const done = new Promise<void>((resolve, reject) => {
      waiting = { count: to, done: resolve, fail: reject };
    });
    socket.write(requests);
    await done;
  };
  const series = async (): Promise<string[]> => {
    const { body } = await get(proxy.port, '/metrics');
    return [...samplesIn(body).keys()].filter((name) => !name.startsWith('tsproxy_worker_'));
  };
  await ask(0, 1);
  await series();
  const before = await series();
  for (let i = 1; i < 100_000; i += 1000) await ask(i, Math.min(100_000, i + 1000));
  assert.deepEqual(await series(), before);
  const counted = (await scrape(proxy.port)).get('tsproxy_http_requests_total{server="",location="/",code="204"}');
  assert.equal(counted, 100_000);
});
