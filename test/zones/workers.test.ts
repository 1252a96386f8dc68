import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { portChannel, processChannel, type ZoneChannel } from '../../src/zones/channel.js';
import { countRequest, takeConnections } from '../../src/zones/limits.js';
import { reportPeers } from '../../src/zones/peer-operations.js';
import { type PeerNews, PeerStates } from '../../src/zones/peer-states.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { giveBack } from '../../src/zones/tickets.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { until } from '../kit/index.js';
import type { Order } from './worker.js';

interface Cleanup {
  after(fn: () => void): void;
}

class TestWorker {
  private constructor(readonly child: ChildProcess) {}

  /** `timeout`: ms after which blocking questions fail, which nothing answers. */
  static async start(keeper: ZoneServer, t: Cleanup, timeout?: number): Promise<TestWorker> {
    const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
      env: timeout === undefined ? process.env : { ...process.env, TIMEOUT: String(timeout) },
    });
    t.after(() => child.kill('SIGKILL'));
    keeper.serve(processChannel(child), timeout === undefined ? (child.stdio[4] as net.Socket) : null);
    await once(child, 'message');
    return new TestWorker(child);
  }

  /** How often it was let through. */
  run(order: Order): Promise<number> {
    return new Promise((resolve) => {
      const listen = (message: object): void => {
        if (!('through' in message)) return;
        this.child.off('message', listen);
        resolve(Number(message.through));
      };
      this.child.on('message', listen);
      this.child.send({ order });
    });
  }
}

/** The answer of a worker to a question that it asked without returning to its event loop. */
function answerOf({ child }: TestWorker, order: Order): Promise<unknown> {
  return new Promise((resolve) => {
    const listen = (message: object): void => {
      if (!('answer' in message)) return;
      child.off('message', listen);
      resolve(message.answer);
    };
    child.on('message', listen);
    child.send({ order });
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('three workers with concurrent questions admit exactly as many requests as the limits allow', async (t) => {
  const keeper = new ZoneServer();
  const workers = await Promise.all([1, 2, 3].map(() => TestWorker.start(keeper, t)));
  const all = (order: Order) => Promise.all(workers.map((worker) => worker.run(order)));
  assert.equal(sum(await all({ ask: 'connections', times: 400, max: 700 })), 700);
  assert.equal(sum(await all({ ask: 'requests', times: 400, max: 500 })), 500);
});

test('the counts of a killed worker are given back, and its rates are kept', async (t) => {
  const keeper = new ZoneServer();
  const [first, second] = [await TestWorker.start(keeper, t), await TestWorker.start(keeper, t)];
  assert.equal(await first.run({ ask: 'connections', times: 10, max: 15 }), 10);
  assert.equal(await second.run({ ask: 'connections', times: 10, max: 15 }), 5);
  assert.equal(await first.run({ ask: 'requests', times: 10, max: 15 }), 10);
  first.child.kill('SIGKILL');
  second.child.kill('SIGKILL');
  await Promise.all([first, second].map(({ child }) => once(child, 'close')));
  const third = await TestWorker.start(keeper, t);
  assert.equal(await third.run({ ask: 'connections', times: 20, max: 15 }), 15);
  assert.equal(await third.run({ ask: 'requests', times: 10, max: 15 }), 5);
});

test('three workers share sessions exactly, and one that is killed as soon as it has answered loses none', async (t) => {
  const keeper = new ZoneServer();
  const workers = await Promise.all([1, 2, 3].map(() => TestWorker.start(keeper, t)));
  const all = (order: Order) => Promise.all(workers.map((worker) => worker.run(order)));
  const name = (i: number) => ({ prefix: `worker ${i}`, peer: `peer ${i}`, times: 300, max: 0 });
  await Promise.all(workers.map((worker, i) => worker.run({ ask: 'learn', ...name(i) })));
  for (const i of [0, 1, 2]) assert.deepEqual(await all({ ask: 'find', ...name(i) }), [300, 300, 300]);
  // The last answer wins, whichever worker gave it.
  const moved = { ...name(0), peer: 'peer moved' };
  await workers[2]?.run({ ask: 'learn', ...moved });
  assert.deepEqual(await all({ ask: 'find', ...moved }), [300, 300, 300]);
  for (const [i, worker] of workers.slice(0, 2).entries()) {
    await worker.run({ ask: 'learn', ...name(i + 3) });
    worker.child.kill('SIGKILL');
  }
  for (const i of [3, 4]) assert.equal(await workers[2]?.run({ ask: 'find', ...name(i) }), 300);
  workers[2]?.child.kill('SIGKILL');
  await Promise.all(workers.map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, 'close')));
  const replacement = await TestWorker.start(keeper, t);
  for (const i of [1, 3, 4]) assert.equal(await replacement.run({ ask: 'find', ...name(i) }), 300);
});

/** A keeper and a worker's end, in this process; `hear` can keep the keeper's answers back. */
function pair(t: Cleanup, options: { timeout?: number; maxPending?: number; deaf?: boolean } = {}) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const keeper = new ZoneServer();
  if (!options.deaf) keeper.serve(portChannel(port1));
  const complaints: string[] = [];
  const home = new RemoteBackend(portChannel(port2), {
    ...options,
    log: (level, message) => complaints.push(`${level}: ${message}`),
  });
  const zone = home.open({ kind: 'limit_conn', name: 'c', size: 32 << 10, key: '$x' });
  const take = (ticket: number) => home.ask(takeConnections, { ticket, limits: [{ zone: zone.id, key: 'k', max: 1 }] });
  return { keeper, home, zone, take, complaints, master: port1 as MessagePort };
}

test('a master that does not respond blocks no request, and is logged once', async (t) => {
  const { take, complaints, home } = pair(t, { deaf: true, timeout: 20 });
  const answers = await Promise.all([take(1), take(2), take(3)]);
  assert.deepEqual(new Set(answers.map(({ result }) => result)), new Set(['unanswered']));
  assert.deepEqual(complaints, [
    'error: the master process did not answer within 20 ms: the settings *_fail_open apply',
  ]);
  assert.equal(home.pending, 0);
});

test('after one timeout no other question waits, until the master responds again', async (t) => {
  const { take, keeper, home, master, complaints } = pair(t, { deaf: true, timeout: 200 });
  assert.equal((await take(1)).result, 'unanswered');
  const begun = performance.now();
  for (let ticket = 2; ticket <= 100; ticket++) {
    assert.equal((await take(ticket)).result, 'unanswered');
    home.tell(giveBack, ticket);
  }
  // Waits of their own would be 99 times as long as the first one.
  assert.ok(performance.now() - begun < 99 * 100);
  // Only the first question has left, and nothing is given back that was not asked for.
  let messages = 0;
  master.on('message', (requests: readonly unknown[]) => (messages += requests.length));
  keeper.serve(portChannel(master));
  await until('the master was heard', () => complaints.length === 2);
  assert.equal(messages, 2);
  assert.match(complaints[1] ?? '', /^notice: the master process answers again/);
  assert.equal((await take(101)).result, 'limit');
  home.tell(giveBack, 1);
  assert.equal((await take(102)).result, 'taken');
});

test('a late answer changes nothing, and its counts can be given back', async (t) => {
  const { take, keeper, home, master, complaints } = pair(t, { deaf: true, timeout: 20 });
  assert.equal((await take(1)).result, 'unanswered');
  keeper.serve(portChannel(master));
  await until('the answer has come', () => complaints.length === 2);
  assert.equal((await take(2)).result, 'limit');
  home.tell(giveBack, 1);
  assert.equal((await take(3)).result, 'taken');
});

test('a worker that stood still itself reads the answers before it gives up on them', async (t) => {
  const { take, complaints, home } = pair(t, { timeout: 50 });
  await take(1);
  const answer = take(2);
  // The question has left, and the answer waits to be read while nothing runs here.
  await new Promise((resolve) => setImmediate(resolve));
  const end = performance.now() + 120;
  while (performance.now() < end);
  assert.equal((await answer).result, 'limit');
  assert.deepEqual(complaints, []);
  assert.equal(home.pending, 0);
});

test('a master that is gone blocks no request', async (t) => {
  const { take, complaints, master } = pair(t, { deaf: true, timeout: 20_000 });
  const waiting = take(1);
  master.close();
  assert.equal((await waiting).result, 'unanswered');
  assert.equal((await take(2)).result, 'unanswered');
  assert.deepEqual(complaints, ['error: the master process is gone: the settings *_fail_open apply']);
});

test('the number of pending questions is limited', async (t) => {
  const { take, complaints, home } = pair(t, { deaf: true, timeout: 20_000, maxPending: 2 });
  void take(1);
  void take(2);
  assert.equal((await take(3)).result, 'unanswered');
  assert.equal(home.pending, 2);
  assert.match(complaints[0] ?? '', /^error: too many requests to the master are pending/);
});

test('all questions of a turn are sent in one message, and so are the answers', async (t) => {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const sent = { requests: 0, replies: 0 };
  const counted = (channel: ZoneChannel, name: keyof typeof sent): ZoneChannel => ({
    ...channel,
    post: (message) => {
      sent[name]++;
      channel.post(message);
    },
  });
  new ZoneServer().serve(counted(portChannel(port1), 'replies'));
  const home = new RemoteBackend(counted(portChannel(port2), 'requests'), { log: assert.fail, timeout: 20_000 });
  const zone = home.open({ kind: 'limit_req', name: 'r', size: 32 << 10, key: '$x' }).id;
  const limits = [{ zone, key: 'k', rate: 1000, burst: 0, delay: 0 }];
  await Promise.all(Array.from({ length: 100 }, () => home.ask(countRequest, { limits })));
  assert.deepEqual(sent, { requests: 1, replies: 1 });
});

test('a zone is dropped when the last worker closes it, and kept for a while when the last one dies', async (t) => {
  const { keeper, zone, home, take } = pair(t);
  await take(1);
  assert.equal(keeper.states.size, 1);
  zone.close();
  await home.ask(giveBack, 1);
  assert.equal(keeper.states.size, 0);
  const clock = { now: 0 };
  const lingering = new ZoneServer(() => clock.now);
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const served = lingering.serve(portChannel(port1));
  const worker = new RemoteBackend(portChannel(port2), { log: assert.fail });
  worker.open({ kind: 'limit_req', name: 'r', size: 32 << 10, key: '$x' });
  await worker.ask(giveBack, 1);
  served.end();
  assert.equal(lingering.states.size, 1);
  clock.now = 60_001;
  lingering.states.open({ kind: 'limit_req', name: 'other', size: 32 << 10, key: '$x' });
  assert.equal(lingering.states.size, 1);
});

test('workers hear of each other’s connections to peers and of failures, and of a death', async (t) => {
  const keeper = new ZoneServer();
  const declaration = { kind: 'upstream', name: 'u', size: 64 << 10, key: '' } as const;
  const heard: PeerNews[][] = [[], []];
  const ends = heard.map((list) => {
    const { port1, port2 } = new MessageChannel();
    t.after(() => port1.close());
    const served = keeper.serve(portChannel(port1));
    const home = new RemoteBackend(portChannel(port2), { log: assert.fail, timeout: 20_000 });
    const zone = home.open(declaration, (news) => list.push(...(news as PeerNews[]))).id;
    return { served, home, zone };
  });
  const [a, b] = ends as [(typeof ends)[number], (typeof ends)[number]];
  await b.home.ask(giveBack, 0);
  const report = { peer: 'p', conns: 3, failures: 1, recovered: false, accessed: 5, checked: 5 };
  a.home.tell(reportPeers, { zone: a.zone, reports: [report] });
  b.home.tell(reportPeers, { zone: b.zone, reports: [{ ...report, conns: 1, accessed: 7, checked: 7 }] });
  await until('both know', () => heard.every((list) => list.at(-1)?.fails === 2));
  assert.deepEqual(heard[0]?.at(-1), { peer: 'p', others: 1, fails: 2, accessed: 7, checked: 7 });
  assert.deepEqual(heard[1]?.at(-1), { peer: 'p', others: 3, fails: 2, accessed: 7, checked: 7 });
  a.served.end();
  await until('the dead one has no connections', () => heard[1]?.at(-1)?.others === 0);
  b.home.tell(reportPeers, { zone: b.zone, reports: [{ ...report, conns: 0, failures: 0, recovered: true }] });
  await until('all is well', () => heard[1]?.at(-1)?.fails === 0);
  assert.equal(b.served.owner.zone(b.zone, PeerStates)?.entries, 0);
});

test('additions of three workers that do not return to their event loops are all counted', async (t) => {
  const keeper = new ZoneServer();
  const workers = await Promise.all([1, 2, 3].map(() => TestWorker.start(keeper, t)));
  await Promise.all(workers.map((worker) => answerOf(worker, { ask: 'count', times: 300, max: 0 })));
  const [first] = workers;
  assert.ok(first);
  assert.equal(await answerOf(first, { ask: 'count', times: 1, max: 0 }), 901);
});

test('questions and answers that cannot wait may be larger than the buffers of the socket', async (t) => {
  const worker = await TestWorker.start(new ZoneServer(), t);
  assert.equal(await answerOf(worker, { ask: 'large', times: 3 << 20, max: 0 }), true);
});

test('a question that cannot wait fails when the master does not answer in time', async (t) => {
  const worker = await TestWorker.start(new ZoneServer(), t, 50);
  assert.equal(await answerOf(worker, { ask: 'count', times: 1, max: 0 }), 'the master process does not answer');
});
