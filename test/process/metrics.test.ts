/** Metrics of several workers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { freePort, type Running, serve } from '../cli/running.js';
import { connect, get, request } from '../kit/index.js';
import { type Samples, scrape, valueIn } from '../metrics/samples.js';
import { eventually } from '../modules/api-client.js';

function configuration(port: number, workers: number, version = 1): string {
  return `
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
worker_processes ${workers};
events { }
http {
    access_log off;
    server {
        listen 127.0.0.1:${port};
        location = /metrics { metrics; }
        location /count { return 200 $pid; }
        location /version { return 200 ${version}; }
    }
}
`;
}

async function start(t: TestContext, workers: number): Promise<{ proxy: Running; port: number }> {
  const port = await freePort();
  return { proxy: await serve(t, configuration(port, workers)), port };
}

/** Process ids of the workers. */
function workersOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

/** Connections that are handled by every worker, by its process id. */
async function connections(port: number, workers: number): Promise<Map<string, Awaited<ReturnType<typeof connect>>>> {
  const found = new Map<string, Awaited<ReturnType<typeof connect>>>();
  for (let i = 0; i < 1000 && found.size < workers; i++) {
    const client = await connect(port);
    client.send(request('/version', { fields: ['Connection: keep-alive'] }));
    await client.answer();
    client.send(request('/count', { fields: ['Connection: keep-alive'] }));
    const { body: pid } = await client.answer();
    if (found.has(pid)) client.close();
    else found.set(pid, client);
  }
  assert.equal(found.size, workers);
  return found;
}

const counted = (samples: Samples): number =>
  valueIn(samples, 'tsproxy_http_requests_total{server="",location="/count",code="200"}');

test('a scrape of any worker returns the sums of all, exactly', async (t) => {
  const { proxy, port } = await start(t, 3);
  const clients = [...(await connections(port, 3)).values()];
  const before = counted(await scrape(port));
  for (const client of clients) {
    for (let i = 0; i < 10; i++) {
      client.send(request('/count', { fields: ['Connection: keep-alive'] }));
      await client.answer();
    }
  }
  for (const client of clients) {
    client.send(request('/metrics', { fields: ['Connection: keep-alive'] }));
    const { body } = await client.answer();
    assert.match(body, new RegExp(`location="/count",code="200"} ${before + 30}\\n`));
    assert.match(body, /^tsproxy_workers 3$/m);
  }
  for (const client of clients) client.close();
  proxy.signal('SIGTERM');
  await proxy.exited;
});

test('counts continue over a reload, the kill of a worker, and another number of workers', async (t) => {
  const { proxy, port } = await start(t, 3);
  let expected = 0;
  const ask = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) assert.equal((await get(port, '/count')).status, 200);
    expected += times;
    assert.equal(counted(await scrape(port)), expected);
  };
  await ask(20);
  const killed = workersOf(proxy);
  process.kill(killed[0] as number, 'SIGKILL'); // one of three
  await eventually('another worker has replaced it', async () => {
    const workers = workersOf(proxy);
    return workers.length === 3 && !workers.includes(killed[0] as number);
  });
  await eventually('all workers respond', async () => valueIn(await scrape(port), 'tsproxy_workers') === 3);
  await ask(20);
  proxy.prefix.write('nginx.conf', configuration(port, 2, 2));
  proxy.signal('SIGHUP');
  await proxy.logged(/generation 2 started/);
  await eventually('the surplus worker has ended', async () => workersOf(proxy).length === 2);
  await ask(20);
  proxy.prefix.write('nginx.conf', configuration(port, 1, 3));
  proxy.signal('SIGHUP');
  await proxy.logged(/generation 3 started/);
  await eventually('the surplus worker has ended', async () => workersOf(proxy).length === 1);
  await ask(20);
  const samples = await scrape(port);
  assert.equal(valueIn(samples, 'tsproxy_worker_restarts_total'), 1);
  proxy.signal('SIGTERM');
  await proxy.exited;
});

test('counts continue if the only worker is killed; refused reloads are counted', async (t) => {
  const { proxy, port } = await start(t, 1);
  for (let i = 0; i < 5; i++) await get(port, '/count');
  assert.equal(counted(await scrape(port)), 5);
  const [killed = 0] = workersOf(proxy);
  process.kill(killed, 'SIGKILL');
  await eventually('another worker has replaced it', async () => {
    return workersOf(proxy).length === 1 && workersOf(proxy)[0] !== killed;
  });
  await get(port, '/count');
  assert.equal(counted(await scrape(port)), 6);
  proxy.prefix.write('nginx.conf', 'events { } http { unknown; }');
  proxy.signal('SIGHUP');
  await proxy.logged(/unknown directive/);
  await eventually('it is counted', async () => {
    return valueIn(await scrape(port), 'tsproxy_config_reloads_total{result="refused"}') === 1;
  });
  const samples = await scrape(port);
  assert.equal(samples.get('tsproxy_config_last_reload_successful'), 0);
  assert.equal(samples.get('tsproxy_config_generation'), 1);
  assert.equal(samples.get('tsproxy_config_reloads_total{result="success"}'), 0);
  assert.equal(samples.get('tsproxy_worker_restarts_total'), 1);
  proxy.signal('SIGTERM');
  await proxy.exited;
});
