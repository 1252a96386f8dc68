/** Circuits in every backend, and shared by workers. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { ZoneDeclaration } from '../../src/config/zone-declaration.js';
import { portChannel } from '../../src/zones/channel.js';
import { admitRequest, reportResults } from '../../src/zones/circuit-operations.js';
import type { CircuitNews, CircuitRules } from '../../src/zones/circuits.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { SlidingWindow } from '../../src/zones/sliding-window.js';
import { giveBack, newTicket } from '../../src/zones/tickets.js';
import type { ZoneBackend } from '../../src/zones/zone.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { until } from '../kit/index.js';

const RULES: CircuitRules = {
  window: 1000,
  failures: 3,
  ratio: 0,
  min: 0,
  open: 500,
  growth: 1,
  probes: 2,
  maxOpen: 1,
};
const ZONE: ZoneDeclaration = { kind: 'circuits', name: 'breaker', size: 0, key: '' };

/** A worker: a backend with its zone, the time of all, and the messages that it has received. */
class Worker {
  readonly news: CircuitNews[] = [];
  readonly id: number;
  constructor(
    readonly home: ZoneBackend,
    readonly die: () => void,
  ) {
    this.id = home.open(ZONE, (news) => this.news.push(...(news as readonly CircuitNews[]))).id;
  }

  async admit(ticket = newTicket(), rules = RULES): Promise<string> {
    return (await this.home.ask(admitRequest, { zone: this.id, key: 'k', rules, ticket })).admitted;
  }

  async report(failures: number, probe = 0, rules = RULES, key = 'k', events = 1): Promise<string> {
    const answer = await this.home.ask(reportResults, { zone: this.id, key, rules, events, failures, probe });
    return `${answer?.state}${answer?.changed === true ? ' changed' : ''}`;
  }
}

interface Cleanup {
  after(fn: () => void): void;
}

function remoteWorker(server: ZoneServer, t: Cleanup): Worker {
  const { port1, port2 } = new MessageChannel();
  server.serve(portChannel(port1));
  t.after(() => port1.close());
  const log = (_level: string, message: string) => assert.fail(message);
  return new Worker(new RemoteBackend(portChannel(port2), { log, timeout: 20_000 }), () => port1.close());
}

const BACKENDS: Readonly<Record<string, (clock: () => number, t: TestContext) => Worker>> = {
  'this process': (clock) => new Worker(new LocalBackend(clock), () => {}),
  'a master': (clock, t) => remoteWorker(new ZoneServer(clock), t),
};

for (const [name, create] of Object.entries(BACKENDS)) {
  describe(`a circuit in ${name}`, () => {
    test('opens at its failures, admits exactly its probes, and closes when all have succeeded', async (t) => {
      let now = 5000;
      const w = create(() => now, t);
      assert.equal(await w.admit(), 'passed');
      assert.equal(await w.report(1), 'closed');
      assert.equal(await w.report(1), 'closed');
      assert.equal(await w.report(0), 'closed');
      assert.equal(await w.report(1), 'open changed');
      // A request that began before.
      assert.equal(await w.report(1), 'open');
      assert.equal(await w.admit(), 'refused');
      now += 499;
      assert.equal(await w.admit(), 'refused');
      now += 1;
      assert.equal(await w.admit(7001), 'probe');
      assert.equal(await w.admit(7002), 'probe');
      assert.equal(await w.admit(), 'refused');
      w.home.tell(giveBack, 7001);
      assert.equal(await w.admit(7003), 'probe');
      assert.equal(await w.admit(), 'refused');
      assert.equal(await w.report(0), 'half_open');
      assert.equal(await w.report(0, 7002), 'half_open');
      assert.equal(await w.admit(), 'refused');
      assert.equal(await w.report(0, 7003), 'closed changed');
      assert.equal(await w.admit(), 'passed');
      assert.equal(await w.report(1), 'closed');
    });

    test('opens again when a probe fails; probes of an earlier phase do not count', async (t) => {
      let now = 0;
      const w = create(() => now, t);
      await w.report(3);
      now += 500;
      assert.equal(await w.admit(7101), 'probe');
      assert.equal(await w.admit(7102), 'probe');
      assert.equal(await w.report(1, 7101), 'open changed');
      now += 500;
      assert.equal(await w.admit(7103), 'probe');
      assert.equal(await w.report(0, 7102), 'half_open');
      assert.equal(await w.report(0, 7103), 'half_open');
      assert.equal(await w.admit(7104), 'probe');
      assert.equal(await w.report(0, 7104), 'closed changed');
    });

    test('opens by share only from the minimum on; at most so many circuits open, each longer if it repeats', async (t) => {
      let now = 0;
      const w = create(() => now, t);
      const rules = { ...RULES, failures: 0, ratio: 0.5, min: 10, probes: 0, growth: 3, maxOpen: 1 };
      assert.equal(await w.report(5, 0, rules, 'a', 9), 'closed');
      assert.equal(await w.report(0, 0, rules, 'a', 1), 'open changed');
      assert.equal(await w.report(10, 0, rules, 'b', 10), 'closed');
      now += 500;
      assert.equal(await w.report(1, 0, rules, 'b', 1), 'open changed');
      assert.equal(await w.report(0, 0, rules, 'a', 0), 'closed');
      now += 500;
      assert.equal(await w.report(10, 0, rules, 'b', 10), 'open changed');
      now += 999;
      assert.equal(await w.report(1, 0, rules, 'b', 1), 'open');
      now += 1;
      assert.equal(await w.report(0, 0, rules, 'b', 1), 'closed changed');
    });

    test('changes reach each configuration that has it open, also when a newer one has failed', async (t) => {
      const w = create(() => 0, t);
      const newer: CircuitNews[] = [];
      const zone = w.home.open(ZONE, (news) => newer.push(...(news as readonly CircuitNews[])));
      await w.report(3);
      const isOpen = (news: readonly CircuitNews[]): boolean => news.some(({ state }) => state === 'open');
      await until('both know', () => isOpen(w.news) && isOpen(newer));
      zone.close();
      await w.report(3, 0, { ...RULES, maxOpen: 2 }, 'other');
      await until('the first one knows', () => w.news.some(({ key, state }) => key === 'other' && state === 'open'));
      assert.ok(newer.every(({ key }) => key === 'k'));
    });
  });
}

test('three workers share a circuit exactly: one opening, exactly the probes, and nothing is lost with a killed one', async (t) => {
  let now = 0;
  const server = new ZoneServer(() => now);
  const workers = [1, 2, 3].map(() => remoteWorker(server, t));
  const [a, b, c] = workers as [Worker, Worker, Worker];
  const rules = { ...RULES, failures: 30 };
  const results = await Promise.all(
    workers.flatMap((worker) => Array.from({ length: 10 }, () => worker.report(1, 0, rules))),
  );
  assert.equal(results.filter((result) => result === 'open changed').length, 1);
  for (const { news } of workers) {
    await until('the worker knows', () => news.some(({ state, left }) => state === 'open' && left === 500));
  }
  now += 500;
  const tickets = new Map<number, Worker>();
  const admit = async (worker: Worker): Promise<void> => {
    const ticket = newTicket();
    if ((await worker.admit(ticket, rules)) === 'probe') tickets.set(ticket, worker);
  };
  await Promise.all(workers.flatMap((worker) => Array.from({ length: 100 }, () => admit(worker))));
  assert.equal(tickets.size, 2);
  const holders = [...tickets.values()];
  for (const worker of new Set(holders)) worker.die();
  const survivor = workers.find((worker) => !holders.includes(worker)) ?? c;
  void a;
  void b;
  // The probes of dead workers make room for others; the state is that of all.
  const admitted: string[] = [];
  while (admitted.filter((each) => each === 'probe').length < 2)
    admitted.push(await survivor.admit(newTicket(), rules));
  assert.equal(await survivor.admit(newTicket(), rules), 'refused');
  const late = remoteWorker(server, t);
  await until('a new worker is informed', () => late.news.some(({ state }) => state === 'half_open'));
});

test('circuits are kept when a process hands its zones over', async () => {
  let now = 0;
  const first = new LocalBackend(() => now);
  const before = new Worker(first, () => {});
  await before.report(3);
  const second = new LocalBackend(() => now + 777);
  const after = new Worker(second, () => {});
  now += 100;
  first.moveTo(second);
  assert.equal(await after.admit(), 'refused');
  now += 400;
  assert.equal(await after.admit(), 'probe');
});

test('a sliding window forgets events part by part', () => {
  const window = new SlidingWindow(1000);
  window.add(5, 2, 0);
  window.add(5, 3, 550);
  assert.deepEqual([window.total(999), window.markedTotal(999)], [10, 5]);
  assert.deepEqual([window.total(1000), window.markedTotal(1000)], [5, 3]);
  assert.equal(window.total(1499), 5);
  assert.equal(window.total(1500), 0);
  window.add(1, 1, 1_000_000);
  assert.deepEqual([window.total(1_000_000), window.markedTotal(1_000_000)], [1, 1]);
});
