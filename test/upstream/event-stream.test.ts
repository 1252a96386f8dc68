/** The sink of event streams: insertions between events only, however the stream is split. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeaderBlock } from '../../src/http/header-block.js';
import { Template } from '../../src/program/template.js';
import { Tap } from '../../src/tap/tap.js';
import { EventStream } from '../../src/upstream/event-stream.js';
import { retryDelay, withLastEventId } from '../../src/upstream/event-stream-recovery.js';
import {
  EVENT_STREAMS,
  type EventStreamSettings,
  eventStreamCounts,
} from '../../src/upstream/event-stream-settings.js';
import { ExchangeSink } from '../../src/upstream/response-sink.js';
import { parseEvents } from '../kit/index.js';
import { RecordingExchange } from './sink-contract.js';

const HEARTBEAT = ': heartbeat\n\n';
const RECONNECT = { attempts: 100, time: 60_000, buffer: 65_536, withoutIds: false, nonIdempotent: false };

/** Streams with every kind of line end, with and without a byte order mark, comments and incomplete ends. */
const STREAMS = ['\n', '\r', '\r\n'].flatMap((end) =>
  ['', '\xef\xbb\xbf'].map((mark) => {
    const lines = [
      'data: one',
      '',
      ': comment',
      'id: 2',
      'event: x',
      'data: two',
      'data: lines',
      '',
      '',
      ':',
      '',
      'data: three',
      '',
    ];
    return `${mark}${lines.join(end)}${end}data: incomplete`;
  }),
);

class Scene {
  readonly x = new RecordingExchange();
  readonly stream: EventStream;
  requested = 0;

  constructor(settings: Partial<EventStreamSettings>, lastEventId = '') {
    const source = { resume() {}, abort() {}, requestAgain: () => this.requested++ };
    const exchange = new ExchangeSink(this.x, source);
    this.stream = new EventStream(this.x.session, exchange, source, {
      settings: { ...EVENT_STREAMS.initial, ...settings },
      lastEventId,
      repeatable: true,
      idempotent: true,
      tap: new Tap(),
      tapId: () => '',
    });
    exchange.source = this.stream;
    this.stream.head(this.x.response);
  }
  send(text: string): this {
    // In the middle of other bytes, as in a read.
    const bytes = Buffer.from(`\n${text}\n`, 'latin1');
    this.stream.bytes(bytes, 1, bytes.length - 1);
    bytes.fill(0);
    return this;
  }
  get text(): string {
    return this.x.body.latin1Slice();
  }
}

const MODES: readonly Partial<EventStreamSettings>[] = [
  { heartbeat: 1000 },
  { heartbeat: 1000, error: new Template('x', []) },
  { heartbeat: 1000, retry: 5, reconnect: RECONNECT },
];

for (const [index, mode] of MODES.entries()) {
  test(`mode ${index}: a heartbeat is due after each byte of a stream: the events stay the same`, () => {
    for (const text of STREAMS) {
      const expected = parseEvents(text);
      for (let split = 0; split <= text.length; split++) {
        const scene = new Scene(mode).send(text.slice(0, split));
        scene.stream.timedOut();
        scene.send(text.slice(split));
        const { events, comments } = parseEvents(scene.text);
        const what = JSON.stringify([text, split, scene.text]);
        assert.deepEqual(events, expected.events, what);
        assert.deepEqual(
          comments.filter((comment) => comment !== ' heartbeat'),
          expected.comments,
          what,
        );
        assert.equal(comments.length, expected.comments.length + scene.stream.heartbeats, what);
        assert.equal(scene.stream.events, events.length);
        scene.stream.end('');
      }
    }
  });

  test(`mode ${index}: a heartbeat is due after several parts of a stream: the events stay the same`, () => {
    fc.assert(
      fc.property(fc.constantFrom(...STREAMS), fc.array(fc.nat(), { maxLength: 6 }), (text, numbers) => {
        const scene = new Scene(mode);
        let at = 0;
        for (const split of numbers.map((n) => n % (text.length + 1)).sort((a, b) => a - b)) {
          scene.send(text.slice(at, split));
          scene.stream.timedOut();
          at = split;
        }
        scene.send(text.slice(at));
        assert.deepEqual(parseEvents(scene.text).events, parseEvents(text).events);
        scene.stream.end('');
        // The incomplete event at the end is passed on.
        assert.ok(scene.text.endsWith('data: incomplete'));
      }),
    );
  });
}

test('without insertions a stream is passed on byte for byte, as it arrives', () => {
  for (const settings of [{}, { error: new Template('x', []) }, { reconnect: RECONNECT }]) {
    for (const text of STREAMS) {
      const scene = new Scene(settings);
      for (const byte of text) scene.send(byte);
      scene.stream.end('');
      assert.equal(scene.text, text);
      assert.equal(scene.stream.length, text.length);
      assert.deepEqual(scene.x.events, ['head', 'bytes', 'end']);
    }
  }
});

test('heartbeats are sent between events, at the latest when the event has ended', () => {
  const scene = new Scene({ heartbeat: 1000 }).send('data: a');
  scene.stream.timedOut();
  assert.equal(scene.text, 'data: a');
  assert.equal(scene.stream.heartbeats, 0);
  scene.send('\n\n');
  scene.stream.timedOut();
  scene.stream.timedOut();
  assert.equal(scene.text, `data: a\n\n${HEARTBEAT}${HEARTBEAT}`);
  scene.stream.end('');
  scene.stream.timedOut();
  assert.equal(scene.stream.heartbeats, 2);
});

test('no heartbeat waits for a slow client', () => {
  const scene = new Scene({ heartbeat: 1000 });
  scene.x.slow = true;
  scene.send('data: a\n\n');
  scene.stream.timedOut();
  assert.equal(scene.stream.heartbeats, 0);
  scene.x.accept();
  scene.stream.timedOut();
  assert.equal(scene.stream.heartbeats, 1);
  scene.stream.end('');
});

test('the reconnection time is the first line, and a byte order mark after it is dropped', () => {
  for (const split of [0, 1, 2, 3, 5]) {
    const text = '\xef\xbb\xbfdata: a\n\n';
    const scene = new Scene({ retry: 1500 }).send(text.slice(0, split)).send(text.slice(split));
    assert.equal(scene.text, 'retry: 1500\n\ndata: a\n\n');
    scene.stream.end('');
  }
  // The beginning of a mark is part of a line.
  const scene = new Scene({ retry: 1500 }).send('\xef').send('\xbb').send('data: a\n\n');
  assert.equal(scene.text, 'retry: 1500\n\n\xef\xbbdata: a\n\n');
  scene.stream.end('');
});

test('a failure sends the event "error" instead of an incomplete event, and completes the response', () => {
  const error = new Template('{"a":1}\r\nb\rc', []);
  const scene = new Scene({ error }).send('data: a\n\ndata: incomp');
  scene.stream.truncate();
  assert.equal(scene.text, 'data: a\n\nevent: error\ndata: {"a":1}\ndata: b\ndata: c\n\n');
  assert.equal(scene.x.events.at(-1), 'end');
});

test('a failure in an event that is too long to be held back truncates the response', () => {
  const long = `data: ${'x'.repeat(70_000)}`;
  const scene = new Scene({ error: new Template('x', []) }).send(long);
  scene.stream.truncate();
  assert.equal(scene.text, long);
  assert.equal(scene.x.events.at(-1), 'abort');
});

const CONTINUATION = {
  status: 200,
  reason: 'OK',
  version: 11,
  headers: HeaderBlock.from([['Content-Type', 'text/event-stream']]),
};

/** The response has failed, and another one begins. */
function restart(scene: Scene): void {
  assert.ok(scene.stream.interrupted(false));
  assert.ok(scene.stream.continues(CONTINUATION));
}

test('events that a continuation repeats are dropped, wherever the first response was cut', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const end of ['\n', '\r', '\r\n']) {
    const events = [1, 2, 3, 4].map((n) => `id: ${n}${end}data: event ${n}${end}${end}`);
    const text = events.join('');
    for (let cut = 0; cut <= text.length; cut++) {
      const scene = new Scene({ reconnect: RECONNECT }).send(text.slice(0, cut));
      restart(scene);
      const last = Number(scene.stream.lastEventId);
      // The server repeats the last event that the client has, and the one before.
      const rest = events.slice(Math.max(0, last - 2)).join('');
      for (const byte of rest) scene.send(byte);
      scene.stream.end('');
      assert.deepEqual(
        parseEvents(scene.text).events.map(({ id }) => id),
        ['1', '2', '3', '4'],
        JSON.stringify([text, cut, scene.text]),
      );
      assert.equal(scene.stream.events, 4);
      assert.equal(scene.stream.replays, Math.min(2, last));
    }
  }
});

test('an event is repeated if its id and its bytes are, and the first new id ends the repetitions', () => {
  const scene = new Scene({ reconnect: RECONNECT }).send('id: 1\ndata: a\n\nid: 2\ndata: b\n\n');
  restart(scene);
  // A server that counts from one again: its events are others.
  scene.send('id: 1\ndata: other\n\nid: 2\ndata: b\n\ndata: without id\n\n');
  assert.deepEqual(
    parseEvents(scene.text).events.map(({ data }) => data),
    ['a', 'b', 'other', 'b', 'without id'],
  );
  scene.stream.end('');
});

test('only the last 128 events are recognised', () => {
  const event = (id: number) => `id: ${id}\ndata: x\n\n`;
  const scene = new Scene({ reconnect: RECONNECT });
  for (let id = 1; id <= 200; id++) scene.send(event(id));
  restart(scene);
  for (let id = 73; id <= 201; id++) scene.send(event(id));
  assert.equal(scene.stream.replays, 128);
  assert.equal(scene.stream.events, 201);
  restart(scene);
  scene.send(event(1));
  assert.equal(scene.stream.events, 202);
  scene.stream.end('');
});

test('a continuation begins without a byte order mark, and not in an event', () => {
  const scene = new Scene({ reconnect: RECONNECT }).send('\xef\xbb\xbfid: 1\rdata: a\r\rid: 2\rdata: incompl');
  restart(scene);
  scene.send('\xef\xbb').send('\xbf\nid: 2\ndata: b\n\n');
  assert.equal(scene.text, '\xef\xbb\xbfid: 1\rdata: a\r\r\nid: 2\ndata: b\n\n');
  scene.stream.end('');
});

test('a stream is continued if it has an id, no events yet, or need not have ids', () => {
  const continued = (text: string, settings = {}, lastEventId = '') => {
    const scene = new Scene({ reconnect: { ...RECONNECT, ...settings } }, lastEventId).send(text);
    const result = scene.stream.interrupted(false);
    scene.stream.end('');
    return result;
  };
  assert.equal(continued(''), true);
  assert.equal(continued(': comment\n\n'), true);
  assert.equal(continued('data: a\n\n'), false);
  assert.equal(continued('data: a\n\n', {}, '5'), true);
  assert.equal(continued('data: a\n\n', { withoutIds: true }), true);
  assert.equal(continued('id: 1\ndata: a\n\ndata: b\n\n'), true);
  assert.equal(continued('id: 1\ndata: a\n\nid\ndata: b\n\n'), false, 'the id was removed');
  assert.equal(continued(`id: ${'x'.repeat(2000)}\ndata: a\n\n`), false);
  assert.equal(continued(`id: 1\ndata: ${'x'.repeat(2000)}`, { buffer: 1000 }), false);
  assert.equal(continued(`id: 1\ndata: ${'x'.repeat(2000)}\n\n`, { buffer: 1000 }), true);
});

test('attempts without an event are limited', () => {
  const scene = new Scene({ reconnect: { ...RECONNECT, attempts: 3 } }).send('id: 1\ndata: a\n\n');
  assert.ok(scene.stream.interrupted(false));
  assert.ok(scene.stream.attemptFailed());
  assert.ok(scene.stream.continues(CONTINUATION));
  assert.ok(scene.stream.interrupted(true));
  assert.ok(!scene.stream.attemptFailed());
  scene.stream.end('');
  const other = new Scene({ reconnect: { ...RECONNECT, attempts: 1 } });
  for (let id = 1; id <= 3; id++) {
    other.send(`id: ${id}\ndata: a\n\n`);
    restart(other);
  }
  other.stream.end('');
});

test('attempts are limited by the time, which includes their delays', () => {
  const scene = new Scene({ reconnect: { ...RECONNECT, time: 5000 } }).send('retry: 6000\n\nid: 1\ndata: a\n\n');
  assert.ok(!scene.stream.interrupted(false));
  scene.stream.end('');
});

test('delays are those of the stream, or double up to five seconds', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 100].map((attempt) => retryDelay(attempt, -1, 1)),
    [100, 200, 400, 3200, 5000, 5000],
  );
  assert.equal(retryDelay(0, -1, 0), 50);
  assert.deepEqual([retryDelay(0, 3000, 0), retryDelay(7, 3000, 1)], [3000, 3750]);
  assert.equal(retryDelay(0, 1e9, 0), 60_000);
});

test('the request for a continuation has one id, whatever the client has sent', () => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nlast-event-id: 5\r\nX: y\r\nLAST-EVENT-ID:\r\n\r\n';
  assert.equal(withLastEventId(head, '7'), 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nLast-Event-ID: 7\r\n\r\n');
  assert.equal(withLastEventId(head, ''), 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n');
  assert.equal(withLastEventId('GET / HTTP/1.1\r\n\r\n', 'a'), 'GET / HTTP/1.1\r\nLast-Event-ID: a\r\n\r\n');
});

test('open and waiting streams are counted', () => {
  const before = { ...eventStreamCounts };
  const scene = new Scene({ reconnect: RECONNECT }).send('id: 1\ndata: a\n\n');
  assert.equal(eventStreamCounts.open, before.open + 1);
  assert.equal(eventStreamCounts.events, before.events + 1);
  scene.stream.interrupted(false);
  assert.equal(eventStreamCounts.waiting, before.waiting + 1);
  scene.stream.continues(CONTINUATION);
  assert.equal(eventStreamCounts.waiting, before.waiting);
  scene.stream.interrupted(false);
  scene.stream.abort();
  scene.stream.release();
  assert.equal(eventStreamCounts.waiting, before.waiting);
  assert.equal(eventStreamCounts.open, before.open);
  assert.equal(eventStreamCounts.reconnects, before.reconnects + 1);
});
