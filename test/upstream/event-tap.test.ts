/** Events for the traffic tap, however the stream is split. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapSettings } from '../../src/library/tap-subscription.js';
import { TapFeed } from '../../src/tap/feed.js';
import type { TapRow } from '../../src/tap/rows.js';
import { Tap } from '../../src/tap/tap.js';
import { EventTap } from '../../src/upstream/event-tap.js';

const EVENTS = [
  '\xef\xbb\xbf',
  'data: one\r\n\r\n',
  ': comment\n',
  'id: 2\rdata: two\r\r',
  'data: long enough to be cut\n\n',
  '\n',
];
const TEXT = EVENTS.join('');
const LIMIT = 16;

async function rowsOf(skips: boolean, atStart: boolean, pieces: readonly string[]): Promise<string[]> {
  const tap = new Tap();
  const rows: TapRow[] = [];
  tap.add(new TapFeed(tapSettings({ payload: LIMIT }), async (batch) => void rows.push(...batch)));
  const events = new EventTap(tap, 'x', skips, atStart);
  for (const piece of pieces) events.push(Buffer.from(piece, 'latin1'), 0, piece.length);
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  return rows.map((row) => {
    assert.ok(row.type === 'event');
    // The LF of a CRLF may arrive with the next event.
    return Buffer.from(row.payload ?? [])
      .latin1Slice()
      .trim();
  });
}

const EXPECTED = ['data: one', ': comment', 'id: 2\rdata: two', 'data: long enoug'];

test('each event has one row, with every split of the stream', async () => {
  for (let split = 0; split <= TEXT.length; split++) {
    const rows = await rowsOf(false, true, [TEXT.slice(0, split), TEXT.slice(split)]);
    assert.deepEqual(rows.slice(0, 3), EXPECTED.slice(0, 3), `split at ${split}`);
    assert.equal(rows.length, 4);
    assert.ok(rows[3]?.startsWith('data: long enou'));
  }
  assert.equal((await rowsOf(false, true, [...TEXT])).length, 4);
});

test('a tap that begins inside of an event begins with the next one', async () => {
  const event = 'data: one\n\n';
  for (let from = 1; from < event.length; from++) {
    assert.deepEqual(await rowsOf(true, false, [event.slice(from), 'data: next\n\n']), ['data: next'], `from ${from}`);
  }
});
