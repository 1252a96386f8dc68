/** The queue of requests that wait for a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestQueue } from '../../src/upstream/request-queue.js';
import { until } from '../kit/index.js';

test('a request whose server is refused at once waits again', async () => {
  const queue = new RequestQueue({ max: 1, timeout: 60_000 });
  let tries = 0;
  const request = {
    retry(): boolean {
      if (++tries > 1) return tries > 2;
      queue.delete(request);
      return queue.add(request, performance.now() + 60_000);
    },
    giveUp: () => assert.fail('it has time left'),
  };
  queue.add(request);
  queue.wake();
  await until('it has tried in vain', () => tries > 0);
  assert.equal(queue.size, 1);
  await until('it has a server', () => queue.size === 0);
  assert.equal(tries, 3);
});
