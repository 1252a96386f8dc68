import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { deferSignals } from '../../src/process/signals.js';

/** Sends a signal to this process; resolves when its listeners have been called. */
async function receive(signal: NodeJS.Signals): Promise<void> {
  let received = false;
  process.once(signal, () => {
    received = true;
  });
  process.kill(process.pid, signal);
  // Waiting for a signal does not keep the process alive.
  while (!received) await pause(1);
}

test('signals received during a start are passed to the handlers installed by it, each once', async () => {
  const pass = deferSignals();
  for (const signal of ['SIGHUP', 'SIGHUP', 'SIGUSR1'] as const) await receive(signal);
  const handled: NodeJS.Signals[] = [];
  const handler = (signal: NodeJS.Signals): void => void handled.push(signal);
  process.on('SIGHUP', handler).on('SIGUSR1', handler);
  pass();
  assert.deepEqual(handled, ['SIGHUP', 'SIGUSR1']);
  // From now on they are handled directly.
  await receive('SIGHUP');
  process.off('SIGHUP', handler).off('SIGUSR1', handler);
  assert.deepEqual(handled, ['SIGHUP', 'SIGUSR1', 'SIGHUP']);
});

test('without handlers, signals received during a start are dropped', async () => {
  const before = process.listenerCount('SIGHUP');
  const pass = deferSignals();
  await receive('SIGHUP');
  pass();
  assert.equal(process.listenerCount('SIGHUP'), before);
});
