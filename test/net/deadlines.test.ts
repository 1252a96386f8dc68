import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  now,
  type Scheduled,
  schedule,
  type Timed,
  unschedule,
  unwatch,
  watch,
  watchedCount,
} from '../../src/net/deadlines.js';

class Waiting implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  told = 0;
  at = 0;
  constructor(private readonly then: (self: Waiting) => void = () => {}) {}
  timedOut(): void {
    this.told++;
    this.at = performance.now();
    this.then(this);
  }
}

/** The interval keeps no process alive, so the tests do. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < end, 'nothing happened in 30 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a deadline is told once, not before its time and at most 60 ms after it', async () => {
  const all = Array.from({ length: 200 }, () => new Waiting());
  const from = performance.now();
  const wanted = new Map<Waiting, number>();
  for (const [i, each] of all.entries()) {
    watch(each);
    each.deadline = from + 1 + i * 2;
    wanted.set(each, each.deadline);
  }
  // The machine may be busy. Each time that the process stands still moves all deadlines.
  let stalled = 0;
  let last = performance.now();
  const pulse = setInterval(() => {
    const time = performance.now();
    if (time - last > 15) stalled += time - last - 5;
    last = time;
  }, 5);
  await until(() => all.every((each) => each.told > 0));
  clearInterval(pulse);
  for (const each of all) unwatch(each);
  for (const each of all) {
    const late = each.at - (wanted.get(each) as number);
    assert.ok(late >= 0 && late <= 60 + stalled, `${late} ms late, the process stood still for ${stalled}`);
    assert.deepEqual([each.told, each.deadline], [1, 0]);
  }
  assert.equal(watchedCount(), 0);
});

test('a deadline that is moved or taken away is not told', async () => {
  const [kept, moved, cleared, gone] = [new Waiting(), new Waiting(), new Waiting(), new Waiting()];
  const start = performance.now();
  for (const each of [kept, moved, cleared, gone]) {
    watch(each);
    each.deadline = start + 20;
  }
  moved.deadline = start + 60_000;
  cleared.deadline = 0;
  unwatch(gone);
  await until(() => kept.told > 0);
  assert.deepEqual([moved.told, cleared.told, gone.told], [0, 0, 0]);
  for (const each of [kept, moved, cleared]) unwatch(each);
});

test('whoever is told may set a new deadline, and is told again', async () => {
  const again = new Waiting((self) => {
    self.deadline = now() + 1;
  });
  watch(again);
  again.deadline = now();
  await until(() => again.told >= 3);
  unwatch(again);
  assert.equal(watchedCount(), 0);
});

test('watching and unwatching while deadlines are told misses nobody', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ due: fc.boolean(), takes: fc.array(fc.nat(19)), adds: fc.nat(2), self: fc.boolean() }), {
        minLength: 1,
        maxLength: 20,
      }),
      async (plans) => {
        const added: Waiting[] = [];
        const taken = new Set<Waiting>();
        const all: Waiting[] = plans.map(
          ({ takes, adds, self }) =>
            new Waiting((each) => {
              for (const index of self ? takes.concat(all.indexOf(each)) : takes) {
                const other = all[index];
                if (other === undefined) continue;
                if (other.told === 0) taken.add(other);
                unwatch(other);
                unwatch(other);
              }
              for (let i = 0; i < adds; i++) {
                const fresh = new Waiting();
                added.push(fresh);
                watch(fresh);
              }
            }),
        );
        for (const [i, each] of all.entries()) {
          watch(each);
          watch(each);
          if (plans[i]?.due === true) each.deadline = performance.now() - 1;
        }
        assert.equal(watchedCount(), all.length);
        const due = all.filter((_, i) => plans[i]?.due === true);
        if (due.length > 0) await until(() => due.every((each) => each.told > 0 || taken.has(each)));
        for (const [i, each] of all.entries()) {
          assert.ok(each.told <= 1);
          if (plans[i]?.due !== true) assert.equal(each.told, 0);
          unwatch(each);
        }
        for (const each of added) unwatch(each);
        assert.equal(watchedCount(), 0);
      },
    ),
    { numRuns: 25 },
  );
});

test('now never goes back, and is not older than a tick while somebody is watched', async () => {
  const it = new Waiting();
  const first = performance.now();
  watch(it);
  assert.ok(now() >= first, 'fresh for the first');
  const ages: number[] = [];
  let last = 0;
  for (let i = 0; i < 60; i++) {
    await new Promise((resolve) => setTimeout(resolve, i % 7));
    const before = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    const seen = now();
    assert.ok(seen >= last && seen <= performance.now());
    ages.push(before - seen);
    last = seen;
  }
  // A busy machine holds up single ticks.
  const median = ages.sort((a, b) => a - b)[30] ?? 0;
  assert.ok(median <= 60, `${median} ms old`);
  unwatch(it);
});

test('time in which the process stood still is not counted against anybody', async () => {
  const it = new Waiting();
  watch(it);
  await new Promise((resolve) => setTimeout(resolve, 60));
  it.deadline = performance.now() + 100;
  const stalled = performance.now() + 400;
  while (performance.now() < stalled);
  // The reads that came in the stall are handled before anybody is told.
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(it.told, 0);
  await until(() => it.told === 1);
  assert.ok(it.at >= stalled);
  unwatch(it);
});

test('what is watched keeps no process alive, and nothing ticks when nobody is watched', () => {
  const module = new URL('../../src/net/deadlines.js', import.meta.url).href;
  const script = `
    const { watch, unwatch, now } = await import(${JSON.stringify(module)});
    const it = { deadline: 0, deadlineIndex: -1, timedOut() {} };
    const ticks = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = ticks();
    watch(it); it.deadline = now() + 1e6; unwatch(it);
    if (ticks() !== before) process.exit(3);
    watch(it); it.deadline = now() + 1e6;`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

/** A scheduled object that records when it was told. */
class Later implements Scheduled {
  deadline = 0;
  slot = 0;
  told = 0;
  at = 0;
  onTold: () => void = () => {};
  timedOut(): void {
    this.told++;
    this.at = performance.now();
    this.onTold();
  }
}

test('scheduled objects are told once, never early, whatever was scheduled, moved or removed before', async () => {
  const delays = fc.array(
    fc.record({
      delays: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 3 }),
      removed: fc.boolean(),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(delays, async (plans) => {
      const start = performance.now();
      const all = plans.map(({ delays: each, removed, again }) => {
        const it = new Later();
        // The last deadline counts, whether it is earlier or later than those before.
        for (const delay of each) schedule(it, start + delay);
        if (removed) unschedule(it);
        if (again) it.onTold = () => void (it.told === 1 && schedule(it, performance.now() + 60));
        return it;
      });
      assert.equal(watchedCount(), plans.filter(({ removed }) => !removed).length);
      const told = (): boolean =>
        all.every((it, i) => it.told === (plans[i]?.removed === true ? 0 : plans[i]?.again === true ? 2 : 1));
      await until(told);
      for (const [i, it] of all.entries()) {
        assert.ok(it.told === 0 || it.at >= start + (plans[i]?.delays.at(-1) ?? 0) - 1);
        assert.equal(it.deadline, 0);
        unschedule(it);
      }
      assert.equal(watchedCount(), 0);
    }),
    { numRuns: 8 },
  );
});

test('a scheduled object is postponed by time in which the process stood still', async () => {
  const it = new Later();
  schedule(it, now() + 100);
  await new Promise((resolve) => setTimeout(resolve, 60));
  schedule(it, performance.now() + 100);
  const stalled = performance.now() + 400;
  while (performance.now() < stalled);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(it.told, 0);
  await until(() => it.told === 1);
  unschedule(it);
});

test('removing a scheduled object when another one is told has the expected effect', async () => {
  const [first, second, third] = [new Later(), new Later(), new Later()];
  const at = now() + 120;
  for (const it of [first, second, third]) schedule(it, at);
  first.onTold = () => {
    unschedule(second);
    schedule(third, performance.now() + 100);
  };
  await until(() => third.told === 1);
  assert.ok(third.at - first.at > 90);
  assert.deepEqual([first.told, second.told], [1, 0]);
  unschedule(first);
  unschedule(third);
  assert.equal(watchedCount(), 0);
});

test('a process that only waits for a distant time ticks rarely, and keeps the time', () => {
  const module = new URL('../../src/net/deadlines.js', import.meta.url).href;
  const script = `
    const { schedule, unschedule, now } = await import(${JSON.stringify(module)});
    const later = () => ({ deadline: 0, slot: 0, at: 0, timedOut() { this.at = performance.now(); } });
    const distant = later();
    let ticks = 0;
    const { setInterval, setTimeout: timeout } = globalThis;
    const counted = (set) => (call, ms) => set(() => { ticks++; call(); }, ms);
    globalThis.setInterval = counted(setInterval);
    globalThis.setTimeout = counted(timeout);
    schedule(distant, now() + 3_600_000);
    await new Promise((resolve) => timeout(resolve, 2500));
    // With a tick every 50 ms, there are 50.
    if (ticks > 15) { console.error(ticks + ' ticks'); process.exit(3); }
    const before = performance.now();
    if (now() < before) { console.error('time of the last tick'); process.exit(4); }
    unschedule(distant);
    process.exit(0);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('an object is told in time after a rest, and time in which the process stood still then does not count', async () => {
  const [soon, late] = [new Later(), new Later()];
  const start = performance.now();
  schedule(soon, start + 700);
  schedule(late, start + 1400);
  await until(() => soon.told === 1);
  assert.ok(soon.at >= start + 700);
  unschedule(soon);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = performance.now();
  while (performance.now() < before + 1500);
  // Bytes that arrived are handled before anything is told, and ask for the time.
  assert.ok(now() >= before);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(late.told, 0);
  await until(() => late.told === 1);
  assert.ok(late.at >= start + 1400);
  unschedule(late);
  assert.equal(watchedCount(), 0);
});
