import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventReader, isEventStream } from '../../src/http/event-reader.js';
import { parseEvents } from '../kit/index.js';

/** Lines of which streams are made: fields, comments, incomplete and unknown ones. */
const LINES = [
  '',
  ': comment',
  ':',
  'data: text',
  'data:text:with:colons',
  'data',
  'data:',
  'id: 7',
  'id:x',
  'id',
  'id: a\0b',
  'event: news',
  'retry: 2500',
  'retry: soon',
  'unknown: x',
  'datax: y',
  ' data: z',
  '\xef\xbb\xbfdata: mark inside',
];

const stream = fc
  .tuple(
    fc.constantFrom('', '\xef\xbb\xbf', '\xef\xbb'),
    fc.array(fc.tuple(fc.constantFrom(...LINES), fc.constantFrom('\r', '\n', '\r\n')), { maxLength: 12 }),
    fc.constantFrom('', 'data: incomplete', 'd'),
  )
  .map(([mark, lines, rest]) => mark + lines.map(([line, end]) => line + end).join('') + rest);

/** Reads the pieces of a text, and returns the reader. */
function readPieces(...pieces: readonly string[]): EventReader {
  const reader = new EventReader();
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    for (let at = 0; at < bytes.length; ) {
      const next = reader.read(bytes, at, bytes.length);
      assert.ok(next > at);
      at = next;
    }
  }
  return reader;
}

test('events, ids and reconnection times are those of the standard, however a stream is split', () => {
  fc.assert(
    fc.property(stream, (text) => {
      const { events, retries } = parseEvents(text);
      for (let split = 0; split <= text.length; split++) {
        const reader = readPieces(text.slice(0, split), text.slice(split));
        assert.equal(reader.events, events.length);
        assert.equal(reader.retry, retries.at(-1) ?? -1);
        const last = events.at(-1);
        if (last !== undefined && text.endsWith('data: last\n\n')) assert.equal(reader.lastEventId, last.id);
      }
      const bytewise = readPieces(...text);
      assert.equal(bytewise.events, events.length);
    }),
    { numRuns: 300 },
  );
});

test('the last event id is that of the last event, also of one without data', () => {
  fc.assert(
    fc.property(stream, (text) => {
      const whole = `${text}\n\nid: 9\n\ndata: last\n\n`;
      assert.equal(readPieces(whole).lastEventId, parseEvents(whole).events.at(-1)?.id);
    }),
  );
});

test('a position is between events exactly if a comment there changes nothing', () => {
  fc.assert(
    fc.property(stream, fc.nat(), (text, random) => {
      const at = random % (text.length + 1);
      const reader = readPieces(text.slice(0, at));
      if (!reader.between || reader.afterCr || at === 0) return;
      const changed = `${text.slice(0, at)}: inserted\n\n${text.slice(at)}`;
      assert.deepEqual(parseEvents(changed).events, parseEvents(text).events);
    }),
    { numRuns: 2000 },
  );
});

test('a segment ends after each event, each line outside of events, and the byte order mark', () => {
  const text = '\xef\xbb\xbf: c\r\n\r\nid: 1\r\ndata: a\r\n\r\ndata: b\n\r: d\rdata: e';
  const bytes = Buffer.from(text, 'latin1');
  const reader = new EventReader();
  const segments: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = reader.read(bytes, at, bytes.length);
    segments.push(`${reader.between ? '' : 'incomplete '}${text.slice(at, next)}`);
    at = next;
  }
  assert.deepEqual(segments, [
    '\xef\xbb\xbf',
    ': c\r\n',
    '\r\n',
    'id: 1\r\ndata: a\r\n\r\n',
    'data: b\n\r',
    ': d\r',
    'incomplete data: e',
  ]);
});

test('an id that is too long for a request is not stored', () => {
  assert.equal(readPieces(`id: ${'x'.repeat(1024)}\n\n`).lastEventId, 'x'.repeat(1024));
  assert.equal(readPieces(`id: ${'x'.repeat(1025)}\n\n`).lastEventId, null);
  assert.equal(readPieces(`id: ${'x'.repeat(100_000)}\n\nid: 5\n\n`).lastEventId, '5');
});

test('event streams are recognised by their type, with parameters and in any case', () => {
  for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8', 'text/event-stream ;x=y']) {
    assert.ok(isEventStream(type), type);
  }
  for (const type of [null, '', 'text/plain', 'text/event-streams', 'application/x; text/event-stream']) {
    assert.ok(!isEventStream(type), String(type));
  }
});
