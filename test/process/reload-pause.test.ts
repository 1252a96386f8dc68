/** A reload of thousands of servers keeps no request waiting. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, serve } from '../cli/running.js';
import { connect, get, request, startProxy } from '../kit/index.js';

const SERVERS = 3000;
/** ms of the worker's time between two answers; one read of all of this configuration would take several times as much. */
const LONGEST = 100;
/** ms for which requests go on when the reload is done: memory is given back then. */
const AFTERWARDS = 2500;
/** ms between two requests: short beside LONGEST, and it leaves the processor to the reload. */
const INTERVAL = 5;

function http(port: number, generation: number, count = SERVERS): string {
  const servers = Array.from(
    { length: count },
    (_, i) => `server {
      listen 127.0.0.1:${port}; server_name s${i}.example.com *.w${i}.example.com;
      location /api/ { proxy_pass http://127.0.0.1:${9000 + (i % 500)}; proxy_set_header Host $host; }
      location / { root /srv/www; try_files $uri /index.html; }
    }`,
  );
  return `http {
  access_log off;
  keepalive_requests 1000000;
  server { listen 127.0.0.1:${port}; location / { return 200 "$pid ${generation}"; } }
  ${servers.join('\n')}
}`;
}

function configuration(port: number, generation: number, count = SERVERS): string {
  return `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice; worker_processes 1; events { }\n${http(port, generation, count)}`;
}

/** ms for which the first thread of a process has run: how busy the machine is has no part in it. */
function processorTime(pid: number | 'self'): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

test(`a reload of ${SERVERS} servers never takes a worker's time for long`, async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(port, 1));
  const connection = await connect(port);
  t.after(() => connection.close());
  const ask = async (): Promise<readonly [pid: number, generation: number]> => {
    connection.send(request('/', { fields: ['Connection: keep-alive'] }));
    const [pid = 0, generation = 0] = (await connection.answer()).body.split(' ').map(Number);
    return [pid, generation];
  };
  const [pid] = await ask();
  proxy.prefix.write('nginx.conf', configuration(port, 2));
  proxy.signal('SIGHUP');
  let answers = 0;
  let longest = 0;
  let spent = processorTime(pid);
  const begun = spent;
  let done = Number.POSITIVE_INFINITY;
  while (performance.now() < done) {
    await pause(INTERVAL);
    const [, generation] = await ask();
    const now = processorTime(pid);
    longest = Math.max(longest, now - spent);
    spent = now;
    answers++;
    if (generation === 2) done = Math.min(done, performance.now() + AFTERWARDS);
  }
  assert.ok(
    longest < LONGEST,
    `${longest.toFixed(1)} of ${(spent - begun).toFixed(1)} ms in one piece, ${answers} answers`,
  );
});

test(`a reload of ${SERVERS} servers within a program never takes its time for long`, async (t) => {
  const proxy = await startProxy(`events { }\n${http(0, 1)}`);
  t.after(() => proxy.close());
  let longest = 0;
  let before = processorTime('self');
  let done = false;
  const turn = (): void => {
    const now = processorTime('self');
    longest = Math.max(longest, now - before);
    before = now;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  await proxy.reload(`events { }\n${http(0, 2)}`);
  done = true;
  assert.ok(longest < 1.5 * LONGEST, `${longest.toFixed(1)} ms in one piece`);
});

test('signals that arrive while a reload is prepared are obeyed', async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(port, 1, 300));
  const reload = async (generation: number): Promise<void> => {
    proxy.prefix.write('nginx.conf', configuration(port, generation, 300));
    proxy.signal('SIGHUP');
    await proxy.logged(new RegExp(`(signal 1 \\(SIGHUP\\) received[^]*){${generation - 1}}`));
  };
  await reload(2);
  await reload(3);
  await proxy.logged(/generation 3 started/);
  assert.match((await get(port)).body, / 3$/);
  await reload(4);
  proxy.signal('SIGQUIT');
  assert.equal(await proxy.exited, 0);
});
