/** A log that cannot be written, for whatever reason, neither fails a request nor holds one up nor ends the process. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DestinationLog } from '../../src/logging/destination-log.js';
import { BINARY, freePort, Prefix, serve } from '../cli/running.js';
import { type Connection, connect, get, request, startProxy, until } from '../kit/index.js';
import { exhaust, NO_LIMITS, workerOf } from './descriptors.js';

const KEPT = { fields: ['Connection: keep-alive'] };

async function status(client: Connection, path: string): Promise<number> {
  return (await client.send(request(path, KEPT)).answer()).status;
}

test('without a free descriptor every log is left alone, and is written again when there is one', {
  skip: NO_LIMITS,
}, async (t) => {
  const server = createSocket('udp4');
  const messages: string[] = [];
  server.on('message', (message) => messages.push(message.toString('latin1')));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const udp = `syslog:server=127.0.0.1:${server.address().port}`;
  const port = await freePort();
  const proxy = await serve(
    t,
    `
    user root; daemon off; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info;
    events {}
    http {
      access_log off;
      log_format brief '$uri';
      server {
        listen 127.0.0.1:${port};
        root %%DIR%%;
        location /udp { access_log ${udp} brief; return 204; }
        location /udp-error { error_log ${udp},tag=errors; deny all; }
        location /unix { access_log syslog:server=unix:%%DIR%%/none.sock brief; return 204; }
        location /unix-error { error_log syslog:server=unix:%%DIR%%/none.sock,tag=errors; deny all; }
        location /variable { access_log %%DIR%%/$arg_name.log brief; return 204; }
        location /cached { open_log_file_cache max=10; access_log %%DIR%%/$arg_name.log brief; return 204; }
        location / { return 204; }
      }
    }`,
  );
  const worker = await workerOf(proxy);
  const client = await connect(port);
  t.after(() => client.close());
  assert.equal(await status(client, '/'), 204);
  const restore = exhaust(worker);
  for (let i = 0; i < 3; i++) {
    for (const path of ['/udp', '/unix', '/variable?name=a', '/cached?name=b']) {
      assert.equal(await status(client, path), 204, path);
    }
    for (const path of ['/udp-error', '/unix-error']) assert.equal(await status(client, path), 403, path);
  }
  proxy.signal('SIGUSR1');
  await proxy.logged(/\[emerg\] .* open\(\) ".*error.log" failed \(24: Too many open files\)/);
  assert.equal(await status(client, '/'), 204);
  const { log } = proxy.prefix;
  assert.match(log, /connect\(\) failed \(24: Too many open files\) while logging to syslog, server: 127\.0\.0\.1/);
  assert.match(log, /connect\(\) failed \(24: Too many open files\) while logging to syslog, server: unix:/);
  restore();
  await until('lines arrive again', () => {
    client.send(request('/udp', KEPT));
    return messages.some((message) => message.endsWith(' nginx: /udp'));
  });
  await proxy.logged(/\d+ writes to the syslog server 127\.0\.0\.1:\d+ failed and were dropped/);
  assert.equal(proxy.child.exitCode, null);
});

test('a logger that dies repeatedly interrupts nothing, and its pending lines are sent by the next one', async (t) => {
  const proxy = await startProxy(`
    server {
      listen 127.0.0.1:0;
      access_log syslog:server=unix:%%DIR%%/none.sock;
      error_log syslog:server=unix:%%DIR%%/none.sock info;
      return 204;
    }`);
  t.after(() => proxy.close());
  for (let i = 0; i < 300; i++) assert.equal((await get(proxy.port)).status, 204);
  await until('it is logged', () => proxy.messages('error').length > 0);
  assert.match(
    proxy.messages('error').join('\n'),
    /^connect\(\) failed \(.*\) while logging to syslog, server: unix:\S+$/m,
  );
});

test('a named pipe as a log is opened without a reader, never blocks, and loses only lines beyond its queue', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(t, '');
  const fifos = ['error.fifo', 'access.fifo', 'variable.fifo'].map((name) => join(prefix.path, name));
  for (const fifo of fifos) execFileSync('mkfifo', [fifo]);
  const proxy = await startProxy(`
    log_format long '$uri ${'x'.repeat(3000)}' '${'x'.repeat(3000)}';
    server {
      listen 127.0.0.1:${port};
      root ${prefix.path};
      location /access { access_log ${fifos[1]} long; return 204; }
      location /variable { access_log ${prefix.path}/$arg_name.fifo long; return 204; }
      location / { access_log off; error_log ${fifos[0]}; }
    }`);
  t.after(() => proxy.close());
  const client = await connect(port);
  t.after(() => client.close());
  for (let i = 0; i < 200; i++) {
    assert.equal(await status(client, '/access'), 204);
    assert.equal(await status(client, '/variable?name=variable'), 204);
    assert.equal(await status(client, `/${'e'.repeat(1500)}`), 404);
  }
  const output = proxy.messages('alert').join('\n');
  assert.match(
    output,
    /write\(\) to ".*\/access\.fifo" failed \(11: Resource temporarily unavailable\) while logging request/,
  );
  assert.match(output, /write\(\) to ".*\/error\.fifo" failed \(11: Resource temporarily unavailable\)/);
  let read = '';
  const reader = createReadStream(fifos[1] ?? '', 'latin1');
  reader.on('data', (text) => (read += text));
  t.after(() => once(reader, 'close'));
  await until('what was queued arrives', () => read.length > 128 * 1024);
  await until('what was lost is counted', () => {
    client.send(request('/access', KEPT));
    return proxy
      .messages('alert')
      .some((message) => /\d+ writes to ".*access\.fifo" failed and were dropped/.test(message));
  });
  const lines = read.split('\n').slice(0, -1);
  assert.ok(
    lines.every((line) => line === `/access ${'x'.repeat(6000)}`),
    'lines are whole',
  );
});

for (const [kind, words] of [
  ['a pipe', ['sh', '-c', '"$@" 2>&1 >/dev/null | sleep 1000', 'sh']],
  ['a socket', []],
] as const) {
  test(`stderr that is ${kind} without a reader is not waited for`, async (t) => {
    const port = await freePort();
    const prefix = new Prefix(
      t,
      `
      master_process off; daemon off; pid %%DIR%%/nginx.pid; error_log stderr info;
      events {}
      http { access_log off; server { listen 127.0.0.1:${port}; root %%DIR%%; location / {} } }`,
    );
    const [file = '', ...rest] = [...words, process.execPath, BINARY, ...prefix.words];
    const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    t.after(() => process.kill(-(child.pid ?? 0), 'SIGKILL'));
    await until('it serves', () => prefix.read('nginx.pid') !== '');
    const client = await connect(port);
    t.after(() => client.close());
    for (let i = 0; i < 400; i++) assert.equal(await status(client, `/${'x'.repeat(1500)}`), 404);
  });
}

test('USR1 with a directory that is gone keeps the old files', async (t) => {
  const prefix = new Prefix(t, '');
  mkdirSync(join(prefix.path, 'sub'));
  const running = await startProxy(`
    access_log ${prefix.path}/sub/access.log;
    error_log ${prefix.path}/sub/error.log info;
    server { listen 127.0.0.1:0; root /nonexistent; location / {} }`);
  t.after(() => running.close());
  await get(running.port);
  renameSync(join(prefix.path, 'sub'), join(prefix.path, 'moved'));
  running.proxy.reopenLogs();
  assert.equal((await get(running.port)).status, 404);
  assert.equal(readFileSync(join(prefix.path, 'moved/access.log'), 'latin1').split('\n').length, 3);
});

test('a function that takes log entries and throws fails no request', () => {
  const log = new DestinationLog([
    {
      to: () => {
        throw new Error('the program is mistaken');
      },
      threshold: 7,
    },
  ]);
  log.write('error', 'once');
  log.write('error', 'twice');
});
