/** Accepting pauses and goes on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import type { Listening } from '../../src/program/module.js';
import { AcceptPause } from '../../src/server/accept-pause.js';
import { until } from '../kit/index.js';

test('a socket that comes after it was given up is listened on, and not asked for again', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const output: string[] = [];
  let asked = 0;
  const binder = {
    keepsSockets: true,
    async listen(): Promise<void> {
      asked++;
      if (!server.listening) server.listen(0, '127.0.0.1');
      throw new Error('late');
    },
  };
  let looks = 0;
  const isWanted = (): boolean => {
    looks++;
    return true;
  };
  const pause = new AcceptPause(binder, { threshold: 7, write: (_level, message) => output.push(message) }, isWanted);
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  pause.begin([{ server, listening: {} as Listening }]);
  assert.equal(server.listening, false);
  await until('it was looked at once more', () => looks > 1);
  assert.equal(server.listening, true);
  assert.equal(asked, 1);
  assert.deepEqual(output, ['accept4() failed (24: Too many open files)', 'late']);
});
