import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { modules } from '../../src/modules/index.js';
import { watchedCount } from '../../src/net/deadlines.js';
import { ownInstance } from '../../src/process/own-instance.js';
import type { RoutingTable } from '../../src/program/compiler.js';
import { freePort, serve } from '../cli/running.js';
import { collectGarbage, connect, get, until, websocketEcho } from '../kit/index.js';
import { NumberedSockets } from './numbered.js';
import { RELOADED } from './reloads.js';

/** Requests one after the other on kept connections, until told to stop; every answer must be 200. */
function load(port: number, connections: number): { failures: string[]; stop(): Promise<number> } {
  const failures: string[] = [];
  let going = true;
  let answers = 0;
  const one = async (): Promise<void> => {
    while (going) {
      const connection = await connect(port);
      try {
        for (let keep = true; keep && going; ) {
          const answer = await connection.send('GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n').answer();
          if (answer.status === 200) answers++;
          else failures.push(answer.statusLine);
          keep = answer.field('connection') !== 'close';
        }
      } catch (error) {
        failures.push(String(error));
      } finally {
        connection.close();
      }
    }
  };
  const all = Promise.all(Array.from({ length: connections }, one));
  return {
    failures,
    stop: async () => {
      going = false;
      await all;
      return answers;
    },
  };
}

test('SIGHUP under load closes no tunnel, fails no request, and loses no message', async (t) => {
  const echo = await websocketEcho();
  const port = await freePort();
  const text = RELOADED.replaceAll('%%BACKEND%%', String(echo.port)).replaceAll('%%LISTEN%%', `127.0.0.1:${port}`);
  const running = await serve(t, text);
  const sockets = await NumberedSockets.open(port, 50);
  sockets.start(20);
  const requests = load(port, 4);
  const descriptors = (): number => readdirSync(`/proc/${running.child.pid}/fd`).length;
  const linux = process.platform === 'linux';
  const before = linux ? descriptors() : 0;

  const reloads = 40;
  let generation = 1;
  for (let i = 1; i <= reloads; i++) {
    if (i % 10 === 0) {
      // A broken file changes nothing and says why.
      running.prefix.write('nginx.conf', text.replace('proxy_http_version', 'proxy_http_versoin'));
      running.signal('SIGHUP');
      const complaints = i / 10;
      await until(
        'the log says why',
        () => running.prefix.log.split('unknown directive "proxy_http_versoin"').length > complaints,
      );
    }
    running.prefix.write('nginx.conf', `${text}# ${i}\n`);
    running.signal('SIGHUP');
    generation++;
    await running.logged(new RegExp(`generation ${generation} started`));
  }

  assert.deepEqual(requests.failures, []);
  const answers = await requests.stop();
  assert.ok(answers > reloads);
  await sockets.settle();
  assert.deepEqual(sockets.failures, []);
  assert.equal(sockets.open, 50);
  assert.doesNotMatch(running.prefix.log, /\[alert\]/);
  if (linux) await until('no descriptor is left over', () => descriptors() <= before + 8);
  sockets.close();
  // All generations but the one in force have ended with their last tunnel.
  await running.logged(/generation 1 exited/);
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
  await echo.close();
});

test('nothing of an old configuration stays in memory', async () => {
  // It keeps no record of what it was asked, which would look like a leak here.
  const backend = await websocketEcho();
  const text = RELOADED.replaceAll('%%BACKEND%%', String(backend.port)).replaceAll('%%LISTEN%%', '127.0.0.1:0');
  const source = { name: 'test', text, prefix: '/tmp/' };
  const instance = ownInstance({ modules, source, defaultErrorLog: () => {}, warn: assert.fail });
  await instance.start();
  const port = Number(instance.addresses[0]?.split(':')[1]);
  const tables: WeakRef<RoutingTable>[] = [];
  const reload = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await instance.reload();
      const { current } = instance.workers as unknown as { current: { table: RoutingTable } };
      tables.push(new WeakRef(current.table));
      assert.equal((await get(port, '/plain')).status, 200);
    }
  };
  const heap = async (): Promise<number> => {
    // Objects referenced by the current turn of the event loop are freed with it.
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collectGarbage();
    }
    return process.memoryUsage().heapUsed;
  };
  const watched = watchedCount();
  await reload(20);
  const before = await heap();
  const reloads = Number(process.env.STRESS_RELOADS ?? 100);
  await reload(reloads);
  const after = await heap();
  const living = tables.filter((table) => table.deref() !== undefined).length;
  assert.ok(living <= 2, `${living} routing tables are alive`);
  assert.ok(after - before < 2 << 20, `the heap grew by ${after - before} bytes in ${reloads} reloads`);
  assert.equal(instance.workers?.state.living, 1);
  // Idle connections to the upstream of an old table are closed with it.
  await until('old idle connections are closed', () => watchedCount() - watched <= 2);
  await instance.stop();
  await backend.close();
});
