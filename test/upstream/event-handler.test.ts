/** Handled events: order, backpressure, and ends of streams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { ResponseHead } from '../../src/http/response-head.js';
import { type EventDecision, HandledEvents } from '../../src/upstream/event-handler.js';
import type { ResponseSink } from '../../src/upstream/response-sink.js';

/** The last sink: a client that is slow after each `every` writes until it is told to continue. */
class SlowSink implements ResponseSink {
  text = '';
  ends: string[] = [];
  private writes = 0;

  constructor(private readonly every: number) {}

  head(): boolean {
    return true;
  }
  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.text += bytes.toString('latin1', start, end);
    return this.every === 0 || ++this.writes % this.every !== 0;
  }
  end(): void {
    this.ends.push('end');
  }
  truncate(): void {
    this.ends.push('truncate');
  }
  fail(status: number): void {
    this.ends.push(String(status));
  }
  release(): void {
    this.ends.push('release');
  }
}

interface Scene {
  readonly events: HandledEvents;
  readonly next: SlowSink;
  readonly source: { paused: boolean; abandoned: number; aborted: number };
}

function scene(
  handle: (event: Buffer) => EventDecision | Promise<EventDecision>,
  { every = 0, maxEvent = 1000, tooLong = () => {} } = {},
): Scene {
  const next = new SlowSink(every);
  const source = {
    paused: false,
    abandoned: 0,
    aborted: 0,
    resume() {
      source.paused = false;
    },
    abort() {
      source.aborted++;
    },
    abandon() {
      source.abandoned++;
    },
  };
  const events = new HandledEvents(next, source, source, { maxEvent, handle, tooLong });
  events.head(new ResponseHead());
  return { events, next, source };
}

/** Pushes a text in pieces that are overwritten afterwards, while the stream accepts them. */
async function push({ events, next, source }: Scene, text: string, cuts: readonly number[]): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (to === from) continue;
    while (source.paused) {
      await nextTurn();
      events.resume();
    }
    const piece = Buffer.from(bytes.subarray(from, to));
    if (!events.bytes(piece, 0, piece.length)) source.paused = true;
    piece.fill(0xff);
    from = to;
  }
  events.end('');
  while (next.ends.length === 0) {
    await nextTurn();
    events.resume();
  }
}

const event = fc
  .tuple(
    fc.constantFrom('', 'event: a\n', 'id: 7\n'),
    fc.stringMatching(/^[a-z ]{0,20}$/),
    fc.constantFrom('\n', '\r\n', '\r'),
  )
  .map(([field, data, lineEnd]) => `${field}data: ${data}\n`.replaceAll('\n', lineEnd) + lineEnd);
const comment = fc.constantFrom(': comment\n', ':\r\n');

test('events keep their order however they are split, decided and read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(event, comment), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.array(fc.constantFrom('pass', 'later', 'replace', 'replace later', 'drop', 'split'), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.nat(3),
      async (parts, cuts, decisions, every) => {
        let count = 0;
        let expected = '';
        for (const part of parts) {
          if (!part.includes('data')) expected += part;
          else {
            const decision = decisions[count++ % decisions.length] ?? '';
            if (decision === 'pass' || decision === 'later') expected += part;
            else if (decision.startsWith('replace')) expected += `data: new ${count}\n\n`;
            else if (decision === 'split') expected += `data: 1\n\ndata: 2\n\n`;
          }
        }
        count = 0;
        const current = scene(
          () => {
            const decision = decisions[count++ % decisions.length] ?? '';
            const bytes = (text: string): EventDecision => ({ bytes: Buffer.from(text), end: false });
            if (decision === 'pass') return null;
            if (decision === 'later') return nextTurn(null);
            if (decision === 'drop') return bytes('');
            if (decision === 'split') return bytes('data: 1\n\ndata: 2\n\n');
            const replaced = bytes(`data: new ${count}\n\n`);
            return decision === 'replace' ? replaced : nextTurn(replaced);
          },
          { every },
        );
        await push(current, parts.join(''), cuts);
        // The LF of a CRLF that was cut off is an empty line, which has no meaning.
        const normal = (text: string) =>
          text
            .replace(/\r\n|\r|\n/g, '\n')
            .replace(/\n\n+/g, '\n\n')
            .replace(/^\n+/, '');
        assert.equal(normal(current.next.text), normal(expected));
        assert.deepEqual(current.next.ends, ['end']);
      },
    ),
    { numRuns: 100 },
  );
});

test('an event whose end is missing is dropped, and a truncated stream is truncated after the last decision', async () => {
  let decide = (_decision: EventDecision): void => {};
  const current = scene(() => new Promise((resolve) => (decide = resolve)));
  const bytes = Buffer.from('data: 1\n\ndata: 2');
  assert.equal(current.events.bytes(bytes, 0, bytes.length), false);
  current.events.truncate();
  assert.deepEqual([current.next.text, current.next.ends], ['', []]);
  decide(null);
  await nextTurn();
  assert.deepEqual([current.next.text, current.next.ends], ['data: 1\n\n', ['truncate']]);
});

test('a decision ends the stream, and an event that is too long truncates it; the upstream is abandoned', () => {
  const ended = scene(() => ({ bytes: Buffer.from('data: last\n\n'), end: true }));
  const bytes = Buffer.from('data: 1\n\ndata: 2\n\n');
  ended.events.bytes(bytes, 0, bytes.length);
  assert.deepEqual([ended.next.text, ended.next.ends], ['data: last\n\n', ['end']]);
  assert.equal(ended.source.abandoned, 1);
  ended.events.bytes(bytes, 0, bytes.length);
  ended.events.end('');
  assert.deepEqual([ended.next.text, ended.next.ends], ['data: last\n\n', ['end']]);

  for (const text of [`data: ${'x'.repeat(1000)}`, `data: ${'x'.repeat(1000)}\n\n`]) {
    let reported = 0;
    const long = scene(() => null, { tooLong: () => reported++ });
    const piece = Buffer.from(`data: 1\n\n${text}`);
    long.events.bytes(piece, 0, piece.length);
    assert.deepEqual([long.next.text, long.next.ends, reported], ['data: 1\n\n', ['truncate'], 1]);
    assert.equal(long.source.abandoned, 1);
  }
});

test('a decision that comes after the end of the client is ignored', async () => {
  let decide = (_decision: EventDecision): void => {};
  const current = scene(() => new Promise((resolve) => (decide = resolve)));
  const bytes = Buffer.from('data: 1\n\n');
  current.events.bytes(bytes, 0, bytes.length);
  current.events.abort();
  decide({ bytes: Buffer.from('data: late\n\n'), end: true });
  await nextTurn();
  assert.deepEqual([current.next.text, current.next.ends, current.source.aborted], ['', [], 1]);
});
