import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ZoneDeclaration } from '../../src/config/zone-declaration.js';
import { countRequest, takeConnections } from '../../src/zones/limits.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RequestRates } from '../../src/zones/request-rates.js';
import { Slab } from '../../src/zones/slab.js';
import { findSession, learnSession } from '../../src/zones/sticky-operations.js';
import { giveBack } from '../../src/zones/tickets.js';

/** A home with a clock that is set by hand, and one zone of rates. */
function rates(size = 32 << 10) {
  const clock = { now: 1_000_000 };
  const home = new LocalBackend(() => clock.now);
  const { id } = home.open({ kind: 'limit_req', name: 'one', size, key: '$x' });
  const ask = (key: string, rate: number, burst: number, delay = 0) =>
    home.ask(countRequest, { limits: [{ zone: id, key, rate, burst, delay }] });
  return { clock, home, id, ask };
}

test('the excess is counted in thousandths of a request, as nginx does', () => {
  const { clock, ask } = rates();
  // rate=3r/s burst=5
  const seen: (string | number)[][] = [];
  for (const at of [0, 0, 100, 101, 102, 500, 1000, 1000, 1000, 9000]) {
    clock.now = 1_000_000 + at;
    const { result, excess, delay } = ask('k', 3000, 5000);
    seen.push([result, excess, delay]);
  }
  assert.deepEqual(seen, [
    ['passed', 0, 0],
    ['delayed', 1000, 333],
    ['delayed', 1700, 566],
    ['delayed', 2697, 899],
    ['delayed', 3694, 1231],
    ['delayed', 3500, 1166],
    ['delayed', 3000, 1000],
    ['delayed', 4000, 1333],
    ['delayed', 5000, 1666],
    ['passed', 0, 0],
  ]);
});

test('up to delay= nothing waits', () => {
  const { ask } = rates();
  const results = [1, 2, 3, 4, 5].map(() => ask('k', 1000, 4000, 2000));
  assert.deepEqual(
    results.map(({ result, delay }) => [result, delay]),
    [
      ['passed', 0],
      ['passed', 0],
      ['passed', 0],
      ['delayed', 1000],
      ['delayed', 2000],
    ],
  );
});

test('of several limits the longest delay holds, and its zone is named', () => {
  const { home, id } = rates();
  const other = home.open({ kind: 'limit_req', name: 'other', size: 32 << 10, key: '$x' }).id;
  const limits = [
    { zone: id, key: 'k', rate: 1000, burst: 9000, delay: 0 },
    { zone: other, key: 'k', rate: 2000, burst: 9000, delay: 0 },
  ];
  home.ask(countRequest, { limits });
  assert.deepEqual(home.ask(countRequest, { limits }), { result: 'delayed', excess: 1000, limitIndex: 0, delay: 1000 });
});

test('a clock that runs back a little counts as stopped', () => {
  const { clock, ask } = rates();
  ask('k', 1000, 9000);
  clock.now -= 5000;
  assert.equal(ask('k', 1000, 9000).excess, 1000);
  clock.now -= 100_000;
  assert.equal(ask('k', 1000, 9000).excess, 1999);
});

test('keys at rest for a minute go when others come, two at a time', () => {
  const clock = { now: 0 };
  const zone = new RequestRates('one', 32 << 10);
  const use = (key: string) => {
    zone.check(key, 1000, 0, clock.now);
    zone.account(key, 1000, clock.now);
  };
  for (const key of ['a', 'b', 'c']) use(key);
  clock.now = 59_999;
  use('d');
  assert.equal(zone.entries, 4);
  clock.now = 60_000;
  use('e');
  assert.equal(zone.entries, 3);
  use('f');
  assert.equal(zone.entries, 3);
});

test('a zone stays within its size whatever keys come', () => {
  const { home, ask, id } = rates();
  for (let i = 0; i < 50_000; i++) ask(`key ${i}`, 1000, 0);
  // Six pages of 32 pieces, of which nginx takes one for itself.
  assert.equal(home.owner.zone(id, RequestRates)?.entries, 6 * 32 - 1);
});

test('entries are removed when their last count is given back', () => {
  const home = new LocalBackend();
  const zone = home.open({ kind: 'limit_conn', name: 'c', size: 32 << 10, key: '$x' });
  for (let i = 1; i <= 5000; i++) {
    const limits = [{ zone: zone.id, key: `key ${i}`, max: 1 }];
    assert.equal(home.ask(takeConnections, { ticket: i, limits }).result, 'taken');
    home.tell(giveBack, i);
  }
  assert.equal(home.owner.tickets, 0);
  zone.close();
  assert.equal(home.states.size, 0);
});

test('pieces are counted as nginx’s slab allocator hands them out', () => {
  const count = (size: number, bytes: number): number => {
    const slab = new Slab(size);
    let pieces = 0;
    while (slab.take(bytes)) pieces++;
    return pieces;
  };
  assert.equal(count(32 << 10, 64), 7 * 64);
  assert.equal(count(32 << 10, 40), 7 * 64);
  assert.equal(count(32 << 10, 65), 7 * 32);
  assert.equal(count(32 << 10, 32), 7 * 127);
  assert.equal(count(32 << 10, 3000), 7);
  assert.equal(count(32 << 10, 5000), 3);
  assert.equal(count(1 << 20, 64), 254 * 64);
});

test('a home that another one takes the place of leaves it all that it kept, and gives back there', () => {
  let time = 100_000;
  const [old, fresh] = [new LocalBackend(() => time), new LocalBackend(() => time - 90_000)];
  const rates: ZoneDeclaration = { kind: 'limit_req', name: 'r', size: 32 << 10, key: '$x' };
  const [first, second]: ZoneDeclaration[] = ['a', 'b'].map((name) => ({
    kind: 'limit_conn',
    name,
    size: 32 << 10,
    key: '$x',
  }));
  assert.ok(first !== undefined && second !== undefined);
  const open = (home: LocalBackend) => [first, second, rates].map((each) => home.open(each).id);
  const [a = 0, b = 0, r = 0] = open(old);
  const limits = (x: number, y: number) => [x, y].map((zone) => ({ zone, key: 'k', max: 1 }));
  assert.equal(old.ask(takeConnections, { ticket: 7, limits: limits(a, b) }).result, 'taken');
  const rate = (zone: number) => ({ limits: [{ zone, key: 'k', rate: 1000, burst: 1000, delay: 0 }] });
  assert.equal(old.ask(countRequest, rate(r)).result, 'passed');
  time += 500;
  assert.equal(old.ask(countRequest, rate(r)).excess, 500);

  const [c = 0, d = 0, s = 0] = open(fresh);
  old.moveTo(fresh);
  time += 100;
  assert.equal(fresh.ask(countRequest, rate(s)).excess, 1400);
  assert.equal(fresh.ask(takeConnections, { ticket: 8, limits: limits(d, c) }).result, 'limit');
  old.tell(giveBack, 7);
  assert.equal(fresh.owner.tickets, 0);
  assert.equal(fresh.ask(takeConnections, { ticket: 9, limits: limits(c, d) }).result, 'taken');
});

test('another backend takes over the sessions of sticky learn with the time since their last use', () => {
  let time = 0;
  const declaration = { kind: 'sticky', name: 's', size: 32 << 10, key: 'app' } as const;
  const [old, fresh] = [new LocalBackend(() => time), new LocalBackend(() => time)];
  const [from, to] = [old.open(declaration).id, fresh.open(declaration).id];
  old.ask(learnSession, { zone: from, key: 'k', peer: 'p', create: true, timeout: 1000 });
  time += 600;
  old.moveTo(fresh);
  assert.equal(fresh.ask(findSession, { zone: to, key: 'k', timeout: 1000 }), 'p');
  time += 400;
  assert.equal(fresh.ask(findSession, { zone: to, key: 'k', timeout: 1000 }), null);
});
