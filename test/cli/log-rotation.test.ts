import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { connect, request, until } from '../kit/index.js';
import { freePort, type Running, serve } from './running.js';

/** Requests of each client. */
const REQUESTS = 1500;
const CLIENTS = 4;
const ROTATIONS = 8;

function site(port: number): string {
  return `
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
events { }
http {
    log_format number $arg_n;
    access_log %%DIR%%/plain.log number;
    access_log %%DIR%%/buffered.log number buffer=4k flush=1m;
    access_log %%DIR%%/packed.log number gzip buffer=4k flush=1m;
    keepalive_requests 1000000;
    server { listen 127.0.0.1:${port}; location / { return 200 ok; } }
}
`;
}

/** Like the system's logrotate: moves the files away, sends USR1, and continues. */
async function rotate(proxy: Running, generation: number): Promise<void> {
  const { path } = proxy.prefix;
  for (const name of ['plain.log', 'buffered.log', 'packed.log']) {
    renameSync(join(path, name), join(path, `${name}.${generation}`));
  }
  proxy.signal('SIGUSR1');
  await until('the files are there again', () => existsSync(join(path, 'packed.log')));
}

test('rotating the logs under load loses no line and doubles none', async (t) => {
  const port = await freePort();
  const proxy = await serve(t, site(port));
  const client = async (id: number): Promise<void> => {
    const connection = await connect(port);
    for (let i = 0; i < REQUESTS; i++) {
      connection.send(request(`/?n=${id}-${i}`, { fields: ['Connection: keep-alive'] }));
      assert.equal((await connection.answer()).status, 200);
    }
    connection.close();
  };
  let running = true;
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, id) => client(id))).then(() => {
    running = false;
  });
  for (let generation = 0; generation < ROTATIONS && running; generation++) await rotate(proxy, generation);
  await clients;
  proxy.signal('SIGQUIT');
  assert.equal(await proxy.exited, 0);

  const wanted = Array.from(
    { length: CLIENTS * REQUESTS },
    (_, i) => `${i % CLIENTS}-${Math.floor(i / CLIENTS)}`,
  ).sort();
  const { path } = proxy.prefix;
  for (const name of ['plain.log', 'buffered.log', 'packed.log']) {
    const files = readdirSync(path).filter((file) => file.startsWith(name));
    assert.ok(files.length > 1, `${name} was rotated`);
    const texts = files.map((file) => readFileSync(join(path, file)));
    const lines = texts.flatMap((bytes) =>
      (name === 'packed.log' && bytes.length > 0 ? gunzipSync(bytes) : bytes)
        .toString('latin1')
        .split('\n')
        .slice(0, -1),
    );
    assert.deepEqual(lines.sort(), wanted, name);
  }
});
