/** Health checks of a proxy with several workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { answeringBackend, connect, get, reply, until } from '../kit/index.js';

const failing = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';

/** Waits until all three workers have answered: each learns the first states from the master. */
async function allAnswer(port: number): Promise<void> {
  const workers = new Set<string>();
  while (workers.size < 3) {
    const answer = await get(port);
    if (answer.status === 200) workers.add(answer.field('x-worker') ?? '');
  }
}

test('one of three workers checks for all, and another one takes over if it is killed', async (t) => {
  let isUp = true;
  const workers: string[] = [];
  const checked = await answeringBackend((request) => {
    if (request.target !== '/health') return reply('a');
    workers.push(request.field('x-worker') ?? '');
    return isUp ? reply('fine') : failing;
  });
  const other = await answeringBackend(({ target }) => reply(target === '/health' ? 'fine' : 'b'));
  t.after(() => Promise.all([checked.close(), other.close()]));
  const port = await freePort();
  const proxy = await serve(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 3;
events { }
http {
    access_log off;
    upstream u { zone u 64k; server 127.0.0.1:${checked.port}; server 127.0.0.1:${other.port}; }
    server {
        listen 127.0.0.1:${port};
        location / {
            proxy_set_header X-Worker $pid; add_header X-Worker $pid; proxy_pass http://u;
            health_check uri=/health mandatory persistent interval=20ms fails=2;
        }
    }
}
`,
  );
  const answers = async () => {
    const all = await Promise.all(Array.from({ length: 24 }, () => get(port)));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [200]);
    return [...new Set(all.map(({ body }) => body))].sort();
  };
  await until('five checks were made', () => workers.length >= 5);
  await until('both are healthy', () => proxy.prefix.log.split('peer is healthy').length === 3);
  await allAnswer(port);
  const [leader = ''] = workers;
  assert.deepEqual([...new Set(workers)], [leader]);
  isUp = false;
  await until('it is unhealthy', () => proxy.prefix.log.includes('peer is unhealthy'));
  for (let i = 0; i < 3; i++) assert.deepEqual(await answers(), ['b']);

  process.kill(Number(leader), 'SIGKILL');
  await until('another worker checks', () => workers.at(-1) !== leader);
  for (let i = 0; i < 3; i++) assert.deepEqual(await answers(), ['b']);
  assert.equal(proxy.prefix.log.split('peer is unhealthy').length, 2);

  proxy.signal('SIGHUP');
  await until(
    'the configuration is in force in all workers',
    () => proxy.prefix.log.split('generation 2 started').length > 3,
  );
  assert.deepEqual(await answers(), ['b']);
  isUp = true;
  await until('it is healthy', () => proxy.prefix.log.split('peer is healthy').length === 4);
  let seen: string[] = [];
  while (seen.length < 2) seen = await answers();
  assert.equal(proxy.prefix.log.split('peer is unhealthy').length, 2);
});

test('workers that shut down send no requests to unhealthy servers', async (t) => {
  const checked = await answeringBackend(({ target }) => (target === '/health' ? failing : reply('a')));
  const other = await answeringBackend(() => reply('b'));
  t.after(() => Promise.all([checked.close(), other.close()]));
  const port = await freePort();
  const proxy = await serve(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 3;
events { }
http {
    access_log off;
    upstream u { zone u 64k; server 127.0.0.1:${checked.port}; server 127.0.0.1:${other.port}; }
    server {
        listen 127.0.0.1:${port};
        location / { add_header X-Worker $pid; proxy_pass http://u; health_check uri=/health mandatory; }
    }
}
`,
  );
  await until('both are checked', () => proxy.prefix.log.split(/peer is (?:un)?healthy/).length === 3);
  const clients = await Promise.all(Array.from({ length: 12 }, () => connect(port)));
  t.after(() => {
    for (const client of clients) client.close();
  });
  for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: h\r\n');
  await allAnswer(port);
  proxy.signal('SIGQUIT');
  await until('all workers shut down', () => proxy.prefix.log.split('gracefully shutting down').length > 3);
  for (const client of clients) client.send('\r\n');
  for (const client of clients) assert.match(await client.all(), /\r\n\r\nb$/);
});
