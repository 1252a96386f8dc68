import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChunkedDecoder } from '../../src/http1/chunked.js';
import { cutAt, twoPieces } from './splits.js';

/** Result of decoding a body in pieces: data, trailers, and the end (with the bytes behind it). */
function decode(pieces: readonly string[]): string {
  const decoder = new ChunkedDecoder();
  let data = '';
  const sink = {
    chunkData(bytes: Buffer, start: number, end: number): void {
      assert.ok(end > start, 'no empty piece of data is given');
      data += bytes.latin1Slice(start, end);
    },
  };
  for (const [i, piece] of pieces.entries()) {
    // The body stands amid bytes that are no part of it.
    const bytes = Buffer.from(`##${piece}##`, 'latin1');
    const end = decoder.decode(bytes, 2, bytes.length - 2, sink);
    assert.ok(end >= 2 && end <= bytes.length - 2);
    if (decoder.broken) return `${data} broken`;
    const rest = bytes.latin1Slice(end, bytes.length - 2);
    if (decoder.done)
      return `${data} done ${JSON.stringify(decoder.trailers)} > ${rest}${pieces.slice(i + 1).join('')}`;
    assert.equal(rest, '', 'all is taken before the end');
  }
  return `${data} more${decoder.atBoundary ? ' at a boundary' : ''}`;
}

const BODIES: readonly (readonly [fact: string, wire: string, expected: string])[] = [
  ['an empty body', '0\r\n\r\n', ' done "" > '],
  ['chunks', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', 'abcde done "" > '],
  ['data that looks like framing', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n done "" > '],
  [
    'hexadecimal sizes in both cases',
    'a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n',
    '01234567890123456789a done "" > ',
  ],
  ['zeros in front of a size', '0003\r\nabc\r\n000\r\n\r\n', 'abc done "" > '],
  ['many zeros in front of a size', `${'0'.repeat(40)}1\r\na\r\n0\r\n\r\n`, 'a done "" > '],
  ['an extension', '1;a=b\r\nx\r\n0;c\r\n\r\n', 'x done "" > '],
  ['an extension in quotes', '1;a="b;c"\r\nx\r\n0\r\n\r\n', 'x done "" > '],
  ['spaces and tabs behind a size', '1 \r\nx\r\n1\t;a\r\ny\r\n0  \r\n\r\n', 'xy done "" > '],
  ['controls in an extension', '1;\x01\0\r\nx\r\n0\r\n\r\n', 'x done "" > '],
  ['trailers', '0\r\nA: b\r\nc:d\r\n\r\n', ' done "A: b\\r\\nc: d\\r\\n" > '],
  [
    'lines of a trailer section that are no fields are left out',
    '0\r\nA: b\r\nC : d\r\n e\r\nF: \0\r\nG: h\r\n\r\n',
    ' done "A: b\\r\\nG: h\\r\\n" > ',
  ],
  ['bytes behind the body', '0\r\n\r\nGET / HTTP/1.1', ' done "" > GET / HTTP/1.1'],
  ['a body that stops between chunks', '1\r\na\r\n', 'a more at a boundary'],
  ['a body that stops in a chunk', '5\r\nab', 'ab more'],
  ['a body that stops behind the data', '1\r\na', 'a more'],
  ['a body that stops in the trailers', '0\r\nA: b\r\n', ' more'],
  ['no byte', '', ' more at a boundary'],
  ['a size that may come to much', '1fffffffffffff', ' more'],
  ['no size', '\r\n', ' broken'],
  ['a bare LF for a size', '\n', ' broken'],
  ['a letter for a size', 'g\r\n', ' broken'],
  ['a sign', '-1\r\n', ' broken'],
  ['a plus', '+1\r\na\r\n', ' broken'],
  ['0x', '0x1\r\na\r\n', ' broken'],
  ['an underscore in a size', '1_0\r\n', ' broken'],
  ['a space in front of a size', ' 1\r\na\r\n', ' broken'],
  ['an extension without size', ';a\r\n', ' broken'],
  ['NUL behind a size', '1\0\r\na\r\n', ' broken'],
  ['bare LF behind a size', '1\na\r\n', ' broken'],
  ['bare LF behind the last size', '0\n\r\n', ' broken'],
  ['bare LF behind an extension', '1;a\nb\r\n', ' broken'],
  ['bare LF behind the last extension', '0;a\n\r\n', ' broken'],
  ['bare CR behind a size', '1\ra', ' broken'],
  ['two CRs behind a size', '1\r\r\na', ' broken'],
  ['bare CR in an extension', '1;a\rb\r\n', ' broken'],
  ['bare LF behind the data', '1\r\na\n', 'a broken'],
  ['data that is longer than its size', '1\r\nab\r\n', 'a broken'],
  ['data that is shorter than its size', '4\r\nab\r\n0\r\n\r\n', 'ab\r\n broken'],
  ['CR and a byte behind the data', '1\r\na\rb', 'a broken'],
  ['bare LF for the end of the trailers', '0\r\n\n', ' broken'],
  ['bare LF behind a trailer', '0\r\nA: b\n\r\n', ' broken'],
  ['bare CR in a trailer', '0\r\nA: b\rc\r\n\r\n', ' broken'],
  ['CR and a byte behind the trailers', '0\r\n\rx', ' broken'],
  ['a size that is too large', '20000000000000\r\n', ' broken'],
  ['a size of all ones', 'ffffffffffffffff\r\n', ' broken'],
  ['a size that would wrap', '10000000000000001\r\na\r\n', ' broken'],
  ['zeros without end', '0'.repeat(20000), ' broken'],
];

describe('chunked bodies: whole, cut at every byte, and byte by byte', () => {
  for (const [fact, wire, expected] of BODIES) {
    test(fact, () => {
      assert.equal(decode([wire]), expected);
      assert.equal(decode([...wire]), expected, 'byte by byte');
      if (wire.length < 1000) {
        for (const pieces of twoPieces(wire)) assert.equal(decode(pieces), expected, `cut at ${pieces[0]?.length}`);
      }
    });
  }
});

test('what was encoded comes back under any split', () => {
  const extension = fc.constantFrom('', ';a', ' ;a="\t"', ';chunk-signature=0123456789abcdef');
  const chunk = fc.tuple(
    fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
      minLength: 1,
      maxLength: 40,
    }),
    extension,
  );
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.constantFrom('', 'A: b\r\n', 'A: b\r\nC: d e\r\n'),
      fc.string({ unit: 'binary-ascii' }),
      fc.array(fc.nat()),
      (chunks, trailers, rest, places) => {
        const wire = `${chunks.map(([data, extra]) => `${data.length.toString(16)}${extra}\r\n${data}\r\n`).join('')}0\r\n${trailers}\r\n${rest}`;
        const expected = `${chunks.map(([data]) => data).join('')} done ${JSON.stringify(trailers)} > ${rest}`;
        assert.equal(decode([wire]), expected);
        assert.equal(decode(cutAt(wire, places)), expected);
        assert.equal(decode([...wire]), expected);
      },
    ),
  );
});

test('any split of any mutated body gives the same events', () => {
  const byte = fc.constantFrom(...'\r\n0123af;: \0\x80');
  fc.assert(
    fc.property(
      fc.constantFrom(...BODIES.map(([, wire]) => wire).filter((wire) => wire.length < 1000)),
      fc.array(fc.record({ at: fc.nat(), remove: fc.nat(2), insert: fc.array(byte, { maxLength: 2 }) }), {
        maxLength: 4,
      }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (body, edits, places) => {
        let wire = body;
        for (const { at, remove, insert } of edits) {
          const p = at % (wire.length + 1);
          wire = wire.slice(0, p) + insert.join('') + wire.slice(p + remove);
        }
        const whole = decode([wire]);
        assert.equal(decode(cutAt(wire, places)), whole);
        assert.equal(decode([...wire]), whole);
      },
    ),
    { numRuns: 2000 },
  );
});

test('extensions may add up over many chunks, but not on one', () => {
  const extension = `;chunk-signature=${'a'.repeat(64)}`;
  const many = `1${extension}\r\nx\r\n`.repeat(1000);
  assert.equal(decode([`${many}0${extension}\r\n\r\n`]), `${'x'.repeat(1000)} done "" > `);
  assert.equal(decode([`1;${'a'.repeat(17000)}\r\nx\r\n0\r\n\r\n`]), ' broken');
});

test('a trailer section has an end', () => {
  const long = `A: ${'a'.repeat(10_000)}\r\n`;
  assert.equal(decode([`0\r\n${long}\r\n`]), ` done ${JSON.stringify(long)} > `);
  assert.equal(decode([`0\r\n${'A: b\r\n'.repeat(10_000)}`]), ' broken');
});

test('a decoder is as new after reset', () => {
  const decoder = new ChunkedDecoder();
  const sink = { chunkData(): void {} };
  for (const [, wire, expected] of BODIES) {
    decoder.reset();
    assert.deepEqual([decoder.done, decoder.broken, decoder.atBoundary, decoder.trailers], [false, false, true, '']);
    const bytes = Buffer.from(wire, 'latin1');
    decoder.decode(bytes, 0, bytes.length, sink);
    assert.equal(decoder.broken, expected.endsWith('broken'));
  }
});
