/** The rows of one viewer: their encoding, batches, and bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeedRow, FrameRow } from '../../src/console/feed-format.js';
import type { FeedSettings } from '../../src/console/feed-settings.js';
import { decodeRows } from '../../src/console/row-decoder.js';
import { RowFeed } from '../../src/console/row-feed.js';
import { RowWriter } from '../../src/console/row-writer.js';
import { toBytes } from '../../src/diagnostics/byte-string.js';
import type { PublishedFrame } from '../../src/tap/published-rows.js';
import { collectGarbage, until } from '../kit/index.js';

const SETTINGS: FeedSettings = {
  kinds: ['http', 'websocket', 'sse'],
  frames: 'all',
  payload: 65_536,
  redaction: { fields: [], jsonPaths: [], patterns: [] },
};

function frame(n: number, size = 10, id = '7-1'): PublishedFrame {
  const payload = Buffer.alloc(size, String(n % 10));
  return {
    ...{ type: 'frame', id, time: n, from: 'client', opcode: 1, fin: true, rsv: 0, compressed: false, mask: n },
    ...{ length: size, payload, size },
  };
}

/** A viewer that takes batches when asked. */
class Viewer {
  readonly rows: FeedRow[] = [];
  readonly sizes: number[] = [];
  private waiting: (() => void) | null = null;
  readonly deliver = (batch: Uint8Array): Promise<void> => {
    this.sizes.push(batch.length);
    this.rows.push(...decodeRows(new Uint8Array(batch)));
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  };
  accept(): void {
    this.waiting?.();
    this.waiting = null;
  }
  get dropped(): number {
    return this.rows.reduce((sum, row) => sum + (row.type === 'dropped' ? row.count : 0), 0);
  }
}

const numbers = fc.double({ noNaN: true });
const counts = fc.record({ messages: numbers, frames: numbers, bytes: numbers }, { noNullPrototype: true });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ payload: bytes, withheld: null })),
  fc.constantFrom('hidden', 'too long', 'not decompressed').map((withheld) => ({ payload: null, withheld })),
);

test('rows are read as they were written, also between rows of unknown types', () => {
  const frames = fc.record({
    ...{
      id: fc.string(),
      time: numbers,
      from: fc.constantFrom('client', 'upstream'),
      opcode: fc.integer({ min: 0, max: 15 }),
    },
    ...{ fin: fc.boolean(), rsv: fc.integer({ min: 0, max: 7 }), compressed: fc.boolean(), length: numbers },
    ...{ mask: fc.option(fc.integer({ min: 0, max: 0xffffffff })), payload },
  });
  fc.assert(
    fc.property(
      fc.array(frames),
      fc.array(fc.record({ id: fc.string(), time: numbers, received: counts, sent: counts })),
      (written, closes) => {
        const writer = new RowWriter();
        for (const each of written) {
          const first = (each.fin ? 0x80 : 0) | (each.rsv << 4) | each.opcode;
          writer.frame(
            toBytes(each.id),
            each.time,
            each.from === 'client',
            first,
            each.compressed,
            each.mask,
            each.length,
          );
          if (each.payload.payload === null) writer.withheld(each.payload.withheld as 'hidden');
          else writer.payload(each.payload.payload, each.payload.payload.length);
          writer.end();
        }
        for (const { id, time, received, sent } of closes) {
          writer.row('close', toBytes(id), time);
          writer.byte(2);
          writer.uint16(1000);
          writer.text(toBytes('größer'));
          writer.number(5);
          writer.counts(received);
          writer.counts(sent);
          writer.end();
        }
        const unknown = new Uint8Array([200, 3, 0, 0, 0, 1, 2, 3]);
        const rows = decodeRows(new Uint8Array(Buffer.concat([unknown, writer.take(1 << 30), unknown])));
        const expected = [
          ...written.map(({ payload: given, ...others }) => ({ type: 'frame', ...others, ...given })),
          ...closes.map((each) => ({ type: 'close', by: 'proxy', code: 1000, reason: 'größer', duration: 5, ...each })),
        ];
        assert.deepEqual(rows, expected);
      },
    ),
    { numRuns: 50 },
  );
});

test('rows within an interval are one batch, of at most 48 KiB', async () => {
  const viewer = new Viewer();
  const feed = new RowFeed(SETTINGS, viewer.deliver);
  for (let n = 0; n < 300; n++) feed.add(frame(n, 500));
  while (viewer.rows.length < 300) {
    await until('a batch', () => viewer.sizes.length > 0);
    viewer.accept();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    viewer.rows.map(({ time }) => time),
    [...Array(300).keys()],
  );
  assert.ok(viewer.sizes.length >= 3 && viewer.sizes.every((size) => size <= 48 << 10));
  viewer.accept();
  // A single row may be longer.
  feed.add(frame(300, 60_000));
  await until('the long row', () => viewer.rows.length === 301);
  assert.equal((viewer.rows.at(-1) as FrameRow).payload?.length, 60_000);
  feed.close();
});

test('a viewer that takes nothing holds a bounded number of bytes, and each dropped row is counted', async () => {
  const viewer = new Viewer();
  const feed = new RowFeed(SETTINGS, viewer.deliver);
  const total = 20_000;
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < total; n++) feed.add(frame(n, 1000));
  await until('a batch', () => viewer.sizes.length === 1);
  for (let n = 0; n < total; n++) feed.add(frame(n, 1000));
  collectGarbage();
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 << 20);
  // Lists depend on other rows, which are dropped later.
  feed.tunnel({ ...TOTALS, id: '7-1' }, 1);
  while (
    viewer.rows.length + viewer.dropped - viewer.rows.filter(({ type }) => type === 'dropped').length <
    2 * total + 1
  ) {
    viewer.accept();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(viewer.dropped > 30_000);
  assert.equal(viewer.rows.filter(({ type }) => type === 'frame').length + viewer.dropped, 2 * total);
  assert.ok(viewer.rows.some(({ type }) => type === 'tunnel'));
  feed.close();
});

const TOTALS = {
  received: { messages: 1, frames: 2, bytes: 3 },
  sent: { messages: 4, frames: 5, bytes: 6 },
  clientRoundTrip: 1.5,
  upstreamRoundTrip: -1,
};

test('a viewer that fails a delivery gets the next batch, and a closed feed delivers nothing', async () => {
  let deliveries = 0;
  const feed = new RowFeed(SETTINGS, async () => {
    deliveries++;
    throw new Error('lost');
  });
  feed.add(frame(1));
  await until('the first batch', () => deliveries === 1);
  feed.add(frame(2));
  await until('the second batch', () => deliveries === 2);
  feed.add(frame(3));
  feed.close();
  feed.add(frame(4));
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(deliveries, 2);
});

test('the payload of a frame is read within the call only', async () => {
  const viewer = new Viewer();
  const feed = new RowFeed(SETTINGS, viewer.deliver);
  const published = frame(1, 4);
  feed.add(published);
  published.payload.fill('x');
  await until('the batch', () => viewer.rows.length === 1);
  assert.equal(Buffer.from((viewer.rows[0] as FrameRow).payload ?? []).toString(), '1111');
  feed.close();
});
