import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { callbackTime } from '../../src/http/clock.js';
import { beginCallback, callbackNow, endCallback } from '../../src/net/callback-clock.js';
import { SocketTransport } from '../../src/net/socket-transport.js';

/** Keeps the thread busy for some ms. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('the time is constant during a callback, and read again in the next one', async () => {
  const first = callbackNow();
  work(3);
  assert.equal(callbackNow(), first);
  await delay(1);
  assert.ok(callbackNow() >= first + 3);
});

test('the time since 1970 is that of the system, within some ms', async () => {
  await delay(1);
  const before = Date.now();
  const time = callbackTime();
  assert.ok(time >= before - 3 && time <= Date.now() + 3, `${time} is not near ${before}`);
  assert.ok(Number.isInteger(time));
});

test('a callback that is ended explicitly has a time of its own', () => {
  beginCallback();
  const first = callbackNow();
  work(2);
  assert.equal(callbackNow(), first);
  endCallback();
  assert.ok(callbackNow() >= first + 2);
});

test('the time is read again after a read whose owner throws', async () => {
  const server = createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  let inRead = 0;
  const thrown = new Promise<void>((resolve) => process.setUncaughtExceptionCaptureCallback(() => resolve()));
  const unused = (): void => {};
  const transport = SocketTransport.connect(
    { host: '127.0.0.1', port },
    {
      onBytes() {
        inRead = callbackNow();
        work(2);
        throw new Error('of the test');
      },
      onConnected: unused,
      onEnd: unused,
      onDrain: unused,
      onClosed: unused,
    },
  );
  await thrown;
  process.setUncaughtExceptionCaptureCallback(null);
  assert.ok(callbackNow() >= inRead + 2);
  await delay(2);
  const later = callbackNow();
  assert.ok(later > inRead + 3);
  transport.destroy();
  server.close();
});
