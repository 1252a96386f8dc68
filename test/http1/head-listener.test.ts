/** Reports of a reader of request heads while it reads, and limits that change meanwhile. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMPLETE, type HeadLimits, type HeadListener, MORE, RequestReader } from '../../src/http1/request-reader.js';
import { DEFAULT_LIMITS, twoPieces } from './splits.js';

/** Writes down what it is told, and has other limits behind the Host field. */
class Recorder implements HeadListener {
  readonly told: string[] = [];
  constructor(
    private readonly reader: RequestReader,
    private readonly behindHost: HeadLimits,
    private readonly limits: HeadLimits,
  ) {}

  lineRead(): HeadLimits {
    this.told.push(`line ${this.reader.requestLine}`);
    return this.limits;
  }

  hostRead(value: string): HeadLimits {
    const { headers } = this.reader;
    this.told.push(
      `host ${value}, fields ${Array.from({ length: headers.count }, (_, i) => headers.name(i)).join(' ')}`,
    );
    if (value === 'refused') this.reader.refuse(400, 'refused by its host');
    return this.behindHost;
  }

  lineDropped(line: string): void {
    this.reader.expose();
    const { headers } = this.reader;
    this.told.push(`dropped ${line}, host ${headers.get('host') ?? 'none'}`);
  }
}

function read(pieces: readonly string[], behindHost: HeadLimits, limits = DEFAULT_LIMITS): string[] {
  const reader = new RequestReader();
  const recorder = new Recorder(reader, behindHost, limits);
  let result = MORE;
  for (const piece of pieces) {
    result = reader.feed(piece, limits, recorder);
    if (result !== MORE) break;
  }
  const { headers } = reader;
  const fields = Array.from({ length: headers.count }, (_, i) => `${headers.name(i)}=${headers.value(i)}`);
  if (result === MORE) {
    reader.settle();
    return [...recorder.told, `more, ${reader.parsedLength} read`];
  }
  if (result !== COMPLETE) return [...recorder.told, `${reader.status} ${reader.reason}, ${reader.parsedLength} read`];
  return [...recorder.told, fields.join(' ')];
}

const CASES: readonly (readonly [fact: string, wire: string, behindHost: Partial<HeadLimits>, expected: string[]])[] = [
  [
    'underscores are allowed behind the Host field of a server that allows them',
    'GET / HTTP/1.1\r\na_b: 1\r\nHost: x\r\nc_d: 2\r\n\r\n',
    { underscores: true },
    ['line GET / HTTP/1.1', 'dropped a_b: 1, host none', 'host x, fields Host', 'Host=x c_d=2'],
  ],
  [
    'odd names are kept behind the Host field of a server that keeps them',
    'GET / HTTP/1.1\r\na~b: 1\r\nHost: x\r\nc~d: 2\r\n\r\n',
    { dropInvalid: false },
    ['line GET / HTTP/1.1', 'dropped a~b: 1, host none', 'host x, fields Host', 'Host=x c~d=2'],
  ],
  [
    'odd names are dropped behind it otherwise',
    'GET / HTTP/1.1\r\nHost: x\r\nc~d: 2\r\n\r\n',
    {},
    ['line GET / HTTP/1.1', 'host x, fields Host', 'dropped c~d: 2, host x', 'Host=x'],
  ],
  [
    'fewer fields are allowed behind it',
    'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nHost: x\r\nC: 3\r\nD: 4\r\n\r\n',
    { fields: 4 },
    ['line GET / HTTP/1.1', 'host x, fields A B Host', '494 client sent too many header lines, 49 read'],
  ],
  [
    'larger buffers hold a line behind it',
    `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(200)}\r\n\r\n`,
    { size: 300 },
    ['line GET / HTTP/1.1', 'host x, fields Host', `Host=x A=${'a'.repeat(200)}`],
  ],
  [
    'smaller buffers do not',
    `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(50)}\r\n\r\n`,
    { size: 30 },
    [
      'line GET / HTTP/1.1',
      'host x, fields Host',
      `494 client sent too long header line: "A: ${'a'.repeat(29)}...", 25 read`,
    ],
  ],
  [
    'a head is refused with its Host field',
    'GET / HTTP/1.1\r\nHost: refused\r\nA: b\r\n\r\n',
    {},
    ['line GET / HTTP/1.1', 'host refused, fields Host', '400 refused by its host, 31 read'],
  ],
  [
    'what a refused line has is not counted',
    'GET / HTTP/1.1\r\nHost: x\r\nbad name: b\r\n\r\n',
    {},
    ['line GET / HTTP/1.1', 'host x, fields Host', '400 client sent invalid header line: "bad\\x20...", 25 read'],
  ],
  [
    'a head that is cut has its whole lines',
    'GET / HTTP/1.1\r\nHost: x\r\nA: b',
    {},
    ['line GET / HTTP/1.1', 'host x, fields Host', 'more, 25 read'],
  ],
];

describe('a reader tells what matters at once, the same however the head is split', () => {
  // The first buffer ends in the fields.
  const limits = { ...DEFAULT_LIMITS, first: 57, size: 100 };
  for (const [fact, wire, behind, expected] of CASES) {
    test(fact, () => {
      const behindHost = { ...limits, ...behind };
      assert.deepEqual(read([wire], behindHost, limits), expected);
      assert.deepEqual(read([...wire], behindHost, limits), expected, 'byte by byte');
      for (const pieces of twoPieces(wire)) {
        assert.deepEqual(read(pieces, behindHost, limits), expected, `cut at ${pieces[0]?.length}`);
      }
    });
  }
});

test('a head that is known is told again, and is not known under other limits', () => {
  const reader = new RequestReader();
  const other = { ...DEFAULT_LIMITS };
  const head = 'GET /a HTTP/1.1\r\nA: b\r\nHost: x\r\n\r\n';
  for (const limits of [DEFAULT_LIMITS, DEFAULT_LIMITS, other, other]) {
    const recorder = new Recorder(reader, limits, limits);
    assert.equal(reader.feed(head, limits, recorder), COMPLETE);
    assert.equal(recorder.told[0], 'line GET /a HTTP/1.1');
    assert.match(recorder.told[1] ?? '', /^host x/);
    reader.reset();
  }
  assert.notEqual(reader.feed(head, { ...DEFAULT_LIMITS, fields: 1 }), COMPLETE);
});
