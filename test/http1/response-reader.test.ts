import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CHUNKED, UNTIL_CLOSE } from '../../src/http1/body-decoder.js';
import { COMPLETE } from '../../src/http1/request-reader.js';
import { ResponseReader, responseFraming } from '../../src/http1/response-reader.js';
import { cutAt, readResponse, twoPieces } from './splits.js';

/** nginx's default `proxy_buffer_size`. */
const LIMIT = 4096;
const NO_HEADER = 'refused: upstream sent no valid HTTP/1.0 header';
const TOO_BIG = 'refused: upstream sent too big header';
const badLine = (shown: string, byte: string): string =>
  `refused: upstream sent invalid header: "${shown}\\x${byte}..."`;

/** [fact, status line without its end, what is read]. Each is tried with CRLF and with LF. */
const LINES: readonly (readonly [string, string, string])[] = [
  ['a plain line', 'HTTP/1.1 200 OK', '11 200 OK'],
  ['HTTP/1.0', 'HTTP/1.0 404 Not Found', '10 404 Not Found'],
  ['no reason', 'HTTP/1.1 200', '11 200 '],
  ['an empty reason', 'HTTP/1.1 200 ', '11 200 '],
  ['spaces in front of the status', 'HTTP/1.1   200 OK', '11 200 OK'],
  ['spaces in the reason', 'HTTP/1.1 200  a  b ', '11 200  a  b '],
  ['bytes above 127 in the reason', 'HTTP/1.1 200 \xe4', '11 200 \xe4'],
  ['a status that nobody registered', 'HTTP/1.1 999 ?', '11 999 ?'],
  ['a status of zeros', 'HTTP/1.1 000 x', '11 0 x'],
  ['a status with a part behind a dot', 'HTTP/1.1 403.14 Forbidden', '11 403 Forbidden'],
  ['a later version', 'HTTP/2.0 200 OK', '11 200 OK'],
  ['a version of many digits', 'HTTP/12.34 200 OK', '11 200 OK'],
  ['a minor version with a zero in front', 'HTTP/1.01 200 OK', '11 200 OK'],
  ['version 0.9', 'HTTP/0.9 200 OK', NO_HEADER],
  ['a major version of five digits', 'HTTP/99999.1 200 OK', NO_HEADER],
  ['a minor version of four digits', 'HTTP/1.9999 200 OK', NO_HEADER],
  ['a version without minor', 'HTTP/1 200 OK', NO_HEADER],
  ['a version without number', 'HTTP/ 200 OK', NO_HEADER],
  ['a version in lower case', 'http/1.1 200 OK', NO_HEADER],
  ['another protocol', 'ICY 200 OK', NO_HEADER],
  ['a space in front', ' HTTP/1.1 200 OK', NO_HEADER],
  ['no status', 'HTTP/1.1', NO_HEADER],
  ['an empty status', 'HTTP/1.1 ', NO_HEADER],
  ['a status of two digits', 'HTTP/1.1 20', NO_HEADER],
  ['a status of two digits and a reason', 'HTTP/1.1 20 OK', NO_HEADER],
  ['a status of four digits', 'HTTP/1.1 2000 OK', NO_HEADER],
  ['letters behind the status', 'HTTP/1.1 200OK', NO_HEADER],
  ['a tab behind the status', 'HTTP/1.1 200\tOK', NO_HEADER],
  ['a negative status', 'HTTP/1.1 -20 OK', NO_HEADER],
  ['bare CR in the reason', 'HTTP/1.1 200 a\rb', NO_HEADER],
  ['bare CR behind the status', 'HTTP/1.1 200\rb', NO_HEADER],
  ['rubbish', '\0\x01\x02', NO_HEADER],
  ['a blank line', '', NO_HEADER],
];

/** [fact, field lines without the blank line, what is read behind the status line, or the refusal]. */
const FIELDS: readonly (readonly [string, string, string])[] = [
  ['fields in their order and case', 'A: b\r\nc: D\r\na: e\r\n', ' | A=b | c=D | a=e'],
  ['bare LF behind a field', 'A: b\nC: d\n', ' | A=b | C=d'],
  ['names with underscores and odd bytes are kept', 'A_b: c\r\nA.b: d\r\n\xe4: e\r\n', ' | A_b=c | A.b=d | \xe4=e'],
  ['a name without colon', 'A\r\n', ' | A='],
  ['several CRs in front of LF', 'A: b\r\r\n', ' | A=b'],
  ['a second status line is passed over', 'HTTP/1.1 200 OK\r\nA: b\r\nHTTP/1.1\r\n', ' | A=b'],
  ['a name that only begins like one', 'HTTP: a\r\nHTTPS: b\r\n', ' | HTTP=a | HTTPS=b'],
  ['a space in front of the colon', 'A : b\r\n', badLine('A', '20')],
  ['a folded line', 'A: b\r\n c\r\n', badLine('', '20')],
  ['an empty name', ': b\r\n', badLine('', '3a')],
  ['NUL in a value', 'A: b\0\r\n', badLine('A: b', '00')],
  ['bare CR in a value', 'A: b\rc\r\n', badLine('A: b', '0d')],
  ['bare CR in front of a name', '\rA: b\r\n', badLine('', '0d')],
];

interface ResponseCase {
  readonly fact: string;
  readonly wire: string;
  readonly expected: string;
  readonly limit: number;
}

const CASES: readonly ResponseCase[] = [
  ...LINES.flatMap(([fact, line, expected]) =>
    ['\r\n', '\n'].map((end) => ({
      fact: `${fact}${end === '\n' ? ', LF' : ''}`,
      wire: line + end + end,
      expected,
      limit: LIMIT,
    })),
  ),
  ...FIELDS.map(([fact, fields, expected]) => ({
    fact,
    wire: `HTTP/1.1 200 OK\r\n${fields}\r\n`,
    expected: expected.startsWith('refused') ? expected : `11 200 OK${expected}`,
    limit: LIMIT,
  })),
  ...(
    [
      ['a body behind the head is left', 'HTTP/1.1 200 OK\r\n\r\n\0body', '11 200 OK > \0body'],
      ['a head without its blank line', 'HTTP/1.1 200 OK\r\nA: b\r\n', 'more'],
      ['two CRs behind the reason', 'HTTP/1.1 200 OK\r\r\n\r\n', NO_HEADER],
      ['the start of a status line', 'HTT', 'more'],
      ['rubbish is refused before its line ends', 'HTTQ', NO_HEADER],
      ['a head of the limit', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(8)}\r\n\r\n`, `11 200 OK | A=${'b'.repeat(8)}`],
      ['a head one byte too big', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(9)}\r\n\r\n`, TOO_BIG],
      [
        'a head of the limit with a body',
        `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(8)}\r\n\r\nc`,
        `11 200 OK | A=${'b'.repeat(8)} > c`,
      ],
      ['a status line without end', `HTTP/1.1 200 ${'a'.repeat(40)}`, TOO_BIG],
      ['a bad byte behind the limit', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(9)}\r\n\0\r\n`, TOO_BIG],
      ['a bad byte in a line that ends behind the limit', `HTTP/1.1 200 OK\r\nA: \0${'b'.repeat(10)}\r\n\r\n`, TOO_BIG],
    ] as const
  ).map(([fact, wire, expected]) => ({ fact, wire, expected, limit: 32 })),
];

describe('response heads: whole, cut at every byte, and byte by byte', () => {
  for (const { fact, wire, expected, limit } of CASES) {
    test(fact, () => {
      assert.equal(readResponse([wire], limit), expected);
      assert.equal(readResponse([...wire], limit), expected, 'byte by byte');
      for (const pieces of twoPieces(wire)) {
        assert.equal(readResponse(pieces, limit), expected, `cut at ${pieces[0]?.length}`);
      }
    });
  }
});

test('any split of any mutated head gives the same events, and none throws', () => {
  const byte = fc.oneof(
    fc.constantFrom(...'\r\n\0 :\t/.HTP12_\x7f\x80'),
    fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  );
  const edit = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.array(byte, { maxLength: 3 }) });
  const wires = CASES.map(({ wire }) => wire);
  fc.assert(
    fc.property(
      fc.constantFrom(...wires),
      fc.array(edit, { maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.constantFrom(4096, 40, 20, 5),
      (head, edits, places, limit) => {
        let wire = head;
        for (const { at, remove, insert } of edits) {
          const p = at % (wire.length + 1);
          wire = wire.slice(0, p) + insert.join('') + wire.slice(p + remove);
        }
        const whole = readResponse([wire], limit);
        assert.equal(readResponse(cutAt(wire, places), limit), whole);
        assert.equal(readResponse([...wire], limit), whole);
      },
    ),
    { numRuns: 3000 },
  );
});

const BOTH = 'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time';
const FRAMINGS: readonly (readonly [fact: string, fields: string, framing: number | string])[] = [
  ['no field about a body', 'A: b', UNTIL_CLOSE],
  ['a length', 'Content-Length: 12', 12],
  ['a length of zero', 'Content-Length: 0', 0],
  ['a length with zeros in front', 'Content-Length: 00000000000000000007', 7],
  ['a large length', 'Content-Length: 9007199254740991', 9007199254740991],
  ['chunked', 'Transfer-Encoding: Chunked', CHUNKED],
  [
    'a length that is no number',
    'Content-Length: x',
    'upstream sent invalid "Content-Length" header: "Content-Length: x"',
  ],
  ['a negative length', 'Content-Length: -1', 'upstream sent invalid "Content-Length" header: "Content-Length: -1"'],
  ['an empty length', 'Content-Length:', 'upstream sent invalid "Content-Length" header: "Content-Length: "'],
  [
    'a length that is too large',
    'Content-Length: 9007199254740992',
    'upstream sent invalid "Content-Length" header: "Content-Length: 9007199254740992"',
  ],
  [
    'two lengths',
    'Content-Length: 1\r\ncontent-length: 2',
    'upstream sent duplicate header line: "content-length: 2", previous value: "Content-Length: 1"',
  ],
  [
    'two codings',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'upstream sent duplicate header line: "Transfer-Encoding: chunked", previous value: "Transfer-Encoding: chunked"',
  ],
  ['another coding', 'Transfer-Encoding: gzip', 'upstream sent unknown "Transfer-Encoding": "gzip"'],
  [
    'a list of codings',
    'Transfer-Encoding: gzip, chunked',
    'upstream sent unknown "Transfer-Encoding": "gzip, chunked"',
  ],
  ['chunked and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 1', BOTH],
  ['a length and chunked', 'Content-Length: 1\r\nTransfer-Encoding: chunked', BOTH],
];

describe('the framing of an answer', () => {
  for (const [fact, fields, framing] of FRAMINGS) {
    test(fact, () => {
      const reader = new ResponseReader();
      assert.equal(reader.feed(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`, LIMIT), COMPLETE);
      assert.equal(responseFraming(reader), framing);
    });
  }
});

test('a reader tells any sequence of heads as fresh readers would, whatever fields are taken out', () => {
  const wires = CASES.filter(({ limit }) => limit === LIMIT).map(({ wire }) => wire);
  const step = fc.record({
    pick: fc.nat(2),
    more: fc.constantFrom('', 'body'),
    places: fc.array(fc.nat(), { maxLength: 3 }),
    limit: fc.constantFrom(LIMIT, LIMIT, 25),
    removed: fc.boolean(),
    asBytes: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...wires), { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 12 }),
      (heads, steps) => {
        const reader = new ResponseReader();
        for (const { pick, more, places, limit, removed, asBytes } of steps) {
          const pieces = cutAt((heads[pick] as string) + more, places);
          const fresh = new ResponseReader();
          const told = readResponse(pieces, limit, fresh);
          const bytes = Buffer.from(pieces.join(''), 'latin1');
          if (asBytes && reader.repeats(bytes, 0, bytes.length, limit)) {
            const { status, reason, version, length } = fresh;
            assert.deepEqual(
              [reader.status, reader.reason, reader.version, reader.length],
              [status, reason, version, length],
            );
          } else assert.equal(readResponse(pieces, limit, reader), told);
          assert.equal(reader.headers.lines(null), fresh.headers.lines(null));
          if (removed && reader.headers.count > 0) reader.headers.remove(0);
          reader.reset();
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('a reader is as new after reset', () => {
  const reader = new ResponseReader();
  reader.feed('HTTP/1.1 200 OK\r\nA: b\r\n\r\nmore', LIMIT);
  reader.reset();
  assert.ok(reader.idle);
  assert.equal(reader.feed('HTTP/1.0 404\r\nC: d\r\n\r\n', LIMIT), COMPLETE);
  assert.deepEqual([reader.version, reader.status, reader.reason, reader.headers.count], [10, 404, '', 1]);
});

test('bytes that begin with the last head repeat it, others and a part of it do not', () => {
  const head = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n';
  const reader = new ResponseReader();
  const repeats = (text: string) => reader.repeats(Buffer.from(text, 'latin1'), 0, text.length, LIMIT);
  assert.ok(!repeats(head));
  reader.feed(`${head}body`, LIMIT);
  reader.reset();
  assert.ok(!repeats(head.slice(0, -1)));
  assert.ok(repeats(`${head}other`));
  assert.deepEqual([reader.status, reader.length, reader.headers.get('a')], [200, head.length, 'b']);
  reader.reset();
  assert.ok(repeats(head));
  reader.reset();
  const other = head.replace('b', 'c');
  assert.ok(!repeats(other));
  // It may be repeated until another head is read.
  assert.ok(repeats(head));
  reader.reset();
  reader.feed(other, LIMIT);
  reader.reset();
  assert.ok(!repeats(head));
  assert.ok(repeats(other));
});

test('the same head again is told as it was the first time, with the fields that were taken out', () => {
  const head = 'HTTP/1.1 200 OK\r\nServer: a\r\nX-B: c\r\n\r\n';
  const reader = new ResponseReader();
  for (const body of ['one', 'three', '']) {
    assert.equal(reader.feed(head + body, LIMIT), COMPLETE);
    assert.deepEqual(
      [reader.status, reader.length, reader.headers.lines(null)],
      [200, head.length, 'Server: a\r\nX-B: c\r\n'],
    );
    reader.headers.remove(0);
    assert.equal(reader.headers.lines(null), 'X-B: c\r\n');
    reader.reset();
  }
  assert.equal(reader.feed('HTTP/1.1 204 No\r\n\r\n', LIMIT), COMPLETE);
  assert.deepEqual([reader.status, reader.headers.count], [204, 0]);
});
