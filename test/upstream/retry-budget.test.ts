/** Retry budgets that several workers share. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { RetryBudget } from '../../src/upstream/retry-budget.js';
import { portChannel } from '../../src/zones/channel.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import type { RetryReport } from '../../src/zones/retry-counts.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { until } from '../kit/index.js';

const SETTINGS = { ratio: 0.1, min: 2, window: 3_600_000 };

function budgetOf(backend: ZoneBackend): RetryBudget {
  const budget = new RetryBudget(SETTINGS, backend);
  const declaration = { kind: 'retry_budget', name: 'u', size: 0, key: '' } as const;
  budget.join(backend.open(declaration, (news) => budget.news(news as RetryReport)));
  return budget;
}

function workerOf(t: TestContext, keeper: ZoneServer): { readonly budget: RetryBudget; die(): void } {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const served = keeper.serve(portChannel(port1));
  const backend = new RemoteBackend(portChannel(port2), { log: assert.fail, timeout: 20_000 });
  return { budget: budgetOf(backend), die: () => served.end() };
}

test('further tries of one worker use up the budget of all, also when it has died', async (t) => {
  const keeper = new ZoneServer();
  const [a, b, c] = [workerOf(t, keeper), workerOf(t, keeper), workerOf(t, keeper)];
  a.budget.retry();
  assert.equal(a.budget.available, true);
  b.budget.retry();
  const all = [a, b, c].map(({ budget }) => budget);
  await until('nobody may try again', () => all.every(({ available }) => !available));
  a.die();
  const late = workerOf(t, keeper);
  await until('a worker that is started later knows it', () => !late.budget.available);
  // Requests of one worker allow further tries of others.
  for (let i = 0; i < 30; i++) c.budget.request();
  await until('one more is allowed', () => b.budget.available && late.budget.available);
  b.budget.retry();
  await until('it is used up', () => !late.budget.available && !c.budget.available);
});

test('another configuration of the same process continues with the counts', () => {
  const backend = new LocalBackend();
  const before = budgetOf(backend);
  before.retry();
  before.retry();
  return until('they are reported', () => !budgetOf(backend).available);
});
