import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { get, until } from '../kit/index.js';
import { RedisServer, withoutRedis } from '../kit/redis.js';

test('a killed worker is replaced while the required store is gone, and workers share the limits of the machine', {
  skip: withoutRedis,
}, async (t) => {
  const server = await RedisServer.start();
  t.after(() => server.close());
  const port = await freePort();
  const { prefix } = await serve(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice; worker_processes 2;
events { }
http {
    access_log off; store_required on;
    zone_store main ${server.address} timeout=5s;
    limit_req_zone $arg_k zone=z:1m rate=1r/m store=main;
    server {
        listen 127.0.0.1:${port};
        location / { limit_req zone=z burst=9 nodelay; empty_gif; }
    }
}
`,
  );
  const workers = () => [...prefix.log.matchAll(/start worker process (\d+)$/gm)].map(([, pid]) => Number(pid));
  const admitted = async (key: string) => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => get(port, `/?k=${key}`)));
    return answers.filter(({ status }) => status === 200).length;
  };
  assert.equal(await admitted('a'), 10);
  await server.kill();
  const lost = () => prefix.log.match(/ zone store "main" \(redis:.*\) does not respond/g)?.length ?? 0;
  await until('both workers notice', () => lost() === 2);
  const [first = 0] = workers();
  process.kill(first, 'SIGKILL');
  await until('another one serves', () => (prefix.log.match(/generation 1 started/g)?.length ?? 0) === 3);
  assert.match(prefix.log, /\[warn\] .* zone store "main" \(redis:.*\) is not available/);
  assert.equal(await admitted('b'), 10);
  await server.restart();
  const back = () => prefix.log.match(/ zone store "main" \(redis:.*\) responds again/g)?.length ?? 0;
  await until('both workers use it again', () => back() === 2);
  assert.equal(await admitted('c'), 10);
});
