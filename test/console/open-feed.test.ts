/** Totals of open WebSockets in the feed of the console. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FeedRow, MAX_TOTALS_PER_SECOND } from '../../src/console/feed-format.js';
import { openFeed } from '../../src/console/open-feed.js';
import { decodeRows } from '../../src/console/row-decoder.js';
import { Tap } from '../../src/tap/tap.js';
import { Tunnels } from '../../src/tunnel/tunnels.js';
import type { UpgradedExchange } from '../../src/tunnel/upgraded.js';
import { FrameReader } from '../../src/websocket/frame-reader.js';

const SETTINGS = {
  kinds: ['websocket'],
  frames: 'none',
  payload: 0,
  redaction: { fields: [], jsonPaths: [], patterns: [] },
} as const;

/** A WebSocket, as far as the totals need it, whose client sends a message per call of `send`. */
function tunnel(id: string): UpgradedExchange & { send(): void } {
  const [up, down] = [new FrameReader(), new FrameReader()];
  const frame = Buffer.from([0x81, 1, 0x78]);
  return {
    tapId: id,
    openRow: null,
    stats: { fromClient: up.counts, fromUpstream: down.counts, clientRoundTrip: -1, upstreamRoundTrip: -1 },
    send: () => void up.skip(frame, 0, frame.length),
  } as unknown as UpgradedExchange & { send(): void };
}

for (const count of [1, 9, 1000, 3 * MAX_TOTALS_PER_SECOND]) {
  test(`of ${count} busy WebSockets each has totals, in rows that are spread over time`, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'], now: 1e12 });
    const tunnels = new Tunnels();
    const all = Array.from({ length: count }, (_, i) => tunnel(`id-${i}`));
    for (const each of all) tunnels.add(each);
    let rows: FeedRow[] = [];
    const feed = openFeed(
      new Tap(),
      () => tunnels,
      SETTINGS,
      async (batch) => {
        rows.push(...decodeRows(new Uint8Array(batch)));
      },
    );
    t.after(() => feed.end());
    const seconds = Math.max(1, count / MAX_TOTALS_PER_SECOND);
    const byId = new Map<string, number[]>();
    for (let tick = 0; tick < 50 * seconds; tick++) {
      for (const each of all) each.send();
      t.mock.timers.tick(100);
      // The batches after the first follow in microtasks.
      for (let batch = 0; batch < 40; batch++) await null;
      // The first rows, of all WebSockets, are not spread.
      if (tick >= 10) {
        assert.ok(rows.length <= Math.ceil(Math.min(count, MAX_TOTALS_PER_SECOND) / 5), `${rows.length} rows at once`);
        for (const row of rows) {
          assert.equal(row.type, 'tunnel');
          if ('id' in row) byId.set(row.id, [...(byId.get(row.id) ?? []), row.time]);
        }
      }
      rows = [];
    }
    assert.equal(byId.size, count);
    for (const times of byId.values()) {
      assert.ok(times.length >= 3);
      for (const [i, time] of times.entries()) {
        const gap = time - (times[i - 1] ?? time - 1000 * seconds);
        assert.ok(gap >= 900 * seconds && gap <= 1300 * seconds, `${gap} ms between two rows`);
      }
    }
  });
}
