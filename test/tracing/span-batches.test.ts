/** Batches of spans, with a sender of the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ErrorLog } from '../../src/logging/error-log.js';
import type { EndedSpan } from '../../src/tracing/span.js';
import { type Rejection, SpanBatches, type SpanSender } from '../../src/tracing/span-batches.js';

/** Records batches, whose results the test provides. */
class DeferredSender implements SpanSender {
  readonly sent: string[] = [];
  readonly results: { readonly done: (result: Rejection | null) => void; readonly fail: (error: Error) => void }[] = [];
  finished = false;
  closed = false;

  send(spans: readonly EndedSpan[]): Promise<Rejection | null> {
    assert.ok(!this.closed);
    this.sent.push(spans.map(({ name }) => name).join(' '));
    return new Promise((done, fail) => this.results.push({ done, fail }));
  }

  finish(): void {
    this.finished = true;
  }

  close(): void {
    this.closed = true;
  }
}

const span = (name: string): EndedSpan => ({
  name,
  kind: 'server',
  traceId: '',
  spanId: '',
  parentId: '',
  parentIsRemote: false,
  state: '',
  start: 0,
  end: 0,
  attributes: {},
  events: [],
  droppedEvents: 0,
  failure: null,
});

function batches(settings: { batchSize: number; batchCount: number; interval?: number }) {
  const lines: string[] = [];
  const log = { write: (level: string, message: string) => lines.push(`${level}: ${message}`) } as unknown as ErrorLog;
  const all = new SpanBatches({ interval: 3_600_000, ...settings }, log);
  const sender = new DeferredSender();
  all.sender = sender;
  return { all, sender, lines };
}

test('a full batch is sent at once, and spans without room are dropped and counted', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 10_000 });
  const { all, sender, lines } = batches({ batchSize: 2, batchCount: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) all.add(span(name));
  assert.deepEqual(sender.sent, ['a b', 'c d']);
  assert.deepEqual(lines, ['notice: OTel dropped records: 1']);
  t.mock.timers.tick(1000);
  all.add(span('g'));
  assert.deepEqual(lines.at(-1), 'notice: OTel dropped records: 3');
  sender.results[0]?.done(null);
  await turn();
  for (const name of ['h', 'i', 'j']) all.add(span(name));
  assert.deepEqual(sender.sent, ['a b', 'c d', 'h i']);
});

test('an incomplete batch is sent after the interval', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { all, sender } = batches({ batchSize: 10, batchCount: 2, interval: 100 });
  all.add(span('a'));
  t.mock.timers.tick(99);
  assert.deepEqual(sender.sent, []);
  all.add(span('b'));
  t.mock.timers.tick(1);
  assert.deepEqual(sender.sent, ['a b']);
});

test('failures are logged once per second, with the number of spans that are lost', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 10_000 });
  const { all, sender, lines } = batches({ batchSize: 2, batchCount: 9 });
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) all.add(span(name));
  sender.results[0]?.fail(new Error('no route'));
  sender.results[1]?.fail(new Error('no route'));
  await turn();
  assert.deepEqual(lines, ['error: OTel export failure: no route, 2 spans are lost']);
  t.mock.timers.tick(1000);
  sender.results[2]?.done({ spans: 1, reason: 'too old' });
  await turn();
  assert.deepEqual(lines.at(-1), 'error: OTel export failure: too old, 3 spans are lost');
});

test('close() sends the remaining spans, waits for them, and closes the sender', async () => {
  const { all, sender, lines } = batches({ batchSize: 2, batchCount: 2 });
  for (const name of ['a', 'b', 'c']) all.add(span(name));
  let ended = false;
  const closing = all.close().then(() => {
    ended = true;
  });
  assert.deepEqual(sender.sent, ['a b', 'c']);
  all.add(span('late'));
  sender.results[0]?.done(null);
  await turn();
  assert.deepEqual([ended, sender.finished, sender.closed], [false, true, false]);
  sender.results[1]?.fail(new Error('x'));
  await closing;
  assert.deepEqual([ended, sender.closed, sender.sent.length], [true, true, 2]);
  assert.deepEqual(lines, ['notice: OTel dropped records: 1', 'error: OTel export failure: x, 1 spans are lost']);
});
