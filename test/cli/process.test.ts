import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect, get, request, scriptedBackend, until, websocket, websocketEcho } from '../kit/index.js';
import { BINARY, command, freePort, Prefix, serve } from './running.js';

function site(port: number, body: string, extra = ''): string {
  return `
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
daemon off;
${extra}
events { }
http {
    access_log %%DIR%%/access.log;
    server {
        listen 127.0.0.1:${port};
        ${body}
    }
}
`;
}

// A machine with several cores, or one that is busy, runs several proxies in the time of one.
describe('a process', { concurrency: 3 }, () => {
  test('serves, holds its own pid in the pid file, and leaves with 0 on QUIT', async (t) => {
    const port = await freePort();
    const proxy = await serve(t, site(port, 'return 200 one;'));
    assert.equal(Number(proxy.prefix.read('nginx.pid')), proxy.child.pid);
    assert.equal((await get(port)).body, 'one');
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
    assert.equal(existsSync(join(proxy.prefix.path, 'nginx.pid')), false);
    assert.match(proxy.prefix.read('access.log'), /"GET \/ HTTP\/1\.1" 200 3/);
    assert.match(proxy.prefix.log, /\[notice\] \d+#0: signal 3 \(SIGQUIT\) received, shutting down\n/);
    assert.match(proxy.prefix.log, /exited with code 0\n/);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it at once, connections and all`, async (t) => {
      const port = await freePort();
      const backend = await scriptedBackend(() => {});
      t.after(() => backend.close());
      const proxy = await serve(t, site(port, `location / { proxy_pass http://127.0.0.1:${backend.port}; }`));
      const client = await connect(port);
      client.send(request('/'));
      await until('the back end is connected', () => backend.connections.length === 1);
      proxy.signal(signal);
      assert.equal(await proxy.exited, 0);
      await client.all();
      assert.equal(existsSync(join(proxy.prefix.path, 'nginx.pid')), false);
    });
  }

  test('HUP puts a new configuration in force; a tunnel continues, and its generation ends with it', async (t) => {
    const port = await freePort();
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const tunnel = `location /ws { proxy_pass http://127.0.0.1:${echo.port}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
    const proxy = await serve(t, site(port, `location / { return 200 one; } ${tunnel}`));
    const client = await websocket(port, '/ws');
    proxy.prefix.write('nginx.conf', site(port, 'return 200 two;'));
    proxy.signal('SIGHUP');
    await proxy.logged(/generation 2 started/);
    assert.equal((await get(port)).body, 'two');
    assert.equal(await client.ask('still there?'), 'still there?');
    assert.doesNotMatch(proxy.prefix.log, /exited with code/);
    await client.close();
    await proxy.logged(/generation 1 exited with code 0/);
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  });

  test('HUP with a broken file changes nothing and logs all its errors', async (t) => {
    const port = await freePort();
    const proxy = await serve(t, site(port, 'return 200 one;'));
    proxy.prefix.write('nginx.conf', site(port, 'retrun 200 two; lissten 80;'));
    proxy.signal('SIGHUP');
    await proxy.logged(/\[emerg\] \d+#0: unknown directive "retrun" in .*nginx\.conf:\d+\n/);
    await proxy.logged(/\[emerg\] \d+#0: unknown directive "lissten" in .*nginx\.conf:\d+\n/);
    assert.equal((await get(port)).body, 'one');
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  });

  test('HUP with a port in use changes nothing and logs the error', async (t) => {
    const port = await freePort();
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    t.after(() => other.close());
    const taken = (other.address() as { port: number }).port;
    const proxy = await serve(t, site(port, 'return 200 one;'));
    proxy.prefix.write('nginx.conf', site(port, `listen 127.0.0.1:${taken}; return 200 two;`));
    proxy.signal('SIGHUP');
    await proxy.logged(new RegExp(`bind\\(\\) to 127\\.0\\.0\\.1:${taken} failed \\(98: Address already in use\\)`));
    assert.equal((await get(port)).body, 'one');
  });

  test('USR1 reopens the logs', async (t) => {
    const port = await freePort();
    const proxy = await serve(t, site(port, 'return 200 one;'));
    await get(port, '/before');
    for (const name of ['access.log', 'error.log']) {
      renameSync(join(proxy.prefix.path, name), join(proxy.prefix.path, `${name}.1`));
    }
    proxy.signal('SIGUSR1');
    await until('both logs are there', () =>
      ['access.log', 'error.log'].every((name) => existsSync(join(proxy.prefix.path, name))),
    );
    await get(port, '/after');
    await until('the line is there', () => proxy.prefix.read('access.log').includes('/after'));
    assert.match(proxy.prefix.read('access.log.1'), /\/before/);
    assert.match(proxy.prefix.read('error.log.1'), /signal 10 \(SIGUSR1\) received, reopening logs/);
  });

  test('QUIT lets a request under way end', async (t) => {
    const port = await freePort();
    const backend = await scriptedBackend(async (connection) => {
      await connection.request();
    });
    t.after(() => backend.close());
    const proxy = await serve(t, site(port, `location / { proxy_pass http://127.0.0.1:${backend.port}; }`));
    const client = await connect(port);
    client.send(request('/', { fields: ['Connection: keep-alive'] }));
    await until('the back end is asked', () => backend.connections.length === 1);
    proxy.signal('SIGQUIT');
    await assert.rejects(async () => {
      for (;;) (await connect(port)).close();
    }, /ECONNREFUSED|ECONNRESET/);
    backend.connections[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
    assert.equal((await client.answer()).body, 'late');
    assert.equal(await proxy.exited, 0);
    client.close();
  });

  test('worker_shutdown_timeout limits the wait of QUIT', async (t) => {
    const port = await freePort();
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const configuration = site(
      port,
      `location / { proxy_pass http://127.0.0.1:${backend.port}; }`,
      'worker_shutdown_timeout 20ms;',
    );
    const proxy = await serve(t, configuration);
    const client = await connect(port);
    client.send(request('/'));
    await until('the back end is connected', () => backend.connections.length === 1);
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
    client.close();
  });

  test('a process without descriptor 2 starts and serves', async (t) => {
    const port = await freePort();
    const proxy = await serve(t, site(port, 'return 200 one;'), { stderr: 'closed' });
    assert.equal((await get(port)).body, 'one');
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  });

  test('daemon on: the command returns when the proxy serves, and -s ends it', async (t) => {
    const port = await freePort();
    const prefix = new Prefix(t, site(port, 'return 200 one;').replace('daemon off', 'daemon on'));
    const started = await command(prefix.words);
    assert.deepEqual({ code: started.code, stderr: started.stderr }, { code: 0, stderr: '' });
    assert.equal((await get(port)).body, 'one');
    const pid = Number(prefix.read('nginx.pid'));
    const quit = await command([...prefix.words, '-s', 'quit']);
    assert.deepEqual({ code: quit.code, stderr: quit.stderr }, { code: 0, stderr: '' });
    await until('the process is gone', () => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
  });

  test('daemon on: WINCH ends the workers, connections wait, and HUP starts others', async (t) => {
    const port = await freePort();
    const prefix = new Prefix(t, site(port, 'return 200 $pid;').replace('daemon off', 'daemon on'));
    assert.equal((await command(prefix.words)).code, 0);
    const pid = Number(prefix.read('nginx.pid'));
    const first = (await get(port)).body;
    process.kill(pid, 'SIGWINCH');
    await until('the worker is gone', () => new RegExp(`worker process ${first} exited with code 0`).test(prefix.log));
    const waiting = get(port);
    process.kill(pid, 'SIGHUP');
    assert.notEqual((await waiting).body, first);
    process.kill(pid, 'SIGTERM');
    await until('the process is gone', () => !existsSync(`/proc/${pid}`));
  });

  test('daemon on: a log on standard error stays there', async (t) => {
    const port = await freePort();
    const text = site(port, 'return 200 one;')
      .replace('daemon off', 'daemon on')
      .replace(/error_log \S+/, 'error_log stderr');
    const prefix = new Prefix(t, text);
    const output = openSync(join(prefix.path, 'stderr'), 'a');
    t.after(() => closeSync(output));
    const child = spawn(process.execPath, [BINARY, ...prefix.words], { stdio: ['ignore', 'ignore', output] });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    const pid = Number(prefix.read('nginx.pid'));
    assert.equal((await get(port)).body, 'one');
    process.kill(pid, 'SIGTERM');
    await until('the end is logged', () => /signal 15 \(SIGTERM\) received/.test(prefix.read('stderr')));
    await until('the process is gone', () => !existsSync(`/proc/${pid}`));
  });

  test('daemon on: a port in use is reported by the started command', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const prefix = new Prefix(t, site(port, 'return 200 one;').replace('daemon off', 'daemon on'));
    const started = await command(prefix.words);
    assert.equal(started.code, 1);
    assert.match(
      started.stderr,
      /^tsproxy: \[emerg\] bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\).*\n$/,
    );
  });

  test('nothing is started with a broken file: all findings, exit code 1, and the log has them', async (t) => {
    const prefix = new Prefix(t, site(await freePort(), 'retrun 200 two; lissten 80;'));
    const started = await command(prefix.words);
    assert.equal(started.code, 1);
    assert.match(started.stderr, /unknown directive "retrun"/);
    assert.match(started.stderr, /unknown directive "lissten"/);
    assert.match(prefix.log, /\[emerg\] \d+#0: unknown directive "retrun" in/);
    assert.equal(prefix.read('nginx.pid'), '');
  });

  test('a warning about the configuration is printed at the start', async (t) => {
    const port = await freePort();
    const prefix = new Prefix(
      t,
      site(port, 'return 200 one;').replace('events { }', '').replace('daemon off', 'daemon on'),
    );
    const started = await command(prefix.words);
    assert.deepEqual(
      { code: started.code, stderr: started.stderr },
      { code: 0, stderr: 'tsproxy: [warn] no "events" section in configuration\n' },
    );
    assert.match(prefix.log, /\[warn\] \d+#0: no "events" section in configuration\n/);
    assert.equal((await command([...prefix.words, '-s', 'stop'])).code, 0);
  });
});
