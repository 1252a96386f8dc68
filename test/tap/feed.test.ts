/** The queue of a subscriber of the traffic tap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapSettings } from '../../src/library/tap-subscription.js';
import { TapFeed } from '../../src/tap/feed.js';
import type { PublishedFrame } from '../../src/tap/published-rows.js';
import type { TapRow } from '../../src/tap/rows.js';

function frame(n: number, more: Partial<PublishedFrame> = {}): PublishedFrame {
  const payload = Buffer.from(`message ${n}`);
  return {
    type: 'frame',
    id: 'x',
    time: n,
    from: 'client',
    opcode: 1,
    fin: true,
    rsv: 0,
    compressed: false,
    mask: null,
    length: payload.length,
    payload,
    size: (more.payload ?? payload).length,
    ...more,
  };
}

/** A subscriber that takes batches when asked. */
class Subscriber {
  readonly batches: (readonly TapRow[])[] = [];
  private waiting: (() => void)[] = [];
  deliver = (rows: readonly TapRow[]): Promise<void> => {
    this.batches.push(rows);
    return new Promise((resolve) => this.waiting.push(resolve));
  };
  /** Accepts the last batch. */
  async accept(): Promise<void> {
    this.waiting.shift()?.();
    await turn();
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('rows of one turn are one batch, and the next one waits for the subscriber', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({}), subscriber.deliver);
  feed.add(frame(1));
  feed.add(frame(2));
  assert.equal(subscriber.batches.length, 0);
  await turn();
  assert.deepEqual(
    subscriber.batches.map((rows) => rows.length),
    [2],
  );
  feed.add(frame(3));
  await turn();
  assert.equal(subscriber.batches.length, 1);
  await subscriber.accept();
  assert.deepEqual(
    subscriber.batches[1]?.map(({ time }) => time),
    [3],
  );
});

test('rows beyond the queue are dropped and counted at their place', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ queue: 3 }), subscriber.deliver);
  feed.add(frame(0));
  await turn();
  for (let n = 1; n <= 10; n++) feed.add(frame(n));
  await subscriber.accept();
  feed.add(frame(11));
  await subscriber.accept();
  await subscriber.accept();
  const rows = subscriber.batches.flat();
  const seen = rows.map((row) => (row.type === 'dropped' ? `dropped ${row.count}` : row.time));
  assert.deepEqual(seen, [0, 1, 2, 3, 'dropped 7', 11]);
});

test('a loss is reported although no row follows', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ queue: 1 }), subscriber.deliver);
  for (let n = 0; n < 5; n++) feed.add(frame(n));
  await turn();
  await subscriber.accept();
  const last = subscriber.batches.at(-1)?.at(-1);
  assert.equal(last?.type === 'dropped' && last.count, 4);
});

test('queued bytes are bounded, whatever the number of rows', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ queue: 100_000, payload: 1 << 20 }), subscriber.deliver);
  const payload = Buffer.alloc(100_000);
  for (let n = 0; n < 1000; n++) feed.add(frame(n, { payload, length: payload.length }));
  await turn();
  for (let n = 0; n < 20; n++) await subscriber.accept();
  const rows = subscriber.batches.flat();
  const kept = rows.filter(({ type }) => type === 'frame').length;
  assert.ok(kept <= 12, `${kept} rows`);
  const lost = rows.reduce((sum, row) => sum + (row.type === 'dropped' ? row.count : 0), 0);
  assert.equal(kept + lost, 1000);
});

test('a batch is limited, so that the channel between processes stays responsive', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ payload: 20_000 }), subscriber.deliver);
  for (let n = 0; n < 6; n++) feed.add(frame(n, { payload: Buffer.alloc(20_000), length: 20_000 }));
  await turn();
  while (subscriber.batches.flat().length < 6) await subscriber.accept();
  assert.deepEqual(
    subscriber.batches.map((rows) => rows.length),
    [2, 2, 2],
  );
});

test('what cannot be redacted as a whole is withheld', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ payload: 8, redact: { patterns: ['message'] } }), subscriber.deliver);
  feed.add(frame(1));
  feed.add(frame(2, { fin: false }));
  feed.add(frame(3, { opcode: 0 }));
  feed.add(frame(4, { compressed: true, rsv: 4 }));
  feed.add(frame(5, { length: 1_000_000 }));
  feed.add(frame(6, { opcode: 8, payload: Buffer.from('\x03\xe8message', 'latin1'), length: 9 }));
  await turn();
  const shown = subscriber.batches.flat().map((row) => {
    if (row.type !== 'frame') return row.type;
    return row.payload === null ? row.withheld : Buffer.from(row.payload).latin1Slice();
  });
  assert.deepEqual(shown, ['[redacte', 'fragment', 'fragment', 'compressed', 'too long', '\x03\xe8[redac']);
});

test('a row that cannot be rendered is counted, and its publisher continues', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({}), subscriber.deliver);
  feed.add(frame(1, { payload: null as unknown as Buffer }));
  feed.add(frame(2));
  await turn();
  assert.deepEqual(
    subscriber.batches.flat().map(({ type }) => type),
    ['dropped', 'frame'],
  );
});

test('kinds are selected, and payloads of size 0 are empty', async () => {
  const subscriber = new Subscriber();
  const feed = new TapFeed(tapSettings({ kinds: ['sse'], payload: 0 }), subscriber.deliver);
  feed.add(frame(1));
  feed.add({ type: 'event', id: 'x', time: 2, length: 5, payload: Buffer.from('abc\n\n') });
  await turn();
  const [row, ...others] = subscriber.batches.flat();
  assert.deepEqual(others, []);
  assert.ok(row?.type === 'event' && row.payload?.length === 0 && row.length === 5);
});
